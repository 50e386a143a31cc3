//! What the laws of consumers don't say: ends of ranges, Python's examples, errors.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Poll, Waker};

use aio_itertools::consumers::{self, MinMax, MoreThanOne, NotOne};
use aio_itertools::{Stream, iter, next, prelude::*};
use proptest::prelude::{any, prop, proptest};

use crate::by_hand::poll_once;
use crate::scripted::{Beat, Hint, Ledger, Script};

#[tokio::test]
async fn an_empty_stream_has_an_answer_everywhere() {
    let none = || iter(Vec::<i32>::new());
    let no_pairs = || iter(Vec::<(i32, i32)>::new());
    assert_eq!(none().min().await, None);
    assert_eq!(none().max_by_key(|n| *n).await, None);
    assert_eq!(none().minmax().await, MinMax::Empty);
    assert_eq!(none().sum(7).await, 7);
    assert_eq!(none().prod(7).await, 7);
    assert_eq!(none().reduce(|a, b| a + b).await, None);
    assert_eq!(none().exactly_one().await, Err(NotOne::Empty));
    assert_eq!(none().at_most_one().await, Ok(None));
    assert!(none().all_equal().await);
    assert!(none().is_sorted().await);
    assert_eq!(consumers::first(none()).await, None);
    assert_eq!(consumers::last(none()).await, None);
    assert_eq!(consumers::nth(none(), 0).await, None);
    assert!(consumers::eq(none(), none()).await);
    assert!(!consumers::eq(none(), iter([1])).await);
    assert_eq!(consumers::join(none(), ", ").await, "");
    assert_eq!(none().list().await, []);
    assert_eq!(none().set().await, HashSet::new());
    assert_eq!(no_pairs().dict().await, HashMap::new());
    assert_eq!(none().counts().await, HashMap::new());
    assert_eq!(no_pairs().group_map().await, HashMap::new());
    assert_eq!(none().sorted().await, []);
    assert_eq!(none().k_largest(3).await, []);
}

/// The examples of Python's documentation, and what it gives for ties.
#[tokio::test]
async fn the_answers_are_pythons() {
    let words = || iter(["eggs", "spam", "ni", "it", "shrubbery"]);
    // min(words, key=len), max(words, key=len)
    assert_eq!(words().min_by_key(|word| word.len()).await, Some("ni"));
    let four_at_most = |word: &&str| word.len().min(4);
    assert_eq!(words().max_by_key(four_at_most).await, Some("eggs"));
    // sorted(words, key=len)
    assert_eq!(
        words().sorted_by_key(|word| word.len()).await,
        ["ni", "it", "eggs", "spam", "shrubbery"]
    );
    // sorted(words, key=four_at_most, reverse=True)
    assert_eq!(
        words()
            .sorted_by(|a, b| four_at_most(b).cmp(&four_at_most(a)))
            .await,
        ["eggs", "spam", "shrubbery", "ni", "it"]
    );
    // heapq.nlargest(2, words, key=four_at_most), heapq.nsmallest(3, words, key=len)
    assert_eq!(
        words().k_largest_by_key(2, four_at_most).await,
        ["eggs", "spam"]
    );
    assert_eq!(
        words().k_smallest_by_key(3, |word| word.len()).await,
        ["ni", "it", "eggs"]
    );
    // sum([[1], [2]], []) and math.prod([1.5, 2.0], start=2)
    assert_eq!(iter(["b", "c"]).sum(String::from("a")).await, "abc");
    assert_eq!(iter([1.5, 2.0]).prod(2.0).await, 6.0);
    // Counter("mississippi")
    let letters = iter("mississippi".chars()).counts().await;
    assert_eq!(
        letters,
        HashMap::from([('i', 4), ('m', 1), ('p', 2), ('s', 4)])
    );
    // ", ".join(map(str, range(3)))
    assert_eq!(
        consumers::join(iter(0..3), String::from(", ")).await,
        "0, 1, 2"
    );
}

#[tokio::test]
async fn extremes_agree_with_each_other_about_ties() {
    // Pairs that compare by their first half.
    let pairs = || iter([(1, 'a'), (2, 'b'), (1, 'c'), (2, 'd')]);
    let by_first = |a: &(i32, char), b: &(i32, char)| a.0.cmp(&b.0);
    let min = pairs().min_by(by_first).await.unwrap();
    let max = pairs().max_by(by_first).await.unwrap();
    assert_eq!((min, max), ((1, 'a'), (2, 'b')));
    assert_eq!(pairs().minmax_by(by_first).await, MinMax::Two(min, max));
    let equal = || iter([(1, 'a'), (1, 'b')]);
    assert_eq!(equal().minmax_by(by_first).await, MinMax::One((1, 'a')));
    assert_eq!(equal().max_by(by_first).await, Some((1, 'a')));
}

#[test]
fn a_k_of_zero_polls_nothing() {
    struct NeverPolled;

    impl Stream for NeverPolled {
        type Item = i32;

        fn poll_next(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<i32>> {
            panic!("the stream was polled");
        }
    }

    let none = Poll::Ready(Vec::new());
    assert_eq!(
        poll_once(pin!(NeverPolled.k_smallest(0)), Waker::noop()),
        none
    );
    let largest = NeverPolled.k_largest_by_key(0, |n| *n);
    assert_eq!(poll_once(pin!(largest), Waker::noop()), none);
}

#[tokio::test]
async fn a_k_without_bound_sorts_all() {
    assert_eq!(iter([2, 3, 1]).k_smallest(usize::MAX).await, [1, 2, 3]);
    assert_eq!(iter([2, 3, 1]).k_largest(usize::MAX).await, [3, 2, 1]);
    assert_eq!(consumers::nth(iter([2, 3, 1]), usize::MAX).await, None);
}

proptest! {
    /// Larger heaps than the laws make, with few and with many ties.
    #[test]
    fn k_extremes_are_the_ends_of_the_sorted(
        values in prop::collection::vec(any::<u8>(), 0..300),
        k in 0..80_usize,
        coarse in 1..200_u8,
    ) {
        let numbered: Vec<(u8, usize)> = values.iter().map(|n| n / coarse).zip(0..).collect();
        let mut ascending = numbered.clone();
        ascending.sort_by_key(|(n, _)| *n);
        ascending.truncate(k);
        let mut descending = numbered.clone();
        descending.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
        descending.truncate(k);
        let (smallest, largest) = futures_lite::future::block_on(async {
            (
                iter(numbered.clone()).k_smallest_by_key(k, |(n, _)| *n).await,
                iter(numbered).k_largest_by_key(k, |(n, _)| *n).await,
            )
        });
        assert_eq!(smallest, ascending);
        assert_eq!(largest, descending);
    }
}

#[tokio::test]
async fn a_lent_stream_goes_on_behind_what_was_taken() {
    let mut numbers = iter(0..10);
    assert_eq!(consumers::first(&mut numbers).await, Some(0));
    assert_eq!(consumers::nth(&mut numbers, 1).await, Some(2));
    let two = (&mut numbers).exactly_one().await.unwrap_err();
    assert_eq!(two.to_string(), "the stream has more than one item");
    assert!(matches!(two, NotOne::More(more) if more.items() == &[3, 4]));
    assert!(!(&mut numbers).all_equal().await);
    assert_eq!(next(&mut numbers).await, Some(7));
    let mut boxed: Pin<Box<dyn Stream<Item = i32> + Send>> = Box::pin(numbers);
    assert_eq!((&mut boxed).min().await, Some(8));
    assert_eq!(boxed.max().await, None);
}

#[test]
fn errors_can_be_logged_and_sent_whatever_the_items_are() {
    struct Opaque;

    fn is_an_error<E: Error + Send + Sync + 'static>(_: &E) {}

    let two = iter([Opaque, Opaque]).at_most_one();
    let more: MoreThanOne<Opaque> = futures_lite::future::block_on(two).err().unwrap();
    assert_eq!(format!("{more:?}"), "MoreThanOne { .. }");
    assert_eq!(more.to_string(), "the stream has more than one item");
    is_an_error(&more);
    let more = NotOne::More(more);
    assert_eq!(format!("{more:?}"), "More(MoreThanOne { .. })");
    assert_eq!(more.to_string(), "the stream has more than one item");
    let empty = NotOne::<Opaque>::Empty;
    assert_eq!(format!("{empty:?}"), "Empty");
    assert_eq!(empty.to_string(), "the stream has no item");
    is_an_error(&empty);
}

#[tokio::test]
async fn what_cannot_be_compared_is_not_in_order() {
    assert!(!iter([1.0, f64::NAN]).is_sorted().await);
    assert!(!iter([f64::NAN, 1.0]).is_sorted_by_key(|n| *n).await);
    assert!(iter([f64::NAN]).is_sorted().await);
    assert!(!iter([f64::NAN, f64::NAN]).all_equal().await);
    let order = |a: &f64, b: &f64| -> Ordering { a.total_cmp(b) };
    assert_eq!(iter([2.0, f64::NAN, 1.0]).min_by(order).await, Some(1.0));
}

#[test]
fn eq_polls_both_sides_at_once_and_keeps_the_ready_half() {
    let ledger = Ledger::new(2);
    let (mut fast, fast_watched) = Script::new(&ledger, 1, &[], Hint::Unknown);
    let beats = [Beat::Pending, Beat::Pending];
    let (mut slow, slow_watched) = Script::new(&ledger, 1, &beats, Hint::Unknown);
    let mut eq = pin!(consumers::eq(&mut fast, &mut slow));
    assert!(poll_once(eq.as_mut(), Waker::noop()).is_pending());
    assert_eq!((fast_watched.taken(), slow_watched.taken()), (1, 0));
    assert!(poll_once(eq.as_mut(), Waker::noop()).is_pending());
    assert_eq!((fast_watched.taken(), slow_watched.taken()), (1, 0));
    assert_eq!(poll_once(eq.as_mut(), Waker::noop()), Poll::Ready(true));
}

#[test]
fn a_consumer_holds_its_stream_once() {
    let source = iter([0_u8; 1000]);
    let stream = size_of_val(&source);
    let consumer = size_of_val(&source.sum(0_u8));
    assert!(
        consumer < stream + 100,
        "{consumer} bytes for a stream of {stream}"
    );
}

#[tokio::test]
async fn what_is_lent_needs_no_pin() {
    let mut numbers = iter(1..=3);
    // The future of a stream that can move can move.
    let mut list = (&mut numbers).list();
    assert_eq!((&mut list).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_wrong_length_reserves_no_more_than_a_little() {
    struct Boasts;

    impl Stream for Boasts {
        type Item = [u64; 8];

        fn poll_next(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<[u64; 8]>> {
            Poll::Ready(None)
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (usize::MAX, None)
        }
    }

    assert!(Boasts.list().await.capacity() < 10_000);
    assert!(Boasts.sorted().await.capacity() < 10_000);
}

#[tokio::test]
#[should_panic(expected = "polled after its end")]
async fn a_consumer_that_has_answered_is_not_polled_again() {
    let mut sum = iter([1]).sum(0);
    (&mut sum).await;
    (&mut sum).await;
}

#[tokio::test]
#[should_panic(expected = "the `Display` of an item")]
async fn join_panics_with_a_display_that_fails() {
    struct Fails;

    impl fmt::Display for Fails {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    consumers::join(iter([Fails]), ",").await;
}
