//! What a worker is told before anything else: how it is to be before it runs
//! a task. It crosses in the greeting, encoded as any value.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::Ceilings;
#[cfg(feature = "sandbox")]
use crate::sandbox::Cage;
use crate::spin::Spin;

/// A worker's part of [`start`](crate::start)'s options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// Which of the pool's places it fills, from 0.
    pub(crate) place: u32,
    /// So many tasks it runs at a time.
    pub(crate) tasks_per_worker: u32,
    /// What it runs before it is ready: indices in the table of initializers,
    /// and the bytes of their inputs.
    pub(crate) initializers: Vec<(u32, Vec<u8>)>,
    /// Whether it looks for the next call for a moment before it sleeps.
    pub(crate) spin: Spin,
    /// What the kernel holds it to.
    pub(crate) limits: Ceilings,
    /// What the kernel keeps from it.
    #[cfg(feature = "sandbox")]
    pub(crate) cage: Option<Cage>,
}

impl Setup {
    /// Refuses what means nothing. Called before anything is started.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.limits.check()?;
        #[cfg(feature = "sandbox")]
        if let Some(cage) = &self.cage {
            cage.check()?;
        }
        Ok(())
    }

    /// Takes effect on this process, for good. Called in a worker that has no
    /// other thread yet.
    pub(crate) fn take_effect(&self) -> Result<(), String> {
        // In this order: in the cage no limit can be set any more.
        self.limits.hold()?;
        #[cfg(feature = "sandbox")]
        if let Some(cage) = &self.cage {
            cage.close()?;
        }
        Ok(())
    }
}
