//! What the laws don't say about `batched`.

use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use aio_itertools::adaptors::batched;
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};

use crate::by_hand::poll_next_cut;
use crate::panics::panic_text;

#[tokio::test]
async fn the_method_and_the_free_function_are_the_same() {
    let mut method = iter(1..=7).batched(3);
    let mut free = batched(iter(1..=7), NonZeroUsize::new(3).unwrap());
    for expected in [
        Some(vec![1, 2, 3]),
        Some(vec![4, 5, 6]),
        Some(vec![7]),
        None,
    ] {
        assert_eq!(next(&mut method).await, expected);
        assert_eq!(next(&mut free).await, expected);
    }
}

#[test]
fn zero_is_refused_at_the_call_and_named() {
    let message = panic_text(|| iter([1]).batched(0));
    assert_eq!(message, "the batch size must be at least 1, got 0");
}

#[tokio::test]
async fn a_huge_size_reserves_little_and_gives_what_there_is() {
    let mut batches = iter(0..10_u8).batched(usize::MAX);
    assert_eq!(batches.size_hint(), (1, Some(1)));
    let batch = next(&mut batches).await.unwrap();
    assert_eq!(batch.len(), 10);
    assert!(batch.capacity() <= 4096, "{}", batch.capacity());
}

#[test]
fn a_size_hint_at_the_end_of_usize_stays_a_bound() {
    let batches = iter(std::iter::repeat(())).batched(2);
    assert_eq!(batches.size_hint(), (usize::MAX.div_ceil(2), None));

    /// One item, then a long silence, whatever is still to come.
    struct Endless(Option<u8>);
    impl Stream for Endless {
        type Item = u8;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
            self.0
                .take()
                .map_or(Poll::Pending, |item| Poll::Ready(Some(item)))
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (usize::MAX, Some(usize::MAX))
        }
    }
    let mut batches = Endless(Some(1)).batched(2);
    assert!(poll_next_cut(&mut batches, Waker::noop()).is_pending());
    assert_eq!(batches.size_hint(), (usize::MAX.div_ceil(2), None));
}

#[tokio::test]
async fn strict_hands_the_short_batch_over_and_ends() {
    let mut batches = iter(1..=5).batched(2).strict();
    assert_eq!(next(&mut batches).await, Some(Ok(vec![1, 2])));
    assert_eq!(next(&mut batches).await, Some(Ok(vec![3, 4])));
    let short = next(&mut batches).await.unwrap().unwrap_err();
    assert_eq!((short.items(), short.size()), (&[5][..], 2));
    assert_eq!(short.to_string(), "the last batch has 1 of 2 items");
    assert_eq!(next(&mut batches).await, None);
    assert!(batches.is_terminated());
}

#[tokio::test]
async fn a_source_that_must_be_pinned_works() {
    let source = futures_util::stream::unfold(0, |n| async move {
        tokio::task::yield_now().await;
        (n < 5).then_some((n, n + 1))
    });
    let mut batches = pin!(source.batched(2));
    assert_eq!(next(&mut batches).await, Some(vec![0, 1]));
    assert_eq!(next(&mut batches).await, Some(vec![2, 3]));
    assert_eq!(next(&mut batches).await, Some(vec![4]));
    assert_eq!(next(&mut batches).await, None);
}

#[tokio::test]
async fn a_borrowed_source_goes_on_after_the_adaptor() {
    let mut source = iter(1..=5);
    let mut batches = (&mut source).batched(2);
    assert_eq!(next(&mut batches).await, Some(vec![1, 2]));
    drop(batches);
    assert_eq!(source.next().await, Some(3));
}

#[tokio::test]
async fn whoever_asks_what_is_not_terminated_sees_the_end() {
    for items in [3, 4] {
        let mut batches = iter(0..items).batched(2);
        // As `select!` does, which never asks a terminated stream again.
        let mut ended = false;
        while !batches.is_terminated() {
            ended = next(&mut batches).await.is_none();
        }
        assert!(ended, "of {items} items");
    }
}
