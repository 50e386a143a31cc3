//! Who waits for which call, until when. An entry leaves once, with its one
//! reply.

use std::collections::BTreeSet;
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio_util::bytes::Bytes;

use crate::ids::IdMap;
use crate::queue::Place;
use crate::reply::{Reply, ReplyTo};
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
    /// Given up when a worker is given the call.
    pub(crate) place: Place,
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
    /// Until a worker is given the call for the first time.
    place: Option<Place>,
    reply: ReplyTo,
}

/// A call that is over: who waits for it, and what they are told, if anything.
/// Its place in the queue goes with it. Dropping it runs code of others, so that
/// is done when no lock is held.
#[derive(Debug)]
pub(crate) struct Departure {
    to: ReplyTo,
    reply: Option<Reply>,
    place: Option<Place>,
}

impl Departure {
    pub(crate) fn of(submission: Submission, reply: Option<Reply>) -> Self {
        Self {
            to: submission.reply,
            reply,
            place: Some(submission.place),
        }
    }

    pub(crate) fn carry_out(self) {
        drop(self.place);
        if let Some(reply) = self.reply {
            self.to.send(reply);
        }
    }
}

impl Ledger {
    pub(crate) fn enter(&mut self, submission: Submission) {
        let waiting = Waiting {
            task: submission.task,
            index: submission.index,
            input: submission.input,
            run_timeout: submission.run_timeout,
            deadline: submission.deadline,
            place: Some(submission.place),
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

    /// A worker is given the call: it waits in the queue no more. Returns its
    /// place there, to be dropped when no lock is held.
    pub(crate) fn given(&mut self, call: CallId) -> Option<(&Waiting, Option<Place>)> {
        let waiting = self.calls.get_mut(&call)?;
        let place = waiting.place.take();
        Some((waiting, place))
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

    /// Hands an item to whoever takes the items of this call. Returns whom to
    /// wake.
    pub(crate) fn item(&self, call: CallId, payload: Bytes) -> Result<Option<Waker>, String> {
        match self.calls.get(&call) {
            Some(waiting) => waiting.reply.item(call, payload),
            // Nobody takes it any more: it was cancelled meanwhile.
            None => Ok(None),
        }
    }

    /// Strikes out a call, answered or not; none if nobody waits for it.
    pub(crate) fn strike(&mut self, call: CallId, reply: Option<Reply>) -> Option<Departure> {
        let waiting = self.calls.remove(&call)?;
        if let Some((at, _)) = waiting.deadline {
            self.deadlines.remove(&(at, call));
        }
        Some(waiting.depart(reply))
    }

    /// Strikes out every call with the same reply.
    pub(crate) fn strike_all(&mut self, reply: Option<Reply>) -> impl Iterator<Item = Departure> {
        self.deadlines.clear();
        let calls = self.calls.drain();
        calls.map(move |(_, waiting)| waiting.depart(reply.clone()))
    }
}

impl Waiting {
    fn depart(self, reply: Option<Reply>) -> Departure {
        Departure {
            to: self.reply,
            reply,
            place: self.place,
        }
    }
}
