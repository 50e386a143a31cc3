//! The command lines that are printed, in `--help` and in the README,
//! run as they are printed.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use chaos::watchdog;
use rustix::process::{Pid, Signal, kill_process};

use crate::folder::{Folder, Run, end};

const README: &str = include_str!("../../README.md");

/// A shell that runs a line, and finds the program by its name.
fn shell(folder: &Folder, line: &str) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_message-store"));
    let binaries = binary.parent().expect("it is in a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = folder.program_of("sh");
    shell
        .args(["-c", line])
        .env("PATH", format!("{binaries}:{path}"));
    shell
}

/// Runs a line to its end; if it has none, until its first line of output, and
/// then ends it.
#[track_caller]
fn run(folder: &Folder, line: &str) -> Run {
    if !line.ends_with(" -f") && !line.ends_with(" serve") {
        return end(shell(folder, line).spawn().expect("a shell"));
    }
    // The shell gives its place to the program, which then gets the signal.
    let line = format!("exec {line}");
    let mut child = shell(folder, &line).spawn().expect("a shell");
    let pid = Pid::from_child(&child);
    let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let (out, first) = watchdog::closure("its first line", move || {
        let mut first = String::new();
        std::io::BufRead::read_line(&mut out, &mut first).expect("a line");
        (out, first)
    });
    if !first.is_empty() {
        kill_process(pid, Signal::TERM).expect("it runs");
    }
    let mut run = end(child);
    drop(out);
    run.out = first;
    run
}

/// What a line prints that serves at the usual port. Another test may, and
/// another program.
#[track_caller]
fn serve(folder: &Folder, line: &str) {
    let lock = File::open(env!("CARGO_BIN_EXE_message-store")).expect("the program");
    let _locked = watchdog::closure("the other test", move || {
        lock.lock().expect("a lock");
        lock
    });
    let run = run(folder, line);
    if run.code == Some(1) {
        // Then that is what a reader of the line would see, too.
        let taken = "message-store: 127.0.0.1:8080: Address already in use (os error 98)\n";
        return assert_eq!(run.error(), taken);
    }
    assert_eq!(run.ok(), "listening on http://127.0.0.1:8080\n");
}

/// Runs a line of which nothing is to go wrong.
#[track_caller]
fn works(folder: &Folder, line: &str) {
    if line.ends_with(" serve") {
        return serve(folder, line);
    }
    if line.contains("| jq") && Command::new("jq").arg("--version").output().is_err() {
        return chaos::skip::because("no jq on the path");
    }
    let run = run(folder, line);
    assert_eq!(run.err, "", "$ {line}");
    // What is ended by a signal has no code.
    let code = (!line.ends_with(" -f")).then_some(0);
    assert_eq!(run.code, code, "$ {line}");
    assert!(!run.out.is_empty(), "$ {line} prints nothing");
}

#[test]
fn the_examples_of_the_help_work_as_they_are_printed() {
    let folder = Folder::new();
    let help = folder.run(&["--help"]).ok();
    folder.send("Bob", "Alice", "I need your help.");
    folder
        .run(&["--db", "team.db", "send", "--from", "a", "--to", "b", "c"])
        .ok();
    for (name, text) in [
        ("letter", "Dear Alice,\nall is well.\n"),
        (
            "old.mbox",
            "From eve@example.org Sat Jan 31 18:00:00 2026\nFrom: eve@example.org\n\nAt noon?\n",
        ),
        (
            "notes.jsonl",
            "{\"sender\":\"Dan\",\"recipient\":\"Bob\",\"body\":\"Lunch?\"}\n",
        ),
    ] {
        std::fs::write(folder.path(name), text).expect("a file");
    }
    let (_, examples) = help.split_once("Examples:\n").expect("there are examples");
    let mut count = 0;
    for line in examples.lines().map_while(|line| line.strip_prefix("  ")) {
        // Two spaces are before what it does.
        let (command, does) = line.split_once("  ").expect("an example says what it does");
        assert!(!does.trim().is_empty(), "{line}");
        works(&folder, command);
        count += 1;
    }
    assert_eq!(count, 11);
    assert!(folder.path("backup.jsonl").exists());
}

#[test]
fn the_commands_of_the_readme_that_go_on_work_as_they_are_printed() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "I need your help.");
    let mut commands = Vec::new();
    for block in README.split("```sh\n").skip(1) {
        let (block, _) = block.split_once("```").expect("a block ends");
        commands.extend(block.lines());
    }
    for command in &commands {
        match command.split_once(" -p ") {
            // Cargo itself is not started here.
            Some(("cargo run" | "cargo test", package)) => {
                assert_eq!(package, env!("CARGO_PKG_NAME"));
            }
            _ => works(&folder, command),
        }
    }
    assert!(commands.contains(&"message-store tail -f"), "{commands:?}");
    assert!(commands.contains(&"message-store serve"), "{commands:?}");
}
