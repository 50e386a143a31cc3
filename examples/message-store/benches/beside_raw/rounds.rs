//! Two sides that take turns.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aio_sqlite::rusqlite::Connection;

use crate::corpus::Corpus;
use crate::raw::{self, Manner};

const ROUNDS: usize = 5;

/// What was asked for.
pub(crate) struct Bench {
    /// What the work is divided by.
    pub(crate) share: usize,
    wanted: Option<String>,
}

impl Bench {
    pub(crate) fn from_arguments() -> Bench {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let short = arguments.iter().any(|argument| argument == "--short");
        Bench {
            share: if short { 10 } else { 1 },
            wanted: arguments.into_iter().find(|a| !a.starts_with("--")),
        }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_none_or(|wanted| name.contains(wanted))
    }

    /// Imports a file by each side in turns, and prints how many times as fast
    /// ours is as each of the others.
    pub(crate) fn imports(&self, name: &str, corpus: impl FnOnce() -> Corpus) {
        if !self.wants(name) {
            return;
        }
        let corpus = corpus();
        let others = [
            ("a row at a time", Manner::Row),
            ("staged as here", Manner::Staged),
        ];
        let mut ours = Vec::new();
        let mut beside = others.map(|_| (Vec::new(), Vec::new()));
        for _ in 0..ROUNDS {
            let (our_time, our_sum) = imported(&corpus, program());
            ours.push(our_time);
            for ((_, manner), (ratios, times)) in others.into_iter().zip(&mut beside) {
                let (time, sum) = imported(&corpus, raw::child(manner));
                assert_eq!(our_sum, sum, "{name}: the messages");
                ratios.push(time.as_secs_f64() / our_time.as_secs_f64());
                times.push(time);
            }
        }
        let ours = median(ours);
        for ((manner, _), (mut ratios, times)) in others.into_iter().zip(beside) {
            ratios.sort_by(f64::total_cmp);
            println!(
                "| {name}, {manner} | {:.2} ({:.2} to {:.2}) times as fast | {ours:.1?} | {:.1?} |",
                ratios[ROUNDS / 2],
                ratios[0],
                ratios[ROUNDS - 1],
                median(times),
            );
        }
    }
}

/// The program itself.
pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_message-store"))
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Imports the corpus into an empty store; returns how long that took, and a
/// sum over what is there then.
fn imported(corpus: &Corpus, mut importer: Command) -> (Duration, Vec<i64>) {
    let store = corpus.store("messages.db");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", store.display()));
    }
    let made = program()
        .arg("--db")
        .arg(&store)
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    importer
        .arg("--db")
        .arg(&store)
        .arg("import")
        .arg(corpus.path());
    importer.stdout(Stdio::null());
    let begun = Instant::now();
    let status = importer.status().unwrap();
    let time = begun.elapsed();
    assert!(status.success(), "{importer:?}: {status}");
    let sum = sum(&store);
    assert_eq!(sum[0], corpus.messages as i64, "{importer:?}");
    (time, sum)
}

fn sum(store: &Path) -> Vec<i64> {
    let db = Connection::open(store).unwrap();
    let number = |sql: &str| db.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    [
        "SELECT count(*) FROM messages",
        "SELECT sum(id * length(uid)) FROM messages",
        "SELECT sum(id * (length(body) + 3 * length(sender) + 5 * length(recipient))) FROM messages",
        "SELECT ifnull(sum(id * length(subject)), 0) FROM messages",
        "SELECT sum(id * unixepoch(sent_at)) FROM messages",
        "SELECT ifnull(sum(rowid), 0) FROM messages_fts WHERE messages_fts MATCH 'babababa'",
    ]
    .map(number)
    .to_vec()
}
