//! Items on their way from a worker to their consumer, and the credit that
//! keeps them from coming faster than they are taken.
//!
//! A worker may send [`ITEM_CREDIT`] items at first. What the consumer has taken
//! it may send again, but it is told so in halves of the window: a word for
//! each item would cost as much as the item.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio_util::bytes::Bytes;

use crate::wire::ITEM_CREDIT;

/// So many items are taken before their credit is given back.
const CREDIT_AT_ONCE: u32 = ITEM_CREDIT / 2;

/// The end that items come in by. Dropped before the end, it is one.
#[derive(Debug)]
pub(crate) struct Inflow<R>(Arc<Mutex<Flow<R>>>);

/// The end that they are taken from.
#[derive(Debug)]
pub(crate) struct Outflow<R>(Arc<Mutex<Flow<R>>>);

#[derive(Debug)]
struct Flow<R> {
    items: VecDeque<Bytes>,
    /// So many more may come.
    credit: u32,
    /// So many have been taken since credit was given back.
    taken: u32,
    end: Option<End<R>>,
    /// The consumer is gone, and what comes is dropped.
    abandoned: bool,
    consumer: Option<Waker>,
}

/// What comes behind the last item.
#[derive(Debug)]
pub(crate) enum End<R> {
    /// The outcome of the call.
    Reply(R),
    /// Nobody will ever say how the call ended.
    HungUp,
}

/// What the consumer finds.
#[derive(Debug)]
pub(crate) enum Next<R> {
    /// An item. So much credit is due to the worker: none, most of the time.
    Item(Bytes, u32),
    /// All items have been taken. This is found once.
    End(End<R>),
}

/// A worker sent an item for which it had no credit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

/// Both ends, with the credit that a worker has by itself.
pub(crate) fn flow<R>() -> (Inflow<R>, Outflow<R>) {
    let flow = Arc::new(Mutex::new(Flow {
        items: VecDeque::new(),
        credit: ITEM_CREDIT,
        taken: 0,
        end: None,
        abandoned: false,
        consumer: None,
    }));
    (Inflow(Arc::clone(&flow)), Outflow(flow))
}

/// No code of anyone else runs under this lock.
fn lock<R>(flow: &Mutex<Flow<R>>) -> MutexGuard<'_, Flow<R>> {
    flow.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R> Inflow<R> {
    /// An item has come. Returns whom to wake, if anybody; that is done under no
    /// lock.
    pub(crate) fn item(&self, payload: Bytes) -> Result<Option<Waker>, Overrun> {
        let mut flow = lock(&self.0);
        flow.credit = flow.credit.checked_sub(1).ok_or(Overrun)?;
        if flow.abandoned {
            return Ok(None);
        }
        flow.items.push_back(payload);
        Ok(flow.consumer.take())
    }

    /// The call has ended so. Only the first end is one. Wakes the consumer, so it
    /// is done under no lock.
    pub(crate) fn end(&self, reply: R) {
        self.finish(End::Reply(reply));
    }

    fn finish(&self, end: End<R>) {
        let mut flow = lock(&self.0);
        // An end that came too late may hold a value of the caller's: it is
        // dropped behind the lock.
        let _late = match flow.end {
            Some(_) => Some(end),
            None => flow.end.replace(end),
        };
        let consumer = flow.consumer.take();
        drop(flow);
        wake(consumer);
    }
}

fn wake(consumer: Option<Waker>) {
    if let Some(consumer) = consumer {
        consumer.wake();
    }
}

impl<R> Drop for Inflow<R> {
    fn drop(&mut self) {
        self.finish(End::HungUp);
    }
}

impl<R> Outflow<R> {
    /// Takes the next item, or the end.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next<R>> {
        let mut flow = lock(&self.0);
        if let Some(item) = flow.items.pop_front() {
            flow.taken += 1;
            let due = if flow.taken < CREDIT_AT_ONCE || flow.end.is_some() {
                0
            } else {
                // Given here first: the worker may use it at once.
                let due = std::mem::take(&mut flow.taken);
                flow.credit += due;
                due
            };
            return Poll::Ready(Next::Item(item, due));
        }
        if let Some(end) = flow.end.take() {
            return Poll::Ready(Next::End(end));
        }
        let known = flow.consumer.as_ref();
        if !known.is_some_and(|waker| waker.will_wake(cx.waker())) {
            // A waker may hold anything, which is dropped behind the lock.
            let before = flow.consumer.replace(cx.waker().clone());
            drop(flow);
            drop(before);
        }
        Poll::Pending
    }
}

impl<R> Drop for Outflow<R> {
    fn drop(&mut self) {
        let mut flow = lock(&self.0);
        flow.abandoned = true;
        let left = (
            std::mem::take(&mut flow.items),
            flow.end.take(),
            flow.consumer.take(),
        );
        drop(flow);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicU32);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn item(number: u32) -> Bytes {
        Bytes::copy_from_slice(&number.to_be_bytes())
    }

    /// What there is now: an item and the credit that is due, or the end.
    fn take(outflow: &Outflow<&'static str>) -> Option<Next<&'static str>> {
        let waker = Waker::noop();
        match outflow.poll_next(&mut Context::from_waker(waker)) {
            Poll::Ready(next) => Some(next),
            Poll::Pending => None,
        }
    }

    #[test]
    fn what_may_come_is_what_was_taken_and_the_window() {
        let (inflow, outflow) = flow();
        let (mut sent, mut credit) = (0, ITEM_CREDIT);
        for taken in 0..1_000 {
            // As fast as a worker can that keeps to its credit.
            while credit > 0 {
                inflow.item(item(sent)).unwrap();
                (sent, credit) = (sent + 1, credit - 1);
            }
            assert_eq!(inflow.item(item(0)).unwrap_err(), Overrun, "and no faster");
            assert!(sent <= taken + ITEM_CREDIT);
            let Some(Next::Item(bytes, due)) = take(&outflow) else {
                panic!("nothing came of {sent}");
            };
            assert_eq!(bytes, item(taken));
            assert!(due == 0 || due == CREDIT_AT_ONCE);
            credit += due;
        }
    }

    #[test]
    fn items_that_came_are_taken_before_the_end() {
        let (inflow, outflow) = flow();
        inflow.item(item(1)).unwrap();
        inflow.end("lost");
        inflow.end("lost again");
        drop(inflow);
        assert!(matches!(take(&outflow), Some(Next::Item(_, 0))));
        assert!(matches!(
            take(&outflow),
            Some(Next::End(End::Reply("lost")))
        ));
        assert!(take(&outflow).is_none());
    }

    #[test]
    fn an_inflow_that_is_dropped_is_an_end() {
        let (inflow, outflow) = flow::<&str>();
        drop(inflow);
        assert!(matches!(take(&outflow), Some(Next::End(End::HungUp))));
    }

    #[test]
    fn items_and_ends_wake_whoever_waits() {
        let (inflow, outflow) = flow();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        assert!(outflow.poll_next(&mut cx).is_pending());
        wake(inflow.item(item(1)).unwrap());
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(inflow.item(item(2)).unwrap().is_none(), "woken already");
        assert!(outflow.poll_next(&mut cx).is_ready());
        assert!(outflow.poll_next(&mut cx).is_ready());
        assert!(outflow.poll_next(&mut cx).is_pending());
        inflow.end("over");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn nothing_is_kept_for_a_consumer_that_is_gone() {
        let (inflow, outflow) = flow::<&str>();
        let first = item(1);
        inflow.item(first.clone()).unwrap();
        drop(outflow);
        assert!(first.is_unique(), "what had come is dropped");
        for _ in 1..ITEM_CREDIT {
            inflow.item(item(2)).unwrap();
        }
        assert_eq!(inflow.item(item(3)).unwrap_err(), Overrun);
        assert!(lock(&inflow.0).items.is_empty());
    }
}
