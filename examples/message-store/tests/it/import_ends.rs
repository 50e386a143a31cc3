//! Imports and exports that somebody ends, what a terminal shows of them, and
//! how much memory they take.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};

use chaos::watchdog;
use rustix::process::Signal;

use crate::folder::{Folder, end};
use crate::process::{first_line, peak_kib, signal};
use chaos::terminal::Terminal;

/// An import from a pipe, of which one end is ours.
fn from_pipe(folder: &Folder) -> (Child, ChildStdin) {
    let mut child = folder
        .program(&["import", "-", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let input = child.stdin.take().expect("a pipe");
    (child, input)
}

fn lines(range: std::ops::Range<u32>) -> String {
    range
        .map(|n| format!("{{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"{n}\"}}\n"))
        .collect()
}

#[test]
fn an_interrupted_import_stores_whole_batches_and_says_how_many() {
    for ends in [Signal::INT, Signal::TERM] {
        let folder = Folder::new();
        let (mut child, mut input) = from_pipe(&folder);
        // One more line, so that it is known when the batch is stored.
        input.write_all(b"no\n").expect("it reads");
        input
            .write_all(lines(0..2500).as_bytes())
            .expect("it reads");
        let (line, mut err) = first_line(child.stderr.take());
        assert!(line.contains("standard input: line 1, byte 0: "), "{line}");
        signal(&child, ends);
        let run = end(child);
        let count: u64 = folder.value("messages.db", "SELECT count(*) FROM messages");
        assert!(count > 0 && count < 2500, "{count}");
        let out = format!("standard input: imported {count}, already there 0, rejected 1\n");
        assert_eq!((run.code, run.out), (Some(130), out));
        let mut rest = String::new();
        err.read_to_string(&mut rest).expect("the rest");
        assert_eq!(rest, "message-store: interrupted\n");
        // The next one completes it.
        let again = folder.pipe(&["import", "-"], lines(0..2500)).ok();
        let rest = 2500 - count;
        let expected = format!("imported {rest}, already there {count}, rejected 0\n");
        assert!(again.ends_with(&expected), "{again}");
    }
}

#[test]
fn an_import_into_a_store_that_is_gone_ends_and_says_so_once() {
    let folder = Folder::new();
    fs::write(folder.path("more.jsonl"), lines(0..3)).expect("a file");
    let mut child = folder
        .program(&["import", "-", "more.jsonl", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let text = String::from("no\n") + &lines(0..2500);
    input.write_all(text.as_bytes()).expect("it reads");
    // Now a batch is stored.
    let (_, mut err) = first_line(child.stderr.take());
    fs::rename(folder.path("messages.db"), folder.path("moved.db")).expect("it is moved");
    // It may be over before it has read these.
    let _ = input.write_all(lines(2500..5000).as_bytes());
    drop(input);
    let run = end(child);
    assert_eq!(run.code, Some(1));
    assert!(!run.out.contains("more.jsonl"), "{}", run.out);
    let mut rest = String::new();
    err.read_to_string(&mut rest).expect("the rest");
    let gone = "message-store: messages.db: deleted, moved or replaced while it was open\n";
    assert_eq!(rest, gone);
}

#[test]
fn an_import_that_waits_for_its_input_ends_when_it_is_interrupted() {
    let folder = Folder::new();
    // The wait for the format is one too.
    let mut child = folder
        .program(&["import", "no.jsonl", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let input = child.stdin.take().expect("a pipe");
    let (line, _err) = first_line(child.stderr.take());
    assert!(line.contains("no.jsonl: No such file"), "{line}");
    signal(&child, Signal::INT);
    let run = end(child);
    drop(input);
    let out = "standard input: imported 0, already there 0, rejected 0\n";
    assert_eq!((run.code, run.out.as_str()), (Some(130), out));
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let folder = Folder::new();
    let (mut child, mut input) = from_pipe(&folder);
    let out = child.stdout.take();
    let mut err = child.stderr.take().expect("a pipe");
    // More reports than a pipe holds: it can't go on until somebody reads them.
    input
        .write_all("no\n".repeat(3000).as_bytes())
        .expect("it reads");
    drop(input);
    let mut first = [0];
    err.read_exact(&mut first).expect("a report");
    signal(&child, Signal::INT);
    signal(&child, Signal::TERM);
    let status = watchdog::closure("the end", move || child.wait().expect("an end"));
    assert_eq!(status.code(), Some(130));
    let mut printed = String::new();
    let out = out.map(|mut out| out.read_to_string(&mut printed));
    out.expect("a pipe").expect("the rest");
    assert_eq!(printed, "");
}

#[test]
fn an_interrupted_export_leaves_the_old_file_and_nothing_else() {
    for ends in [Signal::INT, Signal::TERM] {
        let folder = Folder::new();
        folder.fill(100_000);
        fs::write(folder.path("out.jsonl"), "old").expect("a file");
        let child = folder.program(&["export", "out.jsonl"]).spawn();
        let child = child.expect("the program starts");
        // It is at work once its file is there.
        watchdog::closure("a temporary file", {
            let path = folder.path(".");
            move || {
                while !has_temporary(&path) {
                    std::thread::yield_now();
                }
            }
        });
        signal(&child, ends);
        let run = end(child);
        assert_eq!(run.code, Some(130), "{} {}", run.out, run.err);
        assert_eq!(
            (run.out.as_str(), run.err.as_str()),
            ("", "message-store: interrupted\n")
        );
        assert!(!has_temporary(&folder.path(".")));
        let old = fs::read_to_string(folder.path("out.jsonl")).expect("the file");
        assert_eq!(old, "old");
    }
}

fn has_temporary(folder: &std::path::Path) -> bool {
    let entries = fs::read_dir(folder).expect("the folder");
    entries.flatten().any(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with(".aio-files-")
    })
}

#[test]
fn a_terminal_shows_how_far_it_is_and_a_pipe_does_not() {
    let folder = Folder::new();
    fs::write(folder.path("x.jsonl"), lines(0..3000) + "no\n").expect("a file");
    let mut terminal = Terminal::new();
    let mut program = folder.program(&["import", "x.jsonl"]);
    let child = terminal.start(&mut program);
    terminal.expect("x.jsonl [");
    terminal.expect("left");
    drop(program);
    let screen = terminal.screen();
    assert_eq!(end(child).code, Some(3));
    let byte = lines(0..3000).len();
    let report =
        format!("message-store: x.jsonl: line 3001, byte {byte}: expected ident at column 2");
    assert!(screen.contains(&report), "{screen:?}");
    let last = "x.jsonl: imported 3000, already there 0, rejected 1\n";
    assert!(screen.ends_with(last), "{screen:?}");
    assert!(!screen.contains("interrupted"), "{screen:?}");

    // Of a pipe nobody knows how long it is.
    let mut terminal = Terminal::new();
    let mut child = folder
        .program(&["import", "-"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stderr(terminal.side())
        .spawn()
        .expect("the program starts");
    terminal.expect("standard input");
    let mut input = child.stdin.take().expect("a pipe");
    input
        .write_all(lines(0..2000).as_bytes())
        .expect("it reads");
    drop(input);
    let run = end(child);
    assert_eq!(run.code, Some(0));
    let screen = terminal.screen();
    assert!(!screen.contains(" left"), "{screen:?}");

    // No bar, no control sequence: just the report.
    let run = folder.run(&["import", "x.jsonl"]);
    assert_eq!(run.err, format!("{report}\n"));
}

#[test]
fn a_message_of_twenty_mebibytes_takes_little_memory() {
    let folder = Folder::new();
    let word = "the quick brown fox jumps over the lazy dog ";
    let body = word.repeat((20 << 20) / word.len());
    let big = format!("{{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"{body}\"}}\n");
    let (mut child, mut input) = from_pipe(&folder);
    let err = child.stderr.take();
    let text = lines(0..1000) + &big + "no\n" + &lines(1000..1999);
    input.write_all(text.as_bytes()).expect("it reads");
    let (_, _err) = first_line(err);
    let peak = peak_kib(child.id()).expect("it waits for more");
    drop(input);
    let run = end(child);
    let out = "standard input: imported 2000, already there 0, rejected 1\n";
    assert_eq!((run.code, run.out.as_str()), (Some(3), out));
    println!("VmHWM {peak} KiB");
    assert!(peak < 150 << 10, "{peak} KiB");
}
