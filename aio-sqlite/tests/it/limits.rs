//! Where the machine's limits are: a full disk, files that may not be written,
//! more callers than threads, readers that stop reading.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aio_sqlite::options::{JournalMode, Synchronous};
use aio_sqlite::{Database, Error, Session, connect};
use chaos::watchdog;
use futures_util::future::join_all;
use rusqlite::ErrorCode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::child;
use crate::world::{SERIES, fill, function, numbers};

const INSERT: &str = "INSERT INTO kept VALUES (?1, zeroblob(3000))";

/// Many write at once, until the disk has been too small for some of each kind.
/// Returns who was told that the write is done.
async fn write_until_full(session: &Session, is_full: fn(&Error) -> bool) -> BTreeSet<i64> {
    let mut acknowledged = BTreeSet::new();
    let mut refused = 0;
    for round in 0.. {
        let writes = (0..64).map(|n| {
            let id = round * 64 + n;
            let written = session.execute(INSERT, [id]).into_future();
            async move { (id, written.await) }
        });
        for (id, outcome) in join_all(writes).await {
            match outcome {
                Ok(_) => assert!(acknowledged.insert(id)),
                Err(error) => {
                    assert!(is_full(&error), "{error:?}");
                    refused += 1;
                }
            }
        }
        if refused > 100 {
            break;
        }
    }
    println!("acknowledged={} refused={refused}", acknowledged.len());
    acknowledged
}

async fn ids(session: &Session) -> BTreeSet<i64> {
    let rows: Vec<i64> = session.query_as("SELECT id FROM kept", ()).await.unwrap();
    rows.into_iter().collect()
}

/// A disk is full: what was acknowledged is there and nothing else, and when
/// there is room again all goes on.
async fn full_disk(session: &Session, make_room: impl AsyncFnOnce(), is_full: fn(&Error) -> bool) {
    let mut acknowledged =
        watchdog::future("writes on a full disk", write_until_full(session, is_full)).await;
    assert!(acknowledged.len() > 20);
    assert_eq!(ids(session).await, acknowledged);
    let error = session
        .execute_many(INSERT, (-200..0).map(|id| [id]))
        .await
        .unwrap_err();
    assert!(is_full(&error), "{error:?}");
    assert_eq!(ids(session).await, acknowledged);

    make_room().await;
    session.execute(INSERT, [-1]).await.unwrap();
    acknowledged.insert(-1);
    assert_eq!(ids(session).await, acknowledged);
    let sound: String = session
        .query_as("PRAGMA integrity_check", ())
        .one()
        .await
        .unwrap();
    assert_eq!(sound, "ok");
}

fn says_full(error: &Error) -> bool {
    error.code() == Some(ErrorCode::DiskFull) && error.to_string().contains("full")
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    const TABLE: &str = "CREATE TABLE kept(id INTEGER PRIMARY KEY, data)";
    const ROOM: &str = "PRAGMA max_page_count = 100000";
    for mode in [JournalMode::Wal, JournalMode::Delete] {
        let db = connect(dir.path().join(format!("{mode:?}.db")))
            .journal_mode(mode)
            .pragma("max_page_count", 200)
            .await
            .unwrap();
        db.execute(TABLE, ()).await.unwrap();
        // A transaction is over with it, and its guard knows.
        let tx = db.begin().await.unwrap();
        let error = tx
            .execute_many(INSERT, (0..1_000).map(|id| [id]))
            .await
            .unwrap_err();
        assert!(says_full(&error), "{error:?}");
        match tx.execute(INSERT, [1]).await {
            Ok(_) => tx.commit().await.unwrap(),
            Err(Error::Aborted { reason }) => assert!(reason.contains("full"), "{reason}"),
            Err(other) => panic!("{other}"),
        }
        db.execute("DELETE FROM kept", ()).await.unwrap();
        full_disk(
            &db,
            async || assert!(db.execute(ROOM, ()).await.is_ok()),
            says_full,
        )
        .await;
        db.close().await.unwrap();
    }
    let db = aio_sqlite::open(dir.path().join("several.db"))
        .pragma("max_page_count", 200)
        .await
        .unwrap();
    db.execute(TABLE, ()).await.unwrap();
    full_disk(
        &db,
        async || assert!(db.execute(ROOM, ()).await.is_ok()),
        says_full,
    )
    .await;
    db.close().await.unwrap();
}

/// The system itself refuses to let a file grow: `write` fails, in whatever
/// place SQLite is.
#[tokio::test]
async fn a_file_that_may_not_grow_loses_nothing_that_was_acknowledged() {
    if let Some((part, path)) = child::part() {
        let soft = |size: Option<u64>| {
            let hard = getrlimit(Resource::Fsize).maximum;
            let limit = Rlimit {
                current: size,
                maximum: hard,
            };
            setrlimit(Resource::Fsize, limit).unwrap();
        };
        let refused = |error: &Error| {
            matches!(
                error.code(),
                Some(ErrorCode::SystemIoFailure | ErrorCode::DiskFull)
            ) && error.to_string().len() > 10
        };
        let table = "CREATE TABLE kept(id INTEGER PRIMARY KEY, data)";
        match &*part {
            "several" => {
                let db = aio_sqlite::open(&path).readers(1).await.unwrap();
                db.execute(table, ()).await.unwrap();
                soft(Some(1 << 20));
                full_disk(&db, async || soft(None), refused).await;
                db.close().await.unwrap();
            }
            mode => {
                let mode = match mode {
                    "wal" => JournalMode::Wal,
                    _ => JournalMode::Delete,
                };
                let db = connect(&path).journal_mode(mode).await.unwrap();
                db.execute(table, ()).await.unwrap();
                soft(Some(1 << 20));
                full_disk(&db, async || soft(None), refused).await;
                // To close needs no room, and loses nothing without any.
                db.execute(INSERT, [-2]).await.unwrap();
                let written = ids(&db).await;
                soft(Some(4096));
                db.close().await.unwrap();
                soft(None);
                let db = connect(&path).await.unwrap();
                assert_eq!(ids(&db).await, written);
                db.close().await.unwrap();
            }
        }
        println!("\nplayed to its end");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for part in ["wal", "delete", "several"] {
        // By default the signal that comes with it ends the process.
        let mut other = child::Other::start_by(
            "trap '' XFSZ",
            "limits::a_file_that_may_not_grow_loses_nothing_that_was_acknowledged",
            part,
            &dir.path().join(format!("{part}.db")),
        );
        println!("{part}: acknowledged={}", other.says("acknowledged="));
        other.says("played to its end");
        other.ends();
    }
}

/// Runs a test on a thread for which permissions hold, also where it is root's.
fn without_privileges(test: impl Future<Output = ()> + Send + 'static) {
    let thread = move || {
        let mut mine = capabilities(None).unwrap();
        mine.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        set_capabilities(None, mine).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(test);
    };
    watchdog::closure("a thread without privileges", thread);
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// An error that names the file and has SQLite's code.
fn refused_by_system(error: &Error, path: &Path) {
    assert!(
        matches!(
            error.code(),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure)
        ),
        "{error:?}"
    );
    let text = error.to_string();
    let names_it = text.contains(&*path.to_string_lossy());
    assert!(names_it || !matches!(error, Error::Open { .. }), "{text}");
}

#[test]
fn files_and_folders_that_may_not_be_written_are_clear_errors() {
    without_privileges(async {
        let dir = tempfile::tempdir().unwrap();
        let mut refused = 0;
        for mode in [JournalMode::Delete, JournalMode::Wal] {
            let folder = dir.path().join(format!("{mode:?}"));
            fs::create_dir(&folder).unwrap();
            let path = folder.join("p.db");
            let db = connect(&path).journal_mode(mode).await.unwrap();
            fill(&db).await;
            db.close().await.unwrap();
            for (file, directory) in [(0o444, 0o755), (0o644, 0o555), (0o444, 0o555), (0, 0o755)] {
                permit(&path, file);
                permit(&folder, directory);
                let case = format!("{mode:?}, file {file:o}, folder {directory:o}");
                if file == 0 {
                    assert!(fs::read(&path).is_err(), "permissions do not hold");
                }
                // As a connection: what can be read is right, and nothing is
                // written that is not there.
                match connect(&path).await {
                    Err(error) => refused_by_system(&error, &path),
                    Ok(db) => {
                        match db.query_as::<i64>("SELECT n FROM t ORDER BY n", ()).await {
                            Ok(rows) => assert_eq!(rows, [1, 2], "{case}"),
                            Err(error) => refused_by_system(&error, &path),
                        }
                        let written = db.execute("INSERT INTO t VALUES (3)", ()).await;
                        refused_by_system(&written.expect_err(&case), &path);
                        db.begin().await.map(drop).unwrap_or_else(|error| {
                            refused_by_system(&error, &path);
                        });
                        db.close().await.unwrap();
                    }
                }
                // As a database, which must be able to write.
                match aio_sqlite::open(&path).readers(1).await {
                    Err(error) => refused_by_system(&error, &path),
                    Ok(db) => {
                        let written = db.execute("INSERT INTO t VALUES (3)", ()).await;
                        refused_by_system(&written.expect_err(&case), &path);
                        db.close().await.unwrap();
                    }
                }
                // And a new one beside it.
                if directory == 0o555 {
                    let new = folder.join("new.db");
                    refused_by_system(&connect(&new).await.expect_err(&case), &new);
                    refused_by_system(&aio_sqlite::open(&new).await.expect_err(&case), &new);
                }
                refused += 1;
                permit(&folder, 0o755);
                permit(&path, 0o644);
            }
            // When it may be written again, it is. (What SQLite made beside
            // the file has the file's permissions.)
            for entry in fs::read_dir(&folder).unwrap() {
                permit(&entry.unwrap().path(), 0o644);
            }
            let db = connect(&path).await.unwrap();
            assert_eq!(numbers(&db).await, [1, 2]);
            db.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
            db.close().await.unwrap();
        }
        println!("refused={refused}");
    });
}

#[tokio::test]
async fn a_file_that_is_no_file_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo.db");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    for path in [
        &fifo,
        Path::new("/proc/none.db"),
        &dir.path().join("a/b.db"),
        dir.path(),
    ] {
        watchdog::future(&format!("a database in {}", path.display()), async {
            let used = connect(path)
                .with(async |db| db.execute("CREATE TABLE t(n)", ()).await)
                .await;
            let opened = aio_sqlite::open(path).readers(1);
            let opened = opened.with(async |db| db.execute("CREATE TABLE t(n)", ()).await);
            for error in [used.unwrap_err(), opened.await.unwrap_err()] {
                refused_by_system(&error, path);
            }
        })
        .await;
    }
}

/// How many threads of this process have a name that begins so.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|comm| comm.starts_with(name))
        .count()
}

/// What this process has in memory, in KiB, and the most that it ever had.
fn memory() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmRSS:"), field("VmHWM:"))
}

const CALLERS: i64 = 10_000;

/// Each caller writes its row and reads it, ten thousand at once. Returns how
/// many threads of the crate's there were meanwhile.
async fn all_at_once<S>(session: &S) -> usize
where
    S: Deref<Target = Session> + Clone + Send + Sync + 'static,
{
    let begun = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|id| {
            let session = session.clone();
            tokio::spawn(async move {
                let done = session
                    .execute("INSERT INTO kept VALUES (?1, 'x')", [id])
                    .await?;
                assert_eq!(done.changes, 1);
                session
                    .query_as::<i64>("SELECT id FROM kept WHERE id = ?1", [id])
                    .one()
                    .await
            })
        })
        .collect();
    let mut most = 0;
    for (id, caller) in (0..).zip(callers) {
        let answer = watchdog::future("one of many callers", caller).await;
        assert_eq!(answer.unwrap().unwrap(), id);
        most = most.max(threads("sqlite-"));
    }
    println!(
        "callers={CALLERS} unanswered=0 threads={most} took={:?}",
        begun.elapsed()
    );
    most
}

#[test]
fn ten_thousand_callers_at_once_are_all_answered() {
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let table = "CREATE TABLE kept(id INTEGER PRIMARY KEY, data)";
        let (before, _) = memory();
        // Without a wait for the disk, which each of its commits would take.
        let db = connect(dir.path().join("one.db"))
            .synchronous(Synchronous::Off)
            .await
            .unwrap();
        db.execute(table, ()).await.unwrap();
        assert_eq!(all_at_once(&db).await, 1);
        db.close().await.unwrap();
        drop(db);

        let db = aio_sqlite::open(dir.path().join("several.db"))
            .readers(4)
            .await
            .unwrap();
        db.execute(table, ()).await.unwrap();
        let threads = all_at_once(&db).await;
        assert!(
            (5..=6).contains(&threads),
            "{threads} for 4 readers and a writer"
        );
        db.close().await.unwrap();
        let (_, most) = memory();
        let grown = most.saturating_sub(before);
        println!("memory at most={grown} KiB over the start");
        assert!(grown < 96 << 10, "{grown} KiB for {CALLERS} callers");
    });
}

/// A hundred million rows of 1 KiB, of which somebody reads one.
const MUCH: &str = "WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < 100000000) \
                    SELECT seen(n), zeroblob(1000) FROM c";

/// Reads one row of many and writes beside it, as long as it takes.
async fn write_beside_a_stalled_stream(session: &Session, seen: &AtomicI64) {
    let mut stalled = session.query_as::<(i64, Vec<u8>)>(MUCH, ()).stream();
    assert_eq!(stalled.next().await.unwrap().unwrap().0, 1);
    let (before, _) = memory();
    for id in 0..3_000 {
        session
            .execute("INSERT INTO kept VALUES (?1, 'x')", [id])
            .await
            .unwrap();
    }
    let (after, _) = memory();
    let stepped = seen.load(Ordering::SeqCst);
    println!(
        "writes=3000 rows stepped={stepped} memory={} KiB over the start",
        after.saturating_sub(before)
    );
    assert!(stepped <= 80, "two chunks, not {stepped} rows");
    assert!(after.saturating_sub(before) < 8 << 10);
    // Its reader comes back, and nothing is lost.
    for expected in 2..=10_000 {
        assert_eq!(stalled.next().await.unwrap().unwrap().0, expected);
    }
}

#[test]
fn a_reader_that_stops_reading_costs_two_chunks_and_stops_no_writer() {
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let table = "CREATE TABLE kept(id INTEGER PRIMARY KEY, data)";
        for mode in [JournalMode::Wal, JournalMode::Delete] {
            let db = connect(dir.path().join(format!("{mode:?}.db")))
                .journal_mode(mode)
                .synchronous(Synchronous::Off)
                .await
                .unwrap();
            db.execute(table, ()).await.unwrap();
            let seen = Arc::new(AtomicI64::new(0));
            let mark = seen.clone();
            function(&db, "seen", move |n| {
                mark.fetch_max(n, Ordering::SeqCst);
            })
            .await;
            let writing = write_beside_a_stalled_stream(&db, &seen);
            watchdog::future("writes beside a stalled stream", writing).await;
            db.close().await.unwrap();
        }
    });
}

/// On a database the stream has a reader for itself, and all the others go on.
#[tokio::test]
async fn readers_of_a_database_that_stop_reading_stop_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let db: Database = aio_sqlite::open(dir.path().join("stalled.db"))
        .readers(2)
        .max_readers(4)
        .busy_timeout(Duration::from_millis(200))
        .await
        .unwrap();
    db.execute("CREATE TABLE kept(id INTEGER PRIMARY KEY, data)", ())
        .await
        .unwrap();
    let work = async {
        let mut stalled = Vec::new();
        for _ in 0..3 {
            let mut rows = db.query_as::<i64>(SERIES, [100_000_000]).stream();
            assert_eq!(rows.next().await.unwrap().unwrap(), 1);
            stalled.push(rows);
        }
        for id in 0..500 {
            db.execute("INSERT INTO kept VALUES (?1, 'x')", [id])
                .await
                .unwrap();
            let count: i64 = db
                .query_as("SELECT count(*) FROM kept", ())
                .one()
                .await
                .unwrap();
            assert_eq!(count, id + 1);
        }
        // All four: then a read says so, however long they have slept, and
        // writes go on.
        let mut rows = db.query_as::<i64>(SERIES, [100_000_000]).stream();
        assert_eq!(rows.next().await.unwrap().unwrap(), 1);
        stalled.push(rows);
        for _ in 0..3 {
            let error = db.query("SELECT 1", ()).await.unwrap_err();
            assert!(
                matches!(error, Error::NoReader { readers: 4, .. }),
                "{error}"
            );
        }
        db.execute("INSERT INTO kept VALUES (?1, 'x')", [-1])
            .await
            .unwrap();
        for rows in &mut stalled {
            assert_eq!(rows.next().await.unwrap().unwrap(), 2);
        }
        println!("stalled streams={} writes=501", stalled.len());
        drop(stalled);
        assert_eq!(ids(&db).await.len(), 501);
        db.close().await.unwrap();
    };
    watchdog::future("a database with stalled streams", work).await;
}
