//! What a worker is told before anything else: how it is to be before it runs
//! a task. It crosses in the greeting, encoded as any value.

use serde::{Deserialize, Serialize};

/// A worker's part of [`start`](crate::start)'s options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// Which of the pool's places it fills, from 0.
    pub(crate) place: u32,
    /// So many tasks it runs at a time.
    pub(crate) tasks_per_worker: u32,
    /// Whether it looks for the next call for a moment before it sleeps.
    pub(crate) spin: Spin,
}

/// What a worker does between an answer and the next call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Spin {
    /// It looks for a moment, where that has paid lately.
    #[default]
    Adaptive,
    /// It sleeps at once.
    Off,
}

impl Setup {
    /// Takes effect on this process, for good. Called in a worker that has no
    /// other thread yet.
    pub(crate) fn take_effect(&self) -> Result<(), String> {
        Ok(())
    }
}
