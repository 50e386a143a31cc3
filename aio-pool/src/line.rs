//! The line from handles and calls to the engine. Using it never waits, so it
//! can be done in a drop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::engine::{Effects, Engine, Finished, HungUp, Submission};
use crate::error::Error;
use crate::queue::Queue;
use crate::registry::Table;
use crate::wire::CallId;

/// The engine, and how to wake whoever does its work.
#[derive(Debug)]
pub(crate) struct Switchboard {
    engine: Mutex<Engine>,
    supervisor: Notify,
}

impl Switchboard {
    pub(crate) fn new(engine: Engine) -> Arc<Self> {
        Arc::new(Self {
            engine: Mutex::new(engine),
            supervisor: Notify::new(),
        })
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        // Whoever panicked under it was the engine itself; what it knows may be
        // wrong, but to stop here would leave every caller without an answer.
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the engine, and does all that follows.
    pub(crate) fn act<T>(&self, change: impl FnOnce(&mut Engine, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let returned = {
            let mut engine = self.engine();
            let returned = change(&mut engine, &mut effects);
            engine.settle(Instant::now(), &mut effects);
            returned
        };
        if effects.carry_out() {
            self.supervisor.notify_one();
        }
        returned
    }

    /// Waits until the supervisor has something to do.
    pub(crate) async fn woken(&self) {
        self.supervisor.notified().await;
    }
}

/// The speaking end.
#[derive(Debug)]
pub(crate) struct Line {
    switchboard: Arc<Switchboard>,
    pub(crate) table: &'static Table,
    pub(crate) queue: Queue,
    /// So many calls in flight keep every worker busy and its prefetch full.
    pub(crate) enough: usize,
    next_call: AtomicU64,
}

impl Line {
    pub(crate) fn new(
        switchboard: Arc<Switchboard>,
        table: &'static Table,
        queue: Queue,
        enough: usize,
    ) -> Self {
        Self {
            switchboard,
            table,
            queue,
            enough,
            next_call: AtomicU64::new(0),
        }
    }

    pub(crate) fn number_a_call(&self) -> CallId {
        self.next_call.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs this call.
    pub(crate) fn submit(&self, submission: Submission) -> Result<(), HungUp> {
        self.switchboard
            .act(|engine, effects| engine.submit(submission, effects))
    }

    /// Runs these calls, in order; for each worker that gets some it is one
    /// message. If the pool has ended they are dropped, and their replies say so.
    pub(crate) fn submit_all(&self, submissions: &mut Vec<Submission>) -> Result<(), HungUp> {
        self.switchboard.act(|engine, effects| {
            // Every one, even if the pool has ended: what is left of a drain is
            // dropped where that ends, and here it would be under the lock.
            submissions
                .drain(..)
                .map(|submission| engine.submit(submission, effects))
                .fold(Ok(()), Result::and)
        })
    }

    /// Nobody waits for these calls any more.
    pub(crate) fn cancel(&self, calls: impl IntoIterator<Item = CallId>) {
        self.switchboard.act(|engine, effects| {
            for call in calls {
                engine.cancel(call, effects);
            }
        });
    }

    /// The consumer of a call has taken so many of its items.
    pub(crate) fn credit(&self, call: CallId, items: u32) {
        self.switchboard
            .act(|engine, effects| engine.credit(call, items, effects));
    }

    /// Answers every call and ends the workers. Comes back at once; whoever
    /// listens hears when they are gone.
    pub(crate) fn close(&self, finished: Finished) -> Result<(), HungUp> {
        self.switchboard
            .act(|engine, effects| engine.close(finished, effects))
    }

    /// The processes that are there.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.switchboard.act(|engine, _| engine.pids())
    }

    /// Kills the workers. Comes back at once; whoever listens hears when they are
    /// gone.
    pub(crate) fn terminate(&self, finished: Option<Finished>) -> Result<(), HungUp> {
        self.switchboard
            .act(|engine, effects| engine.terminate(finished, effects))
    }
}

/// The error of everyone whom the supervisor left without an answer.
pub(crate) fn supervisor_died() -> Error {
    Error::Supervisor {
        reason: "panicked; its message is on stderr".to_owned(),
    }
}
