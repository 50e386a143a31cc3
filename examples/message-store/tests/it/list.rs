//! Messages out, in order and on one line.

use serde_json::{Value, json};

use crate::folder::{Folder, end};
use crate::process::first_line;
use chaos::terminal::Terminal;

/// Three messages, one of each day.
fn three_days() -> Folder {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "one");
    folder.send("Alice", "Bob", "two");
    folder.send("Bob", "Carol", "three");
    folder.sql(
        "messages.db",
        "UPDATE messages SET sent_at = '2025-03-0' || id || 'T12:00:00.000Z'",
    );
    folder
}

const ONE: &str = "row #1 from Bob to Alice: one\n";
const TWO: &str = "row #2 from Alice to Bob: two\n";
const THREE: &str = "row #3 from Bob to Carol: three\n";

#[test]
fn filters_combine() {
    let folder = three_days();
    for (args, expected) in [
        (&[][..], [ONE, TWO, THREE].concat()),
        (&["--from", "Bob"], [ONE, THREE].concat()),
        (&["--to", "Bob"], TWO.into()),
        (&["--from", "Bob", "--to", "Carol"], THREE.into()),
        (&["--from", "bob"], String::new()),
        (&["--from", ""], String::new()),
        (&["--limit", "2"], [TWO, THREE].concat()),
        (&["--limit", "4"], [ONE, TWO, THREE].concat()),
        (&["--limit", "0"], String::new()),
        (&["--from", "Bob", "--limit", "2"], [ONE, THREE].concat()),
        (&["--to", "Alice", "--limit", "1"], ONE.into()),
        (&["--since", "2025-03-02"], [TWO, THREE].concat()),
        (&["--since", "2025-03-02", "--from", "Bob"], THREE.into()),
        (&["--since", "2025-03-02T12:00:00Z"], [TWO, THREE].concat()),
        (&["--since", "2025-03-02T12:00:00.001Z"], THREE.into()),
        (
            &["--since", "2025-03-02T13:59:59+02:00"],
            [TWO, THREE].concat(),
        ),
        (&["--since", "2025-03-02t14:00:01+02:00"], THREE.into()),
        (
            &["--since", "2025-03-02T11:00:00-01:00"],
            [TWO, THREE].concat(),
        ),
        (&["--since", "1d"], String::new()),
        (&["--since", "99999w"], [ONE, TWO, THREE].concat()),
        (&["--since", "99999999999w"], [ONE, TWO, THREE].concat()),
    ] {
        let out = folder.run(&[&["list"], args].concat()).ok();
        assert_eq!(out, expected, "{args:?}");
    }
}

#[test]
fn messages_have_the_time_of_their_sending() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "now");
    let out = folder.run(&["list", "--since", "1m"]).ok();
    assert_eq!(out, "row #1 from Bob to Alice: now\n");
    let age = "SELECT unixepoch('now') - unixepoch(sent_at) FROM messages";
    let age = folder.value::<i64>("messages.db", age);
    assert!((0..60).contains(&age), "sent {age} s ago");
    let shape = "SELECT sent_at GLOB '????-??-??T??:??:??.???Z' FROM messages";
    assert!(folder.value::<bool>("messages.db", shape));
}

#[test]
fn json_is_one_object_a_line_with_the_texts_as_they_are() {
    let folder = three_days();
    let hidden = (0..=0x2069u32)
        .filter_map(char::from_u32)
        .filter(|c| c.is_control() || *c > '\u{2027}')
        .collect::<String>();
    let text = format!("\"quoted\" \\n {hidden} 🦀");
    let send = ["send", "--from", "Bob\n", "--to", "\u{1b}[31mAlice"];
    folder.pipe(&send, text.clone()).ok();

    let out = folder.run(&["list", "--json"]).ok();
    let objects: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is an object"))
        .collect();
    assert_eq!(objects.len(), 4);
    let uid = folder.value::<String>("messages.db", "SELECT uid FROM messages WHERE id = 2");
    assert_eq!(
        objects[1],
        json!({
            "id": 2, "sender": "Alice", "recipient": "Bob", "body": "two",
            "sent_at": "2025-03-02T12:00:00.000Z", "uid": uid,
        })
    );
    assert_eq!(objects[3]["sender"], "Bob\n");
    assert_eq!(objects[3]["recipient"], "\u{1b}[31mAlice");
    assert_eq!(objects[3]["body"], Value::from(text));
    assert_harmless(&out);
}

#[test]
fn a_listed_message_is_one_harmless_line() {
    let folder = Folder::new();
    folder
        .pipe(
            &["send", "--from", "B\rob", "--to", "Al\nice"],
            "two\nlines\tand \x1b]0;owned\x07 \u{9b}31m \u{202e}gnp\u{2028}\0 – ünïcode 🦀 \\n",
        )
        .ok();
    let out = folder.run(&["list"]).ok();
    assert_eq!(
        out,
        "row #1 from B\\rob to Al\\nice: two\\nlines\\tand \\u{1b}]0;owned\\u{7} \
         \\u{9b}31m \\u{202e}gnp\\u{2028}\\u{0} – ünïcode 🦀 \\n\n"
    );
    assert_harmless(&out);

    // On a terminal too, where search alone may print control sequences.
    let terminal = Terminal::new();
    let child = terminal.start(&mut folder.program(&["list"]));
    assert_eq!(terminal.screen(), out);
    end(child).ok();
}

/// Nothing in it makes a terminal do anything but show text in lines.
#[track_caller]
fn assert_harmless(out: &str) {
    for c in out.chars().filter(|c| *c != '\n') {
        let hidden = c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c);
        assert!(!hidden, "{c:?} in {out:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let folder = Folder::new();
    // Far more than the buffers of program and pipe hold together.
    folder.fill(20_000);
    for form in [&[][..], &["--json"]] {
        let mut child = folder
            .program(&[&["list"], form].concat())
            .spawn()
            .expect("a child");
        let (line, rest) = first_line(child.stdout.take());
        assert!(line.contains("text 1"), "{line}");
        drop(rest);
        assert_eq!(end(child).ok(), "");
    }
    // Nothing is left open: the log is folded back into the database.
    assert!(!folder.path("messages.db-wal").exists());
}

#[test]
fn a_full_disk_is_an_error() {
    let folder = three_days();
    let full = std::fs::File::create("/dev/full").expect("a full disk");
    let mut program = folder.program(&["list"]);
    let error = end(program.stdout(full).spawn().expect("a child")).error();
    assert_eq!(
        error,
        "message-store: standard output: No space left on device (os error 28)\n"
    );
}

#[test]
fn a_text_that_is_not_utf8_is_an_error_behind_the_messages_before_it() {
    let folder = three_days();
    folder.sql(
        "messages.db",
        "UPDATE messages SET body = CAST(x'ff' AS TEXT) WHERE id = 2",
    );
    let run = folder.run(&["list"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ONE));
    assert!(
        run.err
            .starts_with("message-store: messages.db: column body: "),
        "{}",
        run.err
    );
}
