//! Where the one outcome of a call goes.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::bytes::Bytes;

use crate::error::{Error, Exit};
use crate::sheaf::Slip;
use crate::wire::Ending;

/// The one outcome of a call.
pub(crate) type Reply = Result<(Ending, Bytes), Failure>;

/// An outcome that no worker sent.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Lost {
        pid: u32,
        exit: Exit,
        started: bool,
        beside: usize,
        stderr: Option<String>,
    },
    TimedOut {
        after: Duration,
    },
    Cancelled,
    Pool(Error),
}

/// Who waits for a call.
#[derive(Debug)]
pub(crate) enum ReplyTo {
    /// One future.
    One(oneshot::Sender<Reply>),
    /// A map.
    Sheaf(Slip<Reply>),
}

impl ReplyTo {
    /// Gives the outcome. Wakes whoever waits, so it is done under no lock; so
    /// is dropping it without an outcome.
    pub(crate) fn send(self, reply: Reply) {
        match self {
            // Dropped between two polls: its cancellation is on the way.
            Self::One(sender) => drop(sender.send(reply)),
            Self::Sheaf(slip) => slip.send(reply),
        }
    }

    /// Hands over an item of the call. The error says what is wrong with it.
    pub(crate) fn item(&self, _payload: Bytes) -> Result<(), String> {
        match self {
            Self::One(_) | Self::Sheaf(_) => {
                Err("it yielded an item of a call that has none".to_owned())
            }
        }
    }
}
