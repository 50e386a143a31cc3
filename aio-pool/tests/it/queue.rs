//! The bound of the queue.

use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use aio_pool::futures::Answer;
use aio_pool::{Error, Full, Pool, TaskError, task};

use crate::harness::trials;
use crate::line::{Held, Line};
use crate::map::{Counter, double};
use crate::polled::polled;
use crate::tasks::{hold, nothing, pid};

trials![
    a_full_queue_rejects_a_call_at_once,
    a_call_that_is_given_up_frees_its_place,
    a_call_that_times_out_frees_its_place,
    calls_wait_their_turn_beyond_the_bound,
    a_call_beyond_the_bound_is_cancelled_and_times_out,
    a_map_waits_where_a_call_is_rejected,
    a_map_takes_no_input_that_would_wait_beyond_the_bound,
    a_map_goes_on_when_others_leave_the_queue,
    a_map_holds_no_place_while_its_consumer_calls,
    closing_answers_those_that_wait,
    terminating_cancels_those_that_wait,
    a_queue_of_none_is_refused,
];

/// One worker that is taken, and a queue.
async fn taken(queue: usize, full: Full) -> (Pool, Held, Answer<hold>) {
    let start = aio_pool::start().workers(1).tasks_per_worker(1);
    let pool = start.queue(queue).when_full(full).await.unwrap();
    let line = Line::open();
    let mut blocker = pool.call::<hold>(line.name.clone()).into_future();
    assert!(polled(&mut blocker).await.is_pending());
    let held = line.next().await;
    (pool, held, blocker)
}

/// Makes calls until one is rejected. A worker may have been given some of them
/// ahead; the queue is full all the same.
async fn fill(pool: &Pool, limit: usize) -> Vec<Answer<pid>> {
    let mut waiting = Vec::new();
    loop {
        let mut call = pool.call::<pid>(()).into_future();
        match polled(&mut call).await {
            Poll::Pending => waiting.push(call),
            Poll::Ready(outcome) => {
                let full = Error::QueueFull { limit };
                assert_eq!(outcome, Err(TaskError::Pool(full)));
                assert!(waiting.len() >= limit, "{}", waiting.len());
                return waiting;
            }
        }
        assert!(waiting.len() <= limit + 1_000, "no end of it");
    }
}

/// Makes a call as soon as there is a place. The worker is taken.
async fn place(pool: &Pool) -> Answer<pid> {
    loop {
        let mut call = pool.call::<pid>(()).into_future();
        match polled(&mut call).await {
            Poll::Pending => return call,
            Poll::Ready(outcome) => {
                let error = outcome.unwrap_err();
                assert!(matches!(error, TaskError::Pool(Error::QueueFull { .. })));
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn a_full_queue_rejects_a_call_at_once() {
    let (pool, held, blocker) = taken(3, Full::Reject).await;
    let waiting = fill(&pool, 3).await;
    let error = pool.call::<nothing>(()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the queue is full: it has room for 3 calls"
    );
    drop(blocker);
    held.gone().await;
    for call in waiting {
        call.await.unwrap();
    }
    // Given to a worker, answered: the places are there again.
    takes_ten(&pool).await;
    pool.close().await.unwrap();
}

/// A pool whose worker is free takes call after call.
async fn takes_ten(pool: &Pool) {
    let mut answered = 0;
    while answered < 10 {
        match pool.call::<pid>(()).await {
            Ok(_) => answered += 1,
            Err(error) => {
                assert_eq!(error, TaskError::Pool(Error::QueueFull { limit: 3 }));
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn a_call_that_is_given_up_frees_its_place() {
    let (pool, held, blocker) = taken(2, Full::Reject).await;
    let mut waiting = fill(&pool, 2).await;
    for _ in 0..5 {
        // The youngest is the last that a worker would be given.
        drop(waiting.pop());
        waiting.push(place(&pool).await);
        let error = pool.call::<nothing>(()).await.unwrap_err();
        assert_eq!(error, TaskError::Pool(Error::QueueFull { limit: 2 }));
    }
    drop(blocker);
    held.gone().await;
    for call in waiting {
        call.await.unwrap();
    }
    pool.close().await.unwrap();
}

async fn a_call_that_times_out_frees_its_place() {
    let (pool, held, blocker) = taken(1, Full::Reject).await;
    let mut waiting = fill(&pool, 1).await;
    drop(waiting.pop());
    let again = place(&pool).await;
    drop(again);
    let limit = Duration::from_millis(20);
    let outcome = loop {
        match pool.call::<pid>(()).timeout(limit).await {
            Err(TaskError::Pool(Error::QueueFull { .. })) => tokio::task::yield_now().await,
            outcome => break outcome,
        }
    };
    assert!(
        matches!(outcome, Err(TaskError::TimedOut { .. })),
        "{outcome:?}"
    );
    waiting.push(place(&pool).await);
    drop(blocker);
    held.gone().await;
    for call in waiting {
        call.await.unwrap();
    }
    pool.close().await.unwrap();
}

task! {
    /// Says how many came before, of those that say their number here.
    async fn come(n: usize) -> usize {
        static CAME: Mutex<Vec<usize>> = Mutex::new(Vec::new());
        let mut came = CAME.lock().expect("no panic");
        came.push(n);
        came.len() - 1
    }
}

async fn calls_wait_their_turn_beyond_the_bound() {
    let (pool, held, blocker) = taken(1, Full::Wait).await;
    let mut calls = Vec::new();
    for n in 0..20 {
        let mut call = pool.call::<come>(n).into_future();
        assert!(polled(&mut call).await.is_pending());
        calls.push(call);
    }
    drop(blocker);
    held.gone().await;
    // Nor must they be awaited in order, or all the time.
    for (n, call) in calls.into_iter().enumerate().rev() {
        assert_eq!(call.await, Ok(n));
    }
    pool.close().await.unwrap();
}

async fn a_call_beyond_the_bound_is_cancelled_and_times_out() {
    let (pool, held, blocker) = taken(1, Full::Wait).await;
    let line = Line::open();
    let mut first = pool.call::<pid>(()).into_future();
    assert!(polled(&mut first).await.is_pending());
    let mut beyond = pool.call::<hold>(line.name.clone()).into_future();
    assert!(polled(&mut beyond).await.is_pending());
    let late = pool.call::<pid>(()).timeout(Duration::from_millis(20));
    assert!(matches!(late.await, Err(TaskError::TimedOut { .. })));
    drop(beyond);
    drop(blocker);
    held.gone().await;
    // Had the one beyond begun, it would hold the only worker.
    assert_eq!(pool.call::<pid>(()).await, first.await);
    pool.close().await.unwrap();
}

async fn a_map_waits_where_a_call_is_rejected() {
    let start = aio_pool::start().workers(1).tasks_per_worker(1);
    let pool = start.queue(1).when_full(Full::Reject).await.unwrap();
    let outputs = pool.map::<double>(0..500).await.unwrap();
    assert_eq!(outputs.len(), 500);
    pool.close().await.unwrap();
}

async fn a_map_takes_no_input_that_would_wait_beyond_the_bound() {
    /// What may have been sent ahead to the worker, and what it runs.
    const GIVEN: usize = 257;
    for full in [Full::Wait, Full::Reject] {
        let (pool, held, blocker) = taken(2, full).await;
        let pulled = Counter::default();
        let inputs = (0..10_000).inspect(|_| pulled.more());
        let mut results = pool.map::<double>(inputs).limit(usize::MAX).stream();
        for _ in 0..20 {
            assert!(polled(&mut Box::pin(results.next())).await.is_pending());
            tokio::task::yield_now().await;
        }
        assert!(
            (2..=2 + GIVEN).contains(&pulled.count()),
            "{}",
            pulled.count()
        );
        drop(blocker);
        held.gone().await;
        for n in 0..1_000 {
            assert_eq!(results.next().await, Some(Ok(n * 2)));
        }
        drop(results);
        pool.close().await.unwrap();
    }
}

async fn a_map_goes_on_when_others_leave_the_queue() {
    for given_up in [true, false] {
        let (pool, held, blocker) = taken(1, Full::Reject).await;
        let mut waiting = fill(&pool, 1).await;
        // By itself, so that nothing else wakes it.
        let map = tokio::spawn(pool.map::<double>(0..10).into_future());
        tokio::task::yield_now().await;
        assert!(!map.is_finished());
        if given_up {
            waiting.clear();
        }
        drop(blocker);
        held.gone().await;
        let outputs = map.await.unwrap();
        assert_eq!(outputs.unwrap().len(), 10);
        for call in waiting {
            call.await.unwrap();
        }
        pool.close().await.unwrap();
    }
}

async fn a_map_holds_no_place_while_its_consumer_calls() {
    let start = aio_pool::start().workers(1).tasks_per_worker(1);
    let pool = start.queue(1).await.unwrap();
    let mut results = pool.map::<double>(0..50).stream();
    while let Some(result) = results.next().await {
        let double_of = result.unwrap();
        let calls = (0..3).map(|n| pool.call::<double>(double_of + n));
        for call in calls {
            call.await.unwrap();
        }
    }
    pool.close().await.unwrap();
}

async fn closing_answers_those_that_wait() {
    let (pool, held, blocker) = taken(1, Full::Wait).await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        let mut call = pool.call::<pid>(()).into_future();
        assert!(polled(&mut call).await.is_pending());
        calls.push(call);
    }
    let mut closing = Box::pin(pool.close());
    assert!(polled(&mut closing).await.is_pending());
    let error = pool.call::<pid>(()).await.unwrap_err();
    assert_eq!(error, TaskError::Pool(Error::Closed));
    drop(blocker);
    held.gone().await;
    for call in calls {
        call.await.unwrap();
    }
    closing.await.unwrap();
}

async fn terminating_cancels_those_that_wait() {
    for full in [Full::Wait, Full::Reject] {
        let (pool, held, blocker) = taken(5, full).await;
        let mut calls = Vec::new();
        for _ in 0..5 {
            let mut call = pool.call::<pid>(()).into_future();
            assert!(polled(&mut call).await.is_pending());
            calls.push(call);
        }
        pool.terminate().await;
        held.gone().await;
        for call in calls {
            let error = call.await.unwrap_err();
            assert!(matches!(error, TaskError::Cancelled { .. }), "{error:?}");
        }
        drop(blocker);
        let error = pool.call::<pid>(()).await.unwrap_err();
        assert_eq!(error, TaskError::Pool(Error::Closed));
    }
}

async fn a_queue_of_none_is_refused() {
    let error = aio_pool::start().queue(0).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "option queue of aio_pool::start() must be at least 1"
    );
}
