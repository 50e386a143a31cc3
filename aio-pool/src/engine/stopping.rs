//! Cancelled calls that are not over: which, where, and how long they may take.
//! Pure: it is told the time.

use std::time::{Duration, Instant};

use crate::ids::{IdMap, WorkerId};
use crate::wire::CallId;

/// How long a task that runs may go on after it was cancelled. One that comes
/// to an await is over in less than a millisecond.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// What has been told to stop and has not said that it has.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    calls: IdMap<CallId, Stop>,
}

#[derive(Debug)]
struct Stop {
    worker: WorkerId,
    /// Its number among the deliveries to the worker.
    number: u64,
    task: &'static str,
    by: Instant,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// It was not seen to run. What waits behind another task's computing is not
    /// to blame for that, so its time starts again until it runs.
    Waiting,
    Running,
    /// Nothing of it runs, and its answer waits behind others that are long. That
    /// is nobody's fault as long as the worker sends anything; what was heard of
    /// it when its time began was this.
    Stopped {
        heard: u64,
    },
}

/// What can be seen of a worker without asking it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Signs {
    /// How far it has begun.
    pub(crate) begun: u64,
    /// What it polls now.
    pub(crate) in_hand: u64,
    /// Another number when it has sent something.
    pub(crate) heard: u64,
}

impl Stopping {
    /// A call on this worker has been cancelled. `mark` is how far the worker
    /// has begun. Returns when to look.
    pub(crate) fn begin(
        &mut self,
        call: CallId,
        (worker, number): (WorkerId, u64),
        task: &'static str,
        mark: u64,
        now: Instant,
    ) -> Instant {
        let by = now + STOP_GRACE;
        let stop = Stop {
            worker,
            number,
            task,
            by,
            state: match number <= mark {
                true => State::Running,
                false => State::Waiting,
            },
        };
        self.calls.insert(call, stop);
        by
    }

    /// The worker says that nothing of a call runs any more. `heard` is what has
    /// been heard of the worker. Tells whether it had not said so before: over and
    /// over, that would give it time without end.
    pub(crate) fn stopped(&mut self, call: CallId, heard: u64, now: Instant) -> bool {
        let Some(stop) = self.calls.get_mut(&call) else {
            return true;
        };
        let before = std::mem::replace(&mut stop.state, State::Stopped { heard });
        stop.by = now + STOP_GRACE;
        !matches!(before, State::Stopped { .. })
    }

    /// A call is over.
    pub(crate) fn over(&mut self, call: CallId) {
        if !self.calls.is_empty() {
            self.calls.remove(&call);
        }
    }

    /// A worker is gone, or about to be.
    pub(crate) fn forget(&mut self, worker: WorkerId) {
        self.calls.retain(|_, stop| stop.worker != worker);
    }

    /// When to look again, if nothing stops.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.calls.values().map(|stop| stop.by).min()
    }

    /// A worker whose task has had its time, and what that task is called.
    /// `signs` tells what is seen of a worker.
    pub(crate) fn late(
        &mut self,
        signs: impl Fn(WorkerId) -> Signs,
        now: Instant,
    ) -> Option<(WorkerId, &'static str)> {
        for stop in self.calls.values_mut().filter(|stop| stop.by <= now) {
            let Signs {
                begun,
                in_hand,
                heard,
            } = signs(stop.worker);
            let late = match stop.state {
                State::Waiting => false,
                // One that waits stops as soon as it is its turn.
                State::Running => in_hand == 0 || in_hand == stop.number,
                // Its answer waits, and only what is sent tells of that; unless
                // another task keeps the thread on which it is to be sent.
                State::Stopped { heard: before } => {
                    heard == before && (in_hand == 0 || in_hand == stop.number)
                }
            };
            if late {
                return Some((stop.worker, stop.task));
            }
            stop.state = match stop.state {
                State::Stopped { .. } => State::Stopped { heard },
                _ if stop.number <= begun => State::Running,
                _ => State::Waiting,
            };
            stop.by = now + STOP_GRACE;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(begun: u64, in_hand: u64, heard: u64) -> Signs {
        Signs {
            begun,
            in_hand,
            heard,
        }
    }

    #[test]
    fn a_task_is_late_two_seconds_after_it_both_runs_and_is_cancelled() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 3), "runs", 3, now);
        let by = now + STOP_GRACE;
        assert_eq!(stopping.next_deadline(), Some(by));
        let just_before = by - Duration::from_millis(1);
        assert_eq!(stopping.late(|_| signs(3, 0, 0), just_before), None);
        assert_eq!(stopping.late(|_| signs(3, 0, 0), by), Some((7, "runs")));
        stopping.over(1);
        assert_eq!(stopping.late(|_| signs(3, 0, 0), by), None);
    }

    #[test]
    fn what_waits_behind_computing_is_late_only_when_it_has_run_for_the_time() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 3), "waits", 2, now);
        assert_eq!(stopping.late(|_| signs(2, 0, 0), now + STOP_GRACE), None);
        assert_eq!(
            stopping.late(|_| signs(3, 0, 0), now + 2 * STOP_GRACE),
            None,
            "seen"
        );
        let late = stopping.late(|_| signs(3, 0, 0), now + 3 * STOP_GRACE);
        assert_eq!(late, Some((7, "waits")));
    }

    #[test]
    fn what_waits_while_another_is_polled_is_not_late() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 3), "waits", 4, now);
        assert_eq!(stopping.late(|_| signs(4, 4, 0), now + STOP_GRACE), None);
        let late = stopping.late(|_| signs(4, 3, 0), now + 2 * STOP_GRACE);
        assert_eq!(late, Some((7, "waits")));
    }

    #[test]
    fn what_has_stopped_is_late_when_nothing_is_heard_for_the_time() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 3), "answers", 3, now);
        let said = now + STOP_GRACE / 2;
        assert!(stopping.stopped(1, 10, said));
        let by = said + STOP_GRACE;
        assert_eq!(stopping.next_deadline(), Some(by));
        let mut late = |heard, at| stopping.late(|_| signs(4, 0, heard), at);
        assert_eq!(late(10, now + STOP_GRACE), None, "its time began again");
        for (times, heard) in (0..9).zip(11..) {
            assert_eq!(late(heard, by + STOP_GRACE * times), None);
        }
        assert_eq!(late(19, by + STOP_GRACE * 9), Some((7, "answers")));
        stopping.over(1);
        assert!(stopping.stopped(1, 0, now));
        assert_eq!(stopping.next_deadline(), None, "nobody waits for that");
    }

    #[test]
    fn what_has_stopped_is_not_late_while_another_is_polled() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 3), "answers", 3, now);
        assert!(stopping.stopped(1, 10, now));
        assert!(!stopping.stopped(1, 10, now), "said before");
        // It may need the thread on which the other computes.
        assert_eq!(stopping.late(|_| signs(4, 4, 10), now + STOP_GRACE), None);
        let late = stopping.late(|_| signs(4, 0, 10), now + 2 * STOP_GRACE);
        assert_eq!(late, Some((7, "answers")));
    }

    #[test]
    fn a_worker_that_is_gone_has_nothing_late() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 1), "runs", 1, now);
        stopping.begin(2, (8, 1), "runs too", 1, now);
        stopping.forget(7);
        let late = stopping.late(|_| signs(1, 0, 0), now + STOP_GRACE);
        assert_eq!(late, Some((8, "runs too")));
    }
}
