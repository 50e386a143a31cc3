//! A database: where statements go, and what its connections do for each other.

use aio_sqlite::{Database, Error};
use chaos::watchdog;
use tempfile::TempDir;

use crate::world::SERIES;

async fn database(readers: usize) -> (TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db"))
        .readers(readers)
        .await
        .unwrap();
    (dir, db)
}

/// Where a statement is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    /// To a reader: it is answered while the writer is busy.
    Reader,
    /// To the writer: it waits for it.
    Writer,
    /// Nowhere.
    Refused,
}

/// The statements of SQLite, in the order of its own list
/// (<https://www.sqlite.org/lang.html>), each run behind those before it.
const STATEMENTS: &[(&str, Goes)] = &[
    ("CREATE TABLE t(id INTEGER PRIMARY KEY, x)", Goes::Writer),
    (
        "CREATE TABLE w(id PRIMARY KEY, x) WITHOUT ROWID",
        Goes::Writer,
    ),
    ("ALTER TABLE t RENAME TO u", Goes::Writer),
    ("ALTER TABLE u RENAME TO t", Goes::Writer),
    ("ALTER TABLE t ADD COLUMN y", Goes::Writer),
    ("ALTER TABLE t RENAME COLUMN y TO z", Goes::Writer),
    ("ALTER TABLE t DROP COLUMN z", Goes::Writer),
    ("ANALYZE", Goes::Writer),
    ("ATTACH ':memory:' AS other", Goes::Refused),
    ("BEGIN", Goes::Refused),
    ("BEGIN DEFERRED", Goes::Refused),
    ("BEGIN IMMEDIATE TRANSACTION", Goes::Refused),
    ("BEGIN EXCLUSIVE", Goes::Refused),
    ("COMMIT", Goes::Refused),
    ("CREATE INDEX i ON t(x)", Goes::Writer),
    (
        "CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET x = x; END",
        Goes::Writer,
    ),
    ("CREATE VIEW v AS SELECT x FROM t", Goes::Writer),
    ("CREATE VIRTUAL TABLE f USING fts5(body)", Goes::Writer),
    ("CREATE TABLE IF NOT EXISTS t(x)", Goes::Writer),
    ("CREATE TABLE copied AS SELECT * FROM t", Goes::Writer),
    ("CREATE TEMP TABLE tt(x)", Goes::Refused),
    ("CREATE TEMPORARY VIEW tv AS SELECT 1", Goes::Refused),
    ("CREATE TABLE temp.tt(x)", Goes::Refused),
    (
        "CREATE TEMP TRIGGER ttr AFTER INSERT ON t BEGIN SELECT 1; END",
        Goes::Refused,
    ),
    ("INSERT INTO t(x) VALUES (1)", Goes::Writer),
    (
        "INSERT INTO t(id, x) VALUES (1, 2) ON CONFLICT(id) DO UPDATE SET x = 3",
        Goes::Writer,
    ),
    (
        "INSERT INTO t(x) SELECT x FROM t RETURNING id",
        Goes::Writer,
    ),
    ("INSERT INTO f VALUES ('some text')", Goes::Writer),
    ("REPLACE INTO t(id, x) VALUES (1, 4)", Goes::Writer),
    ("UPDATE t SET x = 5", Goes::Writer),
    ("DELETE FROM copied", Goes::Writer),
    ("DELETE FROM t WHERE id = -1 RETURNING id", Goes::Writer),
    (
        "WITH c AS (SELECT 1 AS x) INSERT INTO t(x) SELECT x FROM c",
        Goes::Writer,
    ),
    ("DETACH other", Goes::Refused),
    ("END TRANSACTION", Goes::Refused),
    ("EXPLAIN SELECT x FROM t", Goes::Reader),
    // SQLite calls the explanation of a write no more read-only than the write.
    ("EXPLAIN QUERY PLAN DELETE FROM t", Goes::Writer),
    ("EXPLAIN INSERT INTO t(x) VALUES (1)", Goes::Writer),
    ("PRAGMA user_version", Goes::Writer),
    ("PRAGMA user_version = 7", Goes::Writer),
    ("PRAGMA table_info(t)", Goes::Writer),
    ("PRAGMA wal_checkpoint", Goes::Writer),
    ("REINDEX", Goes::Writer),
    ("RELEASE SAVEPOINT s", Goes::Refused),
    ("ROLLBACK", Goes::Refused),
    ("ROLLBACK TO s", Goes::Refused),
    ("SAVEPOINT s", Goes::Refused),
    ("SELECT x FROM t", Goes::Reader),
    ("SELECT body FROM f WHERE f MATCH 'text'", Goes::Reader),
    ("SELECT * FROM v", Goes::Reader),
    ("SELECT * FROM pragma_table_info('t')", Goes::Reader),
    ("SELECT name FROM sqlite_schema", Goes::Reader),
    ("VALUES (1), (2)", Goes::Reader),
    (
        "WITH c AS (SELECT x FROM t) SELECT count(*) FROM c",
        Goes::Reader,
    ),
    ("/* begin */ SELECT 'DELETE FROM t'", Goes::Reader),
    ("DROP VIEW v", Goes::Writer),
    ("DROP TRIGGER tr", Goes::Writer),
    ("DROP INDEX i", Goes::Writer),
    ("DROP TABLE f", Goes::Writer),
    ("DROP TABLE IF EXISTS missing", Goes::Writer),
    ("VACUUM", Goes::Writer),
];

#[tokio::test]
async fn every_kind_of_statement_goes_where_it_belongs() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let (dir, db) = database(2).await;
    let into = format!("VACUUM INTO '{}'", dir.path().join("copy.db").display());
    let all = STATEMENTS.iter().copied().chain([(&*into, Goes::Writer)]);
    // A first run of a text learns its route, a second knows it; not all can
    // be run twice, so a comment makes the second another text.
    for (sql, goes) in all {
        let gate = chaos::Gate::new("the writer");
        let released = std::sync::Arc::new(AtomicBool::new(false));
        let step = gate.step();
        let held = tokio::spawn({
            let db = db.clone();
            async move {
                let hold = move |_: &mut rusqlite::Connection| {
                    step.pass();
                    Ok(())
                };
                db.call(hold).await
            }
        });
        gate.reached().await;
        let run = {
            let (db, released, sql) = (db.clone(), released.clone(), sql.to_owned());
            async move {
                let outcome = db.query(&sql, ()).await.map(drop);
                (outcome, released.load(Ordering::SeqCst))
            }
        };
        if goes == Goes::Writer {
            let task = tokio::spawn(run);
            // However long it waits, it comes behind what holds the writer.
            for _ in 0..3 {
                db.read(|_| Ok(())).await.unwrap();
            }
            released.store(true, Ordering::SeqCst);
            gate.open();
            let (outcome, behind) = watchdog::future(sql, task).await.unwrap();
            outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert!(behind, "{sql} did not wait for the writer");
        } else {
            let (outcome, _) = watchdog::future(sql, run).await;
            match (goes, outcome) {
                (Goes::Reader, Ok(())) => {}
                (Goes::Refused, Err(Error::UseConnection { .. })) => {}
                (_, outcome) => panic!("{sql}, which {goes:?}: {outcome:?}"),
            }
            gate.open();
        }
        held.await.unwrap().unwrap();
    }
    let version: i64 = db.query_as("PRAGMA user_version", ()).one().await.unwrap();
    assert_eq!(version, 7);
    db.close().await.unwrap();
}

#[tokio::test]
async fn writes_that_come_together_share_their_commits() {
    let (_dir, db) = database(1).await;
    db.execute("CREATE TABLE t(x UNIQUE)", ()).await.unwrap();
    let writes = (0..64).map(|n| {
        let db = db.clone();
        tokio::spawn(async move { db.execute("INSERT INTO t VALUES (?1)", [n % 63]).await })
    });
    let mut failed = 0;
    for write in writes.collect::<Vec<_>>() {
        match watchdog::future("write", write).await.unwrap() {
            Ok(done) => assert_eq!(done.changes, 1),
            Err(error) => {
                assert!(error.is_constraint(), "{error}");
                failed += 1;
            }
        }
    }
    assert_eq!(failed, 1);
    let count: i64 = db
        .query_as("SELECT count(*) FROM t", ())
        .one()
        .await
        .unwrap();
    assert_eq!(count, 63);
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_half_read_leaves_the_database_to_its_body() {
    let (_dir, db) = database(1).await;
    db.execute("CREATE TABLE t(x)", ()).await.unwrap();
    db.execute_many("INSERT INTO t VALUES (?1)", (0..5000).map(|n| (n,)))
        .await
        .unwrap();
    let mut rows = db.query_as::<i64>("SELECT x FROM t", ()).stream();
    let mut seen = 0;
    while let Some(row) = watchdog::future("row", rows.next()).await {
        let x = row.unwrap();
        if x % 100 == 0 {
            let y: i64 = watchdog::future(
                "query in the body",
                db.query_as("SELECT x FROM t WHERE x = ?1", [x]).one(),
            )
            .await
            .unwrap();
            assert_eq!(x, y);
            db.execute("UPDATE t SET x = x WHERE x = ?1", [x])
                .await
                .unwrap();
        }
        seen += 1;
    }
    assert_eq!(seen, 5000);
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_is_read_a_hundred_thousand_times() {
    const TASKS: i64 = 100;
    const ROUNDS: i64 = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db"))
        .readers(3)
        .await
        .unwrap();
    db.execute("CREATE TABLE t(task INTEGER PRIMARY KEY, n)", ())
        .await
        .unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                for n in 0..ROUNDS {
                    let sql = "INSERT OR REPLACE INTO t VALUES (?1, ?2)";
                    db.execute(sql, (task, n)).await.unwrap();
                    let sql = "SELECT n FROM t WHERE task = ?1";
                    let read: i64 = db.query_as(sql, [task]).one().await.unwrap();
                    assert_eq!(read, n, "task {task} does not read what it wrote");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    println!("reads={} stale=0", TASKS * ROUNDS);
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_borrows_nothing_and_keeps_the_database_open() {
    let (dir, db) = database(1).await;
    db.execute("CREATE TABLE t(x)", ()).await.unwrap();
    db.execute_many("INSERT INTO t VALUES (?1)", (0..1000).map(|n| (n,)))
        .await
        .unwrap();
    let mut rows = db.query_as::<i64>("SELECT x FROM t", ()).stream();
    rows.next().await.unwrap().unwrap();
    drop(db);
    let task = tokio::spawn(async move {
        let mut count = 1;
        while let Some(row) = rows.next().await {
            row.unwrap();
            count += 1;
        }
        count
    });
    let count = watchdog::future("a stream without its handle", task).await;
    assert_eq!(count.unwrap(), 1000);
    drop(dir);
}

#[tokio::test]
async fn readers_can_write_neither_the_file_nor_anything_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db"))
        .readers(1)
        .on_connect("ATTACH ':memory:' AS side")
        .on_connect("CREATE TEMP VIEW seen AS SELECT 1 AS one")
        .await
        .unwrap();
    for sql in [
        "CREATE TABLE t(x)",
        "CREATE TABLE side.t(x)",
        "CREATE TEMP TABLE t(x)",
    ] {
        let write = db.read(move |conn| conn.execute(sql, ())).await;
        let error = write.expect_err(sql);
        assert_eq!(
            error.code(),
            Some(rusqlite::ErrorCode::ReadOnly),
            "{sql}: {error}"
        );
    }
    let seen: i64 = db.query_as("SELECT one FROM seen", ()).one().await.unwrap();
    assert_eq!(seen, 1, "a script is run on each connection");
    db.execute("CREATE TABLE side.t(x)", ()).await.unwrap();
}

#[tokio::test]
async fn a_read_sees_one_state_however_many_queries_it_has() {
    let (_dir, db) = database(2).await;
    db.execute_script("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    let gate = chaos::Gate::new("between two queries of a read");
    let step = gate.step();
    let reading = tokio::spawn({
        let db = db.clone();
        async move {
            db.read(move |conn| {
                let count = || conn.query_row("SELECT count(*) FROM t", (), |row| row.get(0));
                let before: i64 = count()?;
                step.pass();
                Ok((before, count()?))
            })
            .await
        }
    });
    gate.reached().await;
    db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
    gate.open();
    assert_eq!(reading.await.unwrap().unwrap(), (1, 1));
}

#[tokio::test]
async fn a_transaction_is_seen_by_others_when_it_is_committed() {
    let (_dir, db) = database(1).await;
    db.execute("CREATE TABLE t(x)", ()).await.unwrap();
    let count = async || -> i64 {
        db.query_as("SELECT count(*) FROM t", ())
            .one()
            .await
            .unwrap()
    };
    let seen = db
        .begin()
        .with(async |tx| -> aio_sqlite::Result<_> {
            tx.execute("INSERT INTO t VALUES (1)", ()).await?;
            let inside: i64 = tx.query_as("SELECT count(*) FROM t", ()).one().await?;
            // Readers go on; the writer would be waited for.
            let outside = watchdog::future("a read beside the transaction", count()).await;
            let refused = db.execute("INSERT INTO t VALUES (2)", ()).await;
            assert!(matches!(refused, Err(Error::Reentrant)));
            let refused = db.write(|tx| tx.execute("DELETE FROM t", ())).await;
            assert!(matches!(refused, Err(Error::Reentrant)));
            Ok((inside, outside))
        })
        .await
        .unwrap();
    assert_eq!(seen, (1, 0));
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn a_database_in_memory_has_one_connection_for_all() {
    let db = aio_sqlite::open(":memory:").await.unwrap();
    db.execute("CREATE TABLE t(x)", ()).await.unwrap();
    let (one, two) = tokio::join!(
        db.execute("INSERT INTO t VALUES (1)", ()),
        db.execute("INSERT INTO t VALUES (2)", ()),
    );
    one.unwrap();
    two.unwrap();
    let sum =
        db.read(|conn| conn.query_row("SELECT sum(x) FROM t", (), |row| row.get::<_, i64>(0)));
    assert_eq!(sum.await.unwrap(), 3);
    let error = db.execute("BEGIN", ()).await.unwrap_err();
    assert!(matches!(error, Error::UseConnection { .. }), "{error}");
    db.close().await.unwrap();
    let error = db.query("SELECT 1", ()).await.unwrap_err();
    assert!(matches!(error, Error::Closed), "{error}");
}

#[tokio::test]
async fn a_batch_happens_as_a_whole_and_names_what_fails() {
    let (_dir, db) = database(1).await;
    let connection = aio_sqlite::connect(":memory:").await.unwrap();
    for session in [&*db as &aio_sqlite::Session, &connection] {
        session
            .execute_script("CREATE TABLE t(x UNIQUE); CREATE TABLE child(t REFERENCES t(x))")
            .await
            .unwrap();
        let steps = session
            .batch()
            .execute("INSERT INTO t VALUES (1), (2)", ())
            .execute("SELECT x FROM t ORDER BY x", ())
            .execute("INSERT INTO t VALUES (?1) RETURNING x", [3])
            .await
            .unwrap();
        assert_eq!(steps[0].done.changes, 2);
        assert_eq!(steps[1].rows.len(), 2);
        assert_eq!(steps[1].done.changes, 0);
        assert_eq!(steps[2].rows[0].get::<i64>(0).unwrap(), 3);
        let error = session
            .batch()
            .execute("INSERT INTO t VALUES (4)", ())
            .execute("INSERT INTO t VALUES (1)", ())
            .execute("INSERT INTO t VALUES (5)", ())
            .await
            .unwrap_err();
        assert!(matches!(&error, Error::Batch { index: 1, .. }), "{error}");
        assert!(error.is_constraint(), "{error}");
        let count: i64 = session
            .query_as("SELECT count(*) FROM t", ())
            .one()
            .await
            .unwrap();
        assert_eq!(count, 3);
        assert!(session.batch().await.unwrap().is_empty());
    }
    let reads = db
        .batch()
        .execute("SELECT count(*) FROM t", ())
        .execute("SELECT max(x) FROM t", ())
        .await
        .unwrap();
    assert_eq!(reads[1].rows[0].get::<i64>(0).unwrap(), 3);
}

#[tokio::test]
async fn a_script_of_a_database_may_not_hold_the_connection() {
    let (_dir, db) = database(1).await;
    for script in [
        "CREATE TABLE a(x); BEGIN; INSERT INTO a VALUES (1); COMMIT",
        "CREATE TABLE b(x); SAVEPOINT s",
        "CREATE TABLE c(x); ATTACH ':memory:' AS other",
        "CREATE TABLE d(x); CREATE TEMP TABLE t(x)",
    ] {
        let error = db.execute_script(script).await.unwrap_err();
        assert!(
            matches!(&error, Error::UseConnection { .. }),
            "{script}: {error}"
        );
    }
    let tables: i64 = db
        .query_as("SELECT count(*) FROM sqlite_schema", ())
        .one()
        .await
        .unwrap();
    assert_eq!(tables, 4, "what stood before is done, as in any script");
    assert!(db.call(|raw| Ok(raw.is_autocommit())).await.unwrap());
}

#[tokio::test]
async fn a_stream_that_is_not_read_on_gives_its_reader_back() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db"))
        .readers(1)
        .max_readers(1)
        .busy_timeout(std::time::Duration::from_secs(3_600))
        .max_hold(std::time::Duration::from_millis(20))
        .await
        .unwrap();
    let mut stalled = db.query_as::<i64>(SERIES, [10_000]).stream();
    assert_eq!(stalled.next().await.unwrap().unwrap(), 1);
    let forgotten = db.query(SERIES, [10_000]).stream();
    let query = db.query_as::<i64>("SELECT 7", ()).one();
    let seven = watchdog::future("a query behind a stalled stream", query).await;
    assert_eq!(seven.unwrap(), 7);
    std::mem::forget(forgotten);
    let ended = async {
        while let Some(row) = stalled.next().await {
            if let Err(error) = row {
                return error;
            }
        }
        panic!("the stalled stream was read to its end");
    };
    let error = watchdog::future("the end of a stalled stream", ended).await;
    assert!(matches!(error, Error::StreamEnded { .. }), "{error}");
}
