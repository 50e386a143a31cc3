//! Mails that end the process which reads them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::{Folder, Run, end};

/// An mbox of a thousand mails, of which some do what they say.
fn import(folder: &Folder, faults: &[(usize, &str)], patience_ms: u32) -> Run {
    let mail = |n| {
        let fault = faults.iter().find(|&&(at, _)| at == n);
        let fault = fault.map_or(String::new(), |(_, fault)| format!("X-Fault: {fault}\n"));
        format!("From bob@b.c Wed Dec 31 18:00:00 2025\nMessage-ID: <{n}@b.c>\n{fault}\nHello\n\n")
    };
    let mbox: String = (1..=1_000).map(mail).collect();
    fs::write(folder.path("a.mbox"), mbox).expect("an mbox");
    let mut program = folder.program(&["import", "a.mbox"]);
    program.env("MESSAGE_STORE_PATIENCE_MS", patience_ms.to_string());
    end(program.spawn().expect("the program starts"))
}

/// The places and causes that a run reports.
fn causes(run: &Run) -> Vec<(&str, &str)> {
    let lines = run.err.lines();
    lines
        .map(|line| {
            let line = line.strip_prefix("message-store: a.mbox: line ");
            let line = line.unwrap_or_else(|| panic!("{}", run.err));
            let (place, cause) = line.split_once(": ").expect("a cause");
            (place.split_once(", byte ").expect("a byte").0, cause)
        })
        .collect()
}

#[test]
fn a_mail_that_aborts_its_worker_is_one_line_and_the_rest_is_imported() {
    let folder = Folder::new();
    let run = import(&folder, &[(500, "abort"), (501, "abort")], 60_000);
    assert_eq!(run.code, Some(3));
    assert_eq!(
        run.out,
        "a.mbox: imported 998, already there 0, rejected 2\n"
    );
    let cause = "its worker was killed by SIGABRT";
    // A line more than the others is that of the fault itself.
    assert_eq!(causes(&run), [("2496", cause), ("2502", cause)]);
    let ids: i64 = folder.value("messages.db", "SELECT count(DISTINCT uid) FROM messages");
    assert_eq!(ids, 998);
    // In the order of the file, whatever was read twice.
    let ordered: bool = folder.value(
        "messages.db",
        "SELECT min(uid = CASE WHEN id < 500 THEN id ELSE id + 2 END || '@b.c') FROM messages",
    );
    assert!(ordered);
}

#[test]
fn a_mail_that_is_never_read_is_one_line_and_the_rest_is_imported() {
    let folder = Folder::new();
    let run = import(&folder, &[(500, "loop")], 1_500);
    assert_eq!(run.code, Some(3));
    assert_eq!(
        run.out,
        "a.mbox: imported 999, already there 0, rejected 1\n"
    );
    assert_eq!(causes(&run), [("2496", "not read within 1.5s")]);
}

#[test]
fn a_worker_that_is_stopped_before_it_reads_holds_nothing_up_for_ever() {
    let folder = Folder::new();
    let mut program = folder.program(&["import", "--verbose", "--format", "mbox", "-"]);
    program.env("MESSAGE_STORE_PATIENCE_MS", "800");
    let mut child = program.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut report = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    report.read_line(&mut line).expect("a line");
    let (_, pids) = line.split_once("processes ").expect("pids");
    let first = pids.split(',').next().expect("a pid");
    let first = first.trim().parse().ok().and_then(Pid::from_raw);
    kill_process(first.expect("a pid"), Signal::STOP).expect("it is there");

    let mut stdin = child.stdin.take().expect("a pipe");
    for n in 0..5_000 {
        let mail =
            format!("From bob@b.c Wed Dec 31 18:00:00 2025\nMessage-ID: <{n}@b.c>\n\nHello\n\n");
        stdin.write_all(mail.as_bytes()).expect("it is read");
    }
    drop(stdin);
    let run = end(child);
    assert_eq!(
        run.out,
        "standard input: imported 5000, already there 0, rejected 0\n"
    );
    let mut rest = String::new();
    report.read_to_string(&mut rest).expect("text");
    assert_eq!((run.code, &rest[..]), (Some(0), ""));
}
