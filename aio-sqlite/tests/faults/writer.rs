//! The program under fault: 64 tasks insert rows, and print `ack N` for each
//! row after its `await` has returned Ok.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, exit};
use std::time::Duration;

use aio_sqlite::options::Durability;
use aio_sqlite::{Database, Result};
use chaos::acks;
use chaos::inject::Victim;

const TOLD: &str = "AIO_SQLITE_WRITER";

/// How many tasks write at the same time.
const TASKS: u64 = 64;

/// From this task on, a number is written twice: in a transaction, an
/// `execute_many`, a `batch` and a `write` by turns.
const FIRST_PAIR: u64 = 48;

/// One task of so many also writes what must be refused, after each number.
const REFUSED: u64 = 8;

/// After so many pages a relaxed program's log is brought into the database.
const CHECKPOINT: i64 = 16;

/// A task's numbers begin at its own multiple of this.
const STRIDE: u64 = 1_000_000;

/// What is written when every task has ended: a call that fails once can't fail both.
const LAST: [u64; 2] = [TASKS * STRIDE, TASKS * STRIDE + 1];

/// What the program says when it has its table.
pub(crate) const READY: &str = "ready";

/// What the program says when every task has ended.
pub(crate) const ENDING: &str = "ending";

/// What it says of a number whose insert it has dropped.
pub(crate) const GONE: &str = "gone";

/// How long an impatient program waits for an answer.
const PATIENCE: Duration = Duration::from_millis(30);

/// How the program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As a user would.
    Right,
    /// Wrong: acknowledges before the `await` has returned.
    Early,
    /// Wrong: acknowledges whatever the `await` returned.
    Deaf,
    /// Wrong: writes the two rows that belong together without a transaction.
    Apart,
    /// Right for those who know what it means: a commit does not wait for the disk.
    Relaxed,
    /// As a user whose callers go away: drops what has not answered soon.
    Impatient,
    /// Wrong: the same, and two rows that belong together without a transaction.
    ImpatientApart,
    /// Opens what another has left, writes to a table of its own, and closes it.
    Successor,
}

/// What it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    CurrentThread,
    TwoThreads,
}

const WAYS: [Way; 8] = [
    Way::Right,
    Way::Early,
    Way::Deaf,
    Way::Apart,
    Way::Relaxed,
    Way::Impatient,
    Way::ImpatientApart,
    Way::Successor,
];
const RUNTIMES: [Runtime; 2] = [Runtime::CurrentThread, Runtime::TwoThreads];

/// The program with its arguments, as a test starts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) way: Way,
    pub(crate) runtime: Runtime,
    /// How many numbers each task writes; none for no end.
    pub(crate) times: Option<u64>,
}

impl Writer {
    pub(crate) const fn new(way: Way, runtime: Runtime) -> Self {
        Self {
            way,
            runtime,
            times: Some(2),
        }
    }

    /// How many numbers it writes in all.
    pub(crate) fn numbers(self) -> Option<u64> {
        Some(self.times? * TASKS + LAST.len() as u64)
    }

    pub(crate) fn command(self, path: &Path) -> Command {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program
            .env(TOLD, "1")
            .arg(format!("{:?}", self.way))
            .arg(format!("{:?}", self.runtime))
            .arg(self.times.unwrap_or(0).to_string())
            .arg(path);
        program
    }

    pub(crate) fn victim(self, path: &Path) -> Victim {
        Victim::new(self.command(path))
    }
}

/// How far a program came that had a call fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It had no table to write to.
    Refused,
    /// It could not write any more.
    Stopped,
    /// It could write again, or still.
    WroteOn,
}

pub(crate) fn progress(stdout: &[u8]) -> Progress {
    if acks::read(stdout)
        .iter()
        .any(|number| LAST.contains(number))
    {
        Progress::WroteOn
    } else if stdout.starts_with(READY.as_bytes()) {
        Progress::Stopped
    } else {
        Progress::Refused
    }
}

/// Says whether a number is written twice.
pub(crate) fn is_pair(number: u64) -> bool {
    (FIRST_PAIR..TASKS).contains(&(number / STRIDE))
}

/// The text beside a number. Found in a file, it says whose row that is.
pub(crate) fn text(number: u64) -> String {
    format!("<{number}> {}", "text ".repeat(8))
}

/// Is the program, and never returns, if this process was started as it.
pub(crate) fn run_if_told() {
    if std::env::var_os(TOLD).is_none() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [way, runtime, times, path] = &arguments[..] else {
        panic!("{arguments:?}");
    };
    let way = named(way, &WAYS);
    let times = match times.parse().unwrap() {
        0 => u64::MAX,
        times => times,
    };
    let mut runtime = match named(runtime, &RUNTIMES) {
        Runtime::CurrentThread => tokio::runtime::Builder::new_current_thread(),
        Runtime::TwoThreads => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(2);
            builder
        }
    };
    let runtime = runtime.enable_time().build().unwrap();
    let outcome = runtime.block_on(async {
        match way {
            Way::Successor => succeed(path).await,
            way => write(way, times, path).await,
        }
    });
    // What was refused is no failure of the program: it has said so, and not
    // acknowledged it. Only a panic is one, and has its own code.
    if let Err(error) = outcome {
        say(&error);
    }
    exit(0);
}

fn named<T: fmt::Debug + Copy>(name: &str, all: &[T]) -> T {
    let found = all.iter().find(|one| format!("{one:?}") == name);
    *found.unwrap_or_else(|| panic!("no {name:?}"))
}

async fn write(way: Way, times: u64, path: &str) -> Result<()> {
    let mut open = aio_sqlite::open(path).readers(1);
    if way == Way::Relaxed {
        // What brings a relaxed log to the disk are its checkpoints: with more of
        // them a power cut finds more to take apart.
        open = open
            .durability(Durability::Relaxed)
            .pragma("wal_autocheckpoint", CHECKPOINT);
    }
    let db = open.await?;
    db.execute_script("CREATE TABLE written(number INTEGER CHECK (number >= 0), text TEXT)")
        .await?;
    println!("{READY}");
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                for number in (task * STRIDE..).take(times.try_into().unwrap_or(usize::MAX)) {
                    insert(&db, way, number).await;
                    if task % REFUSED == 0 {
                        be_refused(&db).await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        if task.await.is_err() {
            exit(101);
        }
    }
    println!("{ENDING}");
    for number in LAST {
        insert(&db, way, number).await;
    }
    db.close().await
}

/// What the next program does with a database.
pub(crate) async fn succeed(path: impl AsRef<Path>) -> Result<()> {
    let db = aio_sqlite::open(path).readers(1).await?;
    db.execute_script("CREATE TABLE IF NOT EXISTS again(n)")
        .await?;
    db.execute("INSERT INTO again VALUES (1)", ()).await?;
    db.close().await
}

async fn insert(db: &Database, way: Way, number: u64) {
    if way == Way::Early {
        acknowledge(number);
    }
    let impatient = matches!(way, Way::Impatient | Way::ImpatientApart);
    if impatient && !LAST.contains(&number) {
        match tokio::time::timeout(PATIENCE, insert_quietly(db, way, number)).await {
            Ok(Ok(())) => acknowledge(number),
            Ok(Err(error)) => say(&error),
            Err(_) => println!("{GONE} {number}"),
        }
        return;
    }
    match insert_quietly(db, way, number).await {
        Ok(()) if way == Way::Early => {}
        Ok(()) => acknowledge(number),
        Err(_) if way == Way::Deaf => acknowledge(number),
        Err(error) => say(&error),
    }
}

async fn insert_quietly(db: &Database, way: Way, number: u64) -> Result<()> {
    const SQL: &str = "INSERT INTO written VALUES (?1, ?2)";
    let row = (number as i64, text(number));
    if matches!(way, Way::Apart | Way::ImpatientApart) && is_pair(number) {
        db.execute(SQL, row.clone()).await?;
        return db.execute(SQL, row).await.map(|_| ());
    }
    if !is_pair(number) {
        return db.execute(SQL, row).await.map(|_| ());
    }
    match number / STRIDE % 4 {
        0 => {
            let tx = db.begin().await?;
            tx.execute(SQL, row.clone()).await?;
            tx.execute(SQL, row).await?;
            tx.commit().await
        }
        1 => db.execute_many(SQL, [row.clone(), row]).await.map(|_| ()),
        2 => {
            let pair = db.batch().execute(SQL, row.clone()).execute(SQL, row);
            pair.await.map(|_| ())
        }
        _ => {
            db.write(move |raw| {
                raw.execute(SQL, (row.0, &row.1))?;
                raw.execute(SQL, (row.0, &row.1))
            })
            .await?;
            Ok(())
        }
    }
}

/// Fails in a way that SQLite answers by rolling back all that shares the commit:
/// the neighbours are to be written again, each once.
async fn be_refused(db: &Database) {
    const SQL: &str = "INSERT OR ROLLBACK INTO written VALUES (-1, 'refused')";
    assert!(
        db.execute(SQL, ()).await.is_err(),
        "a row that breaks a rule"
    );
}

fn acknowledge(number: u64) {
    println!("ack {number}");
}

fn say(error: &aio_sqlite::Error) {
    writeln!(io::stderr(), "{error}").ok();
}
