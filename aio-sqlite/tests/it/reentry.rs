//! Calls from inside a closure that holds the connection which they need.

use std::fmt::Debug;
use std::future::IntoFuture;

use aio_sqlite::{Error, Result};
use chaos::watchdog;

/// Waits for a call as a closure can, which is no async code.
fn wait<T>(call: impl IntoFuture<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(call.into_future())
}

fn refused<T: Debug>(call: impl IntoFuture<Output = Result<T>>) {
    let answer = wait(call);
    assert!(matches!(answer, Err(Error::Reentrant)), "{answer:?}");
}

#[tokio::test]
async fn a_closure_that_waits_for_its_own_connection_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db")).await.unwrap();
    db.execute("CREATE TABLE t(n)", ()).await.unwrap();

    let ours = db.clone();
    let write = db.write(move |_| {
        refused(ours.execute("DELETE FROM t", ()));
        refused(ours.call(|_| Ok(())));
        refused(ours.begin());
        Ok(())
    });
    watchdog::future("a write", write.into_future())
        .await
        .unwrap();

    let ours = db.clone();
    let read = db.read(move |_| {
        refused(ours.query("SELECT n FROM t", ()));
        Ok(())
    });
    watchdog::future("a read", read.into_future())
        .await
        .unwrap();

    let alone = crate::world::two_rows().await;
    let ours = alone.clone();
    let call = alone.call(move |_| {
        refused(ours.query("SELECT n FROM t", ()));
        Ok(())
    });
    watchdog::future("a call", call.into_future())
        .await
        .unwrap();
    assert_eq!(crate::world::numbers(&alone).await, [1, 2]);
}

#[tokio::test]
async fn a_closure_may_wait_for_another_connection() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db")).await.unwrap();
    db.execute("CREATE TABLE t(n)", ()).await.unwrap();
    let ours = db.clone();
    let write = db.write(move |tx| {
        tx.execute("INSERT INTO t VALUES (1)", ())?;
        let read = ours.query_as::<i64>("SELECT count(*) FROM t", ()).one();
        Ok(wait(read))
    });
    let before = watchdog::future("a write", write.into_future()).await;
    assert_eq!(before.unwrap().unwrap(), 0, "it is not committed yet");
    let ours = db.clone();
    let read = db.read(move |_| {
        let write = ours.write(|tx| tx.execute("INSERT INTO t VALUES (2)", ()));
        Ok(wait(write))
    });
    let done = watchdog::future("a read", read.into_future()).await;
    assert_eq!(done.unwrap().unwrap(), 1);
}
