//! Commits of others whose news something keeps back: it comes all the same.

use std::thread::sleep;
use std::time::{Duration, Instant};

use aio_sqlite::{Database, Error, Result};
use chaos::watchdog;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::timeout;

const COUNT: &str = "SELECT count(*) FROM t";
const INSERT: &str = "INSERT INTO t VALUES (1)";

/// Longer than it takes until an event is there and has been looked after.
const A_WHILE: Duration = Duration::from_millis(100);

struct World {
    db: Database,
    /// As another process would have it.
    other: Connection,
    _dir: TempDir,
}

async fn world(
    set: impl FnOnce(aio_sqlite::builders::Open) -> aio_sqlite::builders::Open,
) -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shared.db");
    let db = set(aio_sqlite::open(&path).readers(1)).await.unwrap();
    db.execute_script("CREATE TABLE t(n)").await.unwrap();
    World {
        db,
        other: Connection::open(&path).unwrap(),
        _dir: dir,
    }
}

async fn news<T>(what: &str, live: &mut aio_sqlite::watch::Live<T>) -> Result<Vec<T>> {
    watchdog::future(what, live.next()).await.unwrap()
}

#[tokio::test]
async fn a_transaction_that_is_open_for_too_long_loses_no_news() {
    let max_hold = Duration::from_millis(50);
    let world = world(|open| open.max_hold(max_hold)).await;
    let mut live = world.db.watch_as::<i64>(COUNT, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    let tx = world.db.begin().deferred().await.unwrap();
    tx.query(COUNT, ()).await.unwrap();
    world.other.execute(INSERT, ()).unwrap();
    // Others who waited for so long are refused.
    let began = Instant::now();
    while began.elapsed() < A_WHILE + max_hold {
        tx.query(COUNT, ()).await.unwrap();
    }
    tx.rollback().await.unwrap();
    assert_eq!(news("the commit meanwhile", &mut live).await.unwrap(), [1]);
    world.other.execute(INSERT, ()).unwrap();
    assert_eq!(news("the next commit", &mut live).await.unwrap(), [2]);
}

#[tokio::test]
async fn a_commit_of_another_takes_no_idle_transaction_away() {
    let max_hold = Duration::from_millis(20);
    let world = world(|open| open.max_hold(max_hold)).await;
    let mut live = world.db.watch_as::<i64>(COUNT, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    let tx = world.db.begin().deferred().await.unwrap();
    tx.query(COUNT, ()).await.unwrap();
    world.other.execute(INSERT, ()).unwrap();
    sleep(A_WHILE + max_hold); // not a wait: the transaction is idle for so long
    tx.query(COUNT, ()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(news("the commit meanwhile", &mut live).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_close_that_is_given_up_loses_no_news() {
    let world = world(|open| open).await;
    let mut live = world.db.watch_as::<i64>(COUNT, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    let tx = world.db.begin().deferred().await.unwrap();
    tx.query(COUNT, ()).await.unwrap();
    let mut closing = Box::pin(world.db.close());
    // Until the readers are closed, and the writer waits for the transaction.
    timeout(A_WHILE, &mut closing).await.unwrap_err();
    world.other.execute(INSERT, ()).unwrap();
    timeout(A_WHILE, &mut closing).await.unwrap_err();
    drop(closing);
    tx.rollback().await.unwrap();
    assert_eq!(news("the commit meanwhile", &mut live).await.unwrap(), [1]);
    world.other.execute(INSERT, ()).unwrap();
    assert_eq!(news("the next commit", &mut live).await.unwrap(), [2]);
}

#[tokio::test]
async fn a_commit_is_seen_although_the_next_has_begun() {
    let world = world(|open| open).await;
    let mut live = world.db.watch_as::<i64>(COUNT, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    for n in 1..=20 {
        // Whoever imports much has the lock nearly always.
        let begun = format!("{INSERT}; BEGIN IMMEDIATE");
        world.other.execute_batch(&begun).unwrap();
        assert_eq!(news("the commit before", &mut live).await.unwrap(), [n]);
        world.other.execute_batch("ROLLBACK").unwrap();
    }
}

#[tokio::test]
async fn a_look_that_has_to_wait_keeps_no_close_waiting() {
    let an_hour = Duration::from_secs(3600);
    let world = world(|open| open.busy_timeout(an_hour)).await;
    let mut live = world.db.watch_as::<i64>(COUNT, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    let begun = format!("{INSERT}; BEGIN IMMEDIATE");
    world.other.execute_batch(&begun).unwrap();
    // Until the lock is waited for.
    let _ = timeout(A_WHILE, live.next()).await;
    watchdog::future("close", world.db.close()).await.unwrap();
}

#[tokio::test]
async fn who_cannot_look_says_so_and_looks_again() {
    let world = world(|open| open).await;
    let mut live = world.db.watch_as::<i64>(COUNT, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    let mut changes = world.db.changes().stream();
    let only_read = |on: bool| {
        world
            .db
            .call(move |raw| raw.pragma_update(None, "query_only", on))
    };

    only_read(true).await.unwrap();
    world.other.execute(INSERT, ()).unwrap();
    let error = news("that nothing is seen", &mut live).await.unwrap_err();
    assert!(matches!(error, Error::Watch { .. }), "{error}");
    assert!(error.to_string().contains("readonly"), "{error}");
    let error = watchdog::future("the same", changes.next()).await.unwrap();
    assert!(matches!(error, Err(Error::Watch { .. })), "{error:?}");

    only_read(false).await.unwrap();
    // Nobody commits any more.
    assert_eq!(news("the commit meanwhile", &mut live).await.unwrap(), [1]);
    let change = watchdog::future("the same", changes.next()).await.unwrap();
    change.unwrap();
}
