//! The crate beside rusqlite called directly, in one run.
//!
//! `cargo bench -p aio-sqlite` runs everything; `-- select` runs what has
//! `select` in its name; `-- --short` runs a tenth of the work. Each row's two
//! sides take turns for several rounds, and both must give the same answer. The
//! ratio is ours to rusqlite's time: 1.00 is level with it, 2.00 twice as slow.

#![allow(clippy::unwrap_used, reason = "a bench that fails says where")]

use std::future::{Future, IntoFuture};
use std::path::Path;
use std::time::{Duration, Instant};

use aio_sqlite::Connection;
use aio_sqlite::options::JournalMode;
use rusqlite::Connection as Raw;
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 7;
const POINTS: i64 = 10_000;
const POINT: &str = "SELECT id, body FROM points WHERE id = ?1";
const INSERT: &str = "INSERT INTO inserts(sender, body) VALUES (?1, ?2)";
const ROWS: &str = "SELECT id, sender, body, at FROM wide";
const WIDE: &str = "INSERT INTO wide(sender, body, at) VALUES (?1, ?2, ?3)";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let share = if arguments.iter().any(|a| a == "--short") {
        10
    } else {
        1
    };
    let wanted = arguments.iter().find(|a| !a.starts_with("--"));
    let bench = Bench {
        share,
        wanted: wanted.cloned(),
    };
    println!("| work | ours / rusqlite, median (least to most) | rusqlite, each |");
    println!("|---|---|---|");
    let current = || Builder::new_current_thread().build().unwrap();
    let threads = || {
        Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap()
    };
    for (name, runtime) in [("current-thread", current()), ("multi-thread", threads())] {
        points(&bench, name, &runtime);
        inserts(&bench, name, &runtime);
        streams(&bench, name, &runtime);
    }
}

struct Bench {
    share: usize,
    wanted: Option<String>,
}

impl Bench {
    /// Runs both sides in turns and prints their ratio. Each side gets the
    /// number of operations and returns a sum over its answers.
    fn row(
        &self,
        name: &str,
        operations: usize,
        mut raw: impl FnMut(usize) -> i64,
        mut ours: impl FnMut(usize) -> i64,
    ) {
        if self
            .wanted
            .as_ref()
            .is_some_and(|wanted| !name.contains(wanted))
        {
            return;
        }
        let operations = operations / self.share;
        assert_eq!(
            raw(operations),
            ours(operations),
            "{name}: the warm-up's answers"
        );
        let mut ratios = Vec::new();
        let mut each = Vec::new();
        for _ in 0..ROUNDS {
            let (raw_time, raw_sum) = timed(|| raw(operations));
            let (our_time, our_sum) = timed(|| ours(operations));
            assert_eq!(raw_sum, our_sum, "{name}: the answers");
            ratios.push(our_time.as_secs_f64() / raw_time.as_secs_f64());
            each.push(raw_time / u32::try_from(operations).unwrap());
        }
        ratios.sort_by(f64::total_cmp);
        each.sort();
        println!(
            "| {name} | {:.2} ({:.2} to {:.2}) | {:.2?} |",
            ratios[ROUNDS / 2],
            ratios[0],
            ratios[ROUNDS - 1],
            each[ROUNDS / 2],
        );
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed(), value)
}

/// Opens a file both ways, with the same durability, which is read back.
fn open(dir: &Path, schema: &str, runtime: &Runtime) -> (Raw, Connection) {
    let raw = Raw::open(dir.join("raw.db")).unwrap();
    raw.pragma_update(None, "journal_mode", "wal").unwrap();
    raw.pragma_update(None, "synchronous", 2).unwrap();
    raw.execute_batch(schema).unwrap();
    let db = runtime.block_on(async {
        let db = aio_sqlite::connect(dir.join("ours.db"))
            .journal_mode(JournalMode::Wal)
            .await
            .unwrap();
        db.execute_script(schema).await.unwrap();
        db
    });
    let synchronous: i64 = raw
        .pragma_query_value(None, "synchronous", |row| row.get(0))
        .unwrap();
    let ours = runtime.block_on(db.query_as::<i64>("PRAGMA synchronous", ()).one());
    assert_eq!((synchronous, ours.unwrap()), (2, 2));
    (raw, db)
}

fn points(bench: &Bench, runtime_name: &str, runtime: &Runtime) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let schema = format!(
        "CREATE TABLE points(id INTEGER PRIMARY KEY, body TEXT);
         WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < {POINTS})
         INSERT INTO points SELECT n, 'the message of number ' || n FROM c"
    );
    let (raw, db) = open(dir.path(), &schema, runtime);
    let select = |n: usize| -> i64 {
        let mut statement = raw.prepare_cached(POINT).unwrap();
        let (id, body) = statement
            .query_row([key(n)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .unwrap();
        id + i64::try_from(body.len()).unwrap()
    };
    bench.row(
        &format!("point select, one after another, {runtime_name}"),
        50_000,
        |operations| (0..operations).map(select).sum(),
        |operations| {
            spawned(runtime, db.clone(), async move |db| {
                let mut sum = 0;
                for n in 0..operations {
                    sum += select_one(&db, n).await;
                }
                sum
            })
        },
    );
    bench.row(
        &format!("point select, 64 tasks, {runtime_name}"),
        64_000,
        |operations| (0..operations).map(select).sum(),
        |operations| {
            tasks(runtime, 64, |task| {
                let db = db.clone();
                async move {
                    let mut sum = 0;
                    for n in (task..operations).step_by(64) {
                        sum += select_one(&db, n).await;
                    }
                    sum
                }
            })
        },
    );
}

/// The key of the n-th select: all over the table.
fn key(n: usize) -> i64 {
    (i64::try_from(n).unwrap() * 7_919) % POINTS + 1
}

async fn select_one(db: &Connection, n: usize) -> i64 {
    let query = db.query_as::<(i64, String)>(POINT, [key(n)]);
    let (id, body) = query.one().await.unwrap();
    id + i64::try_from(body.len()).unwrap()
}

async fn insert_one(db: &Connection) -> i64 {
    let done = db.execute(INSERT, ("Bob", "I need your help.")).await;
    i64::try_from(done.unwrap().changes).unwrap()
}

fn inserts(bench: &Bench, runtime_name: &str, runtime: &Runtime) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let schema = "CREATE TABLE inserts(id INTEGER PRIMARY KEY, sender TEXT, body TEXT)";
    let (raw, db) = open(dir.path(), schema, runtime);
    let insert = |_| -> i64 {
        let mut statement = raw.prepare_cached(INSERT).unwrap();
        i64::try_from(statement.execute(("Bob", "I need your help.")).unwrap()).unwrap()
    };
    bench.row(
        &format!("durable insert, one after another, {runtime_name}"),
        2_000,
        |operations| (0..operations).map(insert).sum(),
        |operations| {
            spawned(runtime, db.clone(), async move |db| {
                let mut sum = 0;
                for _ in 0..operations {
                    sum += insert_one(&db).await;
                }
                sum
            })
        },
    );
    bench.row(
        &format!("durable insert, 64 tasks, {runtime_name}"),
        3_200,
        |operations| (0..operations).map(insert).sum(),
        |operations| {
            tasks(runtime, 64, |task| {
                let db = db.clone();
                async move {
                    let mut sum = 0;
                    for _ in (task..operations).step_by(64) {
                        sum += insert_one(&db).await;
                    }
                    sum
                }
            })
        },
    );
}

fn wide_row(n: usize) -> (&'static str, &'static str, i64) {
    ("Bob", "I need your help.", i64::try_from(n).unwrap())
}

fn wide_sum(sender: &str, body: &str, at: i64) -> i64 {
    i64::try_from(sender.len() + body.len()).unwrap() + at
}

fn streams(bench: &Bench, runtime_name: &str, runtime: &Runtime) {
    let rows = 1_000_000 / bench.share;
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let schema = "CREATE TABLE wide(id INTEGER PRIMARY KEY, sender TEXT, body TEXT, at INTEGER)";
    let (mut raw, db) = open(dir.path(), schema, runtime);
    bench.row(
        &format!("1 M inserts in one transaction, {runtime_name}"),
        1_000_000,
        |operations| {
            let tx = raw.transaction().unwrap();
            tx.execute("DELETE FROM wide", ()).unwrap();
            let mut statement = tx.prepare_cached(WIDE).unwrap();
            let mut sum = 0;
            for n in 0..operations {
                sum += statement.execute(wide_row(n)).unwrap();
            }
            drop(statement);
            tx.commit().unwrap();
            i64::try_from(sum).unwrap()
        },
        |operations| {
            spawned(runtime, db.clone(), async move |db| {
                let tx = db.begin().await.unwrap();
                tx.execute("DELETE FROM wide", ()).await.unwrap();
                let done = tx
                    .execute_many(WIDE, (0..operations).map(wide_row))
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
                i64::try_from(done.changes).unwrap()
            })
        },
    );
    if bench.wanted.is_some() {
        // The row above may have been left out.
        for fill in [
            "DELETE FROM wide".to_owned(),
            format!(
                "WITH RECURSIVE c(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM c WHERE n < {rows} - 1)
                 INSERT INTO wide(sender, body, at) SELECT 'Bob', 'I need your help.', n FROM c"
            ),
        ] {
            raw.execute_batch(&fill).unwrap();
            runtime.block_on(db.execute(&fill, ()).into_future()).unwrap();
        }
    }
    bench.row(
        &format!("1 M rows streamed into owned values, {runtime_name}"),
        1_000_000,
        |_| {
            let mut statement = raw.prepare_cached(ROWS).unwrap();
            let rows = statement
                .query_map((), |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, i64>(3)?,
                    ))
                })
                .unwrap();
            rows.map(|row| {
                let (_, sender, body, at) = row.unwrap();
                wide_sum(&sender, &body, at)
            })
            .sum()
        },
        |_| {
            spawned(runtime, db.clone(), async move |db| {
                let mut total = 0;
                let mut rows = db.query_as::<(i64, String, String, i64)>(ROWS, ()).stream();
                while let Some(row) = rows.next().await {
                    let (_, sender, body, at) = row.unwrap();
                    total += wide_sum(&sender, &body, at);
                }
                total
            })
        },
    );
    bench.row(
        &format!("1 M rows streamed and borrowed, {runtime_name}"),
        1_000_000,
        |_| {
            let mut statement = raw.prepare_cached(ROWS).unwrap();
            let mut rows = statement.query(()).unwrap();
            let mut total = 0;
            while let Some(row) = rows.next().unwrap() {
                let _id: i64 = row.get(0).unwrap();
                let text = |column| row.get_ref(column).unwrap().as_str().unwrap();
                total += wide_sum(text(1), text(2), row.get(3).unwrap());
            }
            total
        },
        |_| {
            spawned(runtime, db.clone(), async move |db| {
                let mut total = 0;
                let mut rows = db.query(ROWS, ()).stream();
                while let Some(row) = rows.next().await {
                    let row = row.unwrap();
                    let _id: i64 = row.get(0).unwrap();
                    total += wide_sum(
                        row.get(1).unwrap(),
                        row.get(2).unwrap(),
                        row.get(3).unwrap(),
                    );
                }
                total
            })
        },
    );
}

/// Runs a body in a task of the runtime, as an application would: `block_on`
/// of a multi-thread runtime runs on a thread that is none of its workers.
fn spawned<F>(runtime: &Runtime, db: Connection, body: impl FnOnce(Connection) -> F) -> i64
where
    F: Future<Output = i64> + Send + 'static,
{
    runtime.block_on(runtime.spawn(body(db))).unwrap()
}

/// Runs so many tasks at once and adds up what they return.
fn tasks<F>(runtime: &Runtime, count: usize, body: impl Fn(usize) -> F) -> i64
where
    F: Future<Output = i64> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|task| runtime.spawn(body(task))).collect();
    runtime.block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    })
}
