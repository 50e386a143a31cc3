//! Workers that are replaced after so many tasks, and that nobody notices.

use std::collections::HashMap;

use aio_pool::{Context, Error};
use chaos::Trace;

use crate::harness::trials;
use crate::line::Line;
use crate::tasks::{hold, pid};

trials![
    a_worker_runs_no_more_than_its_tasks,
    calls_at_the_same_time_lose_nothing_to_the_change,
    a_worker_that_is_to_go_finishes_what_it_has,
    no_tasks_at_all_is_refused,
    a_pool_tells_the_processes_of_its_places,
];

async fn a_worker_runs_no_more_than_its_tasks() {
    let before = Trace::take();
    let pool = aio_pool::start()
        .workers(1)
        .recycle_after(10)
        .await
        .unwrap();
    let mut runs: HashMap<u32, u32> = HashMap::new();
    for _ in 0..100 {
        *runs.entry(pool.call::<pid>(()).await.unwrap()).or_default() += 1;
    }
    assert!(runs.values().all(|&runs| runs <= 10), "{runs:?}");
    assert!(runs.len() >= 10, "{runs:?}");
    pool.close().await.unwrap();
    before.wait_same();
}

async fn calls_at_the_same_time_lose_nothing_to_the_change() {
    let pool = aio_pool::start()
        .workers(2)
        .tasks_per_worker(4)
        .recycle_after(25)
        .await
        .unwrap();
    let calls: Vec<_> = (0..1_000)
        .map(|_| tokio::spawn(pool.call::<pid>(()).into_future()))
        .collect();
    let mut runs: HashMap<u32, u32> = HashMap::new();
    for call in calls {
        *runs.entry(call.await.unwrap().unwrap()).or_default() += 1;
    }
    assert!(runs.values().all(|&runs| runs <= 25), "{runs:?}");
    pool.close().await.unwrap();
}

async fn a_worker_that_is_to_go_finishes_what_it_has() {
    let pool = aio_pool::start().workers(1).recycle_after(2).await.unwrap();
    let line = Line::open();
    let call = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    assert_eq!(pool.pids(), [held.pid]);
    // The second and last of its tasks, or the first of the next worker.
    for _ in 0..6 {
        pool.call::<pid>(()).await.unwrap();
    }
    assert_ne!(pool.call::<pid>(()).await.unwrap(), held.pid);
    assert!(!pool.pids().contains(&held.pid), "another has its place");
    assert!(!call.is_finished(), "it was not killed for its age");
    call.abort();
    held.gone().await;
    pool.close().await.unwrap();
}

async fn no_tasks_at_all_is_refused() {
    let error = aio_pool::start().recycle_after(0).await.unwrap_err();
    assert!(
        matches!(&error, Error::InvalidOption { option, .. } if *option == "recycle_after"),
        "{error:?}"
    );
}

aio_pool::task! {
    async fn place_and_pid(cx: Context) -> (usize, u32) {
        (cx.place(), std::process::id())
    }
}

async fn a_pool_tells_the_processes_of_its_places() {
    let pool = aio_pool::start().workers(3).await.unwrap();
    let pids = pool.pids();
    assert_eq!(pids.len(), 3);
    let mut places = HashMap::new();
    while places.len() < 3 {
        let calls: Vec<_> = (0..100)
            .map(|_| tokio::spawn(pool.call::<place_and_pid>(()).into_future()))
            .collect();
        for call in calls {
            let (place, pid) = call.await.unwrap().unwrap();
            places.insert(place, pid);
        }
    }
    assert!(
        (0..3).all(|place| places[&place] == pids[place]),
        "{pids:?} {places:?}"
    );
    pool.close().await.unwrap();
    assert_eq!(pool.pids(), []);
}
