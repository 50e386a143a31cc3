//! Tasks that yield one item after another.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use aio_pool::streams::{Items, StreamTask};
use aio_pool::{Context, TaskError};
use futures_core::{FusedStream, Stream};
use tokio::join;

use crate::deeds::{forget_peak, peak, resident};
use crate::harness::trials;
use crate::line::{Held, Line};
use crate::pools::one_worker;
use crate::stream_tasks::{
    Letters, counts_to_overflow, endless, fails_with_a_list, fails_with_a_list_of_lists, large,
    made, nested, numbers, peak_memory, stalls_behind,
};
use crate::tasks::{nothing, pid};

trials![
    every_number_of_items_comes_in_order,
    every_shape_of_stream_is_a_task,
    a_stream_that_is_not_polled_is_not_made,
    a_producer_is_never_further_ahead_than_the_window,
    large_items_keep_the_memory_of_a_worker_flat,
    a_slow_consumer_keeps_the_memory_of_both_flat,
    dropping_the_items_ends_the_producer,
    taking_some_ends_the_producer,
    a_stalled_consumer_holds_nobody_else_up,
];

/// Takes what comes before the first error, and that.
pub(crate) async fn until_error<T: StreamTask>(
    mut items: Items<T>,
) -> (Vec<T::Item>, Option<TaskError<T::Error>>) {
    let (mut taken, mut error) = (Vec::new(), None);
    while let Some(item) = items.next().await {
        match item {
            Ok(item) => taken.push(item),
            Err(it) => {
                error = Some(it);
                break;
            }
        }
    }
    assert!(items.is_terminated());
    assert_eq!(items.size_hint(), (0, Some(0)));
    assert!(items.next().await.is_none(), "nothing comes behind the end");
    (taken, error)
}

/// Polls a stream until its task has begun.
pub(crate) async fn begun<T: StreamTask>(items: &mut Items<T>, line: &Line) -> (T::Item, Held) {
    let mut next = pin!(line.next());
    let mut held = None;
    let mut item = None;
    poll_fn(|cx| {
        if held.is_none()
            && let Poll::Ready(it) = next.as_mut().poll(cx)
        {
            held = Some(it);
        }
        if item.is_none()
            && let Poll::Ready(it) = Pin::new(&mut *items).poll_next(cx)
        {
            item = it;
        }
        if held.is_some() && item.is_some() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let Some(Ok(item)) = item else {
        panic!("no item");
    };
    (item, held.unwrap())
}

async fn every_number_of_items_comes_in_order() {
    let pool = one_worker().await;
    for count in [0, 1, 7, 8, 9, 15, 16, 17, 32, 33, 1_000] {
        let items = pool.stream::<numbers>((0, count)).await.unwrap();
        assert!(items.into_iter().eq(0..count), "{count}");
        let (items, error) = until_error(pool.stream::<numbers>((0, count)).stream()).await;
        assert!(items.into_iter().eq(0..count) && error.is_none(), "{count}");
    }
    pool.close().await.unwrap();
}

async fn every_shape_of_stream_is_a_task() {
    let pool = one_worker().await;
    let list = vec![Some(1), None];
    let items = pool.stream::<nested>(list.clone()).await.unwrap();
    assert_eq!(items, [list]);
    let error = pool.stream::<fails_with_a_list>(3).await.unwrap_err();
    assert_eq!(error, TaskError::Task(vec![3]));
    let error = pool.stream::<fails_with_a_list_of_lists>(()).await;
    assert_eq!(error.unwrap_err(), TaskError::Task(vec![vec![7]]));
    let items = pool.stream::<Letters>("ab".to_owned()).await.unwrap();
    assert_eq!(items, ['a', 'b']);
    let mut here = counts_to_overflow(Context::default(), 255);
    let first = poll_fn(|cx| Pin::new(&mut here).poll_next(cx)).await;
    assert_eq!(first, Some(Ok(255)), "the function is still a function");
    assert_eq!(numbers::NAME, "it::stream_tasks::numbers");
    pool.close().await.unwrap();
}

async fn a_stream_that_is_not_polled_is_not_made() {
    let pool = one_worker().await;
    let line = Line::open();
    drop(pool.stream::<endless>(line.name.clone()).stream());
    drop(pool.stream::<endless>(line.name.clone()).into_future());
    drop(pool.stream::<endless>(line.name.clone()));
    assert_eq!(pool.call::<made>(()).await.unwrap(), 0);
    pool.close().await.unwrap();
}

async fn a_producer_is_never_further_ahead_than_the_window() {
    const WINDOW: u64 = 16;
    let pool = one_worker().await;
    let line = Line::open();
    let mut items = pool.stream::<endless>(line.name.clone()).stream();
    let (first, _held) = begun(&mut items, &line).await;
    assert_eq!(first, 0);
    let mut taken = 1;
    for more in [0, 3, 4, 8, 16, 1, 100, 7] {
        for _ in 0..more {
            assert_eq!(items.next().await.unwrap().unwrap(), taken);
            taken += 1;
        }
        // It comes as far as it may, and however often it is looked at it has
        // not come further.
        let at_least = taken + WINDOW / 2;
        while pool.call::<made>(()).await.unwrap() < at_least {}
        for _ in 0..50 {
            let made = pool.call::<made>(()).await.unwrap();
            assert!(made <= taken + WINDOW, "{made} made, {taken} taken");
        }
    }
    drop(items);
    pool.close().await.unwrap();
}

async fn large_items_keep_the_memory_of_a_worker_flat() {
    const BYTES: usize = 1 << 20;
    let pool = one_worker().await;
    let mut items = pool.stream::<large>(BYTES - 64).stream();
    for _ in 0..300 {
        let item = items.next().await.unwrap().unwrap();
        assert_eq!(item.0, BYTES - 64);
    }
    // Of 300 MiB, whatever is on the way and a program around it.
    let peak = pool.call::<peak_memory>(()).await.unwrap();
    assert!(peak < 100 << 10, "{peak} KiB");
    drop(items);
    pool.close().await.unwrap();
}

async fn a_slow_consumer_keeps_the_memory_of_both_flat() {
    const BYTES: usize = 512 << 10;
    // A window of items as they are on their way.
    const GROWTH: u64 = 16 * (BYTES as u64);
    let pool = one_worker().await;
    let mut items = pool.stream::<large>(BYTES).stream();
    let mut early = None;
    for taken in 0..200 {
        assert_eq!(items.next().await.unwrap().unwrap().0, BYTES);
        // Its worker has all the time to run ahead.
        for _ in 0..20 {
            pool.call::<nothing>(()).await.unwrap();
        }
        if taken == 40 {
            let there = pool.call::<peak_memory>(()).await.unwrap() << 10;
            forget_peak();
            early = Some((there, resident()));
        }
    }
    let (there, here) = early.unwrap();
    let grown = (pool.call::<peak_memory>(()).await.unwrap() << 10).saturating_sub(there);
    assert!(grown < GROWTH, "the worker has grown by {grown} bytes");
    let grown = peak().saturating_sub(here);
    assert!(grown < 2 * GROWTH, "the program has grown by {grown} bytes");
    drop(items);
    pool.close().await.unwrap();
}

async fn dropping_the_items_ends_the_producer() {
    let pool = one_worker().await;
    let line = Line::open();
    for items in [1, 5, 100] {
        let mut items = pool
            .stream::<stalls_behind>((items, line.name.clone()))
            .stream();
        let (_, held) = begun(&mut items, &line).await;
        let worker = held.pid;
        drop(items);
        held.gone().await;
        assert_eq!(pool.call::<pid>(()).await.unwrap(), worker);
    }
    // As does dropping the future of all of them.
    let mut all = pool.stream::<endless>(line.name.clone()).into_future();
    let mut next = pin!(line.next());
    let held = poll_fn(|cx| {
        assert!(Pin::new(&mut all).poll(cx).is_pending());
        next.as_mut().poll(cx)
    })
    .await;
    drop(all);
    held.gone().await;
    pool.close().await.unwrap();
}

async fn taking_some_ends_the_producer() {
    use futures_util::StreamExt as _;
    let pool = one_worker().await;
    let line = Line::open();
    let items = pool.stream::<endless>(line.name.clone()).stream();
    let three = items.take(3).map(Result::unwrap).collect::<Vec<_>>();
    let (three, held) = join!(three, line.next());
    assert_eq!(three, [0, 1, 2]);
    held.gone().await;
    let made = pool.call::<made>(()).await.unwrap();
    assert!(made <= 3 + 16, "{made}");
    pool.close().await.unwrap();
}

async fn a_stalled_consumer_holds_nobody_else_up() {
    let pool = one_worker().await;
    let line = Line::open();
    let mut stalled = pool.stream::<endless>(line.name.clone()).stream();
    let (_, _held) = begun(&mut stalled, &line).await;
    for count in [10, 100] {
        let items = pool.stream::<numbers>((0, count)).await.unwrap();
        assert!(items.into_iter().eq(0..count));
        pool.call::<nothing>(()).await.unwrap();
    }
    drop(stalled);
    pool.close().await.unwrap();
}
