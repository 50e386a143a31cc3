//! The outcomes of a map as a stream.

use std::process::id;
use std::task::Poll;

use aio_pool::{Error, Results, TaskError};
use chaos::Trace;
use chaos::cuts::every;
use futures_core::{FusedStream, Stream};

use crate::harness::trials;
use crate::line::Line;
use crate::map::{Counter, after_the_next, call_and_stay, counted, double, works_and_goes};
use crate::polled::polled;
use crate::pools::{one_worker_for, pool_of};
use crate::tasks::{Stranger, hold, nothing, pid};

trials![
    results_are_in_order_though_the_last_is_first,
    unordered_results_come_as_they_are_there,
    inputs_without_end_are_taken_as_there_is_room,
    no_more_is_kept_behind_a_slow_task_than_the_limit,
    a_place_that_comes_free_is_filled_before_the_consumer_waits,
    dropping_the_results_cancels_what_is_in_flight,
    an_error_is_not_the_end_of_the_stream,
    a_pool_that_closes_ends_the_stream_with_an_error,
    a_pool_that_is_terminated_ends_the_stream_with_an_error,
    an_unregistered_task_is_said_once,
    the_size_is_known_at_each_step,
    at_its_end_a_stream_stays_there,
    results_that_are_there_do_not_keep_other_tasks_waiting,
    next_is_cut_everywhere,
];

async fn results_are_in_order_though_the_last_is_first() {
    let pool = one_worker_for(8).await;
    let mut results = pool.map::<after_the_next>((0..8).map(|n| (n, 7))).stream();
    for n in 0..8 {
        assert_eq!(results.next().await, Some(Ok(n)));
    }
    assert_eq!(results.next().await, None);
    pool.close().await.unwrap();
}

async fn unordered_results_come_as_they_are_there() {
    let pool = one_worker_for(8).await;
    let inputs = (0..8).map(|n| (n, 7));
    let mut results = pool.map::<after_the_next>(inputs).unordered().stream();
    for n in (0..8).rev() {
        assert_eq!(results.next().await, Some(Ok(n)));
    }
    assert_eq!(results.next().await, None);
    pool.close().await.unwrap();
}

async fn inputs_without_end_are_taken_as_there_is_room() {
    let pool = aio_pool::start().workers(2).await.unwrap();
    for limit in [1, 2, 8] {
        let taken = Counter::default();
        let mut results = pool
            .map::<double>(counted(0.., &taken))
            .limit(limit)
            .stream();
        for n in 0..10 {
            assert_eq!(results.next().await, Some(Ok(n * 2)));
            let given = usize::try_from(n).unwrap() + 1;
            assert!(
                taken.count() <= given - 1 + limit,
                "{} at {n}",
                taken.count()
            );
        }
    }
    // With the limit of its own it is not greedy either: 2 × 2 × (16 + 256).
    let taken = Counter::default();
    let mut results = pool.map::<double>(counted(0.., &taken)).stream();
    assert_eq!(results.next().await, Some(Ok(0)));
    assert!(taken.count() <= 1_088, "{}", taken.count());
    drop(results);
    pool.close().await.unwrap();
}

async fn no_more_is_kept_behind_a_slow_task_than_the_limit() {
    const LIMIT: usize = 6;
    let pool = one_worker_for(8).await;
    let line = Line::open();
    let taken = Counter::default();
    let inputs = (0..).map(|n| (line.name.clone(), n == 0));
    let inputs = counted(inputs, &taken);
    let mut results = pool.map::<call_and_stay>(inputs).limit(LIMIT).stream();
    let mut next = Box::pin(results.next());
    assert!(polled(&mut next).await.is_pending());
    // Whichever is the one that stays, the others end.
    let mut ends = Vec::new();
    for _ in 0..LIMIT {
        let held = line.next().await;
        ends.push(Box::pin(held.gone()));
    }
    let mut ended = 0;
    while ended < LIMIT - 1 {
        assert!(polled(&mut next).await.is_pending());
        for end in std::mem::take(&mut ends) {
            let mut end = end;
            match polled(&mut end).await {
                Poll::Ready(()) => ended += 1,
                Poll::Pending => ends.push(end),
            }
        }
        tokio::task::yield_now().await;
    }
    // Answered, but for the first; a worker that is asked again has told.
    pool.call::<nothing>(()).await.unwrap();
    for _ in 0..3 {
        assert!(polled(&mut next).await.is_pending());
        assert_eq!(taken.count(), LIMIT);
    }
    drop(next);
    drop(results);
    ends.pop().unwrap().await;
    pool.close().await.unwrap();
}

async fn a_place_that_comes_free_is_filled_before_the_consumer_waits() {
    let pool = one_worker_for(8).await;
    let (line, taken) = (Line::open(), Counter::default());
    let inputs = (0..).map(|n| (line.name.clone(), n > 0));
    let inputs = counted(inputs, &taken);
    let mut results = pool.map::<call_and_stay>(inputs).limit(8).stream();
    assert_eq!(results.next().await, Some(Ok(false)));
    assert!(polled(&mut Box::pin(results.next())).await.is_pending());
    assert_eq!(taken.count(), 9, "one ended and eight run");
    drop(results);
    pool.close().await.unwrap();
}

async fn dropping_the_results_cancels_what_is_in_flight() {
    let pool = pool_of(2, 2).await;
    let line = Line::open();
    for _ in 0..5 {
        let inputs = std::iter::repeat(line.name.clone());
        let mut results = pool.map::<hold>(inputs).limit(10).stream();
        let mut next = Box::pin(results.next());
        assert!(polled(&mut next).await.is_pending());
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(line.next().await);
        }
        drop(next);
        drop(results);
        for held in held {
            held.gone().await;
        }
        // Nor does any of those that waited begin: the only line is silent.
        assert_ne!(pool.call::<pid>(()).await.unwrap(), id());
    }
    pool.close().await.unwrap();
}

async fn an_error_is_not_the_end_of_the_stream() {
    let pool = one_worker_for(4).await;
    let mut results = pool.map::<crate::tasks::fib>([1, 1_000, 2]).stream();
    assert_eq!(results.next().await.unwrap().unwrap(), 1);
    assert!(matches!(
        results.next().await,
        Some(Err(TaskError::Task(_)))
    ));
    assert_eq!(results.next().await.unwrap().unwrap(), 1);
    assert!(results.next().await.is_none());
    pool.close().await.unwrap();
}

/// What comes until the end.
async fn outcomes(
    results: &mut Results<'_, double>,
) -> Vec<Result<u64, TaskError<aio_pool::Never>>> {
    let mut outcomes = Vec::new();
    while let Some(outcome) = results.next().await {
        outcomes.push(outcome);
    }
    outcomes
}

async fn a_pool_that_closes_ends_the_stream_with_an_error() {
    let pool = one_worker_for(4).await;
    let mut results = pool.map::<double>(0..).limit(8).stream();
    assert_eq!(results.next().await, Some(Ok(0)));
    pool.close().await.unwrap();
    let outcomes = outcomes(&mut results).await;
    let answered = outcomes
        .iter()
        .take_while(|outcome| outcome.is_ok())
        .count();
    assert!(answered >= 7 - 2, "what was made is answered: {outcomes:?}");
    assert!(outcomes.len() > answered, "{outcomes:?}");
    for outcome in &outcomes[answered..] {
        assert_eq!(*outcome, Err(TaskError::Pool(Error::Closed)));
    }
    let error = pool.map::<double>(0..).await.unwrap_err();
    assert_eq!(error, TaskError::Pool(Error::Closed));
    assert_eq!(pool.map::<double>([]).await, Ok(Vec::new()));
}

async fn a_pool_that_is_terminated_ends_the_stream_with_an_error() {
    let pool = one_worker_for(4).await;
    let mut results = pool.map::<double>(0..).limit(8).stream();
    assert_eq!(results.next().await, Some(Ok(0)));
    pool.terminate().await;
    let outcomes = outcomes(&mut results).await;
    assert!(outcomes.len() < 8 + 8, "{outcomes:?}");
    let last = outcomes.last().unwrap();
    assert_eq!(*last, Err(TaskError::Pool(Error::Closed)));
    for outcome in outcomes {
        assert!(
            matches!(
                outcome,
                Ok(_) | Err(TaskError::Cancelled { .. } | TaskError::Pool(Error::Closed))
            ),
            "{outcome:?}"
        );
    }
}

async fn an_unregistered_task_is_said_once() {
    let pool = one_worker_for(1).await;
    let mut results = pool.map::<Stranger>(std::iter::repeat(())).stream();
    let task = "tests/stranger";
    let unknown = TaskError::Pool(Error::UnknownTask { task });
    assert_eq!(results.next().await, Some(Err(unknown)));
    assert_eq!(results.next().await, None);
    pool.close().await.unwrap();
}

async fn the_size_is_known_at_each_step() {
    let pool = one_worker_for(2).await;
    for limit in [1, 2, 3, 100] {
        let mut results = pool.map::<double>(0..5).limit(limit).stream();
        assert_eq!(results.size_hint(), (1, Some(5)), "nothing is taken yet");
        for left in (0..5).rev() {
            assert!(results.next().await.is_some());
            let (least, most) = results.size_hint();
            assert_eq!(most, Some(left));
            assert!((left.min(1)..=left).contains(&least), "{least} of {left}");
        }
        assert!(results.next().await.is_none());
        assert_eq!(results.size_hint(), (0, Some(0)));
    }
    let endless = pool.map::<double>(0..).stream();
    assert_eq!(endless.size_hint(), (1, None));
    let filtered = pool.map::<double>((0..5).filter(|n| n % 2 == 0)).stream();
    assert_eq!(filtered.size_hint(), (0, Some(5)));
    pool.close().await.unwrap();
}

async fn at_its_end_a_stream_stays_there() {
    let pool = one_worker_for(2).await;
    let mut results = pool.map::<double>(0..2).stream();
    assert!(!results.is_terminated());
    while results.next().await.is_some() {}
    for _ in 0..3 {
        assert!(results.is_terminated());
        assert_eq!(results.next().await, None);
    }
    pool.close().await.unwrap();
}

async fn results_that_are_there_do_not_keep_other_tasks_waiting() {
    const INPUTS: usize = 2_000;
    let pool = one_worker_for(16).await;
    let taken = Counter::default();
    let inputs = counted(0..INPUTS as u64, &taken);
    let mut results = pool.map::<double>(inputs).limit(INPUTS).stream();
    let mut early = 0;
    while taken.count() < INPUTS {
        early += usize::from(polled(&mut Box::pin(results.next())).await.is_ready());
        tokio::task::yield_now().await;
    }
    // Every call is answered; all that is left is to take the answers.
    pool.close().await.unwrap();
    let other = tokio::spawn(async {});
    let mut ready = 0;
    while !other.is_finished() {
        assert!(results.next().await.is_some());
        ready += 1;
    }
    assert!(ready < INPUTS / 2, "{ready} came first, {early} before");
}

async fn next_is_cut_everywhere() {
    let before = Trace::take();
    let world = async || {
        let pool = one_worker_for(1).await;
        let results = pool.map::<double>(0..4).limit(2).stream();
        (pool, results)
    };
    let report = every("next")
        .world(world)
        .run(
            async |(_, results)| {
                assert_eq!(results.next().await, Some(Ok(0)));
                assert_eq!(results.next().await, Some(Ok(2)));
            },
            async |(pool, mut results), cut| {
                // However far it came, what comes now is next in order, and
                // nothing is left out.
                let mut rest = Vec::new();
                while let Some(result) = results.next().await {
                    rest.push(result.unwrap());
                }
                assert!([0, 2, 4, 6].ends_with(&rest), "{rest:?}");
                let most = if cut.completed { 2 } else { 4 };
                assert!((2..=most).contains(&rest.len()), "{rest:?}");
                works_and_goes(&before, pool).await;
            },
        )
        .await;
    assert!(report.cuts >= 4, "{report}");
}
