//! Words in, messages out, and nothing is a wrong query.

use crate::folder::{Folder, end};
use chaos::terminal::Terminal;

fn letters() -> Folder {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "I need your help.");
    folder.send("Alice", "Bob", "Help is coming; help yourself until then.");
    folder.send("Carol", "Bob", "A café in Zürich");
    folder
}

#[test]
fn all_the_words_are_found_and_marked() {
    let folder = letters();
    for (words, expected) in [
        (
            &["need"][..],
            "row #1 from Bob to Alice: I [need] your help.\n",
        ),
        (
            &["HELP", "need"],
            "row #1 from Bob to Alice: I [need] your [help].\n",
        ),
        (
            &["help need"],
            "row #1 from Bob to Alice: I [need] your [help].\n",
        ),
        (&["cafe"], "row #3 from Carol to Bob: A [café] in Zürich\n"),
        (&["hel"], ""),
        (&["Carol"], ""),
        (&["need", "coming"], ""),
    ] {
        let out = folder.run(&[&["search"], words].concat()).ok();
        assert_eq!(out, expected, "{words:?}");
    }
}

#[test]
fn the_best_match_comes_first_and_of_equals_the_newest() {
    let folder = letters();
    folder.send(
        "Dan",
        "Bob",
        "A long letter that gets to the help it asks for at its end only",
    );
    let out = folder.run(&["search", "help"]).ok();
    assert_eq!(
        out,
        "row #2 from Alice to Bob: [Help] is coming; [help] yourself until then.\n\
         row #1 from Bob to Alice: I need your [help].\n\
         row #4 from Dan to Bob: A long letter that gets to the [help] it asks for at its end only\n"
    );
    folder.send("Dan", "Bob", "same words");
    folder.send("Eve", "Bob", "same words");
    let out = folder.run(&["search", "words", "--limit", "1"]).ok();
    assert_eq!(out, "row #6 from Eve to Bob: same [words]\n");
}

#[test]
fn nothing_is_a_wrong_query() {
    let folder = letters();
    let signs = [
        "\"", "\"\"", "'", "*", "^", "+", "-", "(", ")", "{", "}", ":", ",", ";", ".", "\\", "/",
        "%", "_", "?1", "--", "/*", "<b>", "]", "=", "|", "&", "#", "$", "@", "!", "~", "`",
        "\u{202e}",
    ];
    let help = "row #1 from Bob to Alice: I need your [help].\n";
    for sign in signs {
        // A sign alone has no words and finds nothing.
        let has_word = sign.chars().any(char::is_alphanumeric);
        assert_eq!(folder.run(&["search", "--", sign]).ok(), "", "{sign}");
        for query in [
            format!("help {sign}"),
            format!("{sign} help"),
            format!("{sign}help{sign}"),
        ] {
            let out = folder.run(&["search", "--", &query]).ok();
            assert_eq!(out.contains(help), !has_word, "{query}: {out}");
        }
    }
    // Words that FTS5 would take for operators are words.
    for words in [
        "help AND need",
        "help OR cafe",
        "NOT help",
        "NEAR(help need)",
        "body : help",
    ] {
        assert_eq!(folder.run(&["search", words]).ok(), "", "{words}");
    }
    folder.send("Dan", "Bob", "help me AND mine 🦀");
    let out = folder.run(&["search", "help AND mine"]).ok();
    assert_eq!(out, "row #4 from Dan to Bob: [help] me [AND] [mine] 🦀\n");
    let out = folder.run(&["search", "🦀"]).ok();
    assert_eq!(out, "row #4 from Dan to Bob: help me AND mine [🦀]\n");
}

#[test]
fn what_looks_like_a_mark_is_text() {
    let folder = Folder::new();
    folder.send(
        "Bob",
        "Alice",
        "a [bracket] </0> \x01help\x02 <0123456789abcdef>",
    );
    assert_eq!(
        folder.run(&["search", "help"]).ok(),
        "row #1 from Bob to Alice: a [bracket] </0> \\u{1}[help]\\u{2} <0123456789abcdef>\n"
    );
}

#[test]
fn no_text_is_cut_at_a_nul_character() {
    let folder = Folder::new();
    folder
        .pipe(&["send", "--from", "Bob", "--to", "Alice"], "need\0help")
        .ok();
    for word in ["need", "help"] {
        let out = folder.run(&["search", word]).ok();
        assert_eq!(out, "row #1 from Bob to Alice: need\\u{0}help\n");
    }
}

#[test]
fn a_long_text_is_found_however_often_it_matches() {
    let folder = Folder::new();
    let send = ["send", "--from", "Bob", "--to", "Alice"];
    // SQLite would count the characters of the second up to its NUL only.
    let long = ["help ".repeat(200_000), "\0 need".repeat(200_000)];
    for text in &long {
        folder.pipe(&send, text.as_str()).ok();
    }
    for (id, word) in [(1, "help"), (2, "need")] {
        let out = folder.run(&["search", word]).ok();
        let text = long[id - 1].replace('\0', "\\u{0}");
        let expected = format!("row #{id} from Bob to Alice: {text}\n");
        // Not compared by `assert_eq`, which would print a megabyte.
        assert!(out == expected, "{} bytes of {word}", out.len());

        let found = folder.run(&["search", "--json", word]).ok();
        let sent = folder.run(&["list", "--json"]).ok();
        assert!(sent.lines().nth(id - 1) == Some(found.trim_end()), "{word}");
    }
}

#[test]
fn matches_are_marked_up_to_16_kib_of_text() {
    let folder = Folder::new();
    for (bytes, word) in [(16 << 10, "[help]"), ((16 << 10) + 1, "help")] {
        let rest = "x".repeat(bytes - "help ".len());
        folder.send("Bob", "Alice", &format!("help {rest}"));
        let out = folder.run(&["search", "help", &rest]).ok();
        assert!(out.contains(&format!("Alice: {word} ")), "{bytes}: {out}");
    }
}

#[test]
fn a_terminal_shows_the_match_in_bold() {
    let folder = letters();
    for (term, expected) in [
        (
            "xterm",
            "row #1 from Bob to Alice: I \x1b[1mneed\x1b[0m your help.\n",
        ),
        ("dumb", "row #1 from Bob to Alice: I [need] your help.\n"),
    ] {
        let terminal = Terminal::new();
        let mut program = folder.program(&["search", "need"]);
        program.env("TERM", term).stdout(terminal.side());
        let child = program.spawn().expect("the program starts");
        drop(program);
        assert_eq!(terminal.screen(), expected, "{term}");
        end(child).ok();
    }
}

#[test]
fn json_is_that_of_the_list() {
    let folder = letters();
    let list = folder.run(&["list", "--json", "--from", "Bob"]).ok();
    assert_eq!(folder.run(&["search", "--json", "need"]).ok(), list);
}

#[test]
fn the_index_keeps_in_step_with_the_messages() {
    let folder = letters();
    folder.sql(
        "messages.db",
        "UPDATE messages SET body = 'a new text' WHERE id = 1; DELETE FROM messages WHERE id = 3;
         UPDATE messages SET id = 7 WHERE id = 2;
         INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)",
    );
    assert_eq!(folder.run(&["search", "need"]).ok(), "");
    assert_eq!(folder.run(&["search", "cafe"]).ok(), "");
    let out = folder.run(&["search", "new"]).ok();
    assert_eq!(out, "row #1 from Bob to Alice: a [new] text\n");
    let out = folder.run(&["search", "coming"]).ok();
    assert!(
        out.starts_with("row #7 from Alice to Bob: Help is [coming]"),
        "{out}"
    );
}

#[test]
fn no_words_are_a_wrong_command_line() {
    let folder = letters();
    folder.run(&["search"]).usage();
    folder.run(&["search", ""]).usage();
}
