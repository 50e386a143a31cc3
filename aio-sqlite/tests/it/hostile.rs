//! Users of a database who do what it can't want, and what they come to.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aio_sqlite::transaction::Outcome;
use aio_sqlite::{Database, Error, Result};
use chaos::{Gate, watchdog};
use rusqlite::ErrorCode;
use rusqlite::functions::FunctionFlags;
use tempfile::TempDir;

type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Polls once, which queues the operation.
fn polled<T: Send + 'static>(mut operation: Pending<T>) -> Pending<T> {
    let mut context = Context::from_waker(Waker::noop());
    match operation.as_mut().poll(&mut context) {
        Poll::Pending => operation,
        Poll::Ready(answer) => Box::pin(async move { answer }),
    }
}

/// A database of one reader with the table `t(x)` holding -1.
async fn database() -> (TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db"))
        .readers(1)
        .max_readers(1)
        .await
        .unwrap();
    db.execute_script("CREATE TABLE t(x UNIQUE); INSERT INTO t VALUES (-1)")
        .await
        .unwrap();
    (dir, db)
}

/// Keeps the writer busy until the gate opens.
fn hold(db: &Database) -> (Gate, Pending<()>) {
    let gate = Gate::new("the writer");
    let step = gate.step();
    let db = db.clone();
    let held: Pending<()> = Box::pin(async move {
        db.call(move |_| {
            step.pass();
            Ok(())
        })
        .await
    });
    (gate, polled(held))
}

async fn number(db: &Database, sql: &str) -> i64 {
    db.query_as(sql, ()).one().await.unwrap()
}

#[tokio::test]
async fn a_call_that_leaves_a_transaction_open_takes_nobody_along() {
    let (_dir, db) = database().await;
    let error = db
        .call(|raw| {
            raw.execute_batch("BEGIN; INSERT INTO t VALUES (1)")?;
            raw.execute_batch("bogus")
        })
        .await
        .unwrap_err();
    assert!(error.to_string().contains("bogus"), "{error}");
    db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
    let error = db
        .call(|raw| raw.execute_batch("SAVEPOINT s; INSERT INTO t VALUES (3)"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Aborted { .. }), "{error}");
    db.write(|tx| tx.execute("INSERT INTO t VALUES (4)", ()))
        .await
        .unwrap();
    let there: Vec<i64> = db.query_as("SELECT x FROM t ORDER BY x", ()).await.unwrap();
    assert_eq!(there, [-1, 2, 4], "a reader sees what is committed");
}

#[tokio::test]
async fn a_read_in_memory_can_not_write_either() {
    let db = aio_sqlite::open(":memory:").await.unwrap();
    let insert = "INSERT INTO t VALUES (1)";
    db.execute_script("CREATE TABLE t(x)").await.unwrap();
    db.execute(insert, ()).await.unwrap();
    let error = db
        .read(move |conn| conn.prepare_cached(insert)?.execute(()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ReadOnly), "{error}");
    let scripts = ["CREATE TEMP TABLE x(y)", "INSERT INTO t VALUES (2)"];
    for script in scripts {
        let error = db.read(move |conn| conn.execute_batch(script)).await;
        let error = error.expect_err(script);
        assert_eq!(error.code(), Some(ErrorCode::ReadOnly), "{script}: {error}");
    }
    let panicked = db.read(|_| -> rusqlite::Result<()> { panic!("in a read") });
    assert!(matches!(panicked.await, Err(Error::Panicked { .. })));
    db.execute(insert, ()).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM t").await, 2);
}

#[tokio::test]
async fn the_receipt_of_a_transaction_that_a_script_commits_does_not_say_rolled_back() {
    let (_dir, db) = database().await;
    let tx = db.begin().await.unwrap();
    let receipt = tx.receipt();
    let script = "INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2)";
    let error = tx.execute_script(script).await.unwrap_err();
    assert!(matches!(error, Error::Aborted { .. }), "{error}");
    assert_eq!(receipt.outcome().await, Outcome::Unknown);
    let there: Vec<i64> = db.query_as("SELECT x FROM t ORDER BY x", ()).await.unwrap();
    assert_eq!(there, [-1, 1]);
}

#[tokio::test]
async fn nothing_of_a_batch_runs_behind_the_end_of_its_transaction() {
    let (_dir, db) = database().await;
    let connection = aio_sqlite::connect(db.path()).await.unwrap();
    let aborted = |error: Error| match error {
        Error::Batch { index: 1, source } => matches!(*source, Error::Aborted { .. }),
        _ => false,
    };
    for end in ["COMMIT", "ROLLBACK"] {
        let error = connection
            .batch()
            .execute("INSERT OR IGNORE INTO t VALUES (1)", ())
            .execute(end, ())
            .execute("INSERT INTO t VALUES (2)", ())
            .await
            .unwrap_err();
        assert!(aborted(error), "{end}");
        let tx = db.begin().await.unwrap();
        let receipt = tx.receipt();
        let error = tx
            .batch()
            .execute("INSERT OR IGNORE INTO t VALUES (1)", ())
            .execute(end, ())
            .execute("INSERT INTO t VALUES (2)", ())
            .await
            .unwrap_err();
        assert!(aborted(error), "{end}");
        assert_eq!(receipt.outcome().await, Outcome::Unknown);
        let tx = db.begin().await.unwrap();
        let error = tx.execute_many(end, [(), ()]).await.unwrap_err();
        assert!(matches!(error, Error::Aborted { .. }), "{error}");
        assert_eq!(number(&db, "SELECT count(*) FROM t WHERE x = 2").await, 0);
    }
    assert_eq!(number(&db, "SELECT count(*) FROM t").await, 2);
}

#[tokio::test]
async fn a_statement_that_finds_nothing_to_do_goes_to_the_writer_all_the_same() {
    let (_dir, db) = database().await;
    for (statement, something_to_do) in [
        (
            "DROP TRIGGER IF EXISTS tr",
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END",
        ),
        ("DROP INDEX IF EXISTS i", "CREATE INDEX i ON t(x)"),
        ("DROP VIEW IF EXISTS v", "CREATE VIEW v AS SELECT 1"),
        ("DROP TABLE IF EXISTS u", "CREATE TABLE u(x)"),
        ("REINDEX nocase", "CREATE INDEX n ON t(x COLLATE nocase)"),
    ] {
        db.execute(statement, ()).await.unwrap();
        db.execute(something_to_do, ()).await.unwrap();
        let done = db.execute(statement, ()).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

#[tokio::test]
async fn a_closure_can_not_change_the_connection_that_others_write_through() {
    let (_dir, db) = database().await;
    for sql in [
        "PRAGMA query_only = 1",
        "PRAGMA busy_timeout = 1",
        "PRAGMA recursive_triggers(1)",
        "PRAGMA main.ignore_check_constraints = 1",
        "CREATE TEMP TABLE t(x)",
        "CREATE TEMP TRIGGER tr AFTER INSERT ON main.t BEGIN DELETE FROM t; END",
        "CREATE TEMP VIEW v AS SELECT 1",
    ] {
        let refused = db.write(move |tx| tx.execute_batch(sql)).await;
        assert_eq!(
            refused.expect_err(sql).code(),
            Some(ErrorCode::AuthorizationForStatementDenied),
            "{sql}"
        );
    }
    let refused = db.read(|conn| conn.execute_batch("PRAGMA query_only = 0"));
    assert!(refused.await.is_err());
    db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM t").await, 2);
    // What only tells, and what is undone with the rest, goes.
    let columns = db
        .write(|tx| {
            tx.execute_batch("PRAGMA user_version = 3; PRAGMA integrity_check")?;
            let sql = "SELECT count(*) FROM pragma_table_info('t')";
            tx.query_row(sql, (), |row| row.get::<_, i64>(0))
        })
        .await
        .unwrap();
    assert_eq!(columns, 1);
    assert_eq!(number(&db, "PRAGMA user_version").await, 3);
}

#[tokio::test]
async fn a_closure_that_defers_foreign_keys_defers_its_own() {
    let (_dir, db) = database().await;
    db.execute_script(
        "CREATE TABLE parent(id INTEGER PRIMARY KEY);
         CREATE TABLE child(parent REFERENCES parent)",
    )
    .await
    .unwrap();
    for fails in [false, true] {
        let (gate, held) = hold(&db);
        let (one, two) = (db.clone(), db.clone());
        let deferring: Pending<()> = polled(Box::pin(async move {
            one.write(move |tx| {
                tx.execute_batch("PRAGMA defer_foreign_keys = ON")?;
                let id = 10 + i64::from(fails);
                tx.execute("INSERT INTO child VALUES (?1)", [id])?;
                if !fails {
                    tx.execute("INSERT INTO parent VALUES (?1)", [id])?;
                }
                Ok(())
            })
            .await
        }));
        let neighbour: Pending<bool> = polled(Box::pin(async move {
            two.write(|tx| {
                let refused = tx.execute("INSERT INTO child VALUES (1)", ()).is_err();
                tx.execute("INSERT OR IGNORE INTO parent VALUES (1)", ())?;
                tx.execute("DELETE FROM parent WHERE id = 1", ())?;
                Ok(refused)
            })
            .await
        }));
        gate.open();
        held.await.unwrap();
        assert_eq!(deferring.await.is_err(), fails);
        assert!(neighbour.await.unwrap(), "refused at once, as ever");
    }
}

#[tokio::test]
async fn a_limit_holds_while_a_group_begins_anew() {
    let (_dir, db) = database().await;
    let other = rusqlite::Connection::open(db.path()).unwrap();
    let (gate, held) = hold(&db);
    let (one, two) = (db.clone(), db.clone());
    let limited: Pending<usize> = polled(Box::pin(async move {
        one.write(|tx| tx.execute("INSERT INTO t VALUES (1)", ()))
            .timeout(Duration::from_millis(200))
            .await
    }));
    let lost = Gate::new("behind the rollback");
    let step = lost.step();
    let odd: Pending<usize> = polled(Box::pin(async move {
        two.write(move |tx| {
            let outcome = tx.execute("INSERT OR ROLLBACK INTO t VALUES (-1)", ());
            step.pass();
            outcome
        })
        .await
    }));
    gate.open();
    lost.reached().await;
    // The transaction is gone, and the next one has to wait for this.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    lost.open();
    let limited = watchdog::future("the limited one", limited).await;
    let is_late = matches!(limited, Err(Error::TimedOut { .. }));
    assert!(is_late, "{limited:?}");
    other.execute_batch("COMMIT").unwrap();
    held.await.unwrap();
    assert!(odd.await.unwrap_err().is_constraint());
    assert_eq!(number(&db, "SELECT count(*) FROM t").await, 1);
}

#[tokio::test]
async fn a_member_that_is_late_when_it_is_to_run_again_is_late_and_not_closed() {
    let (_dir, db) = database().await;
    let limit = Duration::from_millis(60);
    let mut late = 0;
    for _ in 0..10 {
        let (gate, held) = hold(&db);
        let (one, two) = (db.clone(), db.clone());
        let began = std::time::Instant::now();
        let stubborn: Pending<()> = polled(Box::pin(async move {
            one.write(|tx| {
                let _ = tx.query_row(crate::world::ENDLESS, (), |_| Ok(()));
                Ok(())
            })
            .timeout(limit)
            .await
        }));
        let odd: Pending<usize> = polled(Box::pin(async move {
            two.write(|tx| tx.execute("INSERT OR ROLLBACK INTO t VALUES (-1)", ()))
                .await
        }));
        // So short before the limit that the group has not had its time when
        // it passes. Where that comes off, the odd one has both run again.
        let until_late = (limit - Duration::from_millis(7)).saturating_sub(began.elapsed());
        std::thread::sleep(until_late); // not a wait: the test holds without it too
        gate.open();
        held.await.unwrap();
        match watchdog::future("the stubborn one", stubborn).await {
            Ok(()) => {}
            Err(Error::TimedOut { .. }) => late += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(odd.await.unwrap_err().is_constraint());
    }
    println!("late={late}");
}

/// A value of an SQL function, dropped when the connection closes.
struct OnDrop(chaos::Step);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.pass();
    }
}

/// Closes the database up to where its reader closes, and gives that up. The
/// reader goes on when the gate opens.
async fn given_up_close(db: &Database) -> Gate {
    let gate = Gate::new("a reader that closes");
    let on_drop = std::panic::AssertUnwindSafe(OnDrop(gate.step()));
    db.read(move |conn| {
        let flags = FunctionFlags::SQLITE_UTF8;
        conn.create_scalar_function("f", 0, flags, move |_| Ok(on_drop.is_there()))
    })
    .await
    .unwrap();
    let closing = db.clone();
    let mut close: Pending<()> = Box::pin(async move { closing.close().await });
    poll_fn(|cx| {
        assert!(close.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    gate.reached().await;
    gate
}

impl OnDrop {
    fn is_there(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn reads_behind_a_close_that_was_given_up_find_another_reader() {
    let (_dir, db) = database().await;
    let gate = given_up_close(&db).await;
    let read = || {
        let asking = db.clone();
        let read: Pending<i64> = Box::pin(async move {
            let sql = "SELECT count(*) FROM t";
            asking.query_as(sql, ()).one().await
        });
        polled(read)
    };
    // The first is handed to the reader that closes, the others wait for it.
    let reads: Vec<_> = (0..20).map(|_| read()).collect();
    gate.open();
    for read in reads {
        assert_eq!(watchdog::future("a read", read).await.unwrap(), 1);
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_can_not_be_opened_again_says_why() {
    let (dir, db) = database().await;
    let gate = given_up_close(&db).await;
    gate.open();
    std::fs::rename(dir.path().join("test.db"), dir.path().join("moved.db")).unwrap();
    let read = db.query("SELECT 1", ()).into_future();
    let error = watchdog::future("a read", read).await.unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error:?}");
    std::fs::rename(dir.path().join("moved.db"), dir.path().join("test.db")).unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM t").await, 1);
}

#[tokio::test]
async fn a_stream_in_memory_is_not_waited_for_inside_a_transaction() {
    let db = aio_sqlite::open(":memory:").await.unwrap();
    let mut rows = db.query_as::<i64>(crate::world::SERIES, [100_000]).stream();
    rows.next().await.unwrap().unwrap();
    let begun = db.begin().with(async |_| -> Result<()> {
        while let Some(row) = rows.next().await {
            row?;
        }
        Ok(())
    });
    let outcome = watchdog::future("a stream in a body", begun).await;
    assert!(matches!(outcome, Err(Error::Reentrant)), "{outcome:?}");
}

#[tokio::test]
async fn a_pragma_of_the_file_is_set_once_and_found_by_the_readers() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db"))
        .pragma("application_id", 77)
        .pragma("cache_size", -500)
        .await
        .unwrap();
    assert_eq!(number(&db, "PRAGMA application_id").await, 77);
    let told = |name: &'static str| {
        db.read(move |conn| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)))
    };
    assert_eq!(told("application_id").await.unwrap(), 77);
    assert_eq!(told("cache_size").await.unwrap(), -500);
}

#[tokio::test]
async fn no_sql_takes_the_busy_handler_away() {
    let (_dir, db) = database().await;
    let connection = aio_sqlite::connect(db.path()).await.unwrap();
    // SQLite says 0 for as long as the handler is the crate's own.
    let timeout = |raw: &mut rusqlite::Connection| {
        raw.pragma_query_value(None, "busy_timeout", |row| row.get::<_, i64>(0))
    };
    let sql = "/**/ PRAGMA busy_timeout = 8000";
    let sessions: [&aio_sqlite::Session; 2] = [&connection, &db];
    for session in sessions {
        session.execute(sql, ()).await.unwrap_err();
        session.query(sql, ()).await.unwrap_err();
        session
            .execute_script(format!("SELECT 1; {sql}"))
            .await
            .unwrap_err();
        session.batch().execute(sql, ()).await.unwrap_err();
        session.execute_many(sql, [()]).await.unwrap_err();
    }
    assert_eq!(connection.call(timeout).await.unwrap(), 0);
    assert_eq!(db.call(timeout).await.unwrap(), 0);
    let scripted = aio_sqlite::open(db.path()).on_connect(sql).await.unwrap();
    assert_eq!(scripted.call(timeout).await.unwrap(), 0);
}

#[tokio::test]
async fn a_read_in_memory_leaves_streams_alone() {
    let db = aio_sqlite::open(":memory:").await.unwrap();
    db.execute_script("CREATE TABLE t(x); CREATE TABLE u(y); INSERT INTO u VALUES (1)")
        .await
        .unwrap();
    db.execute_many("INSERT INTO t VALUES (?1)", (0..2000).map(|n| (n,)))
        .await
        .unwrap();
    // Each row opens a cursor of its own.
    let sql = "SELECT (SELECT count(*) FROM u WHERE y < x) FROM t";
    let mut rows = db.query_as::<i64>(sql, ()).stream();
    let mut seen = 0;
    while let Some(row) = rows.next().await {
        row.unwrap();
        seen += 1;
        if seen % 200 == 0 {
            db.read(|conn| conn.query_row("SELECT count(*) FROM t", (), |_| Ok(())))
                .await
                .unwrap();
        }
    }
    assert_eq!(seen, 2000);
}

#[tokio::test]
async fn a_held_reader_that_computes_leaves_those_who_wait_to_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db"))
        .readers(2)
        .max_readers(2)
        .busy_timeout(Duration::from_millis(100))
        .await
        .unwrap();
    // Both readers get the function: each is kept until the other has it too.
    let gate = Gate::within("between two rows", Duration::from_secs(90));
    let each = [Gate::new("one reader"), Gate::new("the other")];
    let mut made: Vec<Pending<()>> = Vec::new();
    for reader in &each {
        let (db, step, here) = (db.clone(), gate.step(), reader.step());
        let step = std::panic::AssertUnwindSafe(step);
        made.push(polled(Box::pin(async move {
            db.read(move |conn| {
                conn.create_scalar_function(
                    "gate",
                    1,
                    FunctionFlags::SQLITE_UTF8,
                    move |context| {
                        let n = context.get::<i64>(0)?;
                        if n == 90 {
                            step.pass();
                        }
                        Ok(n)
                    },
                )?;
                here.pass();
                Ok(())
            })
            .await
        })));
    }
    for reader in &each {
        reader.reached().await;
    }
    for (reader, made) in each.iter().zip(made) {
        reader.open();
        made.await.unwrap();
    }
    let series = crate::world::SERIES;
    let gated = series.replace("SELECT n FROM c", "SELECT gate(n) FROM c");
    let mut slow = db.query_as::<i64>(gated, [1000]).stream();
    for _ in 0..16 {
        slow.next().await.unwrap().unwrap();
    }
    let mut idle = db.query_as::<i64>(series, [100_000]).stream();
    idle.next().await.unwrap().unwrap();
    // The next poll asks for the chunk that stops at the gate.
    poll_fn(|cx| {
        let mut next = std::pin::pin!(slow.next());
        assert!(next.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    gate.reached().await;
    let read = db.query("SELECT 1", ()).into_future();
    let error = watchdog::future("a read", read).await.unwrap_err();
    assert!(matches!(error, Error::NoReader { .. }), "{error}");
}
