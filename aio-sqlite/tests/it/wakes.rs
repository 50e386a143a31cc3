//! Callers whose answers are there are woken, whatever the worker does next.

use std::future::IntoFuture;

use aio_sqlite::Connection;
use tokio::task::{JoinHandle, yield_now};

use crate::world::{ENDLESS, function, two_rows};

fn spawn(db: &Connection, sql: &str) -> JoinHandle<aio_sqlite::Result<Vec<i64>>> {
    let (db, sql) = (db.clone(), sql.to_owned());
    tokio::spawn(async move { db.query_as::<i64>(sql, ()).into_future().await })
}

/// Has a quick query and another taken from the queue together, and waits for
/// the quick one while the other never ends.
async fn answered_before(db: &Connection, other: &str) {
    let first = spawn(db, ENDLESS);
    yield_now().await;
    let quick = spawn(db, "SELECT count(*) FROM t");
    let other = spawn(db, other);
    let last = spawn(db, "SELECT count(*) FROM t");
    yield_now().await;
    first.abort();
    let answer = chaos::watchdog::future("the quick query", quick).await;
    assert_eq!(answer.unwrap().unwrap(), [2]);
    other.abort();
    let answer = chaos::watchdog::future("the last query", last).await;
    assert_eq!(answer.unwrap().unwrap(), [2]);
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_next_query() {
    let db = two_rows().await;
    for _ in 0..10 {
        answered_before(&db, ENDLESS).await;
    }
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_next_write() {
    let db = two_rows().await;
    let write = format!("INSERT INTO t {ENDLESS}");
    for _ in 0..10 {
        answered_before(&db, &write).await;
    }
}

/// An SQL function may wait for the very caller that is to be woken.
#[tokio::test]
async fn an_answer_does_not_wait_for_the_code_of_a_caller() {
    let db = two_rows().await;
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let receive = std::sync::Mutex::new(receive);
    function(&db, "wait", move |_| {
        let _ = receive.lock().unwrap().recv();
    })
    .await;
    for _ in 0..10 {
        let first = spawn(&db, ENDLESS);
        yield_now().await;
        let quick = spawn(&db, "SELECT count(*) FROM t");
        let waits = spawn(&db, "SELECT wait(1)");
        yield_now().await;
        first.abort();
        let answer = chaos::watchdog::future("the quick query", quick).await;
        assert_eq!(answer.unwrap().unwrap(), [2]);
        send.send(()).unwrap();
        let answer = chaos::watchdog::future("the waiting query", waits).await;
        assert_eq!(answer.unwrap().unwrap(), [1]);
    }
}
