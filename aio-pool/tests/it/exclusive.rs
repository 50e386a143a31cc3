//! Calls that have a worker for themselves.

use std::future::IntoFuture as _;

use aio_pool::{Exit, TaskError};

use crate::harness::trials;
use crate::line::Line;
use crate::polled::polled;
use crate::pools::{one_worker, pool_of};
use crate::tasks::{abort, hold, pid};

trials![
    it_waits_for_an_empty_worker_and_nothing_begins_beside_it,
    other_workers_go_on_meanwhile,
    its_crash_costs_nothing_else,
    exclusive_and_shared_calls_all_get_their_turn,
];

async fn it_waits_for_an_empty_worker_and_nothing_begins_beside_it() {
    let pool = one_worker().await;
    let line = Line::open();
    let first = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    let alone = pool.call::<hold>(line.name.clone()).exclusive();
    let alone = tokio::spawn(alone.into_future());
    let mut late = pool.call::<pid>(()).into_future();
    tokio::task::yield_now().await;
    assert!(polled(&mut late).await.is_pending());
    assert!(!first.is_finished());
    first.abort();
    held.gone().await;
    // The first was in its way, and now it is in the way of the last.
    let held = line.next().await;
    assert!(polled(&mut late).await.is_pending());
    let worker = held.pid;
    alone.abort();
    held.gone().await;
    assert_eq!(late.await.unwrap(), worker);
    pool.close().await.unwrap();
}

async fn other_workers_go_on_meanwhile() {
    let pool = pool_of(2, 2).await;
    let line = Line::open();
    let alone = tokio::spawn(
        pool.call::<hold>(line.name.clone())
            .exclusive()
            .into_future(),
    );
    let held = line.next().await;
    let others: Vec<u32> = {
        let mut pids = Vec::new();
        for _ in 0..10 {
            pids.push(pool.call::<pid>(()).await.unwrap());
        }
        pids
    };
    assert!(others.iter().all(|other| *other != held.pid), "{others:?}");
    alone.abort();
    held.gone().await;
    pool.close().await.unwrap();
}

async fn its_crash_costs_nothing_else() {
    let pool = one_worker().await;
    let mut shared = Vec::new();
    for _ in 0..8 {
        shared.push(tokio::spawn(pool.call::<pid>(()).into_future()));
    }
    let crash = pool.call::<abort>(()).exclusive().await.unwrap_err();
    match crash {
        TaskError::WorkerLost { exit, beside, .. } => {
            assert_eq!((exit, beside), (Exit::Signal(6), 0));
        }
        other => panic!("{other:?}"),
    }
    for call in shared {
        call.await.unwrap().unwrap();
    }
    pool.close().await.unwrap();
}

async fn exclusive_and_shared_calls_all_get_their_turn() {
    let pool = pool_of(2, 4).await;
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let call = pool.call::<pid>(());
            let call = match number % 5 {
                0 => call.exclusive(),
                _ => call,
            };
            tokio::spawn(call.into_future())
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    pool.close().await.unwrap();
}
