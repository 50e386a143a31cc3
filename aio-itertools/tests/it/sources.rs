//! What the laws don't say about sources: numbers, copies, and choices out of streams.

use std::task::{Poll, Waker};
use std::time::Duration;

use aio_itertools::consumers::list;
use aio_itertools::sources::{
    combinations, combinations_with_replacement, permutations, powerset, repeat,
};
use aio_itertools::{FusedStream, Stream, count, iter, next, product};
use futures_util::StreamExt;
use futures_util::stream::{empty, pending};
use itertools::Itertools;
use tokio::time::{Instant, sleep};

use crate::by_hand::poll_next_cut;

/// The items as words, the choices of letters as one word each.
async fn words(choices: impl Stream<Item = Vec<char>>) -> String {
    let words = list(choices).await;
    let mut words = words
        .into_iter()
        .map(|word| word.into_iter().collect::<String>());
    words.join(" ")
}

fn letters(text: &'static str) -> aio_itertools::sources::Iter<std::str::Chars<'static>> {
    iter(text.chars())
}

#[tokio::test]
async fn count_counts_up_and_down_and_in_place() {
    assert_eq!(list(count(10).take(5)).await, [10, 11, 12, 13, 14]);
    assert_eq!(list(count(5).step(-2).take(4)).await, [5, 3, 1, -1]);
    assert_eq!(list(count(7_u8).step(0).take(3)).await, [7, 7, 7]);
    assert_eq!(list(count(2.5).step(0.5).take(3)).await, [2.5, 3.0, 3.5]);
    assert_eq!(list(count(1_f32).take(2)).await, [1.0, 2.0]);
}

#[tokio::test]
async fn count_ends_after_the_last_value_that_fits() {
    assert_eq!(list(count(0_u8)).await, (0..=255).collect::<Vec<u8>>());
    assert_eq!(list(count(0_u8).step(100)).await, [0, 100, 200]);
    assert_eq!(list(count(-100_i8).step(-20)).await, [-100, -120]);
    assert_eq!(list(count(i8::MIN).step(i8::MAX)).await, [-128, -1, 126]);
    assert_eq!(list(count(0_i8).step(i8::MIN)).await, [0, -128]);
    assert_eq!(list(count(u128::MAX - 1)).await, [u128::MAX - 1, u128::MAX]);
    assert_eq!(list(count(f64::MAX).step(f64::MAX)).await, [f64::MAX]);
    assert_eq!(list(count(f64::INFINITY)).await, [f64::INFINITY]);
    assert_eq!(list(count(f64::NAN)).await.len(), 1);
    let mut last = count(usize::MAX);
    assert_eq!(next(&mut last).await, Some(usize::MAX));
    assert!(!last.is_terminated());
    assert_eq!(next(&mut last).await, None);
    assert!(last.is_terminated());
    assert_eq!(next(&mut last).await, None);
}

#[test]
fn the_size_of_a_count_is_known_at_every_step() {
    for (start, step) in [
        (0_i8, 1),
        (-128, 127),
        (127, -128),
        (5, -3),
        (-128, 1),
        (0, 100),
    ] {
        let mut numbers = count(start).step(step);
        let mut hints = vec![numbers.size_hint()];
        loop {
            match poll_next_cut(&mut numbers, Waker::noop()) {
                Poll::Ready(Some(_)) => hints.push(numbers.size_hint()),
                Poll::Ready(None) => break,
                // The budget is spent, if it isn't tokio's.
                Poll::Pending => {}
            }
        }
        // The last hint is that of a stream that has given everything.
        let exact = (0..hints.len()).rev().map(|left| (left, Some(left)));
        assert_eq!(hints, exact.collect::<Vec<_>>(), "{start} {step}");
    }
    assert_eq!(count(0_u8).step(0).size_hint(), (usize::MAX, None));
    assert_eq!(count(0_u128).size_hint(), (usize::MAX, None));
    assert_eq!(count(0_usize).size_hint(), (usize::MAX, None));
    assert_eq!(count(1_usize).size_hint(), (usize::MAX, Some(usize::MAX)));
    assert_eq!(count(0.0).size_hint(), (1, None));
    assert_eq!(count(0.0).step(0.0).size_hint(), (usize::MAX, None));
    assert_eq!(count(f32::INFINITY).size_hint(), (1, Some(1)));
}

#[tokio::test]
async fn repeat_gives_copies_and_the_value_itself_last() {
    assert_eq!(list(repeat(10).times(3)).await, [10, 10, 10]);
    assert_eq!(list(repeat(10).times(0)).await, []);
    assert_eq!(list(repeat("x").take(2)).await, ["x", "x"]);
    let value = std::rc::Rc::new(());
    let mut copies = repeat(std::rc::Rc::clone(&value)).times(2);
    assert_eq!(copies.size_hint(), (2, Some(2)));
    let first = next(&mut copies).await;
    assert_eq!(std::rc::Rc::strong_count(&value), 3);
    let last = next(&mut copies).await;
    assert_eq!(std::rc::Rc::strong_count(&value), 3);
    assert_eq!(copies.size_hint(), (0, Some(0)));
    assert!(!copies.is_terminated());
    assert_eq!(next(&mut copies).await, None);
    assert!(copies.is_terminated());
    assert_eq!(repeat(1).size_hint(), (usize::MAX, None));
    assert_eq!(
        repeat(1).times(usize::MAX).size_hint(),
        (usize::MAX, Some(usize::MAX))
    );
    drop((first, last));
}

#[test]
fn endless_sources_let_their_neighbours_run() {
    crate::neighbours::yields_locally(|| async {
        let mut numbers = count(0);
        while next(&mut numbers).await.is_some() {}
    });
    crate::neighbours::yields_locally(|| async {
        let mut copies = repeat(());
        while next(&mut copies).await.is_some() {}
    });
}

#[tokio::test]
async fn a_clone_of_a_source_goes_on_by_itself() {
    let mut numbers = count(1);
    next(&mut numbers).await;
    let mut copy = numbers.clone();
    assert_eq!(next(&mut numbers).await, Some(2));
    assert_eq!(next(&mut copy).await, Some(2));
    let twice = repeat(1).times(2);
    assert_eq!(list(twice.clone()).await, list(twice).await);
}

#[tokio::test]
async fn the_examples_of_pythons_documentation() {
    let product = product((letters("ABCD"), letters("xy"))).map(|(a, b)| vec![a, b]);
    assert_eq!(words(product).await, "Ax Ay Bx By Cx Cy Dx Dy");
    let bits = aio_itertools::product([iter("01".chars()), letters("01"), letters("01")]);
    assert_eq!(words(bits).await, "000 001 010 011 100 101 110 111");
    assert_eq!(
        words(permutations(letters("ABCD"), 2)).await,
        "AB AC AD BA BC BD CA CB CD DA DB DC"
    );
    assert_eq!(
        words(permutations(letters("012"), 3)).await,
        "012 021 102 120 201 210"
    );
    assert_eq!(
        words(combinations(letters("ABCD"), 2)).await,
        "AB AC AD BC BD CD"
    );
    assert_eq!(
        words(combinations(letters("0123"), 3)).await,
        "012 013 023 123"
    );
    assert_eq!(
        words(combinations_with_replacement(letters("ABC"), 2)).await,
        "AA AB AC BB BC CC"
    );
    assert_eq!(
        list(powerset(iter([1, 2, 3]))).await,
        [
            vec![],
            vec![1],
            vec![2],
            vec![3],
            vec![1, 2],
            vec![1, 3],
            vec![2, 3],
            vec![1, 2, 3]
        ]
    );
}

#[tokio::test]
async fn choices_of_none_and_of_too_many() {
    let none = [vec![]];
    assert_eq!(list(permutations(iter(0..3), 0)).await, none);
    assert_eq!(list(combinations(iter(0..3), 0)).await, none);
    assert_eq!(
        list(combinations_with_replacement(iter(0..0), 0)).await,
        none
    );
    assert_eq!(list(powerset(iter(0..0))).await, none);
    for size in [4, usize::MAX] {
        assert_eq!(list(permutations(iter(0..3), size)).await.len(), 0);
        assert_eq!(list(combinations(iter(0..3), size)).await.len(), 0);
        assert_eq!(
            list(combinations_with_replacement(iter(0..0), size))
                .await
                .len(),
            0
        );
    }
    let longer = list(combinations_with_replacement(iter([1]), 3)).await;
    assert_eq!(longer, [[1, 1, 1]]);
}

#[tokio::test]
async fn products_of_nothing_of_one_and_of_eight() {
    type Numbers = aio_itertools::sources::Iter<std::ops::Range<u8>>;
    assert_eq!(list(product(Vec::<Numbers>::new())).await, [[0; 0]]);
    assert_eq!(list(product([iter(0..3)])).await, [[0], [1], [2]]);
    let pool = || iter(0..2);
    let eight = product((
        pool(),
        pool(),
        pool(),
        pool(),
        pool(),
        pool(),
        pool(),
        pool(),
    ));
    assert_eq!(eight.size_hint(), (256, Some(256)));
    let rows = list(eight).await;
    assert_eq!(rows.len(), 256);
    assert!(rows.is_sorted());
    assert!(rows.windows(2).all(|rows| rows[0] != rows[1]));
}

#[test]
fn a_product_with_an_empty_pool_ends_whatever_the_others_do() {
    let mut rows = product((pending::<u8>(), empty::<u8>()));
    assert_eq!(poll_next_cut(&mut rows, Waker::noop()), Poll::Ready(None));
    assert!(rows.is_terminated());
}

#[tokio::test(start_paused = true)]
async fn the_pools_of_a_product_are_collected_at_once() {
    let slow = |seconds: u64| {
        iter(0..2).then(move |n| async move {
            sleep(Duration::from_secs(seconds)).await; // not a wait: the clock is paused
            n
        })
    };
    let start = Instant::now();
    assert_eq!(list(product((slow(1), slow(5), slow(3)))).await.len(), 8);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[test]
fn sizes_that_no_usize_holds_have_no_bound() {
    const NO_BOUND: (usize, Option<usize>) = (usize::MAX, None);
    let pool = || iter(0..200_u8);
    assert_eq!(permutations(pool(), 200).size_hint(), NO_BOUND);
    assert_eq!(combinations(pool(), 100).size_hint(), NO_BOUND);
    assert_eq!(
        combinations_with_replacement(pool(), usize::MAX).size_hint(),
        NO_BOUND
    );
    assert_eq!(powerset(pool()).size_hint(), NO_BOUND);
    let rows = product((0..64).map(|_| pool()).collect::<Vec<_>>());
    assert_eq!(rows.size_hint(), NO_BOUND);

    let endless = || iter(std::iter::repeat(()));
    assert_eq!(permutations(endless(), 3).size_hint(), NO_BOUND);
    assert_eq!(combinations(endless(), usize::MAX).size_hint(), (1, None));
    assert_eq!(powerset(endless()).size_hint(), NO_BOUND);
    assert_eq!(product((endless(), endless())).size_hint(), NO_BOUND);
    assert_eq!(product((endless(), iter(0..0))).size_hint(), (0, Some(0)));

    // What fits is exact, also where an intermediate product wouldn't fit.
    assert_eq!(powerset(iter(0..63_u8)).size_hint().1, Some(1 << 63));
    assert_eq!(powerset(iter(0..64_u8)).size_hint(), NO_BOUND);
    let half = 1_832_624_140_942_590_534;
    assert_eq!(
        combinations(iter(0..64_u8), 32).size_hint(),
        (half, Some(half))
    );
    let max = usize::MAX - 1;
    let many = combinations_with_replacement(iter([1, 2]), max);
    assert_eq!(many.size_hint(), (usize::MAX, Some(usize::MAX)));
}

#[tokio::test]
async fn choices_are_those_of_itertools() {
    for pool in 0..6 {
        for size in 0..7 {
            let source = || iter(0..pool);
            assert_eq!(
                list(permutations(source(), size)).await,
                (0..pool).permutations(size).collect_vec()
            );
            assert_eq!(
                list(combinations(source(), size)).await,
                (0..pool).combinations(size).collect_vec()
            );
            assert_eq!(
                list(combinations_with_replacement(source(), size)).await,
                (0..pool).combinations_with_replacement(size).collect_vec()
            );
        }
        assert_eq!(
            list(powerset(iter(0..pool))).await,
            (0..pool).powerset().collect_vec()
        );
    }
}

#[tokio::test]
async fn into_parts_gives_back_what_was_collected() {
    let mut pairs = combinations(iter(0..3), 2);
    assert_eq!(next(&mut pairs).await, Some(vec![0, 1]));
    assert_eq!(pairs.into_parts().1, [0, 1, 2]);
    let mut cells = product((iter(0..2), letters("ab")));
    assert_eq!(next(&mut cells).await, Some((0, 'a')));
    assert_eq!(cells.into_parts().1, (vec![0, 1], vec!['a', 'b']));
}
