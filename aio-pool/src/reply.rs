//! Where the one outcome of a call goes.

use std::task::Waker;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::bytes::Bytes;

use crate::error::{Error, Exit};
use crate::inflow::{Inflow, Overrun};
use crate::sheaf::Slip;
use crate::wire::{CallId, Ending};

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
    /// A stream of items, which the outcome ends.
    Items(Inflow<Reply>),
}

impl ReplyTo {
    /// Gives the outcome. Wakes whoever waits, so it is done under no lock; so
    /// is dropping it without an outcome.
    pub(crate) fn send(self, reply: Reply) {
        match self {
            // Dropped between two polls: its cancellation is on the way.
            Self::One(sender) => drop(sender.send(reply)),
            Self::Sheaf(slip) => slip.send(reply),
            Self::Items(inflow) => inflow.end(reply),
        }
    }

    /// Hands over an item of the call. Returns whom to wake, under no lock, or
    /// what is wrong with it.
    pub(crate) fn item(&self, call: CallId, payload: Bytes) -> Result<Option<Waker>, String> {
        match self {
            Self::Items(inflow) => inflow
                .item(payload)
                .map_err(|Overrun| format!("it sent more items of call {call} than it may")),
            Self::One(_) | Self::Sheaf(_) => {
                Err(format!("it sent an item of call {call}, which has none"))
            }
        }
    }
}
