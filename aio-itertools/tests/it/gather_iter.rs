//! What `gather_iter` promises beside what all that gathers has in common.

use std::cell::Cell;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use aio_itertools::asyncio::gather_iter;
use aio_itertools::{FusedStream, Stream, iter, next};
use futures_util::StreamExt as _;

use crate::by_hand::{Task, poll_next_cut, poll_once};
use crate::cuts;
use crate::doors::{Door, doors};
use crate::scripted::{Beat, Hint, Ledger, Script};

#[tokio::test]
async fn outputs_are_in_the_order_of_the_stream() {
    let work = |n| async move {
        for _ in 0..(6 - n) {
            tokio::task::yield_now().await;
        }
        if n % 2 == 0 { Ok(n) } else { Err(n) }
    };
    let futures = iter(0..6).then(async |n| {
        tokio::task::yield_now().await;
        n
    });
    let outputs = gather_iter(futures.map(work)).limit(3).await;
    assert_eq!(outputs, [Ok(0), Err(1), Ok(2), Err(3), Ok(4), Err(5)]);
}

#[tokio::test]
async fn nothing_in_nothing_out() {
    let none = || iter([] as [std::future::Ready<u8>; 0]);
    assert_eq!(gather_iter(none()).await, []);
    let mut outputs = gather_iter(none()).stream();
    assert_eq!(next(&mut outputs).await, None);
    assert!(outputs.is_terminated());
}

#[test]
fn zero_is_refused_at_the_call_and_named() {
    let panic = catch_unwind(|| gather_iter(iter([ready(1)])).limit(0)).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert_eq!(message, "the limit must be at least 1, got 0");
}

#[test]
fn the_stream_is_polled_only_while_there_is_room() {
    let made = Rc::new(Cell::new(0));
    let count = Rc::clone(&made);
    let endless = iter(std::iter::repeat_with(move || {
        count.set(count.get() + 1);
        pending::<()>()
    }));
    let (_task, waker) = Task::new();
    let mut outputs = gather_iter(endless).limit(3).stream();
    assert_eq!(made.get(), 0);
    for _ in 0..3 {
        assert!(poll_next_cut(&mut outputs, &waker).is_pending());
        assert_eq!((made.get(), outputs.in_flight()), (3, 3));
    }
    assert_eq!(outputs.size_hint(), (usize::MAX, None));
}

#[test]
fn a_source_that_waits_holds_up_no_future_and_the_other_way_round() {
    let (ledger, [first, second]) = (Ledger::new(2), doors());
    let (source, watched) = Script::new(
        &ledger,
        2,
        &[Beat::Ready, Beat::Pending, Beat::Pending],
        Hint::Exact,
    );
    let all = [first.clone(), second.clone()];
    let futures = source.map(|token| all[token.id()].clone().pass());
    let mut outputs = gather_iter(futures).stream();
    let (task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    assert_eq!(outputs.size_hint(), (2, Some(2)));
    // The source waits, and the first future ends.
    first.open();
    assert_eq!(task.wakes(), 1);
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((0, ())))
    );
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    // The source goes on, and its future is started by the wake-up.
    assert!(watched.fire());
    assert_eq!(task.wakes(), 2);
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    assert_eq!((outputs.in_flight(), second.polls.get()), (1, 1));
    second.open();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((1, ())))
    );
    assert!(!outputs.is_terminated());
    for _ in 0..3 {
        assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
    }
    assert!(outputs.is_terminated());
    assert_eq!(watched.polls_after_end(), 0);
}

#[test]
fn parts_are_the_source_and_the_futures_in_flight() {
    let [door] = doors();
    let futures = || iter((0..3).map(|n| (n, door.clone())));
    let futures = futures().map(|(n, door): (usize, Door)| async move {
        if n == 0 {
            door.pass().await;
        }
        n
    });
    let mut outputs = gather_iter(futures).limit(2).stream();
    let (_task, waker) = Task::new();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((1, 1)))
    );
    let (source, in_flight) = outputs.into_parts();
    let indices: Vec<_> = in_flight.iter().map(|(index, _)| *index).collect();
    assert_eq!(indices, [0]);
    assert_eq!(door.polls.get(), 1);
    door.open();
    for (_, mut future) in in_flight {
        assert_eq!(poll_once(Pin::new(&mut future), &waker), Poll::Ready(0));
        let again = catch_unwind(AssertUnwindSafe(|| {
            poll_once(Pin::new(&mut future), &waker)
        }));
        assert!(again.is_err(), "it has ended");
    }
    let mut rest = gather_iter(source.unwrap()).stream();
    assert_eq!(poll_next_cut(&mut rest, &waker), Poll::Ready(Some((0, 2))));
}

#[test]
fn a_panic_of_the_source_passes_and_the_stream_goes_on() {
    let ledger = Ledger::new(2);
    let (source, _) = Script::new(&ledger, 2, &[Beat::Ready, Beat::Panic], Hint::Exact);
    let mut outputs = gather_iter(source.map(ready)).stream();
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_ready());
    assert!(catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut outputs, &waker))).is_err());
    let second = poll_next_cut(&mut outputs, &waker);
    assert_eq!(
        second.map(|output| output.map(|(index, token)| (index, token.id()))),
        Poll::Ready(Some((1, 1)))
    );
    drop(outputs);
    assert_eq!(ledger.drops(), [1; 2]);

    // Awaited, all is dropped by it.
    let ledger = Ledger::new(3);
    let (source, _) = Script::new(&ledger, 2, &[Beat::Ready, Beat::Panic], Hint::Exact);
    let token = ledger.token(2);
    let mut awaited =
        Box::pin(gather_iter(source.map(ready).chain(iter([ready(token)]))).into_future());
    let mut poll = || poll_once(awaited.as_mut(), &waker);
    assert!(catch_unwind(AssertUnwindSafe(&mut poll)).is_err());
    assert_eq!(ledger.drops()[1..], [1; 2]);
    let again = catch_unwind(AssertUnwindSafe(poll)).err().unwrap();
    assert_eq!(
        again.downcast_ref::<&str>(),
        Some(&"gather_iter was polled after its end")
    );
    drop(awaited);
    assert_eq!(ledger.drops(), [1; 3]);
}

/// A stream that must not be moved once it is polled.
struct Pinned(std::marker::PhantomPinned, u8);

impl Stream for Pinned {
    type Item = std::future::Ready<u8>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready((self.1 > 5).then(|| ready(self.1)))
    }
}

#[test]
fn a_source_that_is_not_unpin_is_taken() {
    let (_task, waker) = Task::new();
    let none = gather_iter(Pinned(std::marker::PhantomPinned, 5)).into_future();
    assert_eq!(poll_once(pin!(none), &waker), Poll::Ready(vec![]));
    let mut stream = pin!(
        gather_iter(Pinned(std::marker::PhantomPinned, 6))
            .limit(1)
            .stream()
    );
    assert_eq!(
        poll_next_cut(&mut stream.as_mut(), &waker),
        Poll::Ready(Some((0, 6)))
    );
}

#[test]
fn cut_gather_iter_at_every_poll() {
    cuts::at_every_poll(
        |work| gather_iter(iter(work)).limit(2).into_future(),
        |tokens| assert!(tokens.iter().map(|token| token.id()).eq(0..6)),
    );
}
