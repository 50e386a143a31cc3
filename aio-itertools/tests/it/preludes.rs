//! Compiles only while no method of ours has a name that a popular trait has.
//!
//! A name in two imported traits is an error at the call, so every method of
//! [`AioItertools`](aio_itertools::AioItertools) is called here beside theirs.

use aio_itertools::adaptors::Windows;
use aio_itertools::{iter, prelude::*};

/// Every method of the trait; the tidy test compares the list with the trait.
pub(crate) const CALLED: [&str; 13] = [
    "accumulate",
    "accumulate_from",
    "pairwise",
    "windows",
    "islice",
    "compress",
    "starmap",
    "filterfalse",
    "takewhile",
    "dropwhile",
    "take_while_inclusive",
    "before_and_after",
    "batched",
];

#[tokio::test]
async fn beside_futures() {
    use futures_util::{FutureExt, StreamExt, TryStreamExt};

    let batches: Vec<_> = iter(1..=5).map(|n| n * 2).batched(2).collect().await;
    assert_eq!(batches, [vec![2, 4], vec![6, 8], vec![10]]);
    let fallible = iter([Ok(1), Err("late")]).batched(2).map(Ok::<_, ()>);
    assert_eq!(
        fallible.try_collect::<Vec<_>>().await,
        Ok(vec![vec![Ok(1), Err("late")]])
    );
    async {}.boxed().await;
}

#[tokio::test]
async fn beside_tokio_stream() {
    use tokio_stream::StreamExt;

    let batches: Vec<_> = iter(1..=3).map(|n| n * 2).batched(2).collect().await;
    assert_eq!(batches, [vec![2, 4], vec![6]]);
}

#[test]
fn beside_futures_lite() {
    use futures_lite::prelude::*;

    let batches = futures_lite::future::block_on(iter(1..=3).batched(2).collect::<Vec<_>>());
    assert_eq!(batches, [vec![1, 2], vec![3]]);
}

#[tokio::test]
async fn beside_all_of_them_at_once() {
    use futures_lite::StreamExt as Lite;
    use futures_util::StreamExt as Futures;
    use tokio_stream::StreamExt as Tokio;

    // With all three in scope a name of theirs must say whose it is; ours needn't.
    let source = Tokio::map(Lite::map(Futures::map(iter(1..=3), |n| n), |n| n), |n| n);
    let mut batches = source.batched(2).strict();
    assert_eq!(
        aio_itertools::next(&mut batches).await,
        Some(Ok(vec![1, 2]))
    );
    let mut outputs = aio_itertools::gather([async { 1 }]).limit(1).stream();
    assert_eq!(outputs.next().await, Some((0, 1)));
}

#[tokio::test]
async fn slices_beside_futures() {
    #[allow(unused_imports, reason = "imported for its names alone")]
    use futures_util::{FutureExt, StreamExt, TryStreamExt};

    let chosen = iter(1..=9)
        .filterfalse(|n| *n == 4)
        .dropwhile(|n| *n < 2)
        .takewhile(|n| *n < 9)
        .take_while_inclusive(|n| *n < 7)
        .islice(..8)
        .compress(iter([true; 8]));
    let (before, mut after) = chosen
        .accumulate(i32::max)
        .accumulate_from(0, |total, n| total + n)
        .pairwise()
        .starmap(|a: i32, b: i32| b - a)
        .before_and_after(|n| *n < 6);
    let mut windows: Windows<_, [i32; 2]> = before.windows();
    assert_eq!(aio_itertools::next(&mut windows).await, Some([2, 3]));
    assert_eq!(aio_itertools::next(&mut after).await, Some(6));
}

#[tokio::test]
async fn slices_beside_tokio_stream() {
    #[allow(unused_imports, reason = "imported for its names alone")]
    use tokio_stream::StreamExt;

    let chosen = iter(1..=9)
        .filterfalse(|n| *n == 4)
        .dropwhile(|n| *n < 2)
        .takewhile(|n| *n < 9)
        .take_while_inclusive(|n| *n < 7)
        .islice(..8)
        .compress(iter([true; 8]));
    let (before, mut after) = chosen
        .accumulate(i32::max)
        .accumulate_from(0, |total, n| total + n)
        .pairwise()
        .starmap(|a: i32, b: i32| b - a)
        .before_and_after(|n| *n < 6);
    let mut windows: Windows<_, [i32; 2]> = before.windows();
    assert_eq!(aio_itertools::next(&mut windows).await, Some([2, 3]));
    assert_eq!(aio_itertools::next(&mut after).await, Some(6));
}

#[tokio::test]
async fn slices_beside_futures_lite() {
    #[allow(unused_imports, reason = "imported for its names alone")]
    use futures_lite::prelude::*;

    let chosen = iter(1..=9)
        .filterfalse(|n| *n == 4)
        .dropwhile(|n| *n < 2)
        .takewhile(|n| *n < 9)
        .take_while_inclusive(|n| *n < 7)
        .islice(..8)
        .compress(iter([true; 8]));
    let (before, mut after) = chosen
        .accumulate(i32::max)
        .accumulate_from(0, |total, n| total + n)
        .pairwise()
        .starmap(|a: i32, b: i32| b - a)
        .before_and_after(|n| *n < 6);
    let mut windows: Windows<_, [i32; 2]> = before.windows();
    assert_eq!(aio_itertools::next(&mut windows).await, Some([2, 3]));
    assert_eq!(aio_itertools::next(&mut after).await, Some(6));
}

#[tokio::test]
async fn slices_beside_all_of_them_at_once() {
    #[allow(unused_imports, reason = "imported for its names alone")]
    use futures_lite::StreamExt as Lite;
    #[allow(unused_imports, reason = "imported for its names alone")]
    use futures_util::StreamExt as Futures;
    #[allow(unused_imports, reason = "imported for its names alone")]
    use tokio_stream::StreamExt as Tokio;

    let chosen = iter(1..=9)
        .filterfalse(|n| *n == 4)
        .dropwhile(|n| *n < 2)
        .takewhile(|n| *n < 9)
        .take_while_inclusive(|n| *n < 7)
        .islice(..8)
        .compress(iter([true; 8]));
    let (before, mut after) = chosen
        .accumulate(i32::max)
        .accumulate_from(0, |total, n| total + n)
        .pairwise()
        .starmap(|a: i32, b: i32| b - a)
        .before_and_after(|n| *n < 6);
    let mut windows: Windows<_, [i32; 2]> = before.windows();
    assert_eq!(aio_itertools::next(&mut windows).await, Some([2, 3]));
    assert_eq!(aio_itertools::next(&mut after).await, Some(6));
}
