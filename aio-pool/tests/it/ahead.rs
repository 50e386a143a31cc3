//! Calls that are sent to a worker before it can begin them, and that another
//! worker begins after all.

use aio_pool::Pool;

use crate::harness::trials;
use crate::line::Line;
use crate::tasks::{pid, spin};

trials![
    short_calls_are_not_stranded_behind_a_long_one,
    what_is_sent_ahead_can_be_cancelled_behind_a_long_one,
];

/// A pool that has learned that tasks are short, so that it sends ahead.
async fn quick_pool(workers: usize) -> Pool {
    let pool = aio_pool::start()
        .workers(workers)
        .tasks_per_worker(2)
        .await
        .unwrap();
    for call in calls(&pool, 3_000) {
        call.await.unwrap().unwrap();
    }
    pool
}

type Called = tokio::task::JoinHandle<Result<u32, aio_pool::TaskError<aio_pool::Never>>>;

fn calls(pool: &Pool, count: usize) -> Vec<Called> {
    let call = |_| tokio::spawn(pool.call::<pid>(()).into_future());
    (0..count).map(call).collect()
}

async fn short_calls_are_not_stranded_behind_a_long_one() {
    let pool = quick_pool(2).await;
    let line = Line::open();
    let before = calls(&pool, 200);
    let endless = tokio::spawn(pool.call::<spin>(line.name.clone()).into_future());
    let after = calls(&pool, 200);
    let spinning = line.next().await;
    // All of them are answered while one worker is busy for ever.
    for call in before.into_iter().chain(after) {
        call.await.unwrap().unwrap();
    }
    let others = calls(&pool, 20);
    for call in others {
        assert_ne!(call.await.unwrap().unwrap(), spinning.pid);
    }
    endless.abort();
    spinning.gone().await;
    pool.close().await.unwrap();
}

async fn what_is_sent_ahead_can_be_cancelled_behind_a_long_one() {
    let pool = quick_pool(1).await;
    let line = Line::open();
    let endless = tokio::spawn(pool.call::<spin>(line.name.clone()).into_future());
    let behind = calls(&pool, 50);
    let spinning = line.next().await;
    let stuck = spinning.pid;
    for call in &behind {
        call.abort();
    }
    for call in behind {
        assert!(call.await.unwrap_err().is_cancelled());
    }
    endless.abort();
    spinning.gone().await;
    let mut next = calls(&pool, 1);
    let worker = next.remove(0).await.unwrap().unwrap();
    assert_ne!(worker, stuck, "it was killed after its two seconds");
    pool.close().await.unwrap();
}
