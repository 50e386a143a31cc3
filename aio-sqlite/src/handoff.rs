//! The way from the handles to the worker thread: a queue that never refuses a
//! finisher, and permits that bound everything else.
//!
//! A guard's drop must be able to queue its rollback without waiting, so the
//! queue has no bound. New work takes one of the permits first, and the permit
//! is given back when the worker is done with it, also when its caller left.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::callers::Callers;
use crate::spin::{FOR_A_JOB, Spin};
use crate::wakes;

/// How much work may be queued before a caller waits to queue more.
const PERMITS: usize = 1024;

#[derive(Debug)]
struct Lane<M> {
    messages: VecDeque<M>,
    /// How many callers are closing: what came before them runs, and no new
    /// work is taken.
    closing: usize,
    /// The worker has gone.
    ended: bool,
    /// No handle is left: the worker ends once the lane is empty.
    orphaned: bool,
    /// The worker sleeps and wants to be woken.
    parked: bool,
}

/// The queue of one worker.
#[derive(Debug)]
pub(crate) struct Inbox<M> {
    lane: Mutex<Lane<M>>,
    arrived: Condvar,
    pub(crate) permits: Semaphore,
    /// There is something in the lane: what the worker looks at without its
    /// lock before it parks.
    news: AtomicBool,
    for_a_job: Spin,
    pub(crate) callers: Callers,
}

/// Where the worker was when a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    Awake,
    Asleep,
}

/// How long the worker is ready to wait for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Never,
    Until(Instant),
    Forever,
}

/// What a worker found in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Messages,
    Nothing,
    /// Nothing, and nothing will come: every handle has gone.
    Orphaned,
}

impl<M> Inbox<M> {
    pub(crate) fn new() -> Inbox<M> {
        Inbox {
            lane: Mutex::new(Lane {
                messages: VecDeque::new(),
                closing: 0,
                ended: false,
                orphaned: false,
                parked: false,
            }),
            arrived: Condvar::new(),
            permits: Semaphore::new(PERMITS),
            news: AtomicBool::new(false),
            for_a_job: Spin::new(FOR_A_JOB),
            callers: Callers::default(),
        }
    }

    fn lane(&self) -> MutexGuard<'_, Lane<M>> {
        // Nothing that can panic runs under this lock.
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mut lane: MutexGuard<'_, Lane<M>>, message: M) -> Reached {
        lane.messages.push_back(message);
        self.rouse(lane)
    }

    fn rouse(&self, mut lane: MutexGuard<'_, Lane<M>>) -> Reached {
        let parked = std::mem::take(&mut lane.parked);
        self.news.store(true, Ordering::Release);
        drop(lane);
        if !parked {
            return Reached::Awake;
        }
        self.arrived.notify_one();
        Reached::Asleep
    }

    /// Queues new work, or gives it back when the connection is closed or closing.
    pub(crate) fn submit(&self, message: M) -> Result<Reached, M> {
        let lane = self.lane();
        if lane.ended || lane.closing > 0 {
            return Err(message);
        }
        Ok(self.push(lane, message))
    }

    /// Queues what must reach the worker also while a close waits: finishers,
    /// and the operations of a transaction that is still open.
    pub(crate) fn deliver(&self, message: M) -> Result<Reached, M> {
        let lane = self.lane();
        if lane.ended {
            return Err(message);
        }
        Ok(self.push(lane, message))
    }

    /// Takes no new work for as long as what is returned lives; `None` if the
    /// worker has gone.
    pub(crate) fn close(&self) -> Option<Closing<'_, M>> {
        let mut lane = self.lane();
        if lane.ended {
            return None;
        }
        lane.closing += 1;
        drop(lane);
        Some(Closing(self))
    }

    /// Tells whether the worker has gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.lane().ended
    }

    /// Says that the last handle has gone.
    pub(crate) fn orphan(&self) {
        let mut lane = self.lane();
        lane.orphaned = true;
        self.rouse(lane);
    }

    /// Tells whether anything has come since the last look, without the lock.
    pub(crate) fn has_news(&self) -> bool {
        self.news.load(Ordering::Acquire)
    }

    /// Takes everything that is queued, waiting for it if there is nothing.
    pub(crate) fn take(&self, into: &mut VecDeque<M>, wait: Wait) -> Found {
        // With more to do right away, those who were answered are woken together
        // with the next. Only the worker clears the news: where there is some,
        // there are messages, or the end has come.
        if !self.has_news() {
            wakes::flush();
        }
        if !matches!(wait, Wait::Never) {
            self.for_a_job.until(|| self.has_news());
        }
        let mut lane = self.lane();
        loop {
            if !lane.messages.is_empty() {
                self.news.store(false, Ordering::Relaxed);
                // Swapping keeps both buffers in use, so the queue allocates
                // only while it grows.
                debug_assert!(into.is_empty());
                std::mem::swap(into, &mut lane.messages);
                wakes::expect(into.len() + 1); // there may be news again
                return Found::Messages;
            }
            if lane.orphaned {
                return Found::Orphaned;
            }
            lane.parked = true;
            lane = match wait {
                Wait::Never => {
                    lane.parked = false;
                    return Found::Nothing;
                }
                Wait::Forever => self
                    .arrived
                    .wait(lane)
                    .unwrap_or_else(PoisonError::into_inner),
                Wait::Until(instant) => {
                    let now = Instant::now();
                    if now >= instant {
                        lane.parked = false;
                        return Found::Nothing;
                    }
                    self.arrived
                        .wait_timeout(lane, instant - now)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// Ends the queue and returns what nobody will run.
    pub(crate) fn end(&self) -> VecDeque<M> {
        let mut lane = self.lane();
        lane.ended = true;
        let left = std::mem::take(&mut lane.messages);
        drop(lane);
        // Callers that wait for a permit find the connection closed.
        self.permits.close();
        left
    }
}

/// A caller that closes. A close that is given up, or that fails, lets new work
/// in again when this is dropped.
#[derive(Debug)]
pub(crate) struct Closing<'i, M>(&'i Inbox<M>);

impl<M> Drop for Closing<'_, M> {
    fn drop(&mut self) {
        self.0.lane().closing -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_taken_is_no_news() {
        let inbox = Inbox::new();
        let mut taken = VecDeque::new();
        inbox.deliver(()).unwrap();
        assert_eq!(inbox.take(&mut taken, Wait::Forever), Found::Messages);
        // The worker that is woken takes what it was woken for without a look
        // at the news, and must not find it there the next time.
        assert!(!inbox.news.load(Ordering::Relaxed));
    }

    #[test]
    fn a_message_tells_where_it_found_the_worker() {
        let inbox = Inbox::new();
        assert_eq!(inbox.deliver(()), Ok(Reached::Awake));
        inbox.lane().parked = true;
        assert_eq!(inbox.deliver(()), Ok(Reached::Asleep));
        assert_eq!(inbox.deliver(()), Ok(Reached::Awake));
    }
}
