//! What the parent has asked for, and how far each call has come. Nothing here
//! does I/O or runs user code.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::mem;

use tokio_util::bytes::Bytes;

use crate::ids::IdMap;
use crate::wire::{Announce, CallId, Down};

/// The calls of this worker. `R` are the reins of a call that has begun: what it
/// is stopped and given credit with.
#[derive(Debug)]
pub(super) struct Inbox<R> {
    /// The calls that have not begun, in the order of delivery.
    waiting: VecDeque<Waiting>,
    /// Every call that is to be answered.
    calls: IdMap<CallId, Phase<R>>,
    /// How many of them have begun.
    begun: usize,
    /// The number of the last delivery.
    delivered: u64,
    retiring: bool,
}

/// A call that has not begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) call: CallId,
    pub(super) task: u32,
    pub(super) number: u64,
    pub(super) announce: Announce,
    pub(super) input: Bytes,
}

#[derive(Debug)]
enum Phase<R> {
    Waiting,
    Running {
        reins: R,
        cancelled: bool,
    },
    /// It has ended, and its answer waits for its turn, or is being sent in
    /// pieces.
    Answering {
        cancelled: bool,
    },
    /// The last of its answer is being said.
    Answered,
}

/// What a frame asks of others.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect<R> {
    None,
    /// This call was cancelled before it had begun: say so.
    Cancelled(CallId),
    /// These calls are given back: say so.
    Returned(Vec<CallId>),
    /// Stop this call.
    Stop(R),
    /// This call has ended, and is cancelled while it is being answered: say so.
    Stopped(CallId),
    /// Let this call yield so many more items.
    Credit(R, u32),
}

/// What is to begin next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Begin(Waiting),
    /// There is more, and as many have begun as may.
    Full,
    Empty,
    /// There is nothing, and never will be.
    Retired,
}

impl<R: Clone> Inbox<R> {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            calls: IdMap::default(),
            begun: 0,
            delivered: 0,
            retiring: false,
        }
    }

    /// Takes a frame in.
    ///
    /// # Errors
    ///
    /// What the parent has done wrong.
    pub(super) fn obey(&mut self, down: Down, payload: Bytes) -> Result<Effect<R>, String> {
        match down {
            Down::Hello { .. } => return Err("the parent greeted twice".to_owned()),
            Down::Run {
                call,
                task,
                number,
                announce,
            } => {
                if number <= self.delivered {
                    return Err(format!(
                        "the parent counts its deliveries {}, {number}",
                        self.delivered
                    ));
                }
                self.delivered = number;
                match self.calls.entry(call) {
                    Entry::Occupied(_) => {
                        return Err(format!("the parent delivered call {call} twice"));
                    }
                    Entry::Vacant(vacant) => vacant.insert(Phase::Waiting),
                };
                self.waiting.push_back(Waiting {
                    call,
                    task,
                    number,
                    announce,
                    input: payload,
                });
            }
            Down::Piece { call } => return Err(format!("pieces of call {call} have no end")),
            Down::Cancel { call } => return Ok(self.cancel(call)),
            Down::Return { most } => return Ok(Effect::Returned(self.give_back(most))),
            Down::Credit { call, items } => match self.calls.get(&call) {
                Some(Phase::Running { reins, .. }) => {
                    return Ok(Effect::Credit(reins.clone(), items));
                }
                Some(Phase::Waiting) => {
                    return Err(format!(
                        "the parent took items of call {call}, which has not begun"
                    ));
                }
                // Its end and the credit have crossed.
                Some(Phase::Answering { .. } | Phase::Answered) | None => {}
            },
            Down::Retire => self.retiring = true,
        }
        Ok(Effect::None)
    }

    fn cancel(&mut self, call: CallId) -> Effect<R> {
        match self.calls.get_mut(&call) {
            Some(Phase::Waiting) => {
                self.calls.remove(&call);
                self.waiting.retain(|waiting| waiting.call != call);
                Effect::Cancelled(call)
            }
            Some(Phase::Running { reins, cancelled }) => {
                *cancelled = true;
                Effect::Stop(reins.clone())
            }
            Some(Phase::Answering { cancelled }) => match mem::replace(cancelled, true) {
                false => Effect::Stopped(call),
                true => Effect::None,
            },
            // Its answer and the order have crossed.
            Some(Phase::Answered) | None => Effect::None,
        }
    }

    fn give_back(&mut self, most: u32) -> Vec<CallId> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let kept = self.waiting.len().saturating_sub(most);
        let mut given = Vec::new();
        for waiting in self.waiting.drain(kept..).rev() {
            self.calls.remove(&waiting.call);
            given.push(waiting.call);
        }
        given
    }

    /// Begins the next call if fewer than `places` have begun.
    pub(super) fn next(&mut self, places: usize, reins: impl FnOnce() -> R) -> Next {
        if self.waiting.is_empty() {
            let retired = self.is_retired();
            return if retired { Next::Retired } else { Next::Empty };
        }
        if self.begun >= places {
            return Next::Full;
        }
        let Some(waiting) = self.waiting.pop_front() else {
            return Next::Empty;
        };
        self.begun += 1;
        let running = Phase::Running {
            reins: reins(),
            cancelled: false,
        };
        self.calls.insert(waiting.call, running);
        Next::Begin(waiting)
    }

    /// Changes the reins of a call that has begun. Tells whether it has been
    /// cancelled before.
    pub(super) fn rein(&mut self, call: CallId, change: impl FnOnce(&mut R)) -> Cancelled {
        match self.calls.get_mut(&call) {
            Some(Phase::Running { reins, cancelled }) => {
                change(reins);
                Cancelled::from(*cancelled)
            }
            _ => Cancelled::No,
        }
    }

    /// A call has ended, and its answer is on its way: it can't be stopped, and
    /// keeps its place. Tells whether it has been cancelled before.
    pub(super) fn answering(&mut self, call: CallId) -> Cancelled {
        let before = self.cancelled(call);
        let cancelled = before == Cancelled::Yes;
        self.calls.insert(call, Phase::Answering { cancelled });
        before
    }

    /// The last of such an answer is about to be said, and nothing about the
    /// call behind it.
    pub(super) fn answered(&mut self, call: CallId) {
        if let Some(phase) = self.calls.get_mut(&call) {
            *phase = Phase::Answered;
        }
    }

    /// Whether a call that has begun has been cancelled.
    pub(super) fn cancelled(&self, call: CallId) -> Cancelled {
        match self.calls.get(&call) {
            Some(Phase::Running { cancelled, .. } | Phase::Answering { cancelled }) => {
                Cancelled::from(*cancelled)
            }
            Some(Phase::Waiting | Phase::Answered) | None => Cancelled::No,
        }
    }

    /// The answer to a call that had begun is given. Tells whether there is more
    /// to do now.
    pub(super) fn finish(&mut self, call: CallId) -> More {
        if self.calls.remove(&call).is_some() {
            self.begun -= 1;
        }
        if self.waiting.is_empty() && !self.is_retired() {
            More::No
        } else {
            More::Yes
        }
    }

    /// Whether all is done that ever will be.
    pub(super) fn is_retired(&self) -> bool {
        self.retiring && self.calls.is_empty()
    }
}

/// Whether a call has been cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancelled {
    Yes,
    No,
}

impl From<bool> for Cancelled {
    fn from(cancelled: bool) -> Self {
        match cancelled {
            true => Self::Yes,
            false => Self::No,
        }
    }
}

/// Whether the dispatcher is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Yes,
    No,
}

#[cfg(test)]
mod tests;
