//! How long a task may run, and that waiting for its turn is no running.

use std::time::Duration;

use aio_pool::{Exit, TaskError};
use tokio::join;

use crate::harness::trials;
use crate::line::Line;
use crate::polled::polled;
use crate::pools::{one_at_a_time, one_worker};
use crate::tasks::{compute, hold, pid, spin};

trials![
    the_queue_does_not_count,
    a_task_that_runs_for_too_long_is_cancelled,
    a_task_that_computes_for_too_long_costs_its_worker,
    a_call_that_is_dropped_while_it_computes_costs_one_worker,
    whichever_limit_is_over_first_ends_the_call,
];

async fn the_queue_does_not_count() {
    let pool = one_at_a_time().await;
    // It is in the way for longer than the limit.
    let blocker = tokio::spawn(pool.call::<compute>(2_500).into_future());
    tokio::task::yield_now().await;
    let waits = pool.call::<pid>(()).run_timeout(Duration::from_secs(2));
    let (blocker, waits) = join!(blocker, waits.into_future());
    assert_eq!(blocker.unwrap().unwrap(), waits.unwrap());
    pool.close().await.unwrap();
}

async fn a_task_that_runs_for_too_long_is_cancelled() {
    let pool = one_at_a_time().await;
    let line = Line::open();
    let limit = Duration::from_millis(50);
    let call = pool.call::<hold>(line.name.clone()).run_timeout(limit);
    let (outcome, held) = join!(call.into_future(), line.next());
    let error = outcome.unwrap_err();
    assert!(matches!(error, TaskError::TimedOut { after, .. } if after == limit));
    let worker = held.pid;
    held.gone().await;
    assert_eq!(pool.call::<pid>(()).await.unwrap(), worker);
    pool.close().await.unwrap();
}

async fn a_task_that_computes_for_too_long_costs_its_worker() {
    let pool = one_worker().await;
    let line = Line::open();
    let neighbour = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    line.next().await;
    let limit = Duration::from_millis(50);
    let call = pool.call::<spin>(line.name.clone()).run_timeout(limit);
    let (outcome, spinning) = join!(call.into_future(), line.next());
    let error = outcome.unwrap_err();
    assert!(matches!(error, TaskError::TimedOut { after, .. } if after == limit));
    assert_ne!(pool.call::<pid>(()).await.unwrap(), spinning.pid);
    match neighbour.await.unwrap().unwrap_err() {
        TaskError::WorkerLost { pid, exit, .. } => {
            let reason = "task it::tasks::spin did not stop when it was cancelled".to_owned();
            assert_eq!((pid, exit), (spinning.pid, Exit::Ended { reason }));
        }
        other => panic!("{other:?}"),
    }
    pool.close().await.unwrap();
}

async fn a_call_that_is_dropped_while_it_computes_costs_one_worker() {
    // Its limit is over before its worker is killed, at the same time, or never.
    let [short, same, long] = [20, 2_000, 1_000_000].map(Duration::from_millis);
    join!(
        drop_while_it_computes(short),
        drop_while_it_computes(same),
        drop_while_it_computes(long),
    );
}

async fn drop_while_it_computes(limit: Duration) {
    let pool = one_at_a_time().await;
    let line = Line::open();
    let call = pool.call::<spin>(line.name.clone()).run_timeout(limit);
    let mut call = call.into_future();
    // The shortest limit may be over before this returns.
    let _ = polled(&mut call).await;
    let spinning = line.next().await;
    let stuck = spinning.pid;
    drop(call);
    // Whoever waits meanwhile runs in the next worker, and nobody kills that.
    let next = pool.call::<pid>(()).await.unwrap();
    assert_ne!(next, stuck);
    spinning.gone().await;
    assert_eq!(pool.call::<compute>(100).await.unwrap(), next);
    pool.close().await.unwrap();
}

async fn whichever_limit_is_over_first_ends_the_call() {
    let pool = one_at_a_time().await;
    let (short, long) = (Duration::from_millis(50), Duration::from_secs(1_000));
    for (answer, running) in [(short, long), (long, short), (short, Duration::MAX)] {
        let line = Line::open();
        let call = pool.call::<hold>(line.name.clone());
        let error = call.timeout(answer).run_timeout(running).await.unwrap_err();
        assert!(
            matches!(error, TaskError::TimedOut { after, .. } if after == short),
            "{error:?}"
        );
    }
    pool.close().await.unwrap();
}
