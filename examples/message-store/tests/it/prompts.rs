//! The three questions, on a terminal and over a pipe.

use std::fs::File;
use std::process::Stdio;

use crate::folder::{Folder, end};
use chaos::terminal::Terminal;

const HELP: &str = "row #1 from Bob to Alice: I need your help.\n";

#[test]
fn a_pipe_sees_exactly_the_result_lines() {
    let folder = Folder::new();
    let out = folder
        .pipe(&["--db", "t.db"], "Bob\nAlice\nI need your help.\n")
        .ok();
    assert_eq!(out, format!("inserted row id 1\n{HELP}"));
    assert_eq!(folder.pipe(&["--db", "t.db"], "").ok(), HELP);
    let out = folder
        .pipe(&["--db", "t.db"], "Alice\nBob\nI am coming.\n")
        .ok();
    assert_eq!(
        out,
        format!("inserted row id 2\n{HELP}row #2 from Alice to Bob: I am coming.\n")
    );
}

#[test]
fn an_empty_answer_stores_nothing_and_still_lists() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "I need your help.");
    let inputs = [
        "",
        "\n",
        "\nAlice\nhi\n",
        "Eve",
        "Eve\n",
        "Eve\n\nhi\n",
        "Eve\nAlice\n",
        "Eve\nAlice\n\n",
        "Eve\nAlice\n \t \n",
        "Eve\r\n\r\nhi\r\n",
    ];
    for input in inputs {
        assert_eq!(folder.pipe(&[], input).ok(), HELP, "{input:?}");
    }
}

#[test]
fn answers_are_whole_lines() {
    let folder = Folder::new();
    folder.pipe(&[], "Bob\r\nAlice\r\nfrom Windows\r\n").ok();
    folder.pipe(&[], "Bob\nAlice\nwithout an end").ok();
    folder
        .pipe(&[], "Bob\nAlice\n  as it is  \nmore lines\nthan three\n")
        .ok();
    assert_eq!(
        folder.run(&["list"]).ok(),
        "row #1 from Bob to Alice: from Windows\n\
         row #2 from Bob to Alice: without an end\n\
         row #3 from Bob to Alice:   as it is  \n"
    );
}

#[test]
fn what_is_not_text_is_an_error_and_stores_nothing() {
    let folder = Folder::new();
    let error = folder.pipe(&[], b"B\xf6b\nAlice\nhi\n").error();
    assert_eq!(
        error,
        "message-store: the sender is not UTF-8 text: see its byte 2\n"
    );
    let error = folder.pipe(&[], b"Bob\nAlice\nhi \xff\n").error();
    assert_eq!(
        error,
        "message-store: the message is not UTF-8 text: see its byte 4\n"
    );
    assert_eq!(folder.run(&["list"]).ok(), "");
}

#[test]
fn endless_input_is_refused() {
    let folder = Folder::new();
    for args in [&[][..], &["send", "--from", "Bob", "--to", "Alice"]] {
        let zeros = File::open("/dev/zero").expect("endless input");
        let error = end(folder.program(args).stdin(zeros).spawn().expect("a child")).error();
        assert!(error.ends_with("is longer than 16 MiB\n"), "{error}");
    }
}

#[test]
fn unreadable_input_is_an_error() {
    let folder = Folder::new();
    let here = File::open(folder.path(".")).expect("a folder can be opened");
    let error = end(folder.program(&[]).stdin(here).spawn().expect("a child")).error();
    assert_eq!(
        error,
        "message-store: the sender can't be read from standard input: \
         Is a directory (os error 21)\n"
    );
}

#[test]
fn a_terminal_sees_the_questions() {
    let folder = Folder::new();
    let mut terminal = Terminal::new();
    let child = terminal.start(&mut folder.program(&[]));
    for (question, answer) in [
        ("sender> ", "Bob\n"),
        ("recipient> ", "Alice\n"),
        ("message> ", "I need your help.\n"),
    ] {
        terminal.expect(question);
        terminal.press(answer);
    }
    assert_eq!(
        terminal.screen(),
        format!(
            "sender> Bob\nrecipient> Alice\nmessage> I need your help.\ninserted row id 1\n{HELP}"
        )
    );
    end(child).ok();
}

#[test]
fn the_end_of_input_on_a_terminal_lists_on_a_line_of_its_own() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "I need your help.");
    let mut terminal = Terminal::new();
    let child = terminal.start(&mut folder.program(&[]));
    terminal.expect("sender> ");
    terminal.press("Eve\n");
    terminal.expect("recipient> ");
    terminal.press("\x04"); // Ctrl-D
    assert_eq!(
        terminal.screen(),
        format!("sender> Eve\nrecipient> \n{HELP}")
    );
    end(child).ok();
}

#[test]
fn with_errors_in_a_file_the_questions_still_reach_the_terminal() {
    let folder = Folder::new();
    let mut terminal = Terminal::new();
    let mut program = folder.program(&[]);
    program.stdin(terminal.side()).stdout(terminal.side());
    let child = program.spawn().expect("the program starts");
    drop(program);
    terminal.expect("sender> ");
    terminal.press("\n");
    assert_eq!(terminal.screen(), "sender> \n");
    assert_eq!(end(child).ok(), "");
}

#[test]
fn with_results_in_a_pipe_the_questions_still_reach_the_terminal() {
    let folder = Folder::new();
    let mut terminal = Terminal::new();
    let mut program = folder.program(&[]);
    program.stdin(terminal.side()).stderr(terminal.side());
    let child = program.spawn().expect("the program starts");
    drop(program); // it has handles of the terminal
    terminal.press("Bob\nAlice\nI need your help.\n");
    terminal.expect("message> ");
    assert_eq!(end(child).ok(), format!("inserted row id 1\n{HELP}"));
}

#[test]
fn answers_from_a_pipe_are_not_asked_for_on_a_terminal() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "I need your help.");
    let terminal = Terminal::new();
    let mut program = folder.program(&[]);
    program
        .stdin(Stdio::null())
        .stdout(terminal.side())
        .stderr(terminal.side());
    let child = program.spawn().expect("the program starts");
    drop(program);
    assert_eq!(terminal.screen(), HELP);
    end(child).ok();
}

#[test]
fn nobody_is_asked_where_nobody_sees_it() {
    let folder = Folder::new();
    let mut terminal = Terminal::new();
    let child = folder
        .program(&[])
        .stdin(terminal.side())
        .spawn()
        .expect("a child");
    terminal.press("Bob\nAlice\nI need your help.\n");
    assert_eq!(end(child).ok(), format!("inserted row id 1\n{HELP}"));
}
