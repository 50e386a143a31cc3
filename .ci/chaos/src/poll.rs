//! A future whose polls are counted, and which is polled only after a wake-up.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::clock::lock;
use crate::gate::Gate;

/// At which instant an operation is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// At once after poll `k` returned pending: the work is under way. With `k` = 0, before the first poll.
    Pending,
    /// After the wake-up that follows poll `k`: what it waited for is there and not taken.
    Woken,
    /// While the worker stands at a gate.
    AtGate,
}

/// Where to stop polling.
#[derive(Clone)]
pub(crate) enum Stop {
    After(usize, Moment),
    AtGate(Gate),
    Never,
}

pub(crate) enum Ran {
    Completed,
    Stopped,
}

#[derive(Default)]
struct Flag {
    woken: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        // Cloned, so that no foreign code runs under the lock.
        let outer = lock(&self.outer).clone();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

/// Polls the inner future only if it has been woken since its last poll.
///
/// The task around it may be polled for other reasons; those polls would make
/// the count depend on chance.
pub(crate) struct Counted<F> {
    inner: F,
    flag: Arc<Flag>,
    polls: usize,
}

impl<F: Future<Output = ()> + Unpin> Counted<F> {
    pub(crate) fn new(inner: F) -> Self {
        let flag = Arc::new(Flag::default());
        // The first poll is not owed to a wake-up.
        flag.woken.store(true, Ordering::Relaxed);
        Self {
            inner,
            flag,
            polls: 0,
        }
    }

    pub(crate) fn polls(&self) -> usize {
        self.polls
    }

    /// Polls until the end, or until `stop`.
    pub(crate) async fn run(&mut self, stop: Stop) -> Ran {
        let mut arrival = match &stop {
            Stop::AtGate(gate) => Some(Box::pin(gate.arrival())),
            _ => None,
        };
        std::future::poll_fn(|cx| {
            *lock(&self.flag.outer) = Some(cx.waker().clone());
            if self.is_at(&stop) || arrived(&mut arrival, cx) {
                return Poll::Ready(Ran::Stopped);
            }
            // Waits for the wake-up after poll k, so no poll may follow it.
            if matches!(stop, Stop::After(k, _) if k == self.polls) {
                return Poll::Pending;
            }
            if !self.flag.woken.swap(false, Ordering::AcqRel) {
                return Poll::Pending;
            }
            self.polls += 1;
            let waker = Waker::from(Arc::clone(&self.flag));
            if Pin::new(&mut self.inner)
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                return Poll::Ready(Ran::Completed);
            }
            if self.is_at(&stop) || arrived(&mut arrival, cx) {
                return Poll::Ready(Ran::Stopped);
            }
            // A wake-up from inside the poll has gone to the outer waker
            // already, so whatever is pending here is polled again.
            Poll::Pending
        })
        .await
    }

    fn is_at(&self, stop: &Stop) -> bool {
        match stop {
            Stop::After(k, moment) => {
                self.polls == *k
                    && (*moment == Moment::Pending || self.flag.woken.load(Ordering::Acquire))
            }
            Stop::AtGate(_) | Stop::Never => false,
        }
    }
}

fn arrived<A: Future<Output = ()> + Unpin>(arrival: &mut Option<A>, cx: &mut Context<'_>) -> bool {
    arrival
        .as_mut()
        .is_some_and(|arrival| Pin::new(arrival).poll(cx).is_ready())
}
