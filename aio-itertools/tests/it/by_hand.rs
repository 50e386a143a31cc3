//! Polling by hand, with wakers that count.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use aio_itertools::Stream;

/// A task that only counts how often it was woken.
#[derive(Default)]
pub(crate) struct Task {
    wakes: AtomicUsize,
}

impl Task {
    pub(crate) fn new() -> (Arc<Task>, Waker) {
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        (task, waker)
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls `next` once and drops it: a cut at this poll.
pub(crate) fn poll_next_cut<S>(stream: &mut S, waker: &Waker) -> Poll<Option<S::Item>>
where
    S: Stream + Unpin + ?Sized,
{
    let mut next = std::pin::pin!(aio_itertools::next(stream));
    next.as_mut().poll(&mut Context::from_waker(waker))
}

/// Polls a future once.
pub(crate) fn poll_once<F>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output>
where
    F: Future + ?Sized,
{
    future.poll(&mut Context::from_waker(waker))
}
