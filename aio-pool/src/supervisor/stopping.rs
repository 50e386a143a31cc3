//! Cancelled tasks that run on: which, where, and how long they may. Pure: it
//! is told the time.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::scheduler::WorkerId;
use crate::wire::CallId;

/// How long a task that runs may go on after it was cancelled. One that comes
/// to an await is over in less than a millisecond.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// What has been told to stop and has not said that it has.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    calls: HashMap<CallId, Task>,
}

#[derive(Debug)]
struct Task {
    worker: WorkerId,
    name: &'static str,
    /// Not before it has started: what waits behind another task's computing
    /// is not to blame for that.
    by: Option<Instant>,
}

impl Stopping {
    /// A call on this worker has been cancelled.
    pub(crate) fn begin(
        &mut self,
        call: CallId,
        worker: WorkerId,
        name: &'static str,
        running_since: Option<Instant>,
    ) {
        let by = running_since.map(|now| now + STOP_GRACE);
        self.calls.insert(call, Task { worker, name, by });
    }

    /// A call has started, though it may have been cancelled meanwhile.
    pub(crate) fn started(&mut self, call: CallId, now: Instant) {
        if let Some(task) = self.calls.get_mut(&call) {
            task.by = Some(now + STOP_GRACE);
        }
    }

    /// A call is over.
    pub(crate) fn over(&mut self, call: CallId) {
        self.calls.remove(&call);
    }

    /// A worker is gone, or about to be.
    pub(crate) fn forget(&mut self, worker: WorkerId) {
        self.calls.retain(|_, task| task.worker != worker);
    }

    /// When something is late next, if nothing stops.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.calls.values().filter_map(|task| task.by).min()
    }

    /// A worker whose task has had its time, and what that task is called.
    pub(crate) fn late(&self, now: Instant) -> Option<(WorkerId, &'static str)> {
        let late = |task: &&Task| task.by.is_some_and(|by| by <= now);
        let task = self.calls.values().find(late)?;
        Some((task.worker, task.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_late_two_seconds_after_it_both_runs_and_is_cancelled() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, 7, "waits", None);
        assert_eq!(stopping.next_deadline(), None);
        assert_eq!(stopping.late(now + Duration::from_secs(100)), None);
        stopping.started(1, now);
        stopping.started(2, now);
        let by = now + STOP_GRACE;
        assert_eq!(stopping.next_deadline(), Some(by));
        assert_eq!(stopping.late(by - Duration::from_millis(1)), None);
        assert_eq!(stopping.late(by), Some((7, "waits")));
        stopping.over(1);
        assert_eq!(stopping.late(by), None);
    }

    #[test]
    fn a_worker_that_is_gone_has_nothing_late() {
        let now = Instant::now();
        let mut stopping = Stopping::default();
        stopping.begin(1, 7, "runs", Some(now));
        stopping.begin(2, 8, "runs too", Some(now));
        stopping.forget(7);
        assert_eq!(stopping.late(now + STOP_GRACE), Some((8, "runs too")));
    }
}
