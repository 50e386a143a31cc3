//! Mail in and out.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::{Folder, Run, end};
use crate::process::{Reader, first_line, readers, signal};

const LINE: &str = "From bob@b.c Wed Dec 31 18:00:00 2025\n";

/// A mail of an mbox.
fn mail(rest: &str) -> String {
    format!("{LINE}{rest}\n\n")
}

fn import(folder: &Folder, mbox: impl AsRef<[u8]>) -> Run {
    fs::write(folder.path("a.mbox"), mbox).expect("the mbox is written");
    folder.run(&["import", "a.mbox"])
}

/// The messages of a store as JSON, without their numbers.
fn messages(folder: &Folder, db: &str) -> Vec<serde_json::Value> {
    let out = folder.run(&["--db", db, "list", "--json"]).ok();
    out.lines()
        .map(|line| {
            let mut message: serde_json::Value = serde_json::from_str(line).expect("JSON");
            message.as_object_mut().expect("an object").remove("id");
            message
        })
        .collect()
}

#[test]
fn mails_are_imported_once() {
    let folder = Folder::new();
    let mbox = [
        mail("From: Bob <bob@b.c>\nTo: Alice <alice@b.c>\nSubject: =?utf-8?q?Hilf_mir=2C_J=C3=B6rg?=\n\
              Message-ID: <1@b.c>\nDate: Thu, 1 Jan 2026 01:00:00 +0100\n\nI need\n>From you help.\n"),
        mail("To: alice@b.c\n\nFrom whom?\n"),
        mail("To: alice@b.c\n\nFrom whom?\n"),
    ]
    .concat();
    let run = import(&folder, &mbox);
    assert_eq!(
        run.ok(),
        "a.mbox: imported 3, already there 0, rejected 0\n"
    );
    let again = folder.run(&["import", "a.mbox"]).ok();
    assert_eq!(again, "a.mbox: imported 0, already there 3, rejected 0\n");

    let messages = messages(&folder, "messages.db");
    let first = serde_json::json!({
        "sender": "Bob <bob@b.c>",
        "recipient": "Alice <alice@b.c>",
        "subject": "Hilf mir, Jörg",
        "body": "I need\nFrom you help.",
        "sent_at": "2026-01-01T00:00:00.000Z",
        "uid": "1@b.c",
    });
    assert_eq!(messages[0], first);
    assert_eq!(messages[1]["sender"], "bob@b.c");
    assert_eq!(messages[1]["sent_at"], "2025-12-31T18:00:00.000Z");
    // Equal ones without a name are two messages, each with a name of its own.
    assert_eq!(messages[1]["body"], messages[2]["body"]);
    assert_ne!(messages[1]["uid"], messages[2]["uid"]);

    // With the line ends of Windows it is the same mail.
    let run = import(&folder, mbox.replace('\n', "\r\n"));
    assert_eq!(
        run.ok(),
        "a.mbox: imported 0, already there 3, rejected 0\n"
    );
}

#[test]
fn what_is_no_mail_is_a_line_with_its_place_and_its_cause() {
    let folder = Folder::new();
    let mbox = [
        "From nobody\n\n".into(),
        mail("From: bob@b.c\nMessage-ID: <1@b.c>\n\none\n"),
        mail("\nHello\n"),
        "From - Wed Dec 31 18:00:00 2025\nSubject: who?\n\nI\n\n".into(),
        mail("From: bob@b.c\nMessage-ID: <1@b.c>\n\nanother\n"),
        mail(&format!("From: bob@b.c\n\n{}\n", "x".repeat(32 << 20))),
        mail("From: bob@b.c\n\nlast\n"),
    ];
    let run = import(&folder, mbox.concat());
    assert_eq!(run.code, Some(3));
    assert_eq!(run.out, "a.mbox: imported 2, already there 0, rejected 5\n");
    let causes = [
        (0, "13 bytes before the first line `From …`"),
        (2, "no headers"),
        (3, "no sender"),
        (4, "another message, row #1, has its Message-ID or uid"),
        (5, "longer than 32 MiB"),
    ];
    let lines = causes.map(|(at, cause)| {
        let before = mbox[..at].concat();
        let (line, byte) = (before.matches('\n').count() + 1, before.len());
        format!("message-store: a.mbox: line {line}, byte {byte}: {cause}\n")
    });
    assert_eq!(run.err, lines.concat());
}

#[test]
fn attachments_are_left_out_and_counted() {
    let folder = Folder::new();
    let parts = "--x\n\nSee there.\n--x\nContent-Type: image/png\n\nPNG\n--x--\n";
    let mbox = mail(&format!(
        "Content-Type: multipart/mixed; boundary=x\n\n{parts}"
    ));
    let run = import(&folder, mbox);
    let line = "a.mbox: imported 1, already there 0, rejected 0, attachments left out 1\n";
    assert_eq!(run.ok(), line);
    assert_eq!(messages(&folder, "messages.db")[0]["body"], "See there.");
}

#[test]
fn mail_from_a_pipe_is_mail() {
    let folder = Folder::new();
    let mbox = mail("To: alice@b.c\n\nHello\n").repeat(3_000);
    let run = folder.pipe(&["import", "-"], mbox);
    let line = "standard input: imported 3000, already there 0, rejected 0\n";
    assert_eq!(run.ok(), line);
}

/// An import that waits for more of its input, and the processes that read its
/// mail.
fn waiting_import(folder: &Folder) -> (Child, impl Read + use<>, Vec<u32>) {
    let mut child = folder
        .program(&["import", "--verbose", "--format", "mbox", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (line, err) = first_line(child.stderr.take());
    (child, err, readers(&line))
}

fn status(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there")
}

#[test]
fn mail_is_read_in_other_processes_that_are_shut_in_and_end_with_the_import() {
    let folder = Folder::new();
    let (mut child, mut err, pids) = waiting_import(&folder);
    let own = fs::metadata(env!("CARGO_BIN_EXE_message-store")).expect("the program");
    assert!(!pids.is_empty());
    for &pid in &pids {
        let status = status(pid);
        assert!(
            status.contains(&format!("\nPPid:\t{}\n", child.id())),
            "{status}"
        );
        assert!(status.contains("\nSeccomp:\t2\n"), "{status}");
        let exe = fs::metadata(format!("/proc/{pid}/exe")).expect("its program");
        assert_eq!((exe.dev(), exe.ino()), (own.dev(), own.ino()));
    }
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(mail("\nHello\n").as_bytes())
        .expect("it reads");
    drop(stdin);
    let mut rest = String::new();
    err.read_to_string(&mut rest).expect("lines");
    let run = end(child);
    assert_eq!(run.code, Some(3));
    assert_eq!(
        rest,
        "message-store: standard input: line 1, byte 0: no headers\n"
    );
    for pid in pids {
        assert!(
            !fs::exists(format!("/proc/{pid}")).expect("/proc"),
            "{pid} is left"
        );
    }
}

#[test]
fn a_worker_that_is_killed_while_it_has_nothing_costs_nothing() {
    let folder = Folder::new();
    let (mut child, mut err, pids) = waiting_import(&folder);
    for pid in pids {
        let pid = Pid::from_raw(pid as i32).expect("a process");
        kill_process(pid, Signal::KILL).expect("the process is there");
    }
    let mut stdin = child.stdin.take().expect("a pipe");
    let mbox = mail("\nHello\n")
        .replace("\n\nHello", "\nTo: alice@b.c\n\nHello")
        .repeat(5_000);
    stdin.write_all(mbox.as_bytes()).expect("it reads");
    drop(stdin);
    let mut rest = String::new();
    err.read_to_string(&mut rest).expect("lines");
    let run = end(child);
    assert_eq!((run.code, rest.as_str()), (Some(0), ""));
    let line = "standard input: imported 5000, already there 0, rejected 0\n";
    assert_eq!(run.out, line);
}

#[test]
fn an_import_of_mail_that_is_interrupted_leaves_no_process() {
    let folder = Folder::new();
    let (child, mut err, pids) = waiting_import(&folder);
    let workers: Vec<_> = pids.into_iter().map(Reader::of).collect();
    signal(&child, Signal::INT);
    let mut rest = String::new();
    err.read_to_string(&mut rest).expect("lines");
    assert_eq!(end(child).code, Some(130));
    assert_eq!(rest, "message-store: interrupted\n");
    // Nobody waits for them any more, but they end by themselves.
    workers.into_iter().for_each(Reader::end);
}

/// Messages of which mail can't say everything.
fn odd_messages(folder: &Folder) {
    let texts = [
        "I need your help.",
        "From now on\n>From then on\n\nFrom bob@b.c Wed Dec 31 18:00:00 2025\n",
        "\n\n  between\n\n\n",
        "a\r\nBcc: x@y.z\r\n\r\nb",
        "\0\u{1b}[2J\r\u{7f}",
        "Jürgen, 日本語 🦀",
        "=?utf-8?q?no=20word?= %41 =41",
        "<b>no</b> &lt;html&gt;",
        "x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x",
    ];
    let lines: String = (0..)
        .zip(texts)
        .map(|(n, text)| {
            let message = serde_json::json!({
                "sender": if n == 0 { "Bob B. <bob@b.c>" } else { text },
                "recipient": if n == 0 { "alice@b.c, Carol <carol@b.c>" } else { text },
                "subject": text,
                "body": text,
                "sent_at": format!("2025-12-31T18:00:00.{n:03}Z"),
            });
            format!("{message}\n")
        })
        .collect();
    fs::write(folder.path("odd.jsonl"), lines).expect("a file");
    folder.run(&["import", "odd.jsonl"]).ok();
    folder.send("Bob", "Alice", "no subject");
}

#[test]
fn what_is_exported_as_mail_is_imported_as_it_was() {
    let folder = Folder::new();
    odd_messages(&folder);
    let out = folder.run(&["export", "all.mbox"]).ok();
    assert_eq!(out, "exported 10 to all.mbox\n");
    let out = folder.run(&["--db", "other.db", "import", "all.mbox"]).ok();
    assert_eq!(out, "all.mbox: imported 10, already there 0, rejected 0\n");
    let was = messages(&folder, "messages.db");
    assert_eq!(messages(&folder, "other.db"), was);
    assert_eq!(was.len(), 10);
    // And where it came from it is known.
    let out = folder.run(&["import", "all.mbox"]).ok();
    assert_eq!(out, "all.mbox: imported 0, already there 10, rejected 0\n");
}

/// Reads an mbox as a mail program does, and prints what it finds as JSON.
const READER: &str = "
import email.header, email.policy, json, mailbox, sys
policy = email.policy.default
for mail in mailbox.mbox('all.mbox', lambda file: email.message_from_binary_file(file, policy=policy)):
    print(json.dumps([
        [str(address) for address in mail['From'].addresses],
        [str(address) for address in mail['To'].addresses],
        mail['Subject'], mail['Date'].datetime.isoformat(), mail.get_content(),
        [repr(defect) for part in mail.walk() for defect in part.defects],
    ]))
";

#[test]
fn another_mail_program_reads_what_is_exported() {
    let folder = Folder::new();
    odd_messages(&folder);
    folder.run(&["export", "all.mbox"]).ok();
    let python = folder.program_of("python3").args(["-c", READER]).spawn();
    let Ok(python) = python else {
        return chaos::skip::because("there is no python3");
    };
    let run = end(python);
    let mails: Vec<serde_json::Value> = run
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(mails.len(), 10);
    let first = serde_json::json!([
        ["\"Bob B.\" <bob@b.c>"],
        ["alice@b.c", "Carol <carol@b.c>"],
        "I need your help.",
        "2025-12-31T18:00:00+00:00",
        "I need your help.\n",
        [],
    ]);
    assert_eq!(mails[0], first);
    let german = &mails[5];
    assert_eq!(german[2], "Jürgen, 日本語 🦀");
    assert_eq!(
        german[4].as_str().map(str::trim_end),
        Some("Jürgen, 日本語 🦀")
    );
    assert_eq!(mails[9][0][0], "Bob <nobody@message-store.invalid>");
    for mail in mails {
        assert_eq!(mail[5], serde_json::json!([]), "{mail}");
        assert!(!mail.to_string().contains("x@y.z>"), "{mail}");
    }
}

/// Runs a program as on a kernel without Landlock.
const WITHOUT_LANDLOCK: &str = "
import ctypes, os, struct, sys
# Load the number of the call; is it that of landlock_create_ruleset? ENOSYS; else go on.
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *each) for each in code))
program = struct.pack('HxxxxxxP', 4, ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn where_the_kernel_cannot_shut_a_process_in_that_is_said_and_mail_is_read() {
    let folder = Folder::new();
    fs::write(folder.path("a.mbox"), mail("To: alice@b.c\n\nHello\n")).expect("an mbox");
    let python = folder
        .program_of("python3")
        .args(["-c", WITHOUT_LANDLOCK, env!("CARGO_BIN_EXE_message-store")])
        .args(["import", "a.mbox"])
        .spawn();
    let Ok(python) = python else {
        return chaos::skip::because("there is no python3");
    };
    let run = end(python);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.out, "a.mbox: imported 1, already there 0, rejected 0\n");
    let warning =
        "message-store: mail is read in processes that are not shut in as they should be: ";
    assert!(run.err.starts_with(warning), "{}", run.err);
    assert!(run.err.contains("Landlock"), "{}", run.err);
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
}
