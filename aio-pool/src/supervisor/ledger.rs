//! Who waits for which call, until when. An entry leaves once, with its one
//! reply.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;
use tokio_util::bytes::Bytes;

use crate::line::Submission;
use crate::reply::{Failure, Reply, ReplyTo};
use crate::wire::CallId;

/// The calls that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: HashMap<CallId, Waiting>,
    deadlines: BTreeSet<(Instant, CallId)>,
}

#[derive(Debug)]
struct Waiting {
    task: &'static str,
    /// Kept until the task starts, to be sent again if its worker dies before.
    input: Option<Bytes>,
    index: u32,
    deadline: Option<Instant>,
    reply: ReplyTo,
}

impl Ledger {
    pub(crate) fn enter(&mut self, submission: Submission) {
        let deadline = submission.deadline.map(Instant::from_std);
        let waiting = Waiting {
            task: submission.task,
            input: Some(submission.input),
            index: submission.index,
            deadline,
            reply: submission.reply,
        };
        self.calls.insert(submission.call, waiting);
        self.deadlines
            .extend(deadline.map(|at| (at, submission.call)));
    }

    /// Nobody waits for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// What a worker needs to run this call: a task and its input.
    pub(crate) fn job(&self, call: CallId) -> Option<(u32, Bytes)> {
        let waiting = self.calls.get(&call)?;
        Some((waiting.index, waiting.input.clone()?))
    }

    /// The call is never sent again, so its input is not needed any more.
    pub(crate) fn started(&mut self, call: CallId) {
        if let Some(waiting) = self.calls.get_mut(&call) {
            waiting.input = None;
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    /// What a call runs, as long as somebody waits for it.
    pub(crate) fn task(&self, call: CallId) -> Option<&'static str> {
        self.calls.get(&call).map(|waiting| waiting.task)
    }

    /// A call whose deadline has passed, if there is one.
    pub(crate) fn overdue(&self, now: Instant) -> Option<CallId> {
        let &(at, call) = self.deadlines.first()?;
        (at <= now).then_some(call)
    }

    /// Strikes out a call, answered or not.
    pub(crate) fn strike(&mut self, call: CallId) -> Option<ReplyTo> {
        let waiting = self.calls.remove(&call)?;
        if let Some(at) = waiting.deadline {
            self.deadlines.remove(&(at, call));
        }
        Some(waiting.reply)
    }

    /// Answers a call, if anybody still waits for it.
    pub(crate) fn answer(&mut self, call: CallId, reply: Reply) {
        if let Some(waiting) = self.strike(call) {
            waiting.send(reply);
        }
    }

    /// Gives every call the same answer.
    pub(crate) fn answer_all(&mut self, failure: &Failure) {
        self.deadlines.clear();
        for (_, waiting) in self.calls.drain() {
            waiting.reply.send(Err(failure.clone()));
        }
    }
}
