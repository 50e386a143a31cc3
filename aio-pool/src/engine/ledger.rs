//! Who waits for which call, until when. An entry leaves once, with its one
//! reply.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio_util::bytes::Bytes;

use super::ids::IdMap;
use crate::reply::{Failure, Reply, ReplyTo};
use crate::wire::CallId;

/// A call on its way in.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) call: CallId,
    pub(crate) task: &'static str,
    /// Its index in the table of tasks.
    pub(crate) index: u32,
    /// The bytes of its input.
    pub(crate) input: Bytes,
    /// When its caller gives up, and after how long.
    pub(crate) deadline: Option<(Instant, Duration)>,
    /// How long it may run, once it has begun.
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) sharing: Sharing,
    pub(crate) reply: ReplyTo,
}

/// Whether a call runs beside others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Up to `tasks_per_worker` in one process.
    #[default]
    Shared,
    /// It has its worker for itself while it runs.
    Exclusive,
}

/// The calls that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: IdMap<CallId, Waiting>,
    deadlines: BTreeSet<(Instant, CallId)>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) task: &'static str,
    pub(crate) index: u32,
    /// Kept to be sent again if its worker dies before the call begins.
    pub(crate) input: Bytes,
    pub(crate) run_timeout: Option<Duration>,
    /// The next limit that it may not pass, and how long that limit is.
    deadline: Option<(Instant, Duration)>,
    reply: ReplyTo,
}

/// What goes to whom, once no lock is held.
pub(crate) type Outbox = Vec<(ReplyTo, Reply)>;

impl Ledger {
    pub(crate) fn enter(&mut self, submission: Submission) {
        let waiting = Waiting {
            task: submission.task,
            index: submission.index,
            input: submission.input,
            run_timeout: submission.run_timeout,
            deadline: submission.deadline,
            reply: submission.reply,
        };
        if let Some((at, _)) = waiting.deadline {
            self.deadlines.insert((at, submission.call));
        }
        self.calls.insert(submission.call, waiting);
    }

    /// Nobody waits for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// A call, as long as somebody waits for it.
    pub(crate) fn call(&self, call: CallId) -> Option<&Waiting> {
        self.calls.get(&call)
    }

    /// The call has begun: it is never sent again, so its input is not needed
    /// any more, and the time that it may run starts now.
    pub(crate) fn started(&mut self, call: CallId, now: Instant) {
        let Some(waiting) = self.calls.get_mut(&call) else {
            return;
        };
        waiting.input = Bytes::new();
        let Some(limit) = waiting.run_timeout else {
            return;
        };
        let Some(at) = now.checked_add(limit) else {
            return;
        };
        if waiting.deadline.is_none_or(|(first, _)| at < first) {
            if let Some((first, _)) = waiting.deadline.replace((at, limit)) {
                self.deadlines.remove(&(first, call));
            }
            self.deadlines.insert((at, call));
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    /// A call whose deadline has passed, and the limit, if there is one.
    pub(crate) fn overdue(&self, now: Instant) -> Option<(CallId, Duration)> {
        let &(at, call) = self.deadlines.first()?;
        if at > now {
            return None;
        }
        let (_, limit) = self.calls.get(&call)?.deadline?;
        Some((call, limit))
    }

    /// Hands an item to whoever takes the items of this call.
    pub(crate) fn item(&self, call: CallId, payload: Bytes) -> Result<(), String> {
        match self.calls.get(&call) {
            Some(waiting) => waiting.reply.item(payload),
            // Nobody takes it any more: it was cancelled meanwhile.
            None => Ok(()),
        }
    }

    /// Strikes out a call, answered or not.
    pub(crate) fn strike(&mut self, call: CallId) -> Option<ReplyTo> {
        let waiting = self.calls.remove(&call)?;
        if let Some((at, _)) = waiting.deadline {
            self.deadlines.remove(&(at, call));
        }
        Some(waiting.reply)
    }

    /// Answers a call, if anybody still waits for it.
    pub(crate) fn answer(&mut self, call: CallId, reply: Reply, outbox: &mut Outbox) {
        if let Some(waiting) = self.strike(call) {
            outbox.push((waiting, reply));
        }
    }

    /// Gives every call the same answer.
    pub(crate) fn answer_all(&mut self, failure: &Failure, outbox: &mut Outbox) {
        self.deadlines.clear();
        for (_, waiting) in self.calls.drain() {
            outbox.push((waiting.reply, Err(failure.clone())));
        }
    }

    /// Hands out everybody who waits, to be left without an answer.
    pub(crate) fn abandon(&mut self, waiting: &mut Vec<ReplyTo>) {
        self.deadlines.clear();
        waiting.extend(self.calls.drain().map(|(_, call)| call.reply));
    }
}
