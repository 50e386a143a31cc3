//! Compiles only while no method of ours has a name that a popular trait has.
//!
//! A name in two imported traits is an error at the call, so every method of
//! [`AioItertools`](aio_itertools::AioItertools) is called here beside theirs.

use aio_itertools::{iter, prelude::*};

/// Every method of the trait; the tidy test compares the list with the trait.
pub(crate) const CALLED: [&str; 1] = ["batched"];

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
