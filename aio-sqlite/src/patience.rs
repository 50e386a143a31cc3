//! How long those wait who wait for their turn on a connection.

use std::time::Instant;

use crate::error::Error;
use crate::handoff::Wait;
use crate::reader::Standing;
use crate::turn::Hold;
use crate::wakes::contain;
use crate::worker::Worker;

impl Worker {
    /// How long to wait for messages while somebody waits for the connection.
    pub(crate) fn patience(&self) -> Wait {
        let mut outside = None;
        if self.somebody_waits() {
            outside = match self.turn.hold(Instant::now(), self.max_hold) {
                Hold::WaitUntil(instant) => instant,
                Hold::TooLong { .. } | Hold::Lost => return Wait::Never,
            };
        }
        let inside = self.inside.front();
        let inside = inside.and_then(|(since, _)| since.checked_add(self.max_hold));
        let shared = self.membership.as_ref();
        let shared = shared.and_then(|membership| membership.readers.deadline());
        let stalled = self.stalled_flows_end();
        #[cfg(feature = "foreign-changes")]
        let look = self.next_look();
        #[cfg(not(feature = "foreign-changes"))]
        let look = None;
        let ends = [outside, inside, shared, stalled, look];
        match ends.into_iter().flatten().min() {
            Some(instant) => Wait::Until(instant),
            None => Wait::Forever,
        }
    }

    /// Tells whether anybody waits for the open transaction's end.
    fn somebody_waits(&self) -> bool {
        !self.waiting.is_empty() || self.starved_flows().any(|_| true)
    }

    /// Ends the waiting of those who wait for too long, or the transaction that
    /// they wait for if it is lost.
    pub(crate) fn end_patience(&mut self) {
        if self.standing == Standing::Held {
            self.refuse_shared();
            self.end_stalled_flows();
        }
        while let Some((since, _)) = self.inside.front()
            && since.elapsed() >= self.max_hold
            && let Some((since, job)) = self.inside.pop_front()
        {
            let held_for = since.elapsed();
            contain(|| job.refuse(Error::Busy { held_for }));
        }
        if !self.somebody_waits() {
            return;
        }
        match self.turn.hold(Instant::now(), self.max_hold) {
            Hold::WaitUntil(_) => {}
            Hold::TooLong { held_for } => {
                for work in self.waiting.drain(..) {
                    work.refuse(Error::Busy { held_for });
                }
                let starved: Vec<u64> = self.starved_flows().collect();
                for id in starved {
                    if let Some(flow) = self.flows.remove(&id) {
                        flow.end(Some(Error::Busy { held_for }));
                    }
                }
            }
            Hold::Lost => self.abort(format!(
                "rolled back after {:.1?} without a statement, for others that waited",
                self.max_hold
            )),
        }
    }
}
