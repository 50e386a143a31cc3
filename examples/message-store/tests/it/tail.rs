//! Messages as they come, from whatever process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use chaos::watchdog;
use rustix::process::Signal;

use crate::folder::{Folder, Run, end};
use crate::process::{self, are_asleep, first_line, is_ignored, peak_kib, switches};

const INSERT: &str = "INSERT INTO messages(sender, recipient, body) VALUES (?1, 'all', ?2)";

/// The program that follows a store, with its lines as they come.
struct Tail {
    child: Option<Child>,
    lines: Receiver<String>,
}

impl Tail {
    fn start(folder: &Folder, args: &[&str]) -> Tail {
        let args = [&["tail"], args].concat();
        let mut child = folder.program(&args).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        // It ends with the program's output, or when nobody wants the lines.
        thread::spawn(move || {
            BufReader::new(stdout)
                .lines()
                .map(|line| line.expect("a line of text"))
                .try_for_each(|line| sender.send(line))
        });
        let child = Some(child);
        Tail { child, lines }
    }

    /// On a store of one message, which has been printed: what comes now is new.
    fn of_one(folder: &Folder, args: &[&str]) -> Tail {
        folder.send("Bob", "Alice", "one");
        let mut tail = Tail::start(folder, &[&["-f"], args].concat());
        let first = tail.next();
        assert!(first.contains("one"), "{first}");
        tail
    }

    #[track_caller]
    fn next(&mut self) -> String {
        let line = self.lines.recv_timeout(watchdog::LIMIT);
        line.expect("another line")
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().expect("it lives").id()
    }

    /// Waits until it has ended by itself, with these lines as its last.
    fn end(mut self) -> (Vec<String>, Run) {
        let run = end(self.child.take().expect("it lives"));
        (self.lines.iter().collect(), run)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().expect("it lives");
            child.wait().expect("it is gone");
        }
    }
}

#[test]
fn what_another_process_sends_is_printed() {
    let folder = Folder::new();
    let mut tail = Tail::of_one(&folder, &[]);
    for id in 2..=30 {
        // One at a time, so that each commit must wake by itself. Each sender
        // also closes the store again.
        folder.send("Carol", "Bob", "hi");
        assert_eq!(tail.next(), format!("row #{id} from Carol to Bob: hi"));
    }
}

#[test]
fn a_thousand_messages_of_several_processes_come_once_each_and_in_order() {
    const SENDS: usize = 50;
    const COMMITS: usize = 400;
    let folder = Folder::new();
    let mut tail = Tail::of_one(&folder, &[]);
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let folder = &folder;
            scope.spawn(move || {
                for n in 1..=SENDS {
                    folder.send(name, "all", &n.to_string());
                }
            });
        }
        for name in ["e", "f"] {
            let folder = &folder;
            scope.spawn(move || {
                folder.with("messages.db", async |db| {
                    for n in 1..=COMMITS {
                        db.execute(INSERT, (name, n.to_string())).await?;
                    }
                    Ok(())
                });
            });
        }
        let mut of_each = BTreeMap::<String, usize>::new();
        for id in 2..=4 * SENDS + 2 * COMMITS + 1 {
            let line = tail.next();
            let rest = line.strip_prefix(&format!("row #{id} from "));
            let rest = rest.unwrap_or_else(|| panic!("{line} is not message {id}"));
            let (name, n) = rest.split_once(" to all: ").expect("a sender and a number");
            let last = of_each.entry(name.to_owned()).or_default();
            *last += 1;
            assert_eq!(n, last.to_string(), "{line}");
        }
    });
}

#[test]
fn an_import_is_followed_message_by_message() {
    const MESSAGES: usize = 5_000;
    let folder = Folder::new();
    let mut tail = Tail::of_one(&folder, &[]);
    let lines: String = (2..=MESSAGES + 1)
        .map(|id| format!("{{\"sender\":\"Bob\",\"recipient\":\"all\",\"body\":\"{id}\"}}\n"))
        .collect();
    folder.pipe(&["import", "-"], lines).ok();
    for id in 2..=MESSAGES + 1 {
        assert_eq!(tail.next(), format!("row #{id} from Bob to all: {id}"));
    }
}

#[test]
fn it_sleeps_until_there_is_a_commit() {
    let folder = Folder::new();
    let mut tail = Tail::of_one(&folder, &[]);
    let pid = tail.pid();
    // It printed its line before it lay down.
    let asleep = watchdog::closure("going to sleep", move || {
        let mut before = switches(pid);
        loop {
            // not a wait: so long nothing ran, or it is looked at again
            thread::sleep(Duration::from_millis(200));
            let all_sleep = are_asleep(pid);
            let after = switches(pid);
            if all_sleep && before == after {
                return after;
            }
            before = after;
        }
    });
    // not a wait: that nothing happens in this time is what is tested
    thread::sleep(Duration::from_secs(3));
    assert_eq!(
        switches(pid),
        asleep,
        "a thread ran while nothing was to do"
    );
    // That counting sees a thread that runs.
    folder.send("Bob", "Alice", "two");
    tail.next();
    assert_ne!(switches(pid), asleep);
}

#[test]
fn a_line_comes_soon_after_its_commit() {
    const MESSAGES: usize = 50;
    let folder = Folder::new();
    let mut tail = Tail::of_one(&folder, &[]);
    let mut times = Vec::new();
    folder.with("messages.db", async |db| {
        for n in 1..=MESSAGES {
            db.execute(INSERT, ("Bob", n.to_string())).await?;
            let committed = Instant::now();
            tail.next();
            times.push(committed.elapsed());
        }
        Ok(())
    });
    times.sort();
    let (median, worst) = (times[MESSAGES / 2], times[MESSAGES - 1]);
    println!("from commit to line: median {median:?}, worst {worst:?}");
}

#[test]
fn it_begins_with_the_last_ten_or_as_many_as_are_asked_for() {
    let folder = Folder::new();
    folder.fill(15);
    for (args, first) in [
        (&[][..], 6),
        (&["-n", "3"], 13),
        (&["--lines", "100"], 1),
        (&["-n0"], 16),
    ] {
        let out = folder.run(&[&["tail"], args].concat()).ok();
        let expected = (first..=15)
            .map(|id| format!("row #{id} from sender {} to all: text {id}\n", id % 10))
            .collect::<String>();
        assert_eq!(out, expected, "{args:?}");
    }
    let mut tail = Tail::start(&folder, &["-f", "-n", "2"]);
    assert!(tail.next().starts_with("row #14 "));
    assert!(tail.next().starts_with("row #15 "));
    // That is where it begins, not how many it prints at a time.
    let rows = (0..5).map(|n| ("Bob", n.to_string()));
    folder.with("messages.db", async |db| {
        db.execute_many(INSERT, rows).await?;
        Ok(())
    });
    for id in 16..=20 {
        assert!(tail.next().starts_with(&format!("row #{id} ")));
    }
}

#[test]
fn with_none_to_begin_with_it_prints_only_what_comes() {
    let folder = Folder::new();
    folder.fill(3);
    let mut tail = Tail::start(&folder, &["-n", "0", "-f"]);
    // It does not say when it has begun, so it is sent messages until it has.
    let mut sent = 3;
    let first = loop {
        folder.send("Bob", "Alice", "hi");
        sent += 1;
        if let Ok(line) = tail.lines.recv_timeout(Duration::from_millis(50)) {
            break line;
        }
    };
    let first: usize = first
        .strip_prefix("row #")
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .expect("a message");
    assert!(first > 3, "message {first} was there before");
    for id in first + 1..=sent {
        let line = tail.next();
        assert!(line.starts_with(&format!("row #{id} ")), "{line}");
    }
}

#[test]
fn an_empty_store_is_followed_from_its_first_message() {
    let folder = Folder::new();
    folder.run(&[]).ok();
    assert_eq!(folder.run(&["tail"]).ok(), "");
    let mut tail = Tail::start(&folder, &["-f"]);
    folder.send("Bob", "Alice", "hi");
    assert_eq!(tail.next(), "row #1 from Bob to Alice: hi");
}

#[test]
fn json_is_one_object_a_line() {
    let folder = Folder::new();
    let mut tail = Tail::of_one(&folder, &["--json"]);
    let texts = ["two\nlines", "\u{1b}[31mred", "\"quoted\""];
    for text in texts {
        folder.send("Bob", "Alice", text);
    }
    let lines: String = texts.iter().map(|_| tail.next() + "\n").collect();
    assert_eq!(
        folder.run(&["list", "--json", "--limit", "3"]).ok(),
        lines,
        "as in the list"
    );
    assert_eq!(folder.run(&["tail", "--json", "-n", "3"]).ok(), lines);
}

#[test]
fn many_messages_in_one_commit_take_little_memory_and_keep_no_writer_waiting() {
    const MESSAGES: usize = 50_000;
    const MOST_KIB: u64 = 40 << 10;
    let folder = Folder::new();
    folder.send("Bob", "Alice", "one");
    let mut child = folder.program(&["tail", "-f"]).spawn().expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = |id: usize| {
        let line = lines.next().expect("another line").expect("a line");
        assert!(line.starts_with(&format!("row #{id} ")), "{line}");
    };
    next(1);
    let pid = child.id();

    folder.with("messages.db", async |db| {
        let rows = (1..=MESSAGES).map(|n| ("Carol", format!("{n} {}", "x".repeat(100))));
        db.execute_many(INSERT, rows).await?;
        Ok(())
    });
    // More than a pipe takes: it has begun to print, and can't go on.
    next(2);
    folder.send("Bob", "Alice", "last");
    for id in 3..=MESSAGES + 2 {
        next(id);
    }
    let peak = peak_kib(pid).expect("it lives");
    println!("{MESSAGES} messages in one commit: VmHWM {peak} KiB");
    assert!(peak < MOST_KIB, "{peak} KiB");
    child.kill().expect("it lives");
    child.wait().expect("it is gone");
}

#[test]
fn it_ends_when_its_reader_goes_away_also_while_nothing_comes() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "one");

    let mut child = folder.program(&["tail", "-f"]).spawn().expect("a child");
    let (_, stdout) = first_line(child.stdout.take());
    drop(stdout);
    assert_eq!(end(child).ok(), "");

    let (ours, its) = UnixStream::pair().expect("sockets");
    let mut program = folder.program(&["tail", "-f"]);
    program.stdout(OwnedFd::from(its));
    let child = program.spawn().expect("a child");
    drop(program);
    let (line, stdout) = first_line(Some(ours));
    assert_eq!(line, "row #1 from Bob to Alice: one\n");
    drop(stdout);
    // Of the end of a socket only a write tells.
    folder.send("Bob", "Alice", "two");
    assert_eq!(end(child).ok(), "");

    let binary = env!("CARGO_BIN_EXE_message-store");
    let mut shell = folder.program_of("sh");
    shell.args(["-c", "\"$0\" tail -f | head -n 1", binary]);
    let out = end(shell.spawn().expect("a shell")).ok();
    assert_eq!(out, "row #1 from Bob to Alice: one\n");
}

#[test]
fn it_can_be_written_to_a_file() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "one");
    let file = File::create(folder.path("out")).expect("a file");
    let mut program = folder.program(&["tail", "-f"]);
    let mut child = program.stdout(file).spawn().expect("a child");
    let holds = |expected: &'static str| {
        let path = folder.path("out");
        watchdog::closure("writing the file", move || {
            while fs::read_to_string(&path).expect("the file") != expected {
                thread::yield_now();
            }
        });
    };
    holds("row #1 from Bob to Alice: one\n");
    folder.send("Bob", "Alice", "two");
    holds("row #1 from Bob to Alice: one\nrow #2 from Bob to Alice: two\n");
    child.kill().expect("it lives");
    child.wait().expect("it is gone");
}

#[test]
fn a_full_disk_ends_it_with_an_error() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "one");
    let full = File::options().write(true).open("/dev/full");
    let mut program = folder.program(&["tail", "-f"]);
    program.stdout(full.expect("/dev/full"));
    let error = end(program.spawn().expect("a child")).error();
    assert_eq!(
        error,
        "message-store: standard output: No space left on device (os error 28)\n"
    );
}

#[test]
fn signals_end_it_as_they_end_any_program() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = Folder::new();
        let mut tail = Tail::of_one(&folder, &[]);
        if is_ignored(tail.pid(), signal) {
            // Whoever runs these tests in the background has said so, and any
            // program leaves it at that.
            continue;
        }
        let mut child = tail.child.take().expect("it lives");
        process::signal(&child, signal);
        let (status, said) = watchdog::closure("ending by a signal", move || {
            let mut said = String::new();
            let mut stderr = child.stderr.take().expect("a pipe");
            stderr.read_to_string(&mut said).expect("text");
            (child.wait().expect("it is gone"), said)
        });
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert_eq!(said, "");
        // The store is whole, and the next to close it tidies up.
        assert_eq!(folder.send("Bob", "Alice", "two"), "inserted row id 2\n");
        let check = folder.value::<String>("messages.db", "PRAGMA integrity_check");
        assert_eq!(check, "ok");
        assert!(!folder.path("messages.db-wal").exists());
    }
}

#[test]
fn a_log_that_is_taken_over_and_cut_does_not_stop_it() {
    let folder = Folder::new();
    let mut tail = Tail::of_one(&folder, &[]);
    for id in 2..=20 {
        folder.value::<(i64, i64, i64)>("messages.db", "PRAGMA wal_checkpoint(TRUNCATE)");
        assert_eq!(
            folder
                .path("messages.db-wal")
                .metadata()
                .expect("the log")
                .len(),
            0
        );
        folder.send("Bob", "Alice", "hi");
        assert!(tail.next().starts_with(&format!("row #{id} ")));
    }
}

#[test]
fn a_message_that_is_changed_or_deleted_is_no_news() {
    let folder = Folder::new();
    folder.fill(5);
    let mut tail = Tail::start(&folder, &["-f", "-n", "1"]);
    assert!(tail.next().starts_with("row #5 "));
    folder.sql("messages.db", "UPDATE messages SET body = 'changed'");
    folder.sql("messages.db", "DELETE FROM messages WHERE id IN (1, 3)");
    folder.send("Bob", "Alice", "hi");
    assert_eq!(tail.next(), "row #6 from Bob to Alice: hi");
}

#[test]
fn a_store_that_is_damaged_meanwhile_ends_it_with_an_error() {
    let folder = Folder::new();
    let tail = Tail::of_one(&folder, &[]);
    folder.sql("messages.db", "DROP TABLE messages");
    let (lines, run) = tail.end();
    assert_eq!(lines, Vec::<String>::new());
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains("no such table: messages"), "{}", run.err);
    assert_eq!(run.err.matches('\n').count(), 1, "{}", run.err);
}
