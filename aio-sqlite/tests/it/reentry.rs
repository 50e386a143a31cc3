//! Calls from inside a closure that holds the connection which they need.

use std::fmt::Debug;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};

use aio_sqlite::{Error, Result};
use chaos::watchdog;
use futures_util::FutureExt;

use crate::world::{ENDLESS, SERIES};

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
        // It waits for all that read.
        refused(async { ours.close().await });
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

/// A reader with a half-read stream has nothing else to do: its rows come.
#[tokio::test]
async fn a_closure_may_read_on_in_a_stream_that_has_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db")).await.unwrap();
    let mut rows = db.query_as::<i64>(SERIES, [100_000]).stream();
    assert_eq!(rows.next().await.unwrap().unwrap(), 1);
    let read = db.read(move |_| {
        Ok(wait(async {
            let mut read = 1;
            while let Some(row) = rows.next().await {
                read = row?;
            }
            Ok(read)
        }))
    });
    let last = watchdog::future("a read", read.into_future()).await;
    assert_eq!(last.unwrap().unwrap(), 100_000);
}

/// A task that runs where it is woken.
struct Inline(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        if let Ok(mut task) = self.0.try_lock()
            && let Some(running) = task.as_mut()
            && running
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
        {
            *task = None;
        }
    }
}

#[tokio::test]
async fn whoever_is_woken_before_a_closure_runs_is_not_inside_it() {
    let db = crate::world::two_rows().await;
    let (tells, told) = mpsc::channel();
    let mut endless = Box::pin(db.query(ENDLESS, ()).into_future());
    assert!((&mut endless).now_or_never().is_none());
    // They wait together, so the first is woken when the call begins.
    let ours = db.clone();
    let task = Box::pin(async move {
        let first = ours.query("SELECT 1", ()).await.map(drop);
        let next = ours.query("SELECT 2", ()).await.map(drop);
        tells.send(first.and(next)).unwrap();
    });
    Waker::from(Arc::new(Inline(Mutex::new(Some(task))))).wake();
    let mut call = Box::pin(db.call(|_| Ok(())).into_future());
    assert!((&mut call).now_or_never().is_none());
    drop(endless);
    watchdog::future("a call", call).await.unwrap();
    let told = watchdog::closure("a task", move || told.recv());
    told.unwrap().unwrap();
}
