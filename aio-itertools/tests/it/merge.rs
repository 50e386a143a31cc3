//! What `merge` promises, case by case; the random ones are in `merge_laws`.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aio_itertools::asyncio::{as_generated, merge};
use aio_itertools::consumers::list;
use aio_itertools::{FusedStream, Stream, iter, next};

use crate::by_hand::{Task, poll_next_cut};

/// A stream that gives numbers when the test has put them in, and counts its polls.
#[derive(Clone, Default)]
struct Tap {
    items: Rc<RefCell<Vec<u32>>>,
    closed: Rc<Cell<bool>>,
    polls: Rc<Cell<usize>>,
    waker: Rc<RefCell<Option<Waker>>>,
}

impl Tap {
    fn pour(&self, items: &[u32]) {
        self.items.borrow_mut().extend(items);
        self.knock();
    }

    fn close(&self) {
        self.closed.set(true);
        self.knock();
    }

    fn knock(&self) {
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Stream for Tap {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        self.polls.set(self.polls.get() + 1);
        let mut items = self.items.borrow_mut();
        if !items.is_empty() {
            return Poll::Ready(Some(items.remove(0)));
        }
        if self.closed.get() {
            return Poll::Ready(None);
        }
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn taps<const N: usize>() -> [Tap; N] {
    std::array::from_fn(|_| Tap::default())
}

#[tokio::test]
async fn streams_that_are_ready_take_turns() {
    let merged = merge([iter(0..3), iter(10..11), iter(20..23)]);
    assert_eq!(merged.size_hint(), (7, Some(7)));
    assert_eq!(list(merged).await, [0, 10, 20, 1, 21, 2, 22]);
}

#[tokio::test]
async fn nothing_in_nothing_out() {
    let none: [aio_itertools::sources::Iter<std::ops::Range<u8>>; 0] = [];
    let mut merged = merge(none);
    assert_eq!(merged.size_hint(), (0, Some(0)));
    assert_eq!(next(&mut merged).await, None);
    assert!(merged.is_terminated());
    let empty = merge([iter(0..0), iter(0..0)]);
    assert_eq!(list(empty).await, []);
}

#[test]
fn only_the_woken_stream_is_polled() {
    let all = taps::<100>();
    let mut merged = merge(all.clone());
    let (task, waker) = Task::new();
    assert!(poll_next_cut(&mut merged, &waker).is_pending());
    assert!(all.iter().all(|tap| tap.polls.get() == 1));
    all[32].pour(&[7]);
    all[32].knock();
    assert_eq!(task.wakes(), 1);
    assert_eq!(poll_next_cut(&mut merged, &waker), Poll::Ready(Some(7)));
    // After an item the stream is asked for the next.
    assert!(poll_next_cut(&mut merged, &waker).is_pending());
    assert!(poll_next_cut(&mut merged, &waker).is_pending());
    assert_eq!(all.iter().map(|tap| tap.polls.get()).sum::<usize>(), 102);
}

#[test]
fn a_stream_that_is_always_ready_keeps_no_other_waiting() {
    let all = taps::<3>();
    let mut merged = merge(all.clone());
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut merged, &waker).is_pending());
    all[0].pour(&[0; 100]);
    assert_eq!(poll_next_cut(&mut merged, &waker), Poll::Ready(Some(0)));
    all[2].pour(&[2, 2]);
    all[1].pour(&[1]);
    let rest: Vec<_> = (0..5).map(|_| poll_next_cut(&mut merged, &waker)).collect();
    assert_eq!(rest, [0, 2, 1, 0, 2].map(|item| Poll::Ready(Some(item))));
}

#[test]
fn the_latest_task_is_woken_and_a_late_waker_is_harmless() {
    let all = taps::<2>();
    let ((first, first_waker), (second, second_waker)) = (Task::new(), Task::new());
    let mut merged = merge(all.clone());
    assert!(poll_next_cut(&mut merged, &first_waker).is_pending());
    assert!(poll_next_cut(&mut merged, &second_waker).is_pending());
    let late = all[0].waker.borrow().clone().unwrap();
    all[0].close();
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
    assert!(poll_next_cut(&mut merged, &second_waker).is_pending());
    assert_eq!(all[0].polls.get(), 2);
    // Its stream has ended.
    late.wake_by_ref();
    assert!(poll_next_cut(&mut merged, &second_waker).is_pending());
    assert_eq!(all[0].polls.get(), 2);
    drop(merged);
    all[1].knock();
    drop((first_waker, second_waker));
    assert_eq!(
        (Arc::strong_count(&first), Arc::strong_count(&second)),
        (1, 1)
    );
}

/// A stream that must not be moved once it is polled, and gives one item.
struct Pinned(std::marker::PhantomPinned, bool);

impl Stream for Pinned {
    type Item = u8;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
        Poll::Ready(self.1.then_some(1))
    }
}

#[test]
fn streams_that_are_not_unpin_are_taken_and_given_back() {
    let mut merged = merge([true, false].map(|full| Pinned(std::marker::PhantomPinned, full)));
    let (_task, waker) = Task::new();
    assert_eq!(poll_next_cut(&mut merged, &waker), Poll::Ready(Some(1)));
    assert_eq!(poll_next_cut(&mut merged, &waker), Poll::Ready(Some(1)));
    let mut streams = merged.into_parts();
    assert_eq!(streams.len(), 1, "the other has ended");
    assert_eq!(poll_next_cut(&mut streams[0], &waker), Poll::Ready(Some(1)));
}

#[tokio::test]
async fn errors_pass_as_items_by_default() {
    let merged = merge([
        iter(vec![Err("one"), Ok(1)]),
        iter(vec![Ok(10), Err("two")]),
    ]);
    assert_eq!(list(merged).await, [Err("one"), Ok(10), Ok(1), Err("two")]);
}

#[test]
fn the_first_error_drops_all_streams_and_is_followed_by_the_end() {
    let held = Rc::new(());
    let streams = (0..3).map(|n| {
        let held = Rc::clone(&held);
        iter((0..2).map(move |m| {
            let _held = &held;
            if (n, m) == (1, 1) { Err("one") } else { Ok(n) }
        }))
    });
    let mut merged = merge(streams).fail_fast();
    assert_eq!(merged.size_hint(), (1, Some(6)));
    let (_task, waker) = Task::new();
    let mut poll = || poll_next_cut(&mut merged, &waker);
    for n in [0, 1, 2, 0] {
        assert_eq!(poll(), Poll::Ready(Some(Ok(n))));
    }
    assert_eq!(poll(), Poll::Ready(Some(Err("one"))));
    assert_eq!(Rc::strong_count(&held), 1, "all streams are dropped");
    assert!(!merged.is_terminated(), "the end wasn't given yet");
    assert_eq!(merged.size_hint(), (0, Some(0)));
    for _ in 0..3 {
        assert_eq!(poll_next_cut(&mut merged, &waker), Poll::Ready(None));
        assert!(merged.is_terminated());
    }
    assert!(merged.into_parts().is_empty());
}

#[tokio::test]
async fn as_generated_is_the_same() {
    let all = as_generated([iter(vec![Ok(1), Err("one")]), iter(vec![Ok(10), Ok(20)])]);
    assert_eq!(list(all).await, [Ok(1), Ok(10), Err("one")]);
}

#[tokio::test]
async fn errors_are_collected_and_come_together_at_the_end() {
    let streams = || {
        [
            iter(vec![Err("one"), Ok(1)]),
            iter(vec![Ok(10), Err("two")]),
            iter(vec![Ok(20), Ok(21), Ok(22)]),
        ]
    };
    let mut merged = merge(streams()).collect_errors();
    assert_eq!(merged.size_hint(), (1, Some(7)));
    assert_eq!(next(&mut merged).await, Some(Ok(10)));
    assert_eq!(merged.size_hint(), (1, Some(5)));
    assert_eq!(
        list(merged).await,
        [Ok(20), Ok(21), Ok(22), Err(vec!["one", "two"])]
    );
    let mut merged = merge(streams()).collect_errors();
    while next(&mut merged).await.is_some_and(|item| item.is_ok()) {
        assert!(!merged.is_terminated());
    }
    assert!(!merged.is_terminated(), "the end wasn't given yet");
    assert_eq!(merged.size_hint(), (0, Some(0)));
    assert_eq!(next(&mut merged).await, None);
    assert!(merged.is_terminated());
    // Without an error there is none at the end.
    let merged = merge([iter([Ok::<_, ()>(1)])]).collect_errors();
    assert_eq!(list(merged).await, [Ok(1)]);
    // Stopped early, streams and errors are given back.
    let mut merged = merge(streams()).collect_errors();
    next(&mut merged).await;
    next(&mut merged).await;
    next(&mut merged).await;
    let (rest, errors) = merged.into_parts();
    assert_eq!((rest.len(), errors), (1, vec!["one", "two"]));
    assert_eq!(list(merge(rest)).await, [Ok(22)]);
}

#[test]
fn a_panic_drops_its_own_stream_and_the_others_go_on() {
    let noisy = |n: u32| {
        iter((0..3).map(move |m| {
            assert!((n, m) != (1, 1), "number one");
            n
        }))
    };
    let mut merged = merge((0..3).map(noisy));
    let (_task, waker) = Task::new();
    let mut seen = Vec::new();
    let mut panics = 0;
    loop {
        match catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut merged, &waker))) {
            Ok(Poll::Ready(Some(item))) => seen.push(item),
            Ok(Poll::Ready(None)) => break,
            Ok(Poll::Pending) => panic!("nothing is pending"),
            Err(_) => panics += 1,
        }
    }
    assert_eq!((seen, panics), (vec![0, 1, 2, 0, 2, 0, 2], 1));
    assert!(merged.is_terminated());
}

#[test]
fn what_is_dropped_is_dropped_in_order() {
    struct Noted(usize, Rc<RefCell<Vec<usize>>>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
        }
    }
    let order = Rc::default();
    let streams = (0..4).map(|n| {
        let noted = Noted(n, Rc::clone(&order));
        iter(std::iter::repeat_with(move || noted.0))
    });
    drop(merge(streams));
    assert_eq!(*order.borrow(), [0, 1, 2, 3]);
}
