//! Closing: idempotent, checked, and nobody is left hanging.

use aio_sqlite::{Database, Error, Rows, Transaction, connect};
use chaos::Trace;
use futures_util::future::join_all;

use crate::world::{SERIES, numbers, two_rows};

#[tokio::test]
async fn closing_twice_is_ok_and_later_calls_are_closed() {
    let db = two_rows().await;
    let other = db.clone();
    db.close().await.unwrap();
    db.close().await.unwrap();
    other.close().await.unwrap();
    for closed in [
        other.execute("SELECT 1", ()).await.map(drop),
        other.query("SELECT 1", ()).await.map(drop),
        other.begin().await.map(drop),
        other.call(|_| Ok(())).await,
        other.execute_many("SELECT ?1", [[1]]).await.map(drop),
        other
            .query("SELECT 1", ())
            .stream()
            .next()
            .await
            .unwrap()
            .map(drop),
    ] {
        assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
    }
}

#[tokio::test]
async fn two_that_close_at_once_are_both_ok() {
    let db = two_rows().await;
    let closed = join_all((0..10).map(|_| db.close())).await;
    assert!(closed.iter().all(Result::is_ok), "{closed:?}");
}

async fn thousand_calls_with_close_in_the_middle() {
    let db = two_rows().await;
    let tasks: Vec<_> = (0..1_000)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                if n == 500 {
                    return db.close().await;
                }
                match n % 4 {
                    0 => db
                        .execute("INSERT INTO t VALUES (?1 + 10)", [n])
                        .await
                        .map(drop),
                    1 => db.query("SELECT * FROM t", ()).await.map(drop),
                    2 => {
                        let tx = db.begin().await?;
                        tx.execute("INSERT INTO t VALUES (?1 + 10)", [n]).await?;
                        tx.commit().await
                    }
                    _ => db.call(|raw| raw.execute_batch("SELECT 1")).await,
                }
            })
        })
        .collect();
    let outcomes =
        chaos::watchdog::future("1,000 calls with a close in the middle", join_all(tasks)).await;
    let (mut ok, mut closed) = (0, 0);
    for outcome in outcomes {
        match outcome.unwrap() {
            Ok(()) => ok += 1,
            Err(Error::Closed) => closed += 1,
            Err(other) => panic!("neither Ok nor Closed: {other}"),
        }
    }
    println!("ok={ok} closed={closed}");
    assert!(ok >= 1 && ok + closed == 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_calls_with_close_in_the_middle_on_threads() {
    thousand_calls_with_close_in_the_middle().await;
}

#[tokio::test]
async fn thousand_calls_with_close_in_the_middle_on_one_thread() {
    thousand_calls_with_close_in_the_middle().await;
}

#[tokio::test]
async fn close_ends_a_half_read_stream_and_waits_for_a_transaction() {
    let db = two_rows().await;
    let mut rows = db.query_as::<i64>(SERIES, [10_000]).stream();
    rows.next().await.unwrap().unwrap();
    let tx = db.begin().await.unwrap();
    let mut closing = chaos::woken::probe("close behind a transaction", db.close());
    closing.pending();
    assert!(matches!(
        db.execute("SELECT 1", ()).await,
        Err(Error::Closed)
    ));
    tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
    tx.commit().await.unwrap();
    closing.until_woken().await;
    closing.ready().unwrap();
    while let Some(row) = rows.next().await {
        if let Err(error) = row {
            assert!(
                matches!(error, Error::StreamEnded { by: "close" }),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_close_that_is_given_up_leaves_the_connection_open() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    let mut closing = chaos::woken::probe("close", db.close());
    closing.pending();
    drop(closing);
    tx.rollback().await.unwrap();
    // The worker finds out that nobody closes any more at its next turn.
    chaos::watchdog::future("the connection opens again", async {
        while matches!(db.execute("SELECT 1", ()).await, Err(Error::Closed)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(numbers(&db).await, [1, 2]);
    db.close().await.unwrap();
}

#[test]
fn the_last_handle_ends_the_thread() {
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("last.db");
        let before = Trace::take();
        let db = connect(&path).await.unwrap();
        crate::world::fill(&db).await;
        let other = db.clone();
        let mut rows = other.query(SERIES, [100_000]).stream();
        rows.next().await.unwrap().unwrap();
        drop(rows);
        let tx = other.begin().await.unwrap();
        tx.execute("DELETE FROM t", ()).await.unwrap();
        drop(db);
        drop(other);
        // A guard is a handle too.
        assert_eq!(numbers(&tx).await, [] as [i64; 0]);
        drop(tx);
        before.assert_same().await;
        let db = connect(&path).await.unwrap();
        assert_eq!(numbers(&db).await, [1, 2]);
        db.close().await.unwrap();
        drop(db);
        before.assert_same().await;
    });
}

#[test]
fn the_last_handle_ends_the_thread_in_the_middle_of_endless_work() {
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let before = Trace::take();
        let db = two_rows().await;
        let mut endless = chaos::woken::probe(
            "an endless query",
            std::future::IntoFuture::into_future(db.query(crate::world::ENDLESS, ())),
        );
        endless.pending();
        drop(endless);
        drop(db);
        before.assert_same().await;
    });
}

#[tokio::test]
async fn with_closes_whatever_the_body_returns() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("with.db");
    let mut kept = None;
    let kept_ref = &mut kept;
    let value = connect(&path)
        .with(async |db| -> aio_sqlite::Result<_> {
            crate::world::fill(db).await;
            *kept_ref = Some(db.clone());
            Ok(numbers(db).await)
        })
        .await
        .unwrap();
    assert_eq!(value, [1, 2]);
    let closed = kept.unwrap().execute("SELECT 1", ()).await;
    assert!(matches!(closed, Err(Error::Closed)));

    let error = connect(&path)
        .with(async |db| -> aio_sqlite::Result<()> { db.execute("SELEC 1", ()).await.map(drop) })
        .await
        .unwrap_err();
    assert!(error.to_string().contains("syntax error"));
}

/// Used in every way that opens something, and left as it is.
async fn used(path: &std::path::Path) -> (Database, Transaction, Rows<'static>) {
    let db = aio_sqlite::open(path).readers(3).await.unwrap();
    db.execute_script(
        "CREATE TABLE IF NOT EXISTS t(n); DELETE FROM t; INSERT INTO t VALUES (1), (2)",
    )
    .await
    .unwrap();
    let mut rows = db.query(SERIES, [100_000]).stream();
    rows.next().await.unwrap().unwrap();
    let tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
    (db, tx, rows)
}

fn log_of(path: &std::path::Path) -> std::path::PathBuf {
    path.with_extension("db-wal")
}

/// What is in the file, for somebody who has nothing to do with all this.
fn in_file(path: &std::path::Path) -> Vec<i64> {
    let raw = rusqlite::Connection::open(path).unwrap();
    let mut rows = raw.prepare("SELECT n FROM t ORDER BY n").unwrap();
    let rows = rows.query_map((), |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|comm| comm.starts_with("sqlite-"))
        .count()
}

#[test]
fn a_database_leaves_nothing_whatever_goes_first() {
    chaos::alone!();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gone.db");
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap()
    };
    let before = Trace::take();
    const ROUNDS: usize = 20;
    for round in 0..ROUNDS {
        let outer = runtime();
        let (db, tx, rows) = outer.block_on(used(&path));
        assert!(threads() >= 4, "a writer and three readers");
        assert!(log_of(&path).exists());
        match round % 4 {
            // The runtime first, the handles last, in every order.
            0 => {
                drop(outer);
                drop((db, tx, rows));
            }
            1 => {
                outer.shutdown_background();
                drop((rows, tx, db));
            }
            // The handles first.
            2 => {
                drop((tx, db, rows));
                drop(outer);
            }
            // Inside the runtime, as a task that is dropped with it.
            _ => {
                outer.spawn(async move {
                    let _held = (db, tx, rows);
                    std::future::pending::<()>().await;
                });
                drop(outer);
            }
        }
        before.wait_same();
        assert_eq!(threads(), 0);
        assert!(!log_of(&path).exists(), "round {round}");
        assert_eq!(in_file(&path), [1, 2], "round {round}");
    }
    // Closed by name, with all that is open on it.
    let outer = runtime();
    outer.block_on(async {
        let (db, tx, mut rows) = used(&path).await;
        tx.rollback().await.unwrap();
        db.close().await.unwrap();
        assert!(!log_of(&path).exists(), "it is gone when close says so");
        let mut last = None;
        while let Some(row) = rows.next().await {
            last = Some(row);
        }
        let ended = last.unwrap().unwrap_err();
        assert!(
            matches!(ended, Error::StreamEnded { by: "close" }),
            "{ended}"
        );
        let closed = db.execute("DELETE FROM t", ()).await;
        assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
        db.close().await.unwrap();
    });
    drop(outer);
    before.wait_same();
    println!("rounds={} left over=0", ROUNDS + 1);
}
