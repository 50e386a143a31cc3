//! Whoever waits for an answer of a worker, or of a crew of workers.
//!
//! A caller that is alone looks for its answer for a moment before its task
//! gives its thread away: a quick answer is there before the thread could have
//! fallen asleep. With others underway too nobody looks: the workers have them
//! to answer, and the callers' threads have them to serve.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use crate::spin::{FOR_AN_ANSWER, Spin};

/// After so many answers in a row that came without its leaving its thread, a
/// caller lets others run there.
const MEETINGS: usize = 64;

#[derive(Debug)]
pub(crate) struct Callers {
    underway: AtomicUsize,
    spin: Spin,
    /// How many answers were met.
    meetings: AtomicUsize,
}

/// A caller on its way to the worker and back.
#[derive(Debug)]
pub(crate) struct Underway<'c>(&'c Callers);

impl Default for Callers {
    fn default() -> Callers {
        Callers {
            underway: AtomicUsize::new(0),
            spin: Spin::new(FOR_AN_ANSWER),
            meetings: AtomicUsize::new(0),
        }
    }
}

impl Callers {
    /// Counts a caller for as long as what is returned lives.
    pub(crate) fn underway(&self) -> Underway<'_> {
        self.underway.fetch_add(1, Ordering::Relaxed);
        Underway(self)
    }
}

impl Underway<'_> {
    /// Looks for a moment whether the answer is there.
    pub(crate) async fn meet(&self, answered: impl Fn() -> bool) {
        let Underway(callers) = self;
        if callers.underway.load(Ordering::Relaxed) != 1 || !callers.spin.until(answered) {
            return;
        }
        if callers.meetings.fetch_add(1, Ordering::Relaxed) % MEETINGS == MEETINGS - 1 {
            let_others_run().await;
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.underway.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Has the task polled again behind those that are ready now.
async fn let_others_run() {
    let mut polled = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// Polls a meeting whose answer is there, and tells how often.
    fn polls(underway: &Underway<'_>) -> usize {
        let mut meeting = pin!(underway.meet(|| true));
        let mut cx = Context::from_waker(Waker::noop());
        (1..)
            .find(|_| meeting.as_mut().poll(&mut cx).is_ready())
            .unwrap()
    }

    #[test]
    fn a_caller_that_always_meets_its_answer_lets_others_run_now_and_then() {
        let callers = Callers::default();
        let underway = callers.underway();
        let polls: Vec<_> = (0..3 * MEETINGS).map(|_| polls(&underway)).collect();
        assert_eq!(polls.iter().filter(|polls| **polls == 2).count(), 3);
        assert_eq!(polls.iter().sum::<usize>(), 3 * MEETINGS + 3);
    }

    #[test]
    fn a_caller_looks_for_its_answer_only_when_it_is_alone() {
        let callers = Callers::default();
        let looked = Cell::new(0);
        let underway = callers.underway();
        let look = || {
            let mut meeting = pin!(underway.meet(|| {
                looked.set(looked.get() + 1);
                true
            }));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(meeting.as_mut().poll(&mut cx).is_ready());
            looked.get()
        };
        assert_eq!(look(), 1);
        let other = callers.underway();
        assert_eq!(look(), 1);
        drop(other);
        assert_eq!(look(), 2);
    }
}
