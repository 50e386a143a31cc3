//! The line from handles and calls to the supervisor: what is said on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tokio_util::bytes::Bytes;

use crate::error::Error;
use crate::registry::Table;
use crate::reply::ReplyTo;
use crate::wire::CallId;

/// The speaking end. Sending never waits, so it can be done in a drop.
#[derive(Debug)]
pub(crate) struct Line {
    commands: mpsc::UnboundedSender<Command>,
    pub(crate) table: &'static Table,
    next_call: AtomicU64,
}

/// The supervisor has ended, and with it the pool.
#[derive(Debug)]
pub(crate) struct HungUp;

impl Line {
    pub(crate) fn open(table: &'static Table) -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (commands, supervisor) = mpsc::unbounded_channel();
        let line = Self {
            commands,
            table,
            next_call: AtomicU64::new(0),
        };
        (line, supervisor)
    }

    pub(crate) fn say(&self, command: Command) -> Result<(), HungUp> {
        self.commands.send(command).map_err(|_| HungUp)
    }

    pub(crate) fn number_a_call(&self) -> CallId {
        self.next_call.fetch_add(1, Ordering::Relaxed)
    }
}

/// What handles ask for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Run this call.
    Submit(Submission),
    /// Nobody waits for this call any more.
    Cancel(CallId),
    /// Answer every call, end the workers, tell when they are gone.
    Close(Finished),
    /// Kill the workers, and tell when they are gone.
    Terminate(Option<Finished>),
}

/// Told when the last worker is reaped and the supervisor's descriptors are
/// closed.
pub(crate) type Finished = oneshot::Sender<Result<(), Error>>;

/// A call on its way in.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) call: CallId,
    pub(crate) task: &'static str,
    /// Its index in the table of tasks.
    pub(crate) index: u32,
    /// The bytes of its input.
    pub(crate) input: Bytes,
    /// When its caller gives up.
    pub(crate) deadline: Option<Instant>,
    pub(crate) reply: ReplyTo,
}

/// The error of everyone whom the supervisor left without an answer.
pub(crate) fn supervisor_died() -> Error {
    Error::Supervisor {
        reason: "panicked; its message is on stderr".to_owned(),
    }
}
