//! Messages in.

use crate::folder::{Folder, end};
use chaos::terminal::Terminal;

#[test]
fn send_prints_the_number_of_the_message() {
    let folder = Folder::new();
    assert_eq!(folder.send("Bob", "Alice", "one"), "inserted row id 1\n");
    assert_eq!(folder.send("Bob", "Alice", "--two"), "inserted row id 2\n");
    assert_eq!(
        folder.run(&["list"]).ok(),
        "row #1 from Bob to Alice: one\nrow #2 from Bob to Alice: --two\n"
    );
}

#[test]
fn the_text_can_come_from_standard_input() {
    let folder = Folder::new();
    let letter = "Dear Alice,\n\n\tI need your help.\n";
    folder
        .pipe(&["send", "--from", "Bob", "--to", "Alice"], letter)
        .ok();
    assert_eq!(
        folder.value::<String>("messages.db", "SELECT body FROM messages"),
        "Dear Alice,\n\n\tI need your help."
    );
    let big = "a long letter ".repeat(100_000);
    folder
        .pipe(&["send", "--from", "Bob", "--to", "Alice"], big.clone())
        .ok();
    assert_eq!(
        folder.value::<String>("messages.db", "SELECT body FROM messages WHERE id = 2"),
        big
    );
}

#[test]
fn a_person_is_asked_for_the_text() {
    let folder = Folder::new();
    let mut terminal = Terminal::new();
    let mut program = folder.program(&["send", "--from", "Bob", "--to", "Alice"]);
    let child = terminal.start(&mut program);
    drop(program);
    terminal.expect("message> ");
    terminal.press("hi\n");
    assert_eq!(terminal.screen(), "message> hi\ninserted row id 1\n");
    end(child).ok();
}

#[test]
fn an_empty_message_is_an_error() {
    let folder = Folder::new();
    for input in ["", "\n", " \n\n"] {
        let error = folder
            .pipe(&["send", "--from", "Bob", "--to", "Alice"], input)
            .error();
        assert_eq!(error, "message-store: the message is empty\n");
    }
    folder
        .run(&["send", "--from", "", "--to", "Alice", "hi"])
        .usage();
    folder
        .run(&["send", "--from", "Bob", "--to", "", "hi"])
        .usage();
    folder
        .run(&["send", "--from", "Bob", "--to", "Alice", ""])
        .usage();
    assert_eq!(folder.run(&["list"]).ok(), "");
}

#[test]
fn a_send_that_cannot_be_acknowledged_says_so() {
    let folder = Folder::new();
    let full = std::fs::File::create("/dev/full").expect("a full disk");
    let mut program = folder.program(&["send", "--from", "Bob", "--to", "Alice", "hi"]);
    let error = end(program.stdout(full).spawn().expect("a child")).error();
    assert_eq!(
        error,
        "message-store: standard output: No space left on device (os error 28)\n"
    );
}
