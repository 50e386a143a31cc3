//! Queries that share a read transaction see what each would see by itself.

use std::future::IntoFuture;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use aio_sqlite::{Error, Session};
use chaos::watchdog;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::world::{ENDLESS, function};

const COUNT: &str = "SELECT n FROM counter";

/// A file with a counter, and what its journal is.
fn file(journal: &str) -> (TempDir, rusqlite::Connection) {
    let dir = tempfile::tempdir().unwrap();
    let raw = rusqlite::Connection::open(path(&dir)).unwrap();
    raw.pragma_update(None, "journal_mode", journal).unwrap();
    raw.pragma_update(None, "synchronous", "off").unwrap();
    raw.execute_batch("CREATE TABLE counter(n); INSERT INTO counter VALUES (0); CREATE TABLE t(n)")
        .unwrap();
    (dir, raw)
}

fn path(dir: &TempDir) -> std::path::PathBuf {
    dir.path().join("test.db")
}

/// Another user of the file, who counts up in commits of its own until this is
/// dropped.
struct Counting {
    counted: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Counting {
    fn start(raw: rusqlite::Connection) -> Counting {
        let counted = Arc::new(AtomicI64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (ours, stopped) = (counted.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            raw.busy_timeout(Duration::from_secs(60)).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                raw.execute("UPDATE counter SET n = n + 1", ()).unwrap();
                ours.fetch_add(1, Ordering::SeqCst);
            }
        });
        Counting {
            counted,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || std::thread::panicking());
    }
}

/// Has 64 tasks read the counter, none of which may miss what had been counted
/// when it asked.
async fn read_beside_another<S>(db: S, raw: rusqlite::Connection)
where
    S: std::ops::Deref<Target = Session> + Clone + Send + Sync + 'static,
{
    let counting = Counting::start(raw);
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (db, counted) = (db.clone(), counting.counted.clone());
            tokio::spawn(async move {
                let mut rounds = 0;
                // Where there is little time to run in, the other comes seldom.
                while rounds < 300 || counted.load(Ordering::SeqCst) < 100 {
                    rounds += 1;
                    let least = counted.load(Ordering::SeqCst);
                    let read: i64 = db.query_as(COUNT, ()).one().await.unwrap();
                    assert!(read >= least, "{read} is older than {least}");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_query_of_a_connection_misses_what_was_committed_before_it_was_asked() {
    let (dir, raw) = file("wal");
    let db = aio_sqlite::connect(path(&dir)).await.unwrap();
    read_beside_another(db, raw).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_query_of_a_database_misses_what_was_committed_before_it_was_asked() {
    let (dir, raw) = file("wal");
    let db = aio_sqlite::open(path(&dir)).readers(2).await.unwrap();
    read_beside_another(db, raw).await;
}

/// A write that began in the read transaction of the queries before it would
/// find it too old: SQLite fails it at once.
#[tokio::test]
async fn a_write_between_queries_begins_anew_and_is_seen_behind_it() {
    let (dir, raw) = file("wal");
    let db = aio_sqlite::connect(path(&dir)).await.unwrap();
    let counting = Counting::start(raw);
    let mut before = 0;
    while before < 300 || counting.counted.load(Ordering::SeqCst) < 30 {
        let counts = || db.query_as::<i64>("SELECT count(*) FROM t", ()).one();
        let many = || join_all((0..10).map(|_| counts()));
        let write = db.execute("INSERT INTO t VALUES (1)", ());
        let (first, written, then) = tokio::join!(many(), async { write.await }, many());
        assert_eq!(written.unwrap().changes, 1);
        for count in first {
            assert_eq!(count.unwrap(), before);
        }
        for count in then {
            assert_eq!(count.unwrap(), before + 1);
        }
        before += 1;
    }
}

#[tokio::test]
async fn who_has_the_last_answer_finds_the_file_left_alone() {
    let (dir, raw) = file("delete");
    raw.busy_timeout(Duration::ZERO).unwrap();
    let db = aio_sqlite::connect(path(&dir)).await.unwrap();
    for _ in 0..1_000 {
        for count in join_all((0..10).map(|_| db.query_as::<i64>(COUNT, ()).one())).await {
            assert_eq!(count.unwrap(), 0);
        }
        raw.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
    }
}

/// Of several readers the one that answers last may not have run the last query.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_last_answer_of_a_database_finds_its_log_left_alone() {
    let (dir, raw) = file("wal");
    raw.busy_timeout(Duration::ZERO).unwrap();
    let open = aio_sqlite::open(path(&dir)).readers(2).max_readers(2);
    let db = open.await.unwrap();
    for round in 1..=2_000 {
        raw.execute("UPDATE counter SET n = n + 1", ()).unwrap();
        for count in join_all((0..16).map(|_| db.query_as::<i64>(COUNT, ()).one())).await {
            assert_eq!(count.unwrap(), round);
        }
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: i64 = raw.query_row(checkpoint, (), |row| row.get(0)).unwrap();
        assert_eq!(busy, 0, "in round {round}");
    }
}

/// What reads no file, or another, keeps nobody from this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_beside_others_keeps_only_the_file_that_it_reads() {
    let (other, _) = file("delete");
    let series = "WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < ?1)
                  SELECT count(*) FROM c";
    for computes in [
        format!("SELECT ({series})"),
        format!("SELECT count(*) + ({series}) FROM other.counter"),
    ] {
        let (dir, raw) = file("delete");
        raw.busy_timeout(Duration::ZERO).unwrap();
        let db = aio_sqlite::connect(path(&dir)).await.unwrap();
        let attached = path(&other).to_string_lossy().into_owned();
        db.execute("ATTACH ?1 AS other", [attached]).await.unwrap();
        let count = || db.query_as::<i64>(COUNT, ()).one();
        let compute = |to: i64| db.query_as::<i64>(&computes, [to]).one();
        // What both of them read is known when they have come a few times.
        for _ in 0..10 {
            let both = async || tokio::try_join!(count(), compute(1));
            for both in join_all((0..8).map(|_| both())).await {
                both.unwrap();
            }
        }
        // They wait together behind a write that never ends.
        let fills = format!("INSERT INTO t {ENDLESS}");
        let mut endless = Box::pin(db.execute(fills, ()).into_future());
        assert!((&mut endless).now_or_never().is_none());
        while raw.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {}
        let mut first = Box::pin(count());
        assert!((&mut first).now_or_never().is_none());
        let mut long = Box::pin(compute(i64::MAX));
        assert!((&mut long).now_or_never().is_none());
        let mut others = Box::pin(join_all((0..4).map(|_| count())));
        assert!((&mut others).now_or_never().is_none());
        drop(endless);
        watchdog::future("the first", first).await.unwrap();
        watchdog::closure("a lock", move || {
            while raw.execute_batch("BEGIN EXCLUSIVE; COMMIT").is_err() {
                std::thread::yield_now();
            }
        });
        drop(long);
        for other in watchdog::future("the others", others).await {
            other.unwrap();
        }
    }
}

#[tokio::test]
async fn an_attached_file_is_left_alone_too_and_can_be_detached() {
    let (other, raw) = file("delete");
    raw.busy_timeout(Duration::ZERO).unwrap();
    let (dir, _) = file("delete");
    let db = aio_sqlite::connect(path(&dir)).await.unwrap();
    let attached = path(&other).to_string_lossy().into_owned();
    let attach = async || db.execute("ATTACH ?1 AS other", [&attached]).await;
    attach().await.unwrap();
    let ask = |n: usize| {
        let databases = ["main", "other"];
        let sql = format!("SELECT count(*) FROM {}.counter", databases[n % 2]);
        db.query_as::<i64>(sql, ()).one()
    };
    for _ in 0..100 {
        let (before, detached, between, attached, then) = tokio::join!(
            join_all((0..10).map(ask)),
            async { db.execute("DETACH other", ()).await },
            join_all((0..10).map(ask)),
            attach(),
            join_all((0..10).map(ask)),
        );
        detached.unwrap();
        attached.unwrap();
        for (n, count) in between.into_iter().enumerate() {
            assert_eq!(count.is_ok(), n % 2 == 0, "{count:?}");
        }
        for count in before.into_iter().chain(then) {
            assert_eq!(count.unwrap(), 1);
        }
        raw.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
    }
}

/// None of these could run beside a query that is half read, or would be undone
/// with it.
#[tokio::test]
async fn statements_of_every_kind_run_between_queries() {
    let (dir, raw) = file("wal");
    drop(raw);
    let db = aio_sqlite::connect(path(&dir)).await.unwrap();
    let asks = async || {
        for count in join_all((0..8).map(|_| db.query_as::<i64>(COUNT, ()).one())).await {
            count.unwrap();
        }
    };
    let runs = async |sql: &str| {
        let ran = db.query(sql, ()).await;
        ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    let statements = "BEGIN; INSERT INTO t VALUES (1); COMMIT
        BEGIN IMMEDIATE; SAVEPOINT a; DELETE FROM t; ROLLBACK TO a; RELEASE a; COMMIT
        VACUUM; PRAGMA journal_mode = delete; UPDATE counter SET n = n + 1
        PRAGMA page_size = 8192; VACUUM; PRAGMA journal_mode = wal; PRAGMA wal_checkpoint(TRUNCATE)
        PRAGMA locking_mode = exclusive; UPDATE counter SET n = n + 1; PRAGMA locking_mode = normal
        CREATE TEMP TABLE u AS SELECT n FROM counter; DROP TABLE u
        PRAGMA foreign_keys = off; PRAGMA foreign_keys = on
        PRAGMA query_only = 1; PRAGMA query_only = 0
        CREATE TABLE x(y); ALTER TABLE x ADD COLUMN z; REINDEX; ANALYZE; DROP TABLE x";
    for _ in 0..4 {
        let in_order = statements.split(['\n', ';']).map(str::trim);
        let all = in_order.map(|sql| async move { tokio::join!(asks(), runs(sql)) });
        watchdog::future("all of them", join_all(all)).await;
    }
}

/// However many slow queries were asked for together, none keeps a state of the
/// file for the next.
#[tokio::test]
async fn slow_queries_do_not_share_a_transaction() {
    let (dir, raw) = file("wal");
    let db = aio_sqlite::connect(path(&dir)).await.unwrap();
    let slow = "SELECT n + 0 * (WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c
                WHERE i < 100000) SELECT count(*) FROM c) FROM counter";
    raw.busy_timeout(Duration::ZERO).unwrap();
    let round = async || {
        // They wait together behind a write that never ends.
        let mut endless = Box::pin(
            db.execute(format!("INSERT INTO t {ENDLESS}"), ())
                .into_future(),
        );
        assert!((&mut endless).now_or_never().is_none());
        while raw.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {}
        let mut first = Box::pin(db.query_as::<i64>(slow, ()).one());
        assert!((&mut first).now_or_never().is_none());
        let mut others = Box::pin(join_all((0..4).map(|_| db.query_as::<i64>(slow, ()).one())));
        assert!((&mut others).now_or_never().is_none());
        drop(endless);
        let before = first.await.unwrap(); // behind which nobody writes
        raw.execute("UPDATE counter SET n = n + 1", ()).unwrap();
        let others = others.await;
        // The last but one would still be in a transaction of all.
        *others[2].as_ref().unwrap() > before
    };
    // Where there is little time to run in, what is committed may come late, but
    // not each time.
    let seen = async { while !round().await {} };
    watchdog::future("slow queries that see a commit", seen).await;
}

/// What an SQL function writes through another connection the next query sees.
#[tokio::test]
async fn what_the_code_of_a_caller_does_is_seen_by_the_next_query() {
    let (dir, raw) = file("wal");
    let db = aio_sqlite::connect(path(&dir)).await.unwrap();
    let raw = std::sync::Mutex::new(raw);
    function(&db, "count_up", move |_| {
        let raw = raw.lock().unwrap();
        raw.execute("UPDATE counter SET n = n + 1", ()).unwrap();
    })
    .await;
    for round in 0..100 {
        let ask = |sql| db.query_as::<i64>(sql, ()).one();
        let mut asked: Vec<_> = (0..5).map(|_| ask(COUNT)).collect();
        asked.push(ask("SELECT count_up(1)"));
        asked.extend((0..5).map(|_| ask(COUNT)));
        let counts = join_all(asked).await;
        for (at, count) in counts.into_iter().enumerate() {
            match at {
                0..5 => assert_eq!(count.unwrap(), round),
                5 => assert_eq!(count.unwrap(), 1),
                _ => assert_eq!(count.unwrap(), round + 1),
            }
        }
    }
}

fn locked(dir: &Path) -> rusqlite::Connection {
    let raw = rusqlite::Connection::open(dir.join("test.db")).unwrap();
    raw.execute_batch("BEGIN EXCLUSIVE").unwrap();
    raw
}

#[tokio::test]
async fn queries_that_wait_for_a_lock_keep_their_limits_and_go_with_their_callers() {
    let (dir, _) = file("delete");
    let db = aio_sqlite::connect(path(&dir))
        .busy_timeout(Duration::from_secs(3_600))
        .await
        .unwrap();
    let count = || db.query_as::<i64>(COUNT, ());
    count().one().await.unwrap();
    let lock = locked(dir.path());
    let limited = || count().timeout(Duration::from_millis(20)).one();
    for answer in join_all((0..10).map(|_| limited())).await {
        assert!(matches!(answer, Err(Error::TimedOut { .. })), "{answer:?}");
    }
    let mut dropped = Box::pin(join_all((0..10).map(|_| count().one())));
    assert!((&mut dropped).now_or_never().is_none());
    drop(dropped);
    watchdog::future("close", db.close()).await.unwrap();
    drop(lock);
}

/// Whoever goes in the middle of others, or is stopped by a limit, takes nobody
/// along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_go_or_are_stopped_disturb_nobody_beside_them() {
    for journal in ["delete", "wal"] {
        let (dir, raw) = file(journal);
        let db = aio_sqlite::connect(path(&dir))
            .busy_timeout(Duration::from_secs(60))
            .await
            .unwrap();
        let counting = Counting::start(raw);
        let tasks = (0..32).map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                let count = || db.query_as::<i64>(COUNT, ());
                let endless = |from| db.query_as::<i64>(format!("SELECT ({ENDLESS}) {from}"), ());
                let mut seen = 0;
                for n in 0..100 {
                    match (task * 7 + n) % 5 {
                        0 => drop(Box::pin(count().one()).now_or_never()),
                        1 => drop(Box::pin(endless("").one()).now_or_never()),
                        2 => {
                            let limit = Duration::from_micros(200);
                            let limited = endless("FROM counter").timeout(limit).one().await;
                            assert!(matches!(limited, Err(Error::TimedOut { .. })));
                        }
                        _ => {
                            let now = count().one().await.unwrap();
                            assert!(now >= seen, "{now} is older than {seen}");
                            seen = now;
                        }
                    }
                }
            })
        });
        for task in watchdog::future("all of them", join_all(tasks)).await {
            task.unwrap();
        }
        drop(counting);
        watchdog::future("close", db.close()).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_without_tables_is_read_too_and_so_is_its_first_table() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::connect(path(&dir)).await.unwrap();
    let all = async |sql: &'static str| {
        let all = join_all((0..10).map(|_| db.query_as::<i64>(sql, ()).one())).await;
        let all: Result<Vec<_>, _> = all.into_iter().collect();
        all.map(|all| all.into_iter().max())
    };
    let tables = "SELECT count(*) FROM sqlite_schema";
    let rows = "SELECT count(*) FROM first";
    assert!(all(rows).await.is_err());
    let create = async { db.execute("CREATE TABLE first(n)", ()).await };
    let (before, created, then) = tokio::join!(all(tables), create, all(tables));
    created.unwrap();
    assert_eq!((before.unwrap(), then.unwrap()), (Some(0), Some(1)));
    assert_eq!(all(rows).await.unwrap(), Some(0));
}
