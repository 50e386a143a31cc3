//! What the laws don't say about `merge_sorted`.

use std::cell::Cell;
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use aio_itertools::consumers::list;
use aio_itertools::{FusedStream, Stream, iter, merge_sorted, next};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep};

use crate::by_hand::poll_next_cut;

#[tokio::test]
async fn the_examples_of_pythons_heapq_merge() {
    let streams = [
        vec![1, 3, 5, 7],
        vec![0, 2, 4, 8],
        vec![5, 10, 15, 20],
        vec![],
        vec![25],
    ];
    let merged = list(merge_sorted(streams.map(iter))).await;
    assert_eq!(merged, [0, 1, 2, 3, 4, 5, 5, 7, 8, 10, 15, 20, 25]);

    let words = [vec!["dog", "horse"], vec!["cat", "fish", "kangaroo"]];
    let merged = list(merge_sorted(words.map(iter)).by_key(|word| word.len())).await;
    assert_eq!(merged, ["dog", "cat", "fish", "horse", "kangaroo"]);
}

#[tokio::test]
async fn no_streams_and_empty_streams_end_at_once() {
    assert_eq!(
        list(merge_sorted(Vec::<
            aio_itertools::sources::Iter<std::ops::Range<u8>>,
        >::new()))
        .await,
        []
    );
    assert_eq!(list(merge_sorted([iter(0..0), iter(0..0)])).await, []);
}

#[tokio::test]
async fn of_equal_items_the_earlier_streams_come_first() {
    let streams = (0..9).map(|stream| iter([1, 1, 2].map(|item| (item, stream))));
    let merged = list(merge_sorted(streams).by_key(|(item, _)| *item)).await;
    let order: Vec<_> = merged.iter().map(|(_, stream)| *stream).collect();
    // Both ones of a stream before the next stream's, then the twos.
    let ones = (0..9).flat_map(|stream| [stream, stream]);
    assert_eq!(order, ones.chain(0..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn descending_streams_merge_by_a_reversed_key_or_comparison() {
    let streams = || [iter(vec![9, 4, 1]), iter(vec![8, 3])];
    let by_key = merge_sorted(streams()).by_key(|&n| Reverse(n));
    assert_eq!(list(by_key).await, [9, 8, 4, 3, 1]);
    let by = merge_sorted(streams()).by(|a, b| b.cmp(a));
    assert_eq!(list(by).await, [9, 8, 4, 3, 1]);
}

/// One item every second, the first one after `first`.
fn ticking(first: u64, items: Vec<u64>) -> impl Stream<Item = u64> {
    iter(items).enumerate().then(move |(at, item)| async move {
        let wait = if at == 0 { first } else { 1 };
        sleep(Duration::from_secs(wait)).await; // not a wait: the clock is paused
        item
    })
}

#[tokio::test(start_paused = true)]
async fn the_first_items_are_fetched_together_and_then_one_at_a_time() {
    let start = Instant::now();
    let mut merged = merge_sorted([
        ticking(3, vec![1, 5]),
        ticking(10, vec![2, 6]),
        ticking(7, vec![3, 4]),
    ]);
    let mut given = Vec::new();
    while let Some(item) = next(&mut merged).await {
        given.push((item, start.elapsed().as_secs()));
    }
    // As long as the slowest first item, not as all three; then a second for each
    // item that must be known before the next one can be given.
    assert_eq!(
        given,
        [(1, 10), (2, 11), (3, 12), (4, 13), (5, 13), (6, 13)]
    );
}

#[test]
fn only_the_stream_whose_item_was_given_is_polled() {
    let polls: Rc<[Cell<usize>; 3]> = Rc::default();
    let streams = (0..3).map(|stream| {
        let polls = Rc::clone(&polls);
        let mut items = (0..).map(move |n| n * 3 + stream);
        futures_util::stream::poll_fn(move |_| {
            polls[stream].set(polls[stream].get() + 1);
            std::task::Poll::Ready(items.next())
        })
    });
    let mut merged = merge_sorted(streams);
    let polled = || [0, 1, 2].map(|stream| polls[stream].get());
    let mut give = || poll_next_cut(&mut merged, Waker::noop());
    assert_eq!(give(), std::task::Poll::Ready(Some(0)));
    assert_eq!(polled(), [1, 1, 1]);
    assert_eq!(give(), std::task::Poll::Ready(Some(1)));
    assert_eq!(polled(), [2, 1, 1]);
    assert_eq!(give(), std::task::Poll::Ready(Some(2)));
    assert_eq!(polled(), [2, 2, 1]);
}

#[tokio::test]
async fn the_key_is_asked_for_once_an_item() {
    let calls = Cell::new(0);
    let streams = (0..16).map(|n| iter((0..100).map(move |m| m * 16 + n)));
    let merged = merge_sorted(streams).by_key(|&n| {
        calls.set(calls.get() + 1);
        n
    });
    assert_eq!(list(merged).await, (0..1600).collect::<Vec<_>>());
    assert_eq!(calls.get(), 1600);
}

#[tokio::test]
async fn another_order_may_be_chosen_when_some_items_were_given() {
    let mut merged = merge_sorted([iter(vec![1, 2]), iter(vec![5]), iter(vec![4])]);
    assert_eq!(next(&mut merged).await, Some(1));
    let mut merged = merged.by_key(|&n| Reverse(n));
    assert_eq!(next(&mut merged).await, Some(5));
    assert_eq!(list(merged).await, [4, 2]);
}

#[test]
fn a_comparison_that_panics_loses_no_item() {
    // Every comparison in turn is the one that panics.
    for fuse in 0..40 {
        let left = Cell::new(fuse);
        let streams = (0..5).map(|n| iter((0..4).map(move |m| m * 5 + n)));
        let mut merged = merge_sorted(streams).by(|a, b| {
            if left.get() == 0 {
                left.set(usize::MAX);
                std::panic::resume_unwind(Box::new("in a comparison"));
            }
            left.set(left.get() - 1);
            a.cmp(b)
        });
        let mut given = Vec::new();
        loop {
            let polled = catch_unwind(AssertUnwindSafe(|| {
                poll_next_cut(&mut merged, Waker::noop())
            }));
            match polled {
                Ok(std::task::Poll::Ready(Some(item))) => given.push(item),
                Ok(std::task::Poll::Ready(None)) => break,
                Ok(std::task::Poll::Pending) => panic!("all is ready"),
                Err(_) => {}
            }
        }
        assert_eq!(given, (0..20).collect::<Vec<_>>(), "comparison {fuse}");
    }
}

#[tokio::test]
async fn into_parts_keeps_each_head_with_its_stream() {
    let mut merged = merge_sorted([iter(vec![7, 8]), iter(vec![1, 2]), iter(vec![])]);
    assert_eq!(next(&mut merged).await, Some(1));
    assert_eq!(merged.size_hint(), (3, Some(3)));
    let (mut streams, heads) = merged.into_parts();
    assert_eq!(heads, [Some(7), None, None]);
    assert_eq!(next(&mut streams[0]).await, Some(8));
    assert_eq!(next(&mut streams[1]).await, Some(2));
}

#[tokio::test]
async fn many_streams_are_the_sorted_whole() {
    for streams in [1, 2, 3, 7, 64, 65, 1000] {
        let runs: Vec<Vec<usize>> = (0..streams)
            .map(|n| {
                let mut run: Vec<_> = (0..n % 17)
                    .map(|m| (n * 7919 + m * 104_729) % 1000)
                    .collect();
                run.sort_unstable();
                run
            })
            .collect();
        let mut sorted = runs.concat();
        sorted.sort_unstable();
        let mut merged = merge_sorted(runs.into_iter().map(iter));
        assert_eq!(merged.size_hint(), (sorted.len(), Some(sorted.len())));
        let mut given = Vec::new();
        while let Some(item) = next(&mut merged).await {
            given.push(item);
        }
        assert_eq!(given, sorted);
        assert!(merged.is_terminated());
    }
}

#[tokio::test]
async fn streams_that_must_be_pinned_and_stay_on_their_thread_work() {
    let stream = |items: Vec<u8>| {
        futures_util::stream::unfold(Rc::new(Cell::new(items)), |items| async move {
            tokio::task::yield_now().await;
            let mut left = items.take();
            let item = (!left.is_empty()).then(|| left.remove(0))?;
            items.set(left);
            Some((item, items))
        })
    };
    let mut merged = merge_sorted([stream(vec![1, 3]), stream(vec![2])]);
    for expected in [Some(1), Some(2), Some(3), None] {
        assert_eq!(next(&mut merged).await, expected);
    }
}
