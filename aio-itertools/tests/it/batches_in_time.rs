//! What the laws don't say about `batched_within`: all that its time does.
//!
//! The clock is paused, so no test waits, and every time in it is exact.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use aio_itertools::adaptors::batched_within;
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};
use futures_util::StreamExt;
use proptest::collection::vec;
use proptest::prelude::{Just, prop_oneof};
use tokio::time::{Instant, sleep_until};

use crate::by_hand::{Task, poll_next_cut};
use crate::panics::panic_text;
use crate::paused::paused_runtime;
use crate::random;

type Timed<T> = Pin<Box<dyn Stream<Item = T>>>;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Gives each item at its time after now, and the end at `end`.
fn at_times<T: 'static>(items: Vec<(u64, T)>, end: u64) -> Timed<T> {
    let start = Instant::now();
    let timed = futures_util::stream::iter(items).then(move |(at, item)| async move {
        // not a wait: when the source has its item, on the paused clock
        sleep_until(start + ms(at)).await;
        item
    });
    // not a wait: when the source has its item, on the paused clock
    let end = futures_util::stream::once(sleep_until(start + ms(end)));
    Box::pin(
        timed
            .map(Some)
            .chain(end.map(|()| None))
            .filter_map(async |item| item),
    )
}

/// Runs a stream to its end and notes when each item came.
async fn noted<S: Stream + Unpin>(mut stream: S) -> (Vec<(u64, S::Item)>, u64) {
    let start = Instant::now();
    let now = || u64::try_from(start.elapsed().as_millis()).unwrap();
    let mut notes = Vec::new();
    while let Some(item) = next(&mut stream).await {
        notes.push((now(), item));
    }
    (notes, now())
}

/// The words of a line of the timeline on the card, each with its time.
fn drawn(line: &str) -> Vec<(u64, String)> {
    let docs = include_str!("../../src/adaptors/batched_within.rs");
    let drawing = docs
        .lines()
        .filter_map(|docs| docs.trim_start().strip_prefix("/// "))
        .find(|docs| docs.starts_with(line))
        .unwrap();
    // Five characters are 10 ms, from the ninth one on.
    let mut words = Vec::new();
    for (at, letter) in drawing.chars().enumerate().skip(8) {
        let goes_on = drawing.as_bytes()[at - 1] != b' ';
        match letter {
            ' ' => {}
            _ if goes_on => words
                .last_mut()
                .map_or((), |(_, word): &mut (_, String)| word.push(letter)),
            _ => words.push(((at as u64 - 8) * 2, letter.to_string())),
        }
    }
    words
}

#[tokio::test(start_paused = true)]
async fn the_timeline_on_the_card_is_what_happens() {
    for (at, word) in drawn("time") {
        assert_eq!(at.to_string(), word);
    }
    let mut source = drawn("source");
    let (end, bar) = source.pop().unwrap();
    assert_eq!(bar, "|");
    let letters = source
        .into_iter()
        .flat_map(|(at, word)| word.chars().map(|letter| (at, letter)).collect::<Vec<_>>())
        .collect();
    let expected = drawn("batches");
    assert_eq!(expected.len(), 4);

    let (batches, ended) = noted(at_times(letters, end).batched_within(3, ms(20))).await;
    let batches: Vec<(u64, String)> = batches
        .into_iter()
        .map(|(at, batch)| (at, batch.into_iter().collect()))
        .collect();
    assert_eq!(batches, expected);
    assert_eq!(ended, end);
}

/// When each batch comes, from when the items do: the definition in plain words.
fn model(items: &[u64], end: u64, size: usize, within: u64) -> (Vec<(u64, Vec<usize>)>, u64) {
    let mut batches = Vec::new();
    let mut at = 0;
    while at < items.len() {
        let due = items[at].saturating_add(within);
        let joins = items[at..]
            .iter()
            .take(size)
            .take_while(|&&time| time <= due);
        let len = joins.count();
        let given = match at + len {
            _ if len == size => items[at + len - 1],
            all if all == items.len() => due.min(end),
            _ => due,
        };
        batches.push((given, (at..at + len).collect()));
        at += len;
    }
    (batches, end)
}

#[test]
fn batches_come_when_the_model_says() {
    let times = vec(prop_oneof![Just(0_u64), 0..30_u64], 0..12);
    let within = prop_oneof![Just(0_u64), Just(u64::MAX), 1..40_u64];
    let cases = (times, 1..6_usize, within, 0..30_u64);
    let run = random::check(1024, cases, |(gaps, size, within, last_gap)| {
        let times: Vec<u64> = gaps
            .iter()
            .scan(0, |sum, gap| {
                *sum += gap;
                Some(*sum)
            })
            .collect();
        let end = times.last().unwrap_or(&0) + last_gap;
        let items = times.iter().copied().zip(0..).collect();
        let came = paused_runtime().block_on(async {
            let batches = batched_within(at_times(items, end), size, ms(within));
            noted(batches).await
        });
        assert_eq!(came, model(&times, end, size, within));
        Ok(())
    });
    run.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_time_at_all_gives_what_is_ready_now() {
    let source = at_times(vec![(0, 1), (0, 2), (5, 3), (5, 4), (5, 5)], 5);
    let (batches, _) = noted(source.batched_within(100, Duration::ZERO)).await;
    assert_eq!(batches, [(0, vec![1, 2]), (5, vec![3, 4, 5])]);
}

#[test]
fn a_time_that_is_no_limit_or_not_needed_needs_no_clock() {
    let (_task, waker) = Task::new();
    let waits = || futures_util::stream::iter([1, 2]).chain(futures_util::stream::pending());
    for within in [Duration::MAX, Duration::from_secs(u64::MAX / 2)] {
        let mut batches = waits().batched_within(5, within);
        assert_eq!(poll_next_cut(&mut batches, &waker), Poll::Pending);
        assert_eq!(batches.into_parts().1, [1, 2]);
    }
    let mut batches = waits().batched_within(5, Duration::ZERO);
    assert_eq!(
        poll_next_cut(&mut batches, &waker),
        Poll::Ready(Some(vec![1, 2]))
    );
    let mut batches = waits().batched_within(2, ms(5));
    assert_eq!(
        poll_next_cut(&mut batches, &waker),
        Poll::Ready(Some(vec![1, 2]))
    );
}

#[test]
fn waiting_outside_a_runtime_panics_and_loses_nothing() {
    let (_task, waker) = Task::new();
    let source = futures_util::stream::iter([1, 2]).chain(futures_util::stream::pending());
    let mut batches = source.batched_within(5, ms(5));
    let poll = AssertUnwindSafe(|| poll_next_cut(&mut batches, &waker));
    assert!(catch_unwind(poll).is_err());
    assert_eq!(batches.into_parts().1, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_that_is_one_sets_a_timer() {
    let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let (_task, waker) = Task::new();
    let source = futures_util::stream::iter([1]).chain(futures_util::stream::pending());
    let mut batches = source.batched_within(5, century - ms(1));
    assert_eq!(poll_next_cut(&mut batches, &waker), Poll::Pending);
}

#[tokio::test(start_paused = true)]
async fn the_timer_wakes_the_latest_task_and_only_when_it_is_due() {
    let (older, old_waker) = Task::new();
    let (task, waker) = Task::new();
    let source = futures_util::stream::iter([1, 2]).chain(futures_util::stream::pending());
    let mut batches = source.batched_within(5, ms(20));
    assert_eq!(poll_next_cut(&mut batches, &old_waker), Poll::Pending);
    tokio::time::advance(ms(10)).await;
    assert_eq!(poll_next_cut(&mut batches, &waker), Poll::Pending);
    tokio::time::advance(ms(9)).await;
    assert_eq!((older.wakes(), task.wakes()), (0, 0));
    tokio::time::advance(ms(1)).await;
    assert_eq!((older.wakes(), task.wakes()), (0, 1));
    assert_eq!(
        poll_next_cut(&mut batches, &waker),
        Poll::Ready(Some(vec![1, 2]))
    );
    // No batch is begun, so no time runs.
    assert_eq!(poll_next_cut(&mut batches, &waker), Poll::Pending);
    tokio::time::advance(ms(1000)).await;
    assert_eq!(task.wakes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cut_at_every_poll_loses_nothing_and_keeps_the_time() {
    let times = [(0, 1), (5, 2), (12, 3), (13, 4), (14, 5), (40, 6)];
    let mut batches = at_times(times.to_vec(), 50).batched_within(3, ms(10));
    let start = Instant::now();
    let (mut notes, mut cuts) = (Vec::new(), 0);
    loop {
        // The future of `next` is dropped each millisecond.
        match tokio::time::timeout(ms(1), next(&mut batches)).await {
            Err(_) => cuts += 1,
            Ok(Some(batch)) => notes.push((start.elapsed().as_millis(), batch)),
            Ok(None) => break,
        }
    }
    assert_eq!(
        notes,
        [(10, vec![1, 2]), (14, vec![3, 4, 5]), (50, vec![6])]
    );
    assert!(batches.is_terminated());
    assert!(cuts > 40);
    println!("cuts={cuts}");
}

#[test]
fn a_source_that_is_always_ready_doesnt_hold_a_due_batch_back() {
    chaos::watchdog::closure("a batch that is due and never full", || {
        paused_runtime().block_on(async {
            // One millisecond goes by in each turn of the task.
            let clock = tokio::spawn(async {
                loop {
                    tokio::time::advance(ms(1)).await;
                }
            });
            // A source that never spends the budget itself.
            let mut batches = futures_util::stream::repeat(()).batched_within(usize::MAX, ms(5));
            assert!(next(&mut batches).await.is_some());
            clock.abort();
        });
    });
}

#[test]
fn no_source_holds_a_due_batch_back_where_no_budget_is_spent() {
    chaos::watchdog::closure("a batch that is due on a task without a budget", || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(tokio::task::unconstrained(async {
            let source = futures_util::stream::repeat(());
            let mut batches = source.batched_within(usize::MAX, ms(1));
            assert!(next(&mut batches).await.is_some());
        }));
    });
}

#[test]
fn zero_is_refused_at_the_call_and_named() {
    let message = panic_text(|| iter([1]).batched_within(0, ms(1)));
    assert_eq!(message, "the batch size must be at least 1, got 0");
}

#[tokio::test(start_paused = true)]
async fn a_size_hint_at_every_step_brackets_the_batches() {
    let items: Vec<(u64, u64)> = (0..10).map(|n| (n * 3, n)).collect();
    let source = Box::pin(
        futures_util::stream::iter(items).then(|(at, item)| async move {
            // not a wait: when the source has its item, on the paused clock
            tokio::time::sleep(ms(at)).await;
            item
        }),
    );
    let mut batches = source.batched_within(4, ms(10));
    let mut hints = vec![batches.size_hint()];
    while next(&mut batches).await.is_some() {
        hints.push(batches.size_hint());
    }
    let all = hints.len() - 1;
    for (given, (least, most)) in hints.into_iter().enumerate() {
        let left = all - given;
        assert!(least <= left && most.is_none_or(|most| left <= most));
    }
    assert_eq!(batches.size_hint(), (0, Some(0)));
}
