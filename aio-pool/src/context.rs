//! What a task can learn of where it runs.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Where a task runs.
#[derive(Debug, Clone, Default)]
pub struct Context {
    stop: Stop,
    surroundings: Arc<Surroundings>,
}

impl Context {
    pub(crate) fn new(stop: Stop, surroundings: Arc<Surroundings>) -> Self {
        Self { stop, surroundings }
    }
}

/// What all tasks of a worker share.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Which of the pool's places the worker fills, from 0.
    pub(crate) place: u32,
    /// What its initializers made.
    pub(crate) states: States,
}

/// One value of each type.
pub(crate) type States = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// Whether a call has been cancelled; shared by its worker and its context.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<Requested>);

#[derive(Debug, Default)]
struct Requested {
    requested: AtomicBool,
    notify: Notify,
}

impl Stop {
    pub(crate) fn request(&self) {
        self.0.requested.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    pub(crate) async fn requested(&self) {
        let mut notified = std::pin::pin!(self.0.notify.notified());
        notified.as_mut().enable();
        if !self.is_requested() {
            notified.await;
        }
    }
}
