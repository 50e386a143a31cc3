//! What `prefetch` promises: the source runs ahead, and nothing is lost or left behind.

use std::collections::VecDeque;
use std::future::pending;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aio_itertools::adaptors::{Prefetch, prefetch};
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};
use chaos::Fate;
use futures_util::StreamExt;
use pin_project_lite::pin_project;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::TestCaseError;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::by_hand::{Task, poll_next_cut};
use crate::laws::ids;
use crate::panics::{panic_of, panic_text};
use crate::random::{CASES, at_every_share};
use crate::scripted::{Beat, Hint, Ledger, Script, Watched};
use crate::tasks::{
    Census, consume_with_the_lock, hold, next_cut_at_every_poll, on_both, one_thread, two_threads,
};

/// Waits until the source has given as many items, firing it meanwhile.
async fn until_taken(watched: &Watched, items: usize) {
    let waiting = async {
        while watched.taken() < items {
            watched.fire();
            yield_now().await;
        }
    };
    chaos::watchdog::future("the source runs ahead", waiting).await;
}

#[test]
fn the_source_runs_ahead_of_a_busy_consumer_by_so_many_items() {
    on_both("a source that runs ahead", || async {
        let ledger = Ledger::new(20);
        let beats = [Beat::Ready, Beat::Pending, Beat::Pending];
        let (script, watched) = Script::new(&ledger, 20, &beats, Hint::Exact);
        let mut items = script.prefetch(3);
        yield_now().await;
        assert_eq!(watched.taken(), 0, "nothing runs before the first poll");
        for given in 1..=20 {
            let item = next_cut_at_every_poll(&mut items, &mut 0, || {}).await;
            assert_eq!(item.unwrap().unwrap().id(), given - 1);
            // Nobody polls the stream now.
            until_taken(&watched, (given + 3).min(20)).await;
            for _ in 0..10 {
                yield_now().await;
            }
            assert_eq!(watched.taken(), (given + 3).min(20));
            assert_eq!(items.size_hint(), (20 - given, Some(20 - given)));
        }
        assert!(next(&mut items).await.is_none());
        assert!(items.is_terminated());
        assert_eq!(items.size_hint(), (0, Some(0)));
        assert_eq!(watched.polls_after_end(), 0);
    });
}

#[tokio::test(start_paused = true)]
async fn reading_overlaps_with_the_consumers_work() {
    let start = Instant::now();
    let source = futures_util::stream::iter(0..4).then(|n| async move {
        // not a wait: how long the source needs on the paused clock
        tokio::time::sleep(Duration::from_secs(3)).await;
        n
    });
    let mut items = prefetch(source, 2);
    let mut times = Vec::new();
    while next(&mut items).await.is_some() {
        times.push(start.elapsed().as_secs());
        // not a wait: the consumer's work on the paused clock
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(times, [3, 13, 23, 33]);
}

#[test]
fn the_source_and_its_consumer_share_one_lock_and_finish() {
    on_both("prefetch with one lock", || async {
        let locked = consume_with_the_lock(|lock| {
            let lock = Arc::clone(lock);
            futures_util::stream::iter(0..10)
                .then(move |_| hold(Arc::clone(&lock)))
                .prefetch(2)
        });
        assert_eq!(locked.await, 20);
    });
}

pin_project! {
    /// A source that must not be moved once it was polled.
    struct Rooted {
        left: u32,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl Stream for Rooted {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        let left = self.project().left;
        *left = left.saturating_sub(1);
        Poll::Ready((*left > 0).then_some(*left))
    }
}

#[test]
fn a_source_that_cant_be_moved_runs_ahead_and_comes_back() {
    on_both("a pinned source", || async {
        let mut items = Rooted {
            left: 5,
            pinned: PhantomPinned,
        }
        .prefetch(1);
        assert_eq!(next(&mut items).await, Some(4));
        let (mut ahead, mut source) = items.stop().await;
        while let Some(item) = next(&mut source).await {
            ahead.push(item);
        }
        assert_eq!(ahead, [3, 2, 1]);
    });
}

#[test]
fn stop_gives_the_queue_and_the_source_and_loses_nothing() {
    on_both("a prefetch that is stopped", || async {
        let mut cuts = 0;
        for limit in [1, 2, 5, usize::MAX] {
            for polls in 0..30 {
                let ledger = Ledger::new(8);
                let beats = [Beat::Ready, Beat::Pending, Beat::Ready, Beat::Pending];
                let beats = beats.repeat(3);
                let (script, watched) = Script::new(&ledger, 8, &beats, Hint::Unknown);
                let mut items = script.prefetch(limit);
                let (mut seen, (_task, waker)) = (Vec::new(), Task::new());
                for poll in 0..polls {
                    if let Poll::Ready(Some(token)) = poll_next_cut(&mut items, &waker) {
                        seen.push(token.id());
                    }
                    if poll % 2 == 0 {
                        watched.fire();
                    }
                    yield_now().await;
                }
                // The source may be pending: nobody wakes it, and still it stops.
                let (ahead, source) = chaos::watchdog::future("stop", items.stop()).await;
                cuts += 1;
                assert!(ahead.len() <= limit);
                seen.extend(ids(&ahead));
                seen.extend(source.rest());
                assert!(seen.into_iter().eq(0..8), "given, queued and left");
                drop((ahead, source));
                assert!(ledger.is_settled());
            }
        }
        println!("cuts={cuts}");
    });
}

#[test]
fn cut_stop_at_every_poll() {
    on_both("a stop that is cut", || async {
        let report = chaos::cuts::every("Prefetch::stop")
            .world(async || Census::new())
            .except(Fate::Leak, "the task of a leaked stream waits for ever")
            .run(
                async |census| {
                    let mut items = counted(census).prefetch(2);
                    assert_eq!(next(&mut items).await, Some(0));
                    drop(items.stop().await);
                    assert_eq!(census.alive(), 0);
                },
                async |census, _| census.until(0).await,
            )
            .await;
        assert!(report.cuts > 1, "{report}");
    });
}

/// Endless numbers, pending before each, counted until the stream is dropped.
fn counted(census: &Census) -> impl Stream<Item = u32> + Send + use<> {
    let member = census.member();
    futures_util::stream::iter(0..).then(move |n| {
        let _alive = &member;
        async move {
            yield_now().await;
            n
        }
    })
}

#[test]
fn dropped_at_every_poll_it_leaves_no_task() {
    on_both("a prefetch that is dropped", || async {
        let mut cuts = 0;
        for polls in 0..20 {
            let census = Census::new();
            let mut items = counted(&census).prefetch(3);
            let (_task, waker) = Task::new();
            for _ in 0..polls {
                let _ = poll_next_cut(&mut items, &waker);
                yield_now().await;
            }
            drop(items);
            cuts += 1;
            census.until(0).await;
        }
        println!("cuts={cuts}");
        // The items in the queue go with the stream, not with its task.
        let ledger = Ledger::new(4);
        let (script, watched) = Script::new(&ledger, 4, &[], Hint::Exact);
        let mut items = script.prefetch(3);
        drop(next(&mut items).await);
        until_taken(&watched, 4).await;
        until_queued(&items, 3).await;
        drop(items);
        assert!(ledger.is_settled());
    });
}

/// Waits until so many items are in the queue.
async fn until_queued<S: Stream>(items: &Prefetch<S>, wanted: usize) {
    let waiting = async {
        while !format!("{items:?}").contains(&format!("queued: {wanted},")) {
            yield_now().await;
        }
    };
    chaos::watchdog::future("the queue fills", waiting).await;
}

#[test]
fn the_last_items_come_before_the_end_however_the_threads_meet() {
    on_both("the end of a source on another thread", || async {
        for round in 0..5000 {
            let mut items = iter(0..round % 3).prefetch(8);
            let mut seen = Vec::new();
            while let Some(item) = next(&mut items).await {
                // Whoever asks what is not terminated sees the end, too.
                assert!(!items.is_terminated());
                seen.push(item);
            }
            assert!(items.is_terminated());
            assert!(seen.into_iter().eq(0..round % 3));
        }
    });
}

#[test]
fn a_panic_of_the_source_comes_after_the_items_before_it() {
    on_both("a source that panics", || async {
        let ledger = Ledger::new(3);
        let beats = [Beat::Ready, Beat::Ready, Beat::Panic];
        let (script, watched) = Script::new(&ledger, 3, &beats, Hint::Exact);
        let mut items = script.prefetch(8);
        let mut seen = Vec::new();
        for left in [2, 1, 1, 0, 0] {
            let item = next_cut_at_every_poll(&mut items, &mut 0, || {}).await;
            seen.push(item.map(|item| item.map(|token| token.id())));
            assert_eq!(items.size_hint(), (left, Some(left)));
        }
        let expected = [
            Ok(Some(0)),
            Ok(Some(1)),
            Err("scripted"),
            Ok(Some(2)),
            Ok(None),
        ];
        assert_eq!(seen, expected);
        assert!(items.is_terminated());
        assert_eq!(watched.polls_after_end(), 0);

        // Nobody has seen the panic yet when it is stopped.
        let (script, watched) = Script::new(&ledger, 3, &beats, Hint::Exact);
        let mut items = script.prefetch(8);
        assert_eq!(next(&mut items).await.unwrap().id(), 0);
        until_taken(&watched, 2).await;
        until_queued(&items, 1).await;
        assert_eq!(panic_of(items.stop()).await, "scripted");
        assert!(ledger.is_settled());
    });
}

#[test]
fn without_a_runtime_it_panics_and_keeps_its_source() {
    let mut items = iter(0..3).prefetch(2);
    let (_task, waker) = Task::new();
    assert_eq!(
        panic_text(|| poll_next_cut(&mut items, &waker)),
        "prefetch starts tasks, so it needs a tokio runtime around it"
    );
    let (ahead, source) = futures_lite::future::block_on(items.stop());
    assert_eq!((ahead, source.size_hint()), (vec![], (3, Some(3))));
    let zero = || iter(0..3).prefetch(0);
    let text = "the length of the queue must be at least 1, got 0";
    assert_eq!(panic_text(zero), text);
}

#[test]
fn a_runtime_that_is_shut_down_under_the_task_is_no_end() {
    let tasks = one_thread();
    let source = futures_util::stream::iter(0..9).then(|n| async move {
        if n == 2 {
            pending::<()>().await;
        }
        n
    });
    let mut items = prefetch(source, 8);
    tasks.block_on(async {
        assert_eq!(next(&mut items).await, Some(0));
        yield_now().await;
    });
    drop(tasks);
    one_thread().block_on(async {
        assert_eq!(next(&mut items).await, Some(1), "it was in the queue");
        let gone = "the runtime that prefetch had its tasks on was shut down";
        assert_eq!(panic_of(next(&mut items)).await, gone);
        assert_eq!(next(&mut items).await, None);
        assert_eq!(panic_of(items.stop()).await, gone);
    });
}

#[derive(Clone, Debug)]
struct Case {
    items: usize,
    beats: Vec<Beat>,
    hint: Hint,
    limit: usize,
}

fn cases(share: u32) -> impl Strategy<Value = Case> {
    let beat = (0..100_u32).prop_map(move |drawn| match drawn {
        _ if drawn < share => Beat::Pending,
        99 => Beat::Panic,
        _ => Beat::Ready,
    });
    (
        0..16_usize,
        vec(beat, 0..32),
        prop_oneof![Just(Hint::Exact), Just(Hint::Loose), Just(Hint::Unknown)],
        prop_oneof![1..6_usize, Just(usize::MAX)],
    )
        .prop_map(|(items, beats, hint, limit)| Case {
            items,
            beats,
            hint,
            limit,
        })
}

async fn run(case: &Case) -> Result<(), TestCaseError> {
    let ledger = Ledger::new(case.items);
    let (script, watched) = Script::new(&ledger, case.items, &case.beats, case.hint);
    let mut stream = script.prefetch(case.limit);
    // A panic stands before the item that its beat would have given.
    let mut expected: VecDeque<Result<usize, &str>> = (0..case.items).map(Ok).collect();
    let (mut place, mut given) = (0, 0);
    for beat in &case.beats {
        match beat {
            Beat::Pending => {}
            Beat::Ready => (place, given) = (place + 1, given + 1),
            Beat::Panic => {
                expected.insert(place.min(expected.len()), Err("scripted"));
                place += 1;
            }
        }
        if given > case.items {
            break;
        }
    }
    let (mut seen, mut cuts) = (0, 0);
    loop {
        let left = case.items - seen;
        let (lower, upper) = stream.size_hint();
        assert!(lower <= left && upper.is_none_or(|upper| upper >= left));
        assert!(case.hint != Hint::Exact || (lower, upper) == (left, Some(left)));
        let help = || {
            watched.fire();
        };
        match next_cut_at_every_poll(&mut stream, &mut cuts, help).await {
            Ok(Some(token)) => {
                assert_eq!(expected.pop_front(), Some(Ok(token.id())));
                seen += 1;
            }
            Ok(None) => break,
            Err(panic) => assert_eq!(expected.pop_front(), Some(Err(panic))),
        }
        assert!(watched.taken() - seen <= case.limit);
    }
    assert!(expected.is_empty(), "{expected:?} is missing");
    assert!(stream.is_terminated());
    let again = next_cut_at_every_poll(&mut stream, &mut cuts, || {}).await;
    assert!(again.unwrap().is_none());
    assert_eq!(watched.polls_after_end(), 0);
    drop(stream);
    assert!(ledger.is_settled());
    Ok(())
}

#[test]
fn random_gaps_panics_and_limits_keep_the_items_and_their_order() {
    for (flavour, runtime) in [("one thread", one_thread()), ("two", two_threads())] {
        at_every_share(&format!("prefetch on {flavour}"), CASES, cases, |case| {
            runtime.block_on(chaos::watchdog::future("a random case", run(&case)))
        });
    }
}
