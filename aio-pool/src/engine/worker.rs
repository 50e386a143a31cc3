//! A worker as the engine knows it, and how far it has come.

use std::sync::Arc;
use std::time::Instant;

use super::link::Link;
use crate::ids::WorkerId;
use crate::marks::Marks;

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pid: u32,
    pub(super) place: usize,
    /// The attempt that it was started in.
    pub(super) volley: u64,
    pub(super) link: Arc<Link>,
    pub(super) marks: Marks,
    pub(super) stage: Stage,
    /// It is replaced when it has been given so many calls.
    pub(super) quota: Option<u64>,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// It must be ready by then.
    Starting(Instant),
    Ready,
    /// It has had its calls, and ends when it has answered them.
    Recycled,
    /// It has been asked to end, until then.
    Leaving(Instant),
    /// It has been killed for this reason, and its death is on the way.
    Condemned {
        reason: String,
        fault: Fault,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// What it said was true, and still is.
    Slow,
    /// The same, and it was to end; it may have, at the last moment.
    Unwilling,
    /// It said what cannot be: nothing of it is believed any more.
    Lied,
}

impl Worker {
    /// When it must have done what it is at.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Starting(by) | Stage::Leaving(by) => Some(by),
            _ => None,
        }
    }

    /// Whether it holds its place, or another is to have it.
    pub(super) fn stays(&self) -> bool {
        !matches!(self.stage, Stage::Recycled | Stage::Leaving(_))
    }
}

/// So many calls for this worker: up to a tenth fewer than allowed, so that
/// workers which were started together are not replaced together.
pub(super) fn quota(most: u64, id: WorkerId) -> u64 {
    let spread = most / 10 + 1;
    most - (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % spread
}
