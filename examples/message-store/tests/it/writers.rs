//! Several processes at once, and one that is killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Barrier;
use std::thread;

use crate::folder::{Folder, end};
use crate::process::first_line;

#[test]
fn two_processes_that_write_at_once_lose_nothing() {
    const EACH: usize = 25;
    let folder = Folder::new();
    let start = Barrier::new(2);
    let mut acknowledged = BTreeMap::new();
    thread::scope(|scope| {
        let writers = ["Bob", "Alice"].map(|name| {
            let (folder, start) = (&folder, &start);
            scope.spawn(move || {
                start.wait();
                (0..EACH)
                    .map(|n| {
                        (
                            folder.send(name, "all", &n.to_string()),
                            format!("{name} to all: {n}"),
                        )
                    })
                    .collect::<Vec<_>>()
            })
        });
        for writer in writers {
            acknowledged.extend(writer.join().expect("a writer ends"));
        }
    });
    assert_eq!(acknowledged.len(), 2 * EACH, "a number was given twice");
    let listed = folder.run(&["list"]).ok();
    for (line, message) in acknowledged {
        let id = line.trim_start_matches("inserted row id ").trim_end();
        assert!(
            listed.contains(&format!("row #{id} from {message}\n")),
            "{line}{message}"
        );
    }
    assert_eq!(listed.lines().count(), 2 * EACH);
}

#[test]
fn many_processes_make_one_store() {
    const PROCESSES: usize = 8;
    for _ in 0..5 {
        let folder = Folder::new();
        let children: Vec<_> = (0..PROCESSES)
            .map(|n| {
                let from = n.to_string();
                let mut program = folder.program(&["send", "--from", &from, "--to", "all", "hi"]);
                program.spawn().expect("a child")
            })
            .collect();
        let mut acknowledged: Vec<String> =
            children.into_iter().map(|child| end(child).ok()).collect();
        acknowledged.sort();
        let expected: Vec<String> = (1..=PROCESSES)
            .map(|id| format!("inserted row id {id}\n"))
            .collect();
        assert_eq!(acknowledged, expected);
        assert_eq!(folder.run(&["list"]).ok().lines().count(), PROCESSES);
    }
}

#[test]
fn a_slow_reader_keeps_no_writer_waiting() {
    const MESSAGES: usize = 20_000;
    let folder = Folder::new();
    folder.fill(MESSAGES);
    let mut child = folder.program(&["list"]).spawn().expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // It has begun to read, and can't go on before we do.
    lines.next().expect("a first message").expect("a line");
    assert_eq!(folder.send("Bob", "Alice", "hi"), "inserted row id 20001\n");
    // It lists what was there when it began.
    assert_eq!(lines.count(), MESSAGES - 1);
    end(child).ok();
}

#[test]
fn what_is_acknowledged_outlives_a_kill() {
    let folder = Folder::new();
    // The list is longer than the pipe takes, so the program can't have ended
    // by itself when it is killed.
    folder.fill(20_000);
    let mut program = folder.program(&[]);
    let mut child = program.stdin(Stdio::piped()).spawn().expect("a child");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(b"Bob\nAlice\nI need your help.\n")
        .expect("it listens");
    let (line, _out) = first_line(child.stdout.take());
    assert_eq!(line, "inserted row id 20001\n");
    child.kill().expect("it lives");
    let status = child.wait().expect("it is gone");
    assert_eq!(status.signal(), Some(9));

    assert_eq!(
        folder.run(&["list", "--limit", "1"]).ok(),
        "row #20001 from Bob to Alice: I need your help.\n"
    );
    let out = folder.run(&["search", "help"]).ok();
    assert_eq!(out, "row #20001 from Bob to Alice: I need your [help].\n");
}
