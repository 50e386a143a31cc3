//! What the laws don't say about running values, slices and filters.

use std::ops::{Bound, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Poll, Waker};

use aio_itertools::adaptors::{accumulate_from, islice, starmap, takewhile, windows};
use aio_itertools::consumers::list;
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};
use futures_util::StreamExt;

use crate::by_hand::{Task, poll_next_cut};
use crate::neighbours::yields_locally;
use crate::panics::panic_text;
use crate::scripted::{Beat, Hint, Ledger, Script};

#[tokio::test]
async fn the_examples_of_pythons_documentation_come_out_the_same() {
    let sums = iter(1..=5).accumulate(|total, n| total + n);
    assert_eq!(list(sums).await, [1, 3, 6, 10, 15]);
    let from = accumulate_from(iter(1..=5), 100, |total, n| total + n);
    assert_eq!(list(from).await, [100, 101, 103, 106, 110, 115]);
    let products = iter(1..=5).accumulate(|total, n| total * n);
    assert_eq!(list(products).await, [1, 2, 6, 24, 120]);

    let pairs = list(iter("ABCD".chars()).pairwise()).await;
    assert_eq!(pairs, [('A', 'B'), ('B', 'C'), ('C', 'D')]);

    let letters = || iter("ABCDEFG".chars());
    assert_eq!(list(islice(letters(), ..2)).await, ['A', 'B']);
    assert_eq!(list(islice(letters(), 2..4)).await, ['C', 'D']);
    assert_eq!(list(letters().islice(2..)).await, ['C', 'D', 'E', 'F', 'G']);
    let even = letters().islice(..).step(2);
    assert_eq!(list(even).await, ['A', 'C', 'E', 'G']);

    let mask = [1, 0, 1, 0, 1, 1].map(|bit| bit == 1);
    let chosen = iter("ABCDEF".chars()).compress(iter(mask));
    assert_eq!(list(chosen).await, ['A', 'C', 'E', 'F']);

    let powers = starmap(iter([(2, 5), (3, 2), (10, 3)]), u32::pow);
    assert_eq!(list(powers).await, [32, 9, 1000]);

    let numbers = || iter([1, 4, 6, 3, 8]);
    assert_eq!(list(numbers().filterfalse(|n| *n < 5)).await, [6, 8]);
    assert_eq!(list(numbers().dropwhile(|n| *n < 5)).await, [6, 3, 8]);
    assert_eq!(list(takewhile(numbers(), |n| *n < 5)).await, [1, 4]);
    let inclusive = numbers().take_while_inclusive(|n| *n < 5);
    assert_eq!(list(inclusive).await, [1, 4, 6]);
}

#[tokio::test]
async fn totals_may_be_of_another_type_and_not_copies() {
    let words = iter(["a", "b"]);
    let lines = words.accumulate_from(String::new(), |line, word| line + word);
    assert_eq!(list(lines).await, ["", "a", "ab"]);
    let none = iter([0; 0]).accumulate_from("empty", |total, _| total);
    assert_eq!(list(none).await, ["empty"]);
}

#[tokio::test]
async fn totals_go_on_after_a_panic_of_the_function() {
    let mut sums = iter(1..=4).accumulate(|total, n| {
        assert_ne!(n, 3);
        total + n
    });
    assert_eq!(next(&mut sums).await, Some(1));
    assert_eq!(next(&mut sums).await, Some(3));
    let panic = catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut sums, Waker::noop())));
    assert!(panic.is_err());
    assert_eq!(next(&mut sums).await, Some(7));
    assert_eq!(sums.into_parts().1, Some(7));
}

#[tokio::test]
async fn a_stream_that_is_too_short_has_no_pair_and_no_window() {
    assert!(list(iter([0; 0]).pairwise()).await.is_empty());
    assert!(list(iter([1]).pairwise()).await.is_empty());
    let mut four = iter([1, 2, 3]).windows::<4>();
    assert_eq!(four.size_hint(), (0, Some(0)));
    assert_eq!(next(&mut four).await, None);
    assert_eq!(four.into_parts().1, [1, 2, 3]);
    assert_eq!(list(windows::<1, _>(iter([1, 2]))).await, [[1], [2]]);
}

#[test]
fn size_hints_at_the_end_of_usize_stay_bounds() {
    let endless = || iter(std::iter::repeat(1_usize));
    let all = (usize::MAX, None);
    assert_eq!(endless().pairwise().size_hint(), (usize::MAX - 1, None));
    assert_eq!(endless().windows::<3>().size_hint(), (usize::MAX - 2, None));
    let from = endless().accumulate_from(0, usize::max);
    assert_eq!(from.size_hint(), all);
    assert_eq!(endless().islice(..).size_hint(), all);
    let whole = endless().islice(..=usize::MAX).size_hint();
    assert_eq!(whole, all);
    let last = endless().islice(usize::MAX..=usize::MAX).size_hint();
    assert_eq!(last, (0, Some(1)));
    let steps = endless().islice(5..).step(usize::MAX).size_hint();
    assert_eq!(steps, (1, None));
    let first = endless().islice(..usize::MAX).step(usize::MAX);
    assert_eq!(first.size_hint(), (1, Some(1)));
}

/// What a slice gives, and what it leaves in its source.
async fn slice(range: impl RangeBounds<usize>, step: usize) -> (Vec<i32>, Vec<i32>) {
    let mut slice = iter(0..10).islice(range).step(step);
    let mut given = Vec::new();
    while let Some(item) = next(&mut slice).await {
        given.push(item);
    }
    assert!(slice.is_terminated());
    let rest = slice.into_inner().into_parts();
    (given, rest.into_iter().flatten().collect())
}

#[tokio::test]
async fn any_range_is_a_slice() {
    assert_eq!(slice(2..=4, 1).await.0, [2, 3, 4]);
    assert_eq!(slice(..=2, 2).await.0, [0, 2]);
    assert_eq!(slice(8..100, 1).await.0, [8, 9]);
    assert_eq!(slice(20.., 1).await.0, []);
    assert_eq!(slice(3..=usize::MAX, 3).await.0, [3, 6, 9]);
    assert_eq!(slice(4..usize::MAX, usize::MAX).await.0, [4]);
    let open = (Bound::Excluded(2), Bound::Excluded(5));
    assert_eq!(slice(open, 1).await.0, [3, 4]);
    let borrowed = (Bound::Included(&7), Bound::Unbounded);
    assert_eq!(slice(borrowed, 1).await.0, [7, 8, 9]);
}

#[tokio::test]
async fn a_slice_takes_no_more_than_it_must() {
    assert_eq!(slice(0..5, 3).await.1, [4, 5, 6, 7, 8, 9]);
    assert_eq!(slice(1..3, 1).await.1, [3, 4, 5, 6, 7, 8, 9]);
    let every: Vec<i32> = (0..10).collect();
    let past = (Bound::Excluded(usize::MAX), Bound::Unbounded);
    assert_eq!(slice(past, 1).await, (Vec::new(), every.clone()));
    assert_eq!(slice(3..3, 1).await, (Vec::new(), every.clone()));
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is tested")]
    let reversed = (slice(5..2, 1).await, slice(5..=2, 1).await);
    assert_eq!(reversed.0, (Vec::new(), every.clone()));
    assert_eq!(reversed.1, (Vec::new(), every));
}

#[test]
fn an_empty_slice_is_ready_whatever_its_source_does() {
    let mut none = futures_util::stream::pending::<()>().islice(0..0);
    assert!(!none.is_terminated());
    assert_eq!(none.size_hint(), (0, Some(0)));
    assert_eq!(poll_next_cut(&mut none, Waker::noop()), Poll::Ready(None));
    // So is the end of one that has given all it has to give.
    let source = iter([1]).chain(futures_util::stream::pending());
    let mut one = source.islice(..1);
    assert_eq!(poll_next_cut(&mut one, Waker::noop()), Poll::Ready(Some(1)));
    assert_eq!(poll_next_cut(&mut one, Waker::noop()), Poll::Ready(None));
}

#[test]
fn a_step_of_zero_is_refused_at_the_call_and_named() {
    let message = panic_text(|| iter([1]).islice(..).step(0));
    assert_eq!(message, "the step must be at least 1, got 0");
}

#[tokio::test]
async fn a_step_that_is_set_midway_counts_from_the_next_item() {
    let mut slice = iter(0..10).islice(1..9);
    assert_eq!(next(&mut slice).await, Some(1));
    assert_eq!(list(slice.step(3)).await, [2, 5, 8]);
}

#[test]
fn compress_waits_for_both_and_loses_neither() {
    let ledger = Ledger::new(3);
    let (data, data_watched) = Script::new(&ledger, 1, &[Beat::Ready], Hint::Exact);
    let beats = [Beat::Pending, Beat::Ready, Beat::Ready];
    let (mask, mask_watched) = Script::new(&ledger, 2, &beats, Hint::Exact);
    let mut chosen = data.compress(mask.map(|_| true));
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut chosen, &waker).is_pending());
    // The item came, and waits for its selector in the adaptor.
    assert_eq!(data_watched.taken(), 1);
    assert_eq!(chosen.size_hint(), (0, Some(1)));
    assert!(mask_watched.fire());
    let given = poll_next_cut(&mut chosen, &waker);
    assert!(matches!(given, Poll::Ready(Some(token)) if token.id() == 0));
    assert!(matches!(
        poll_next_cut(&mut chosen, &waker),
        Poll::Ready(None)
    ));
    assert_eq!(chosen.into_parts().3, Some(true));
}

#[tokio::test]
async fn compress_takes_no_item_when_the_selectors_are_at_their_end() {
    let mut chosen = iter(0..).compress(iter([false, true]));
    assert_eq!(next(&mut chosen).await, Some(1));
    assert_eq!(next(&mut chosen).await, None);
    let (data, _, item, selector) = chosen.into_parts();
    assert_eq!((item, selector), (None, None));
    assert_eq!(data.into_parts(), Some(2..));
}

#[tokio::test]
async fn starmap_takes_one_to_eight_fields_and_any_function() {
    assert_eq!(list(starmap(iter([(1,)]), |a: i32| -a)).await, [-1]);
    let mut calls = 0;
    let eight = starmap(
        iter([(1, 2, 3, 4, 5, 6, 7, 8); 2]),
        |a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32, h: i32| {
            calls += 1;
            a + b + c + d + e + f + g + h
        },
    );
    assert_eq!(list(eight).await, [36, 36]);
    assert_eq!(calls, 2);
    fn triple(name: &str, n: usize, last: char) -> String {
        format!("{}{last}", name.repeat(n))
    }
    let lines = iter([("ab", 2, '!')]).starmap(triple);
    assert_eq!(list(lines).await, ["abab!"]);
}

#[tokio::test]
async fn what_ends_early_ends_on_an_endless_source() {
    assert_eq!(list(iter(0..).takewhile(|n| *n < 3)).await, [0, 1, 2]);
    let inclusive = iter(0..).take_while_inclusive(|n| *n < 3);
    assert_eq!(list(inclusive).await, [0, 1, 2, 3]);
    assert_eq!(list(iter(0..).islice(1..3)).await, [1, 2]);
    assert_eq!(list(iter(0..).compress(iter([true]))).await, [0]);
}

#[test]
fn what_never_gives_an_item_lets_its_neighbours_run() {
    // A source that never spends the budget itself.
    fn hog() -> impl Stream<Item = ()> + Unpin {
        futures_util::stream::repeat(())
    }
    async fn first_poll<S: Stream + Unpin>(mut stream: S) {
        next(&mut stream).await;
    }
    yields_locally(|| first_poll(hog().filterfalse(|()| true)));
    yields_locally(|| first_poll(hog().dropwhile(|()| true)));
    yields_locally(|| first_poll(hog().islice(usize::MAX..)));
    let unselected = || futures_util::stream::repeat(false);
    yields_locally(move || first_poll(hog().compress(unselected())));
    yields_locally(|| first_poll(hog().before_and_after(|()| true).1));
}

#[tokio::test]
async fn sources_that_must_be_pinned_work() {
    let source = || {
        futures_util::stream::unfold(0, |n| async move {
            tokio::task::yield_now().await;
            (n < 5).then_some((n, n + 1))
        })
    };
    let chain = source()
        .accumulate(i32::max)
        .pairwise()
        .starmap(|a: i32, b: i32| a + b)
        .windows::<2>()
        .islice(1..)
        .filterfalse(|_| false)
        .dropwhile(|_| false)
        .takewhile(|_| true)
        .take_while_inclusive(|_| true)
        .accumulate_from([0, 0], |_, window| window);
    let mut chain = pin!(chain.compress(source().map(|n| n > 0)));
    assert_eq!(next(&mut chain).await, Some([3, 5]));
    assert_eq!(next(&mut chain).await, Some([5, 7]));
    assert_eq!(next(&mut chain).await, None);
}

#[test]
fn debug_shows_no_item_and_no_closure() {
    #[derive(Clone)]
    struct Opaque;
    let source = || iter(0..1).map(|_| Opaque);
    let accumulate = format!("{:?}", source().accumulate(|total, _| total));
    assert!(accumulate.starts_with("Accumulate {"), "{accumulate}");
    assert!(
        accumulate.ends_with("begun: false, done: false, .. }"),
        "{accumulate}"
    );
    let windows = format!("{:?}", source().windows::<2>());
    assert!(
        windows.ends_with("begun: 0, full: false, done: false }"),
        "{windows}"
    );
    let (before, after) = source().before_and_after(|_| true);
    assert_eq!(
        format!("{before:?}, {after:?}"),
        "Before { kept: 0, over: false, done: false, .. }, After { begun: false, done: false, .. }"
    );
    let slice = format!("{:?}", iter([1, 2]).islice(1..5).step(2));
    assert!(
        slice.contains("before: 1, within: Some(4), step: 2"),
        "{slice}"
    );
}
