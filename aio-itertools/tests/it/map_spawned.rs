//! What `map_spawned` promises: the work goes on, in order, within its limit.

use std::collections::BTreeSet;
use std::future::pending;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

use aio_itertools::adaptors::map_spawned;
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};
use chaos::Fate;
use futures_util::StreamExt;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::TestCaseError;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::by_hand::{Task, poll_next_cut};
use crate::panics::{panic_of, panic_text};
use crate::random::{CASES, at_every_share};
use crate::scripted::{Beat, Hint, Ledger, Script};
use crate::tasks::{
    Census, Member, consume_with_the_lock, ends_by_itself, hold, next_cut_at_every_poll, on_both,
    one_thread, two_threads,
};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

async fn rest<S: Stream + Unpin>(mut stream: S) -> Vec<S::Item> {
    let mut items = Vec::new();
    while let Some(item) = next(&mut stream).await {
        items.push(item);
    }
    items
}

#[test]
fn the_work_and_its_consumer_share_one_lock_and_finish() {
    on_both("map_spawned with one lock", || async {
        let ordered = consume_with_the_lock(|lock| {
            let lock = Arc::clone(lock);
            iter(0..10).map_spawned(2, move |_| hold(Arc::clone(&lock)))
        });
        assert_eq!(ordered.await, 20);
        let unordered = consume_with_the_lock(|lock| {
            let lock = Arc::clone(lock);
            iter(0..10)
                .map_spawned(2, move |_| hold(Arc::clone(&lock)))
                .unordered()
        });
        assert_eq!(unordered.await, 20);
    });
}

#[test]
fn the_same_with_buffered_waits_for_ever() {
    let snoozes = consume_with_the_lock(|lock| {
        let lock = Arc::clone(lock);
        futures_util::stream::iter(0..10)
            .map(move |_| hold(Arc::clone(&lock)))
            .buffered(2)
    });
    assert!(!ends_by_itself(snoozes), "nobody will ever wake it");
    let snoozes = consume_with_the_lock(|lock| {
        let lock = Arc::clone(lock);
        futures_util::stream::iter(0..10)
            .map(move |_| hold(Arc::clone(&lock)))
            .buffer_unordered(2)
    });
    assert!(!ends_by_itself(snoozes), "nobody will ever wake it");
    // It is the work beside the consumer that does it: one after the other ends.
    let sequential = consume_with_the_lock(|lock| {
        let lock = Arc::clone(lock);
        futures_util::stream::iter(0..10)
            .map(move |_| hold(Arc::clone(&lock)))
            .buffered(1)
    });
    assert!(ends_by_itself(sequential));
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_finds_its_next_outputs_ready() {
    let start = Instant::now();
    let job = |n: u32| async move {
        // not a wait: the length of a job on the paused clock
        tokio::time::sleep(Duration::from_secs(3)).await;
        n
    };
    for unordered in [false, true] {
        let start = Instant::now();
        let mut outputs = iter(0..4).map_spawned(2, job);
        if unordered {
            outputs = outputs.unordered();
        }
        let mut times = Vec::new();
        while next(&mut outputs).await.is_some() {
            times.push(start.elapsed().as_secs());
            // not a wait: the consumer's work on the paused clock
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        assert_eq!(times, [3, 13, 23, 33]);
    }
    assert_eq!(start.elapsed().as_secs(), 86);
}

#[test]
fn the_source_is_refilled_before_an_output_is_given() {
    one_thread().block_on(async {
        let ledger = Ledger::new(9);
        let (script, watched) = Script::new(&ledger, 9, &[], Hint::Exact);
        let mut outputs = script.map_spawned(3, |token| async move { token.id() });
        for given in 1..=9 {
            assert_eq!(next(&mut outputs).await, Some(given - 1));
            assert_eq!(watched.taken(), (given + 3).min(9));
        }
        assert_eq!(next(&mut outputs).await, None);
    });
}

#[test]
fn unordered_gives_what_has_ended_while_ordered_waits_for_its_place() {
    on_both("one that never ends", || async {
        let job = |n: u32| async move {
            if n == 0 {
                pending::<()>().await;
            }
            n
        };
        let mut outputs = iter(0..5).map_spawned(2, job).unordered();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(next(&mut outputs).await.unwrap());
        }
        assert_eq!(seen, [1, 2, 3, 4]);
        assert_eq!(outputs.size_hint(), (1, Some(1)));

        let mut outputs = iter(0..5).map_spawned(2, job);
        let (_task, waker) = Task::new();
        for _ in 0..100 {
            assert!(poll_next_cut(&mut outputs, &waker).is_pending());
            yield_now().await;
        }
    });
}

#[test]
fn errors_are_outputs_and_options_put_more_beside_them() {
    on_both("outputs that are errors", || async {
        let parse = |word: &'static str| async move { word.parse::<u8>().map_err(|_| "bad") };
        let outputs = rest(iter(["1", "x", "3"]).map_spawned(2, parse)).await;
        assert_eq!(outputs, [Ok(1), Err("bad"), Ok(3)]);
        let outputs = rest(iter(["1", "x"]).map_spawned(2, parse).with_input()).await;
        assert_eq!(outputs, [("1", Ok(1)), ("x", Err("bad"))]);
        let outputs = map_spawned(iter(["1", "x"]), 9, parse)
            .item_timeout(Duration::MAX)
            .with_input()
            .unordered();
        let outputs: BTreeSet<_> = rest(outputs)
            .await
            .into_iter()
            .map(|(word, output)| (word, output.unwrap()))
            .collect();
        assert_eq!(outputs, BTreeSet::from([("1", Ok(1)), ("x", Err("bad"))]));
    });
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_too_long_is_aborted_and_says_after_how_long() {
    let census = Census::new();
    let counted = census.clone();
    let jobs = move |seconds: u64| {
        let member = counted.member();
        async move {
            // not a wait: the length of a job on the paused clock
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            drop(member);
            seconds
        }
    };
    let start = Instant::now();
    let mut outputs = iter([1, 9, 2])
        .map_spawned(1, jobs)
        .item_timeout(Duration::from_secs(5))
        .with_input();
    assert_eq!(next(&mut outputs).await, Some((1, Ok(1))));
    let (input, output) = next(&mut outputs).await.unwrap();
    let timeout = output.unwrap_err();
    assert_eq!((input, timeout.limit()), (9, Duration::from_secs(5)));
    assert_eq!(timeout.to_string(), "the item was not done within 5s");
    assert_eq!(start.elapsed().as_secs(), 6, "each has its own time");
    assert_eq!(census.alive(), 1, "only the third is alive");
    assert_eq!(next(&mut outputs).await, Some((2, Ok(2))));
    assert_eq!(next(&mut outputs).await, None);

    // What is ready at once is in time even if there is none.
    let outputs = iter([1, 2])
        .map_spawned(8, |n| async move { n })
        .item_timeout(Duration::ZERO);
    assert_eq!(rest(outputs).await, [Ok(1), Ok(2)]);
}

#[test]
fn a_panic_of_a_task_goes_on_in_its_place_and_the_rest_after_it() {
    on_both("a job that panics", || async {
        for unordered in [false, true] {
            let mut outputs = iter(0..6).map_spawned(3, |n: u32| async move {
                for _ in 0..n % 3 {
                    yield_now().await;
                }
                if n % 3 == 1 {
                    resume_unwind(Box::new("job"));
                }
                n
            });
            if unordered {
                outputs = outputs.unordered();
            }
            let (mut seen, mut cuts, mut left) = (Vec::new(), 0, 6);
            loop {
                assert_eq!(outputs.size_hint(), (left, Some(left)));
                match next_cut_at_every_poll(&mut outputs, &mut cuts, || {}).await {
                    Ok(None) => break,
                    ended => seen.push(ended.map(Option::unwrap)),
                }
                left -= 1;
            }
            if unordered {
                seen.sort_unstable_by_key(|outcome| outcome.unwrap_or(9));
                assert_eq!(seen, [Ok(0), Ok(2), Ok(3), Ok(5), Err("job"), Err("job")]);
            } else {
                assert_eq!(seen, [Ok(0), Err("job"), Ok(2), Ok(3), Err("job"), Ok(5)]);
            }
            assert!(outputs.is_terminated());
        }
    });
}

#[test]
fn a_panic_of_the_closure_or_the_source_loses_no_output() {
    one_thread().block_on(async {
        let mut outputs = iter(0..5).map_spawned(1, |n: u32| {
            if n == 1 {
                resume_unwind(Box::new("closure"));
            }
            async move { n }
        });
        let mut seen = Vec::new();
        for _ in 0..6 {
            seen.push(next_cut_at_every_poll(&mut outputs, &mut 0, || {}).await);
        }
        // Zero had ended when the closure panicked for one.
        let expected = [
            Err("closure"),
            Ok(Some(0)),
            Ok(Some(2)),
            Ok(Some(3)),
            Ok(Some(4)),
            Ok(None),
        ];
        assert_eq!(seen, expected);

        let ledger = Ledger::new(3);
        let beats = [Beat::Ready, Beat::Panic];
        let (script, _) = Script::new(&ledger, 3, &beats, Hint::Exact);
        let mut outputs = script.map_spawned(1, |token| async move { token.id() });
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(next_cut_at_every_poll(&mut outputs, &mut 0, || {}).await);
        }
        let expected = [
            Err("scripted"),
            Ok(Some(0)),
            Ok(Some(1)),
            Ok(Some(2)),
            Ok(None),
        ];
        assert_eq!(seen, expected);
    });
}

#[test]
fn dropped_at_every_poll_it_leaves_no_task() {
    on_both("a stream that is dropped", || async {
        for unordered in [false, true] {
            let mut cuts = 0;
            for polls in 0..40 {
                let census = Census::new();
                let ledger = Ledger::new(6);
                let beats = [Beat::Ready, Beat::Pending, Beat::Ready, Beat::Pending];
                let (script, watched) = Script::new(&ledger, 6, &beats, Hint::Exact);
                let counted = census.clone();
                let mut outputs = script.map_spawned(2, move |token| {
                    let member = counted.member();
                    async move {
                        yield_now().await;
                        if token.id() > 2 {
                            pending::<()>().await;
                        }
                        drop(member);
                        token.id()
                    }
                });
                if unordered {
                    outputs = outputs.unordered();
                }
                let (_task, waker) = Task::new();
                for _ in 0..polls {
                    let _ = poll_next_cut(&mut outputs, &waker);
                    watched.fire();
                    yield_now().await;
                }
                drop(outputs);
                cuts += 1;
                census.until(0).await;
                chaos::watchdog::future("all are dropped", async {
                    while !ledger.is_settled() {
                        yield_now().await;
                    }
                })
                .await;
            }
            println!("cuts={cuts}");
        }
    });
}

/// Two that end, and two that never do.
fn half_endless(census: &Census) -> impl Fn(usize) -> Boxed<usize> + use<> {
    let census = census.clone();
    move |n| {
        let member: Member = census.member();
        Box::pin(async move {
            if n % 2 == 1 {
                pending::<()>().await;
            }
            drop(member);
            n
        })
    }
}

#[test]
fn shutdown_aborts_waits_and_gives_back_source_and_outputs() {
    on_both("a shutdown", || async {
        for unordered in [false, true] {
            let census = Census::new();
            let mut outputs = iter(0..9).map_spawned(4, half_endless(&census));
            if unordered {
                outputs = outputs.unordered();
            }
            let first = next(&mut outputs).await.unwrap();
            assert!(first == 0 || unordered && first == 2);
            // Those with even numbers have come to their end, one and three never will.
            census.until(2).await;
            let (source, mut finished) = outputs.shutdown().await;
            assert_eq!(census.alive(), 0, "shutdown waits");
            finished.push(first);
            finished.sort_unstable();
            assert_eq!(finished, [0, 2, 4]);
            assert_eq!(source.into_parts(), Some(5..9));
        }
        // Never polled: nothing was started.
        let census = Census::new();
        let (source, finished) = iter(0..9)
            .map_spawned(4, half_endless(&census))
            .shutdown()
            .await;
        assert_eq!((source.into_parts(), finished), (Some(0..9), vec![]));
    });
}

#[test]
fn shutdown_goes_on_with_a_panic_after_all_have_ended() {
    on_both("a shutdown with a panic", || async {
        let census = Census::new();
        let counted = census.clone();
        let (opened, door) = tokio::sync::oneshot::channel::<()>();
        let (panicking, panicked) = tokio::sync::oneshot::channel::<()>();
        let mut first = Some((door, panicking));
        let mut outputs = iter(0..3).map_spawned(3, move |_| {
            let member = counted.member();
            let first = first.take();
            async move {
                if let Some((door, panicking)) = first {
                    door.await.ok();
                    drop(panicking);
                    resume_unwind(Box::new("job"));
                }
                pending::<()>().await;
                drop(member);
            }
        });
        let (_task, waker) = Task::new();
        assert!(poll_next_cut(&mut outputs, &waker).is_pending());
        drop(opened);
        // It is in its last poll, so no abort can stop it.
        panicked.await.unwrap_err();
        assert_eq!(panic_of(outputs.shutdown()).await, "job");
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn cut_shutdown_at_every_poll() {
    on_both("a shutdown that is cut", || async {
        let report = chaos::cuts::every("MapSpawned::shutdown")
            .world(async || Census::new())
            .except(Fate::Leak, "the tasks of a leaked shutdown go on for ever")
            .run(
                async |census| {
                    let jobs = half_endless(census);
                    let mut outputs = iter(0..9).map_spawned(4, jobs);
                    next(&mut outputs).await;
                    drop(outputs.shutdown().await);
                    assert_eq!(census.alive(), 0);
                },
                async |census, _| census.until(0).await,
            )
            .await;
        assert!(report.cuts > 1, "{report}");
    });
}

#[test]
fn options_are_set_before_the_first_poll_and_a_limit_of_zero_is_none() {
    let polled = || {
        let mut outputs = iter(0..3).map_spawned(2, |n| async move { n });
        let (_task, waker) = Task::new();
        one_thread().block_on(async {
            let _ = poll_next_cut(&mut outputs, &waker);
        });
        outputs
    };
    let expected = "map_spawned takes its options before it is polled";
    assert_eq!(panic_text(|| drop(polled().unordered())), expected);
    assert_eq!(panic_text(|| drop(polled().with_input())), expected);
    let timed = || polled().item_timeout(Duration::ZERO);
    assert_eq!(panic_text(timed), expected);
    let zero = || iter(0..3).map_spawned(0, |n| async move { n });
    assert_eq!(panic_text(zero), "the limit must be at least 1, got 0");
}

#[test]
fn without_a_runtime_it_panics_before_it_takes_an_item() {
    let mut outputs = iter(0..2).map_spawned(2, |n| async move { n });
    let (_task, waker) = Task::new();
    assert_eq!(
        panic_text(|| poll_next_cut(&mut outputs, &waker)),
        "map_spawned starts tasks, so it needs a tokio runtime around it"
    );
    assert_eq!(one_thread().block_on(rest(outputs)), [0, 1]);
}

#[test]
fn a_runtime_that_is_shut_down_under_the_tasks_is_no_end() {
    for unordered in [false, true] {
        let tasks = one_thread();
        let mut outputs = iter(0..1).map_spawned(2, |_| pending::<()>());
        if unordered {
            outputs = outputs.unordered();
        }
        let (_task, waker) = Task::new();
        tasks.block_on(async { assert!(poll_next_cut(&mut outputs, &waker).is_pending()) });
        drop(tasks);
        let gone = "the runtime that map_spawned had its tasks on was shut down";
        one_thread().block_on(async {
            assert_eq!(panic_text(|| poll_next_cut(&mut outputs, &waker)), gone);
            assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
        });
    }
}

#[derive(Clone, Debug)]
struct Case {
    /// For each item, how often its job is pending.
    jobs: Vec<usize>,
    beats: Vec<Beat>,
    hint: Hint,
    limit: usize,
    unordered: bool,
}

fn cases(share: u32) -> impl Strategy<Value = Case> {
    let gap = vec(0..100_u32, 4)
        .prop_map(move |drawn| drawn.into_iter().take_while(|&drawn| drawn < share).count());
    let beat = (0..100_u32).prop_map(move |drawn| match drawn < share {
        true => Beat::Pending,
        false => Beat::Ready,
    });
    (
        vec(gap, 0..16),
        vec(beat, 0..24),
        prop_oneof![Just(Hint::Exact), Just(Hint::Loose), Just(Hint::Unknown)],
        prop_oneof![1..6_usize, Just(usize::MAX)],
        any::<bool>(),
    )
        .prop_map(|(jobs, beats, hint, limit, unordered)| Case {
            jobs,
            beats,
            hint,
            limit,
            unordered,
        })
}

async fn run(case: &Case) -> Result<(), TestCaseError> {
    let items = case.jobs.len();
    let ledger = Ledger::new(items);
    let (script, watched) = Script::new(&ledger, items, &case.beats, case.hint);
    let (census, started) = (Census::new(), Arc::new(AtomicUsize::new(0)));
    let (gaps, counted, starting) = (case.jobs.clone(), census.clone(), Arc::clone(&started));
    let mut outputs = script.map_spawned(case.limit, move |token| {
        starting.fetch_add(1, SeqCst);
        let (gaps, member) = (gaps[token.id()], counted.member());
        async move {
            for _ in 0..gaps {
                yield_now().await;
            }
            drop(member);
            token
        }
    });
    if case.unordered {
        outputs = outputs.unordered();
    }
    let (mut seen, mut cuts) = (Vec::new(), 0);
    loop {
        let left = items - seen.len();
        let (lower, upper) = outputs.size_hint();
        assert!(lower <= left && upper.is_none_or(|upper| upper >= left));
        assert!(case.hint != Hint::Exact || (lower, upper) == (left, Some(left)));
        let help = || {
            watched.fire();
        };
        let item = next_cut_at_every_poll(&mut outputs, &mut cuts, help).await;
        let Some(token) = item.unwrap() else { break };
        assert!(!seen.contains(&token.id()));
        seen.push(token.id());
        let ahead = started.load(SeqCst) - seen.len();
        assert!(ahead <= case.limit, "{ahead} in flight or not taken");
    }
    assert!(outputs.is_terminated());
    assert!(census.most() <= case.limit, "{} at once", census.most());
    if case.unordered {
        seen.sort_unstable();
    }
    assert!(seen.into_iter().eq(0..items), "the order of the items");
    let again = next_cut_at_every_poll(&mut outputs, &mut cuts, || {}).await;
    assert!(again.unwrap().is_none());
    assert_eq!(watched.polls_after_end(), 0);
    drop(outputs);
    assert!(ledger.is_settled());
    Ok(())
}

#[test]
fn random_jobs_gaps_and_limits_give_what_map_gives() {
    for (flavour, runtime) in [("one thread", one_thread()), ("two", two_threads())] {
        at_every_share(&format!("map_spawned on {flavour}"), CASES, cases, |case| {
            runtime.block_on(chaos::watchdog::future("a random case", run(&case)))
        });
    }
}

/// A `select!` asks no terminated stream, so the end must have been given by then.
#[tokio::test]
async fn whoever_asks_what_is_not_terminated_sees_the_end() {
    let mut outputs = iter(0..3).map_spawned(2, std::future::ready);
    let mut seen = Vec::new();
    loop {
        assert!(!outputs.is_terminated(), "terminated after {seen:?}");
        match next(&mut outputs).await {
            Some(output) => seen.push(output),
            None => break,
        }
    }
    assert!(outputs.is_terminated());
    assert_eq!(seen, [0, 1, 2]);
}
