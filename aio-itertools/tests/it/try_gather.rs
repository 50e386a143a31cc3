//! What `try_gather` promises beside what all that gathers has in common.

use std::cell::RefCell;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use aio_itertools::{FusedStream, Stream, try_gather};

use crate::by_hand::{Task, poll_next_cut, poll_once};
use crate::cuts;
use crate::doors::{Door, doors};
use crate::panics::panic_text;
use crate::scripted::Ledger;

type Fallible = Pin<Box<dyn Future<Output = Result<u32, &'static str>>>>;

#[tokio::test]
async fn outputs_are_in_the_order_of_the_input() {
    let outputs = try_gather((0..6_u32).map(|n| async move {
        for _ in 0..(6 - n) {
            tokio::task::yield_now().await;
        }
        Ok::<_, ()>(n)
    }))
    .limit(4)
    .await;
    assert_eq!(outputs, Ok(vec![0, 1, 2, 3, 4, 5]));
}

#[tokio::test]
async fn nothing_in_nothing_out() {
    let none: [std::future::Ready<Result<u8, ()>>; 0] = [];
    assert_eq!(try_gather(none.clone()).await, Ok(vec![]));
    let (_task, waker) = Task::new();
    let mut outputs = try_gather(none).stream();
    assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
    assert!(outputs.is_terminated());
}

#[test]
fn zero_is_refused_at_the_call_and_named() {
    let message = panic_text(|| try_gather([ready(Ok::<_, ()>(1))]).limit(0));
    assert_eq!(message, "the limit must be at least 1, got 0");
}

#[test]
fn the_first_error_to_come_is_given_whatever_its_place() {
    let [door] = doors();
    let late = door.clone();
    let futures: [Fallible; 3] = [
        Box::pin(async move {
            late.pass().await;
            Err("first in order")
        }),
        Box::pin(ready(Ok(1))),
        Box::pin(ready(Err("first to come"))),
    ];
    let (_task, waker) = Task::new();
    let future = try_gather(futures).into_future();
    assert_eq!(
        poll_once(pin!(future), &waker),
        Poll::Ready(Err("first to come"))
    );
}

/// Notes when it is dropped.
struct Noted(usize, Rc<RefCell<Vec<usize>>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

/// Six futures: 0, 1 and 3 wait for ever, 2 fails at its door, 4 and 5 must not start.
fn failing(door: &Door, order: &Rc<RefCell<Vec<usize>>>) -> impl Iterator<Item = Fallible> + use<> {
    let (door, order) = (door.clone(), Rc::clone(order));
    (0..6).map(move |n| -> Fallible {
        let (door, noted) = (door.clone(), Noted(n, Rc::clone(&order)));
        Box::pin(async move {
            let _noted = noted;
            assert!(n < 4, "started");
            if n == 2 {
                door.pass().await;
                return Err("failed");
            }
            pending().await
        })
    })
}

#[test]
fn an_error_drops_the_rest_oldest_first_and_starts_no_more() {
    let ([door], order) = (doors(), Rc::default());
    let mut outputs = try_gather(failing(&door, &order)).limit(4).stream();
    let (task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    assert_eq!(
        (outputs.in_flight(), outputs.size_hint()),
        (4, (1, Some(6)))
    );
    door.open();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some(Err("failed")))
    );
    assert_eq!(*order.borrow(), [2, 0, 1, 3]);
    assert_eq!(
        (outputs.in_flight(), outputs.size_hint()),
        (0, (0, Some(0)))
    );
    assert!(!outputs.is_terminated(), "the end wasn't given yet");
    for _ in 0..3 {
        assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
        assert!(outputs.is_terminated());
    }
    drop(outputs);
    drop(waker);
    assert_eq!(std::sync::Arc::strong_count(&task), 1);

    let ([door], order) = (doors(), Rc::default());
    let mut awaited = pin!(try_gather(failing(&door, &order)).limit(4).into_future());
    let (_task, waker) = Task::new();
    assert!(poll_once(awaited.as_mut(), &waker).is_pending());
    door.open();
    assert_eq!(
        poll_once(awaited.as_mut(), &waker),
        Poll::Ready(Err("failed"))
    );
    assert_eq!(*order.borrow(), [2, 0, 1, 3], "and not when it is dropped");
}

#[test]
fn parts_are_the_iterator_and_the_futures_in_flight() {
    let ([door], order) = (doors(), Rc::default());
    let mut outputs = try_gather(failing(&door, &order)).limit(3).stream();
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    let (rest, in_flight) = outputs.into_parts();
    assert_eq!(rest.unwrap().size_hint(), (3, Some(3)));
    let indices: Vec<_> = in_flight.iter().map(|(index, _)| *index).collect();
    assert_eq!((indices, door.polls.get()), (vec![0, 1, 2], 1));
    door.open();
    for (index, mut future) in in_flight {
        let polled = poll_once(Pin::new(&mut future), &waker);
        assert_eq!(polled.is_ready(), index == 2, "it goes on where it was");
    }

    let ([door], order) = (doors(), Rc::default());
    let mut outputs = try_gather(failing(&door, &order)).limit(4).stream();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    door.open();
    assert!(poll_next_cut(&mut outputs, &waker).is_ready());
    let (rest, in_flight) = outputs.into_parts();
    assert!(
        rest.is_none() && in_flight.is_empty(),
        "all is dropped by an error"
    );
}

#[test]
fn a_panic_drops_its_own_future_of_a_stream_and_all_when_awaited() {
    let ledger = Ledger::new(6);
    let work = |id: usize| {
        let token = ledger.token(id);
        async move {
            assert!(id % 3 != 1, "number one");
            if id >= 3 {
                pending::<()>().await;
            }
            Ok::<_, ()>(token)
        }
    };
    let (_task, waker) = Task::new();
    let mut outputs = try_gather((0..3).map(work)).stream();
    assert!(poll_next_cut(&mut outputs, &waker).is_ready());
    assert!(catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut outputs, &waker))).is_err());
    let third = poll_next_cut(&mut outputs, &waker);
    let third = third.map(|output| output.map(|output| output.map(|(index, _)| index)));
    assert_eq!(third, Poll::Ready(Some(Ok(2))));
    assert!(poll_next_cut(&mut outputs, &waker).map(|end| end.is_none()) == Poll::Ready(true));

    let mut awaited = try_gather((3..6).map(work)).into_future();
    let mut poll = || poll_once(Pin::new(&mut awaited), &waker);
    let panic = catch_unwind(AssertUnwindSafe(&mut poll)).err().unwrap();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"number one"));
    assert_eq!(ledger.drops()[..5], [1; 5]);
    let again = catch_unwind(AssertUnwindSafe(poll)).err().unwrap();
    assert_eq!(
        again.downcast_ref::<&str>(),
        Some(&"try_gather was polled after its end")
    );
    assert_eq!(ledger.drops()[5], 0, "it was never made");
}

#[test]
fn cut_try_gather_at_every_poll() {
    cuts::at_every_poll(
        |work| {
            try_gather(
                work.into_iter()
                    .map(|work| async { Ok::<_, ()>(work.await) }),
            )
            .limit(2)
            .into_future()
        },
        |tokens| assert!(tokens.unwrap().iter().map(|token| token.id()).eq(0..6)),
    );
    // One of them fails.
    cuts::at_every_poll(
        |work| {
            let fails = |work: cuts::Work| async {
                let token = work.await;
                if token.id() == 4 {
                    Err(token)
                } else {
                    Ok(token)
                }
            };
            try_gather(work.into_iter().map(fails))
                .limit(2)
                .into_future()
        },
        |tokens| assert_eq!(tokens.err().unwrap().id(), 4),
    );
}
