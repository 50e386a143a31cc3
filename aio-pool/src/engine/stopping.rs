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
    /// Whether it was seen to run. What waits behind another task's computing
    /// is not to blame for that, so its time starts again until it runs.
    running: bool,
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
            running: number <= mark,
        };
        self.calls.insert(call, stop);
        by
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
    /// `marks` tells how far a worker has begun, and what it polls now.
    pub(crate) fn late(
        &mut self,
        marks: impl Fn(WorkerId) -> (u64, u64),
        now: Instant,
    ) -> Option<(WorkerId, &'static str)> {
        for stop in self.calls.values_mut().filter(|stop| stop.by <= now) {
            let (begun, in_hand) = marks(stop.worker);
            // One that waits stops as soon as it is its turn.
            if stop.running && (in_hand == 0 || in_hand == stop.number) {
                return Some((stop.worker, stop.task));
            }
            stop.running = stop.number <= begun;
            stop.by = now + STOP_GRACE;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_late_two_seconds_after_it_both_runs_and_is_cancelled() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 3), "runs", 3, now);
        let by = now + STOP_GRACE;
        assert_eq!(stopping.next_deadline(), Some(by));
        let just_before = by - Duration::from_millis(1);
        assert_eq!(stopping.late(|_| (3, 0), just_before), None);
        assert_eq!(stopping.late(|_| (3, 0), by), Some((7, "runs")));
        stopping.over(1);
        assert_eq!(stopping.late(|_| (3, 0), by), None);
    }

    #[test]
    fn what_waits_behind_computing_is_late_only_when_it_has_run_for_the_time() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 3), "waits", 2, now);
        assert_eq!(stopping.late(|_| (2, 0), now + STOP_GRACE), None);
        assert_eq!(
            stopping.late(|_| (3, 0), now + 2 * STOP_GRACE),
            None,
            "seen"
        );
        let late = stopping.late(|_| (3, 0), now + 3 * STOP_GRACE);
        assert_eq!(late, Some((7, "waits")));
    }

    #[test]
    fn what_waits_while_another_is_polled_is_not_late() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 3), "waits", 4, now);
        assert_eq!(stopping.late(|_| (4, 4), now + STOP_GRACE), None);
        let late = stopping.late(|_| (4, 3), now + 2 * STOP_GRACE);
        assert_eq!(late, Some((7, "waits")));
    }

    #[test]
    fn a_worker_that_is_gone_has_nothing_late() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, (7, 1), "runs", 1, now);
        stopping.begin(2, (8, 1), "runs too", 1, now);
        stopping.forget(7);
        let late = stopping.late(|_| (1, 0), now + STOP_GRACE);
        assert_eq!(late, Some((8, "runs too")));
    }
}
