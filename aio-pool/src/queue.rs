//! The bound of the queue: how many calls may wait for a worker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::Error;

/// What becomes of a call when as many wait as may:
/// [`when_full`](crate::Start::when_full).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Full {
    /// It waits its turn behind them, in order. Whoever awaits it makes no
    /// other call meanwhile, so nothing piles up that its caller did not pile
    /// up.
    #[default]
    Wait,
    /// It fails with [`Error::QueueFull`], at once and before anything has been
    /// done.
    Reject,
}

/// The waiting calls, counted, if they are bounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue(Option<Arc<Bound>>);

#[derive(Debug)]
struct Bound {
    limit: usize,
    when_full: Full,
    waiting: AtomicUsize,
    /// Who makes calls when fewer wait.
    watchers: Mutex<Vec<Waker>>,
}

impl Queue {
    pub(crate) fn of(limit: usize, when_full: Full) -> Self {
        Self(Some(Arc::new(Bound {
            limit,
            when_full,
            waiting: AtomicUsize::new(0),
            watchers: Mutex::new(Vec::new()),
        })))
    }

    /// A place for a call that somebody awaits.
    ///
    /// It is never waited for here. A caller that held a place, or were next for
    /// one, while nobody polls it would keep everyone else waiting.
    pub(crate) fn enter(&self) -> Result<Place, Error> {
        let Some(bound) = &self.0 else {
            return Ok(Place(None));
        };
        match bound.when_full {
            Full::Wait => {
                bound.waiting.fetch_add(1, Ordering::SeqCst);
                Ok(Place(Some(Arc::clone(bound))))
            }
            Full::Reject => bound
                .try_enter()
                .ok_or(Error::QueueFull { limit: bound.limit }),
        }
    }

    /// A place for one of many calls that can as well be made later. The task
    /// is woken when there may be one.
    pub(crate) fn poll_enter(&self, cx: &Context<'_>) -> Poll<Place> {
        let Some(bound) = &self.0 else {
            return Poll::Ready(Place(None));
        };
        if let Some(place) = bound.try_enter() {
            return Poll::Ready(place);
        }
        {
            let mut watchers = bound.watchers();
            if !watchers.iter().any(|watcher| watcher.will_wake(cx.waker())) {
                watchers.push(cx.waker().clone());
            }
        }
        // One that came free before the task was a watcher has woken nobody.
        bound.try_enter().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Bound {
    /// No code that may panic runs under this lock.
    fn watchers(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_enter(self: &Arc<Self>) -> Option<Place> {
        let one_more = |waiting| (waiting < self.limit).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more)
            .ok()
            .map(|_| Place(Some(Arc::clone(self))))
    }
}

/// A place in the queue. Dropped when the call is given to a worker, or leaves
/// the queue in another way; a call that comes back from a dead worker waits
/// without one.
///
/// That wakes whoever waits to make calls, so it is done under no lock.
#[derive(Debug)]
pub(crate) struct Place(Option<Arc<Bound>>);

impl Place {
    /// Whether anybody counts it.
    pub(crate) fn counts(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(bound) = &self.0
            && bound.waiting.fetch_sub(1, Ordering::SeqCst) <= bound.limit
        {
            let watchers = std::mem::take(&mut *bound.watchers());
            watchers.into_iter().for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(queue: &Queue) -> Poll<Place> {
        queue.poll_enter(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn places_are_counted_and_come_free() {
        let queue = Queue::of(2, Full::Reject);
        let first = queue.enter().unwrap();
        let second = poll(&queue);
        assert!(second.is_ready());
        let full = queue.enter().unwrap_err();
        assert_eq!(full, Error::QueueFull { limit: 2 });
        assert!(poll(&queue).is_pending());
        drop(first);
        assert!(queue.enter().is_ok());
        assert!(poll(&queue).is_ready());
    }

    #[test]
    fn who_waits_is_beyond_the_bound_and_goes_first() {
        let queue = Queue::of(1, Full::Wait);
        let (first, second) = (queue.enter().unwrap(), queue.enter().unwrap());
        drop(first);
        assert!(poll(&queue).is_pending(), "the second has the place");
        drop(second);
        assert!(poll(&queue).is_ready());
    }

    #[test]
    fn without_a_bound_there_is_always_a_place() {
        let queue = Queue::default();
        let places: Vec<_> = (0..100).map(|_| queue.enter().unwrap()).collect();
        assert!(poll(&queue).is_ready());
        drop(places);
    }
}
