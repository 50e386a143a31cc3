//! However a pool ends, nothing of it is left.

use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::time::Duration;

use aio_pool::{Error, Pool, TaskError};
use chaos::Trace;
use rustix::process::Signal;
use tokio::join;

use crate::death::{send, wait_until_stopped};
use crate::deeds::ended;
use crate::harness::{runtime, trials};
use crate::line::Line;
use crate::polled::polled;
use crate::tasks::{echo, exit, hold, leave_behind, leave_group, nested_pool, nothing, pid, spin};

trials![
    a_closed_pool_has_left_nothing,
    a_terminated_pool_has_left_nothing,
    a_dropped_pool_leaves_nothing,
    the_last_handle_decides,
    close_answers_what_was_called_and_refuses_what_comes_later,
    terminate_cancels_what_was_called,
    terminate_cuts_a_close_short,
    dropping_the_pool_cancels_calls_in_flight,
    a_worker_that_will_not_end_is_killed_and_reported,
    a_cancelled_task_without_an_await_does_not_stop_a_close,
    what_a_task_started_ends_with_the_pool,
    a_worker_that_left_its_group_ends_with_the_pool,
    a_pool_in_a_worker_ends_with_the_worker,
    with_closes_after_ok,
    with_terminates_after_err,
    with_leaves_nothing_after_a_panic,
    with_leaves_nothing_when_cancelled,
    with_reports_a_start_that_fails,
    a_pool_outlives_its_runtime_and_dies_without_one,
];

async fn pool() -> Pool {
    aio_pool::start().workers(2).await.unwrap()
}

/// Fails at once if a process or a descriptor is left. The thread that said so
/// may still be on its way out, and the C library reads a setting of the kernel
/// when it takes back a thread's memory.
pub(crate) fn assert_nothing_left(before: &Trace) {
    let left = before.diff();
    let of_the_thread = [
        "thread aio-pool",
        "descriptor /proc/sys/vm/overcommit_memory",
    ];
    let only_the_thread = left
        .things
        .keys()
        .all(|thing| of_the_thread.contains(&thing.as_str()));
    assert!(only_the_thread, "left over:\n{left}");
}

async fn a_closed_pool_has_left_nothing() {
    let before = Trace::take();
    let pool = pool().await;
    assert!(!before.diff().is_empty(), "the trace sees workers");
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
    assert_nothing_left(&before);
    pool.close().await.unwrap();
    pool.terminate().await;
    before.assert_same().await;
}

async fn a_terminated_pool_has_left_nothing() {
    let before = Trace::take();
    let pool = pool().await;
    pool.terminate().await;
    assert_nothing_left(&before);
    pool.terminate().await;
    let error = pool.call::<nothing>(()).await.unwrap_err();
    assert_eq!(error, TaskError::Pool(Error::Closed));
    pool.close().await.unwrap();
    before.assert_same().await;
}

async fn a_dropped_pool_leaves_nothing() {
    let before = Trace::take();
    drop(pool().await);
    before.assert_same().await;
}

async fn the_last_handle_decides() {
    let before = Trace::take();
    let pool = pool().await;
    let other = pool.clone();
    drop(pool);
    other.call::<nothing>(()).await.unwrap();
    drop(other);
    before.assert_same().await;
}

async fn close_answers_what_was_called_and_refuses_what_comes_later() {
    let pool = aio_pool::start()
        .workers(1)
        .tasks_per_worker(1)
        .await
        .unwrap();
    let mut calls: Vec<_> = (0..50_u8)
        .map(|n| pool.call::<echo>(vec![n]).into_future())
        .collect();
    let mut answers = Vec::new();
    for call in &mut calls {
        // A call is made by its first poll, which may find an answer already.
        answers.push(polled(call).await);
    }
    let (closed, also_closed) = join!(pool.close(), pool.close());
    assert_eq!((closed, also_closed), (Ok(()), Ok(())));
    for ((n, call), answer) in (0..50).zip(&mut calls).zip(answers) {
        let answer = match answer {
            Poll::Pending => polled(call).await,
            answer => answer,
        };
        let Poll::Ready(bytes) = answer else {
            panic!("close came back before call {n}");
        };
        assert_eq!(bytes.unwrap(), [n]);
    }
    let error = pool.call::<nothing>(()).await.unwrap_err();
    assert_eq!(error, TaskError::Pool(Error::Closed));
    assert_eq!(error.to_string(), "the pool is closed");
}

async fn terminate_cancels_what_was_called() {
    let pool = aio_pool::start()
        .workers(1)
        .tasks_per_worker(1)
        .await
        .unwrap();
    let line = Line::open();
    let running = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    let queued = tokio::spawn(pool.call::<nothing>(()).into_future());
    tokio::task::yield_now().await;
    pool.terminate().await;
    held.gone().await;
    assert!(matches!(
        running.await.unwrap(),
        Err(TaskError::Cancelled { .. })
    ));
    assert!(matches!(
        queued.await.unwrap(),
        Err(TaskError::Cancelled { .. })
    ));
}

async fn terminate_cuts_a_close_short() {
    let pool = pool().await;
    let line = Line::open();
    let running = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    let (closed, ()) = join!(pool.close(), pool.terminate());
    assert_eq!(closed, Err(Error::Terminated));
    held.gone().await;
    assert!(matches!(
        running.await.unwrap(),
        Err(TaskError::Cancelled { .. })
    ));
}

async fn dropping_the_pool_cancels_calls_in_flight() {
    let before = Trace::take();
    let pool = pool().await;
    let line = Line::open();
    let call = pool.call::<hold>(line.name.clone()).into_future();
    let dropping = async {
        let held = line.next().await;
        drop(pool);
        held.gone().await;
    };
    let (outcome, ()) = join!(call, dropping);
    assert!(matches!(outcome, Err(TaskError::Cancelled { .. })));
    drop(line);
    before.assert_same().await;
}

async fn a_worker_that_will_not_end_is_killed_and_reported() {
    let before = Trace::take();
    let pool = pool().await;
    let line = Line::open();
    let mut stopped = Vec::new();
    for _ in 0..2 {
        // Both at once, and each alone, so that it has a worker of its own.
        let call = pool.call::<hold>(line.name.clone()).exclusive();
        let call = tokio::spawn(call.into_future());
        let held = line.next().await;
        stopped.push((held.pid, call, held));
    }
    let mut pids = Vec::new();
    for (pid, call, held) in stopped {
        call.abort();
        held.gone().await;
        send(Signal::STOP, pid);
        wait_until_stopped(pid).await;
        pids.push(pid);
    }
    pids.sort_unstable();
    drop(line);
    let error = pool.close().await.unwrap_err();
    let said = error.to_string();
    let first = format!("worker {}, worker {} did not end", pids[0], pids[1]);
    assert!(said.starts_with(&first), "{said}");
    assert!(matches!(error, Error::Unwilling { pids: named, .. } if named == pids));
    assert_nothing_left(&before);
    pool.close().await.unwrap();
}

async fn a_cancelled_task_without_an_await_does_not_stop_a_close() {
    let before = Trace::take();
    let pool = aio_pool::start().workers(1).await.unwrap();
    let line = Line::open();
    let call = tokio::spawn(pool.call::<spin>(line.name.clone()).into_future());
    let held = line.next().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let error = pool.close().await.unwrap_err();
    assert!(
        matches!(&error, Error::Unwilling { pids, .. } if *pids == [held.pid]),
        "{error}"
    );
    held.gone().await;
    drop(line);
    before.assert_same().await;
}

async fn what_a_task_started_ends_with_the_pool() {
    let pool = aio_pool::start().workers(1).await.unwrap();
    let after_close = pool.call::<leave_behind>(()).await.unwrap();
    pool.close().await.unwrap();
    ended(after_close).await;

    let pool = aio_pool::start().workers(1).await.unwrap();
    let after_crash = pool.call::<leave_behind>(()).await.unwrap();
    pool.call::<exit>(1).await.unwrap_err();
    ended(after_crash).await;
    let after_drop = pool.call::<leave_behind>(()).await.unwrap();
    drop(pool);
    ended(after_drop).await;
}

async fn a_worker_that_left_its_group_ends_with_the_pool() {
    let other = aio_pool::start().workers(1).await.unwrap();
    let leader = other.pids()[0];
    let before = Trace::take();
    for _ in 0..2 {
        let pool = aio_pool::start().workers(1).await.unwrap();
        pool.call::<leave_group>(leader).await.unwrap();
        pool.terminate().await;
        assert_nothing_left(&before);
    }
    let pool = aio_pool::start().workers(1).await.unwrap();
    pool.call::<leave_group>(leader).await.unwrap();
    drop(pool);
    before.assert_same().await;
    other.close().await.unwrap();
}

async fn a_pool_in_a_worker_ends_with_the_worker() {
    let before = Trace::take();
    let pool = aio_pool::start()
        .workers(1)
        .timeout(Duration::MAX)
        .await
        .unwrap();
    let line = Line::open();
    let grandchild = pool.call::<nested_pool>(line.name.clone()).await.unwrap();
    let held = line.next().await;
    assert_eq!(held.pid, grandchild);
    assert_ne!(pool.call::<pid>(()).await.unwrap(), grandchild);
    // Killed with its worker, though it leads a group of its own and computes.
    drop(pool);
    held.gone().await;
    drop(line);
    before.assert_same().await;
}

async fn with_closes_after_ok() {
    let before = Trace::take();
    let bytes = aio_pool::start()
        .workers(2)
        .with(async |pool| -> Result<_, TaskError<_>> { pool.call::<echo>(vec![1]).await })
        .await
        .unwrap();
    assert_eq!(bytes, [1]);
    assert_nothing_left(&before);
}

async fn with_terminates_after_err() {
    let before = Trace::take();
    let line = Line::open();
    let mut abandoned = None;
    let outcome = aio_pool::start()
        .workers(2)
        .with(async |pool| -> Result<(), Error> {
            abandoned = Some(tokio::spawn(
                pool.call::<hold>(line.name.clone()).into_future(),
            ));
            line.next().await;
            Err(Error::NotInitialised)
        })
        .await;
    assert_eq!(outcome, Err(Error::NotInitialised), "the body's own error");
    let outcome = abandoned.unwrap().await.unwrap();
    assert!(matches!(outcome, Err(TaskError::Cancelled { .. })));
    drop(line);
    assert_nothing_left(&before);
}

async fn with_leaves_nothing_after_a_panic() {
    let before = Trace::take();
    let mut with = Box::pin(aio_pool::start().workers(2).with(
        async |pool| -> Result<(), TaskError<aio_pool::Never>> {
            pool.call::<nothing>(()).await?;
            panic!("in the body");
        },
    ));
    let panicked = std::future::poll_fn(|cx| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| with.as_mut().poll(cx))) {
            Ok(polled) => polled.map(|_| false),
            Err(_) => std::task::Poll::Ready(true),
        }
    });
    assert!(panicked.await);
    drop(with);
    before.assert_same().await;
}

async fn with_leaves_nothing_when_cancelled() {
    let before = Trace::take();
    let line = Line::open();
    let name = line.name.clone();
    let with = tokio::spawn(aio_pool::start().workers(2).with(
        async move |pool| -> Result<(), TaskError<aio_pool::Never>> {
            pool.call::<hold>(name).await
        },
    ));
    let held = line.next().await;
    with.abort();
    held.gone().await;
    assert!(with.await.unwrap_err().is_cancelled());
    drop(line);
    before.assert_same().await;
}

async fn with_reports_a_start_that_fails() {
    let with = aio_pool::start().workers(0);
    let outcome = with
        .with(async |_| -> Result<(), Error> { panic!("no pool") })
        .await;
    assert!(matches!(
        outcome,
        Err(Error::InvalidOption {
            option: "workers",
            ..
        })
    ));
}

async fn a_pool_outlives_its_runtime_and_dies_without_one() {
    let before = Trace::take();
    let pool = std::thread::spawn(|| runtime().block_on(pool()))
        .join()
        .unwrap();
    pool.call::<nothing>(()).await.unwrap();
    std::thread::spawn(move || drop(pool)).join().unwrap();
    before.assert_same().await;
}
