//! A task mapped over inputs: in order or not, lazily, and each with one outcome.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use aio_pool::{Error, Part, Pool, TaskError, task};
use chaos::Trace;
use chaos::cuts::every;
use futures_core::Stream;
use tokio::join;
use tokio::sync::{Barrier, watch};

use crate::harness::trials;
use crate::line::{self, Line};
use crate::pools::{one_worker_for, pool_of};
use crate::tasks::{Picky, echo, hold, nothing, take_picky};

trials![
    outputs_are_in_the_order_of_the_inputs,
    the_outputs_of_an_unordered_map_come_as_they_were_there,
    a_map_makes_nothing_before_it_is_polled,
    the_first_error_cancels_the_others,
    each_input_has_one_outcome_while_workers_die,
    a_value_that_does_not_cross_is_the_outcome_of_its_input,
    a_timeout_ends_each_call_by_itself,
    a_panic_of_the_inputs_is_the_callers_own,
    maps_and_calls_share_the_workers,
    map_is_cut_everywhere,
];

task! {
    pub(crate) async fn double(n: u64) -> u64 {
        n * 2
    }
}

task! {
    /// Ends only when `n + 1` has: the last one has nobody to wait for.
    pub(crate) async fn after_the_next(n: u32, last: u32) -> u32 {
        static ENDED: OnceLock<watch::Sender<u32>> = OnceLock::new();
        let ended = ENDED.get_or_init(|| watch::Sender::new(u32::MAX));
        if n != last {
            ended.subscribe().wait_for(|&ended| ended == n + 1).await.expect("it is static");
        }
        ended.send_replace(n);
        n
    }
}

task! {
    /// Fails if it has no line, else never ends; both when `n` have begun.
    async fn fail_beside(line: Option<String>, n: usize) -> Result<(), u32> {
        static BEGUN: OnceLock<Barrier> = OnceLock::new();
        let _line = line.as_deref().map(line::call);
        BEGUN.get_or_init(|| Barrier::new(n)).wait().await;
        match line {
            Some(_) => std::future::pending().await,
            None => Err(7),
        }
    }
}

task! {
    /// Never ends if it is told to stay.
    pub(crate) async fn call_and_stay(line: String, stays: bool) -> bool {
        let _line = line::call(&line);
        if stays {
            std::future::pending::<()>().await;
        }
        stays
    }
}

task! {
    /// Kills its worker where `n` is a multiple of 50.
    async fn deadly(n: u32) -> u32 {
        if n.is_multiple_of(50) {
            std::process::abort();
        }
        tokio::task::yield_now().await;
        n
    }
}

/// Counts, on whatever thread.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicUsize);

impl Counter {
    pub(crate) fn more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Inputs that are counted as they are taken.
pub(crate) fn counted<I: Iterator>(inputs: I, taken: &Counter) -> impl Iterator<Item = I::Item> {
    inputs.inspect(|_| taken.more())
}

async fn outputs_are_in_the_order_of_the_inputs() {
    let pool = aio_pool::start().workers(2).await.unwrap();
    let outputs = pool.map::<double>(0..10_000).await.unwrap();
    assert!(outputs.into_iter().eq((0..10_000).map(|n| n * 2)));
    let outputs = pool.map::<double>([]).await.unwrap();
    assert_eq!(outputs, []);
    // Borrowed inputs, spawned ones, and a limit that is none.
    let numbers = vec![1, 2, 3];
    let outputs = pool.map::<double>(numbers.iter().copied()).limit(0);
    assert_eq!(outputs.await.unwrap(), [2, 4, 6]);
    let outputs = tokio::spawn(pool.map::<double>(numbers).into_future());
    assert_eq!(outputs.await.unwrap().unwrap(), [2, 4, 6]);
    pool.close().await.unwrap();
}

async fn the_outputs_of_an_unordered_map_come_as_they_were_there() {
    let pool = one_worker_for(3).await;
    let inputs = [(0, 2), (1, 2), (2, 2)];
    let outputs = pool.map::<after_the_next>(inputs).unordered();
    assert_eq!(outputs.await.unwrap(), [2, 1, 0]);
    assert_eq!(pool.map::<after_the_next>(inputs).await.unwrap(), [0, 1, 2]);
    pool.close().await.unwrap();
}

async fn a_map_makes_nothing_before_it_is_polled() {
    let pool = one_worker_for(1).await;
    let (line, taken) = (Line::open(), Counter::default());
    let inputs = || counted(std::iter::repeat_n(line.name.clone(), 3), &taken);
    drop(pool.map::<hold>(inputs()));
    drop(pool.map::<hold>(inputs()).stream());
    drop(pool.map::<hold>(inputs()).into_future());
    assert_eq!(taken.count(), 0);
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn the_first_error_cancels_the_others() {
    let pool = one_worker_for(4).await;
    let line = Line::open();
    let calls = [true, true, false, true].map(|stays| (stays.then(|| line.name.clone()), 4));
    let (outcome, held) = join!(pool.map::<fail_beside>(calls).into_future(), async {
        [line.next().await, line.next().await, line.next().await]
    });
    assert_eq!(
        outcome.unwrap_err(),
        TaskError::Task(7),
        "though it is not the first"
    );
    for held in held {
        held.gone().await;
    }
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn each_input_has_one_outcome_while_workers_die() {
    const INPUTS: u32 = 600;
    let pool = pool_of(2, 4).await;
    let mut results = pool.map::<deadly>(0..INPUTS).limit(40).stream();
    for n in 0..INPUTS {
        match results.next().await.unwrap() {
            Ok(back) => assert_eq!(back, n),
            Err(TaskError::WorkerLost { started, .. }) => assert!(started || n.is_multiple_of(50)),
            Err(other) => panic!("{n}: {other}"),
        }
    }
    assert!(results.next().await.is_none());
    let (mut came, mut lost) = (BTreeSet::new(), 0);
    let mut results = pool.map::<deadly>(0..INPUTS).limit(40).unordered().stream();
    while let Some(outcome) = results.next().await {
        match outcome {
            Ok(n) => assert!(!n.is_multiple_of(50) && came.insert(n), "{n} twice"),
            Err(TaskError::WorkerLost { .. }) => lost += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(came.len() + lost, INPUTS as usize);
    assert!(lost >= 12);
    pool.close().await.unwrap();
}

async fn a_value_that_does_not_cross_is_the_outcome_of_its_input() {
    let pool = one_worker_for(4).await;
    let inputs = [Picky::Fine, Picky::NotWritten, Picky::NotRead, Picky::Fine];
    let mut results = pool.map::<take_picky>(inputs).stream();
    let mut next = async || results.next().await.unwrap();
    let worker = next().await.unwrap();
    let error = next().await.unwrap_err();
    assert!(
        matches!(
            &error,
            TaskError::Pool(Error::Encode {
                part: Part::Input,
                ..
            })
        ),
        "{error}"
    );
    let error = next().await.unwrap_err();
    assert!(
        matches!(
            &error,
            TaskError::Pool(Error::Decode {
                part: Part::Input,
                ..
            })
        ),
        "{error}"
    );
    assert_eq!(next().await, Ok(worker));
    assert!(results.next().await.is_none());
    // Where it is the only one, nothing is in flight that could wake.
    let mut results = pool
        .map::<take_picky>([Picky::NotWritten; 3])
        .limit(1)
        .stream();
    for _ in 0..3 {
        assert!(results.next().await.unwrap().is_err());
    }
    assert!(results.next().await.is_none());
    pool.close().await.unwrap();
}

async fn a_timeout_ends_each_call_by_itself() {
    let pool = one_worker_for(1).await;
    let line = Line::open();
    let limit = Duration::from_millis(20);
    let inputs = [(line.name.clone(), true), (line.name.clone(), false)];
    let results = pool.map::<call_and_stay>(inputs).limit(1).timeout(limit);
    let mut results = results.stream();
    let error = results.next().await.unwrap().unwrap_err();
    assert!(matches!(error, TaskError::TimedOut { after, .. } if after == limit));
    // The time of the second began when its turn came; it may be short.
    match results.next().await.unwrap() {
        Ok(stayed) => assert!(!stayed),
        Err(error) => assert!(matches!(error, TaskError::TimedOut { .. }), "{error}"),
    }
    assert!(results.next().await.is_none());
    pool.close().await.unwrap();
}

async fn a_panic_of_the_inputs_is_the_callers_own() {
    let pool = one_worker_for(2).await;
    let inputs = (0..6).map(|n| if n == 3 { panic!("no {n}") } else { n });
    let mut results = pool.map::<double>(inputs).stream();
    let mut next = async || {
        std::future::poll_fn(|cx| {
            let poll = || Pin::new(&mut results).poll_next(cx);
            match catch_unwind(AssertUnwindSafe(poll)) {
                Ok(poll) => poll.map(Ok),
                Err(_) => Poll::Ready(Err("a panic")),
            }
        })
        .await
    };
    assert_eq!(
        next().await,
        Err("a panic"),
        "the first poll takes them all"
    );
    for n in [0, 1, 2, 4, 5] {
        assert_eq!(next().await, Ok(Some(Ok(n * 2))));
    }
    assert_eq!(next().await, Ok(None));
    pool.close().await.unwrap();
}

async fn maps_and_calls_share_the_workers() {
    let pool = aio_pool::start().workers(2).await.unwrap();
    let (a, b, c) = join!(
        pool.map::<double>(0..3_000).into_future(),
        pool.map::<double>(0..3_000)
            .limit(7)
            .unordered()
            .into_future(),
        async {
            for n in 0..300 {
                assert_eq!(pool.call::<double>(n).await, Ok(n * 2));
            }
        },
    );
    assert_eq!(a.unwrap().len(), 3_000);
    let sum: u64 = b.unwrap().into_iter().sum();
    assert_eq!(sum, 2_999 * 3_000);
    let () = c;
    pool.close().await.unwrap();
}

/// The pool goes on, and then goes without a trace.
pub(crate) async fn works_and_goes(before: &Trace, pool: Pool) {
    assert_eq!(pool.call::<echo>(vec![1, 2]).await.unwrap(), [1, 2]);
    pool.close().await.unwrap();
    before.assert_same().await;
}

async fn map_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("map")
        .world(async || one_worker_for(1).await)
        .run(
            async |pool: &mut Pool| {
                let outputs = pool.map::<double>(0..5).limit(2).await.unwrap();
                assert_eq!(outputs, [0, 2, 4, 6, 8]);
            },
            async |pool, _| works_and_goes(&before, pool).await,
        )
        .await;
    assert!(report.cuts >= 4, "{report}");
}
