//! From a commit in one process to its line in `tail -f` of another.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use aio_sqlite::rusqlite::Connection;

use crate::rounds::{Bench, median, program};

/// The other side is a text file that is appended to and followed by the
/// system's own `tail -f`: how fast one process can hear of another's write. That
/// is over in microseconds, so its time begins before the write; ours begins when
/// the commit has returned.
pub(crate) fn row(bench: &Bench) {
    let name = "tail: from a commit to its line in another process, beside tail(1) and a text file";
    if !bench.wants(name) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("messages.db");
    let made = program()
        .arg("--db")
        .arg(&store)
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let db = Connection::open(&store).unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    let mut tail = program();
    tail.arg("--db").arg(&store).args(["tail", "-f"]);
    let mut ours = Follower::of(tail);

    let text = folder.path().join("messages.txt");
    let mut file = std::fs::File::create(&text).unwrap();
    let mut tail = Command::new("tail");
    tail.arg("-f").arg(&text);
    let mut theirs = Follower::of(tail);

    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for n in 0..(1_000 / bench.share).max(20) {
        let body = format!("message {n}");
        let sql = "INSERT INTO messages(sender, recipient, body) VALUES ('Bob', 'Alice', ?1)";
        db.execute(sql, [&body]).unwrap();
        let committed = Instant::now();
        ours.hears(&body);
        our_times.push(committed.elapsed());

        let begun = Instant::now();
        file.write_all(format!("{body}\n").as_bytes()).unwrap();
        theirs.hears(&body);
        their_times.push(begun.elapsed());
    }
    let (ours, theirs) = (median(our_times), median(their_times));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("| {name} | {ratio:.2} times its time | {ours:.0?} | {theirs:.0?} |");
}

/// A process that prints what it follows.
struct Follower {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Follower {
    fn of(mut command: Command) -> Follower {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Follower { child, lines }
    }

    /// Waits for a line.
    fn hears(&mut self, line: &str) {
        let mut heard = String::new();
        self.lines.read_line(&mut heard).unwrap();
        assert!(
            heard.trim_end().ends_with(line),
            "{heard:?} is not {line:?}"
        );
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
