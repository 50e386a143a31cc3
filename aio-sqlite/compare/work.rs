//! The work of the comparison, the same for every program: what is asked, with
//! which values, by how many tasks, and what is printed.
//!
//! A program is called as `PROGRAM WORKLOAD RUNTIME N PATH`, does the work once
//! to warm up, and once for the clock, and prints one line.

// Each program includes the whole file and needs a part of it.
#![allow(dead_code)]

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

/// The statements, found once, so that the clock never counts the search.
pub static SQL: LazyLock<Sql> = LazyLock::new(|| Sql {
    select: sql("select"),
    insert: sql("insert"),
    stream: sql("stream"),
    stream_ten_times: sql("stream ten times"),
    compute: sql("compute"),
    version: sql("version"),
    journal: sql("journal"),
    synchronous: sql("synchronous"),
    stored: sql("stored"),
});

pub struct Sql {
    pub select: &'static str,
    pub insert: &'static str,
    pub stream: &'static str,
    pub stream_ten_times: &'static str,
    pub compute: &'static str,
    pub version: &'static str,
    pub journal: &'static str,
    pub synchronous: &'static str,
    pub stored: &'static str,
}

/// A statement of `work.sql` by its name.
pub fn sql(name: &str) -> &'static str {
    include_str!("work.sql")
        .split("--: ")
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('\n'))
        .unwrap_or_else(|| panic!("work.sql has no {name}"))
        .trim()
}

/// How many rows the table of points has; the selects are all over it.
pub const POINTS: i64 = 10_000;

/// The key of the n-th select.
pub fn key(n: usize) -> i64 {
    (number(n) * 7_919) % POINTS + 1
}

/// The values of the n-th insert.
pub fn message(n: usize) -> (&'static str, &'static str, i64) {
    ("Bob", "I need your help.", number(n))
}

/// How far one of the queries counts that cost SQLite time and nobody else.
pub const STEPS: i64 = 200_000;

/// What a row of the table of points adds to the checksum: every column.
pub fn point_sum(id: i64, body: &str) -> i64 {
    id + number(body.len())
}

/// What a row of the wide table adds to the checksum: every column.
pub fn wide_sum(id: i64, sender: &str, body: &str, at: i64) -> i64 {
    id + number(sender.len()) + number(body.len()) + at
}

fn number(n: usize) -> i64 {
    i64::try_from(n).expect("a small number")
}

/// What the command line asks for.
pub struct Work {
    pub name: String,
    pub runtime: String,
    pub n: usize,
    pub path: PathBuf,
}

impl Work {
    pub fn from_arguments() -> Work {
        let mut arguments = std::env::args().skip(1);
        let mut next = |what| arguments.next().unwrap_or_else(|| panic!("no {what}"));
        Work {
            name: next("WORKLOAD"),
            runtime: next("RUNTIME"),
            n: next("N").parse().expect("N is a number"),
            path: next("PATH").into(),
        }
    }

    /// What kind of work it is, how many tasks do it, and how they do it:
    /// `select-64`, and `select-64-held` where each keeps a connection for
    /// itself.
    pub fn parts(&self) -> (&str, usize, &str) {
        let mut parts = self.name.split('-');
        let kind = parts.next().unwrap_or_default();
        let tasks = parts.next().unwrap_or("1");
        let tasks = tasks.parse().expect("a number of tasks");
        (kind, tasks, parts.next().unwrap_or_default())
    }

    /// Says whether each task keeps a connection of its own.
    pub fn holds(&self) -> bool {
        let (_, tasks, how) = self.parts();
        tasks == 1 || how == "held"
    }

    pub fn inserts(&self) -> bool {
        matches!(self.parts().0, "insert" | "savepoints" | "many")
    }

    /// How much of the work warms up: where memory counts, none. Who commits
    /// again and again does so until the write-ahead log has its full length:
    /// before that each commit also extends the file.
    pub fn warm_up(&self) -> usize {
        match self.parts().0 {
            "memory" => 0,
            "insert" | "savepoints" => 4 * self.n,
            _ => self.n / 10,
        }
    }

    fn runtime(&self) -> Runtime {
        let mut builder = match self.runtime.as_str() {
            "current-thread" => Builder::new_current_thread(),
            "multi-thread" => Builder::new_multi_thread(),
            other => panic!("no runtime {other}"),
        };
        // Nothing but sqlx's pool, for its timeouts, needs tokio's clock.
        builder.worker_threads(2).enable_all();
        builder.build().expect("a runtime")
    }
}

/// What SQLite says of itself, read back and not assumed.
pub struct Facts {
    pub version: String,
    pub journal: String,
    pub synchronous: String,
}

/// The clock and the memory, from the start of the work to its end.
pub struct Measure {
    resident: u64,
    start: Instant,
}

impl Measure {
    pub fn start() -> Measure {
        Measure {
            resident: memory("VmRSS:"),
            start: Instant::now(),
        }
    }

    /// Stops the clock.
    pub fn stop(self) -> Measured {
        Measured {
            nanoseconds: self.start.elapsed().as_nanos(),
            peak: memory("VmHWM:").saturating_sub(self.resident),
        }
    }
}

pub struct Measured {
    nanoseconds: u128,
    peak: u64,
}

impl Measured {
    /// Prints the one line of this program.
    pub fn print(self, sum: i64, facts: &Facts) {
        let Facts {
            version,
            journal,
            synchronous,
        } = facts;
        println!(
            "ns={} sum={sum} sqlite={version} journal={journal} synchronous={synchronous} peak_kib={}",
            self.nanoseconds, self.peak
        );
    }
}

/// A line of this process's memory, in KiB.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux's /proc");
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    let number = found.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).expect("KiB")
}

/// What a crate that is compared can do. What it can't do it is not asked.
pub trait Peer: Sized + Send + Sync + 'static {
    /// What one task works with.
    type Handle: Send + 'static;

    fn open(work: &Work, tasks: usize) -> impl Future<Output = Self> + Send;

    fn handle(&self) -> impl Future<Output = Self::Handle> + Send;

    /// The text of a statement's only row.
    fn text(handle: &mut Self::Handle, sql: &'static str) -> impl Future<Output = String> + Send;

    fn select(handle: &mut Self::Handle, key: i64) -> impl Future<Output = (i64, String)> + Send;

    /// Inserts one row, which is on the disk afterwards; how many that changed.
    fn insert(
        _handle: &mut Self::Handle,
        _message: (&'static str, &'static str, i64),
    ) -> impl Future<Output = i64> + Send {
        async { unasked("insert") }
    }

    /// The checksum over a stream of wide rows, each decoded into values of its own.
    fn stream(
        _handle: &mut Self::Handle,
        _sql: &'static str,
        _limit: i64,
    ) -> impl Future<Output = i64> + Send {
        async { unasked("stream") }
    }

    /// The same, but the texts are borrowed from the row.
    fn borrow(
        _handle: &mut Self::Handle,
        _sql: &'static str,
        _limit: i64,
    ) -> impl Future<Output = i64> + Send {
        async { unasked("borrow") }
    }

    /// Inserts so many rows out of a stream in one transaction; how many changed.
    fn many(_handle: &mut Self::Handle, _rows: usize) -> impl Future<Output = i64> + Send {
        async { unasked("many") }
    }

    /// The answer to the query that computes.
    fn compute(_handle: &mut Self::Handle, _steps: i64) -> impl Future<Output = i64> + Send {
        async { unasked("compute") }
    }
}

fn unasked(what: &str) -> ! {
    panic!("this program does no {what}")
}

/// The whole program of a peer.
pub fn main_of<P: Peer>() {
    let work = Work::from_arguments();
    work.runtime().block_on(measure::<P>(&work));
}

async fn measure<P: Peer>(work: &Work) {
    let (_, tasks, _) = work.parts();
    let peer = Arc::new(P::open(work, tasks).await);
    let mut first = peer.handle().await;
    let facts = Facts {
        version: P::text(&mut first, SQL.version).await,
        journal: P::text(&mut first, SQL.journal).await,
        synchronous: P::text(&mut first, SQL.synchronous).await,
    };
    // It may be the only connection of a pool.
    drop(first);
    let mut handles = Vec::new();
    for _ in 0..tasks {
        handles.push(peer.handle().await);
    }
    let (_, handles) = once::<P>(work, work.warm_up(), handles).await;
    let measure = Measure::start();
    let (mut sum, handles) = once::<P>(work, work.n, handles).await;
    let measured = measure.stop();
    drop(handles);
    if work.inserts() {
        let stored = P::text(&mut peer.handle().await, SQL.stored).await;
        sum += stored.parse::<i64>().expect("a number");
    }
    measured.print(sum, &facts);
}

/// Does so much of the work, in tasks of the runtime, as an application would:
/// `block_on` of a multi-thread runtime runs on a thread that is none of its
/// workers.
async fn once<P: Peer>(work: &Work, n: usize, handles: Vec<P::Handle>) -> (i64, Vec<P::Handle>) {
    let (kind, count, _) = work.parts();
    let kind: Arc<str> = kind.into();
    let tasks: Vec<_> = handles
        .into_iter()
        .enumerate()
        .map(|(task, mut handle)| {
            let kind = kind.clone();
            tokio::spawn(async move {
                let share = (task..n).step_by(count);
                let sum = part::<P>(&kind, &mut handle, share, n).await;
                (sum, handle)
            })
        })
        .collect();
    let mut sum = 0;
    let mut handles = Vec::new();
    for task in tasks {
        let (part, handle) = task.await.expect("no task panics");
        sum += part;
        handles.push(handle);
    }
    (sum, handles)
}

/// The part of the work that one task does.
async fn part<P: Peer>(
    kind: &str,
    handle: &mut P::Handle,
    share: impl Iterator<Item = usize>,
    n: usize,
) -> i64 {
    let mut sum = 0;
    match kind {
        "select" => {
            for n in share {
                let (id, body) = P::select(handle, key(n)).await;
                sum += point_sum(id, &body);
            }
        }
        "insert" => {
            for n in share {
                sum += P::insert(handle, message(n)).await;
            }
        }
        "compute" => {
            for _ in share {
                sum += P::compute(handle, STEPS).await;
            }
        }
        "many" => sum += P::many(handle, n).await,
        "stream" => sum += P::stream(handle, SQL.stream, number(n)).await,
        "borrow" => sum += P::borrow(handle, SQL.stream, number(n)).await,
        "memory" => sum += P::stream(handle, SQL.stream_ten_times, number(n)).await,
        other => panic!("no work {other}"),
    }
    sum
}
