//! Looking whether anybody else has committed, when that was noticed.
//!
//! A write to the log comes before its commit is visible, so asking at once could
//! be too early, and nothing would say when to ask again. Hence it is asked with
//! the lock for writing held, for some microseconds: whoever wrote has committed
//! by then, or will write again.
//!
//! While somebody else has the lock, it is asked without it, again and again:
//! whoever writes one transaction behind the other never gives it away for long.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bell::{Bell, Due};
use crate::error::Error;
use crate::handlers::busy_pause;
use crate::observers::Observers;
use crate::touched::{Touched, Watching};
use crate::worker::Worker;

/// After so long it is looked again, where that has failed.
const AGAIN: Duration = Duration::from_secs(1);

impl Worker {
    /// Somebody else may have committed. Nobody waits for the look, so that it
    /// ends no transaction that is open, and is not refused behind one.
    pub(crate) fn rung(&mut self, bell: Arc<Bell>) {
        match &mut self.due {
            Some(due) if Arc::ptr_eq(&due.bell, &bell) => {}
            // One of both is of a watch that is over.
            Some(due) => {
                let before = std::mem::replace(&mut due.bell, bell);
                before.still();
            }
            none => *none = Some(Due::now(bell)),
        }
    }

    /// When to look, where nothing is in the way.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        let due = self.due.as_ref().filter(|_| self.turn.is_free());
        due.map(|due| due.at)
    }

    /// Tells the observers if anybody else has committed, when it is time to
    /// look.
    pub(crate) fn look_abroad(&mut self) {
        if self.next_look().is_none_or(|at| at > Instant::now()) {
            return;
        }
        let Some((mut due, observers)) = self.due.take().zip(self.observers.clone()) else {
            return;
        };
        due.bell.still();
        if observers.want() == Watching::Nothing {
            return;
        }
        let (settled, pause) = match self.engine.look_abroad() {
            Ok(abroad) => {
                if abroad.committed || due.blind {
                    self.tell_of_others(&observers);
                }
                due.blind = false;
                due.attempt = due.attempt.saturating_add(1);
                (abroad.settled, busy_pause(due.attempt - 1))
            }
            Err(error) => {
                let path = due.bell.log().to_owned();
                let source = io::Error::other(error);
                observers.fail(&Error::Watch { path, source });
                due.blind = true;
                due.attempt = 0;
                (false, AGAIN)
            }
        };
        if !settled {
            // What is noticed until then needs no look of its own.
            due.bell.ring();
            due.at = Instant::now() + pause;
            self.due = Some(due);
        }
    }

    fn tell_of_others(&self, observers: &Observers) {
        let all = match observers.want() {
            Watching::Rows => self.engine.tables(),
            _ => Vec::new(),
        };
        observers.publish(&Touched::everything(), &all);
        observers.see();
    }
}
