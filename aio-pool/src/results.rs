//! The stream of a map: inputs go in as there is room, outcomes come out.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use tokio::task::coop::poll_proceed;
use tokio_util::bytes::Bytes;

use crate::engine::{HungUp, Submission};
use crate::error::{Error, TaskError};
use crate::line::{Line, supervisor_died};
use crate::outcome::{self, Outcome};
use crate::reply::{Failure, Reply, ReplyTo};
use crate::sheaf::{Arrival, Sheaf};
use crate::slots::Slots;
use crate::task::Task;
use crate::terms::{Encoder, Terms};

/// So many calls are handed over at a time, at most: the workers begin with
/// them while the next inputs are taken.
const BATCH: usize = 256;

/// What a task is mapped over. Behind a pointer, so that a stream of results can
/// be named; a call costs a hundred times as much as the look-up.
pub(crate) type Inputs<'i, T> = Box<dyn Iterator<Item = <T as Task>::Input> + Send + 'i>;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The outcome of the next input.
    Input,
    /// Whichever outcome is there.
    Completion,
}

/// The outcomes of a [`Map`](crate::Map), as a stream. Made by
/// [`Map::stream`](crate::Map::stream).
///
/// Nothing is done until it is polled. Then it has up to
/// [`limit`](crate::Map::limit) calls in flight, also while nobody polls it; it
/// makes new ones when it is polled.
///
/// It ends after the outcome of the last input, or earlier if the pool takes no
/// more calls, because it was closed or its workers do not start: then those
/// that were made are answered, one or more of them with
/// [`TaskError::Pool`], and the inputs behind them are not taken.
///
/// # Cancel safety
///
/// *Rolls back*: dropping it cancels what is in flight, as dropping a
/// [`Call`](crate::Call) does. [`next`](Self::next) itself is *cancel safe*.
///
/// # Panics
///
/// Polling it panics if the iterator of inputs, or the serde code of a value,
/// does. It can be polled on, and goes on behind the value that panicked.
#[must_use = "streams do nothing unless polled"]
pub struct Results<'i, T: Task> {
    line: Arc<Line>,
    terms: Terms,
    order: Order,
    limit: usize,
    /// None at its end, or if the pool takes no more.
    inputs: Option<Inputs<'i, T>>,
    /// How many inputs have been taken.
    taken: u64,
    /// The index of the task.
    index: Result<u32, Error>,
    slots: Slots<Reply>,
    /// The keys of slots in the order of their turn: in the order of the inputs
    /// all of them, in the order of completion those that are answered.
    turns: VecDeque<usize>,
    sheaf: Sheaf<Reply>,
    /// Empty but while it is read; kept for its memory.
    arrived: Vec<Arrival<Reply>>,
    encoder: Encoder,
    /// Calls to be handed over. Empty between two polls, unless one panicked.
    batch: Vec<Submission>,
    /// What an answer that is missing means.
    missing: Error,
}

// The inputs are moved, never pinned.
impl<T: Task> Unpin for Results<'_, T> {}

impl<'i, T: Task> Results<'i, T> {
    pub(crate) fn new(
        line: Arc<Line>,
        terms: Terms,
        order: Order,
        limit: usize,
        inputs: Inputs<'i, T>,
    ) -> Self {
        Self {
            index: line.table.index_of(T::NAME),
            line,
            terms,
            order,
            limit,
            inputs: Some(inputs),
            taken: 0,
            slots: Slots::new(),
            turns: VecDeque::new(),
            sheaf: Sheaf::new(),
            arrived: Vec::new(),
            encoder: Encoder::default(),
            batch: Vec::new(),
            missing: supervisor_died(),
        }
    }

    /// Whether every outcome has been given.
    fn is_over(&self) -> bool {
        self.inputs.is_none() && self.slots.taken() == 0
    }

    /// The key of the outcome whose turn it is, if it is there.
    fn next_turn(&self) -> Option<usize> {
        let key = self.turns.front().copied()?;
        self.slots.is_answered(key).then_some(key)
    }

    /// Hands over the calls that have been made.
    fn hand_over(&mut self) {
        if !self.batch.is_empty()
            && let Err(HungUp) = self.line.submit_all(&mut self.batch)
        {
            self.missing = Error::Closed;
        }
    }

    /// Takes the answers that have arrived. If there are none, the next one
    /// wakes the task.
    fn gather(&mut self, cx: &Context<'_>) -> bool {
        self.sheaf.take(&mut self.arrived, cx);
        let mut arrived = std::mem::take(&mut self.arrived);
        let any = !arrived.is_empty();
        for (key, reply) in arrived.drain(..) {
            let reply = reply.unwrap_or_else(|| Err(Failure::Pool(self.missing.clone())));
            if let Err(Failure::Pool(_)) = reply {
                // It would say the same of every other.
                self.inputs = None;
            }
            self.slots.answer(key, reply);
            if self.order == Order::Completion {
                self.turns.push_back(key);
            }
        }
        self.arrived = arrived;
        any
    }

    /// Returns the next outcome, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Each outcome is one as of a [`Call`](crate::Call). An error is not the
    /// end: the others go on.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: nothing is lost if it is dropped before it is ready.
    pub async fn next(&mut self) -> Option<Result<T::Output, TaskError<T::Error>>> {
        poll_fn(|cx| self.poll_numbered(cx))
            .await
            .map(|(_, outcome)| outcome)
    }

    /// The next outcome, and the number of its input, from 0.
    pub(crate) fn poll_numbered(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(u64, Outcome<T>)>> {
        let quarter = self.limit.div_ceil(4);
        loop {
            // Not for each outcome: calls are cheaper by the dozen.
            if self.limit - self.slots.taken() >= quarter {
                self.refill(cx);
            }
            if let Some(key) = self.next_turn() {
                let unit = ready!(poll_proceed(cx));
                let (number, reply) = self.slots.free(key).expect("it is answered");
                self.turns.pop_front();
                unit.made_progress();
                return Poll::Ready(Some((number, outcome::of::<T>(reply))));
            }
            if self.is_over() {
                return Poll::Ready(None);
            }
            if self.gather(cx) {
                continue;
            }
            // There is nothing else to do; and with a limit so small, a worker
            // may have nothing to do either.
            if self.slots.under_way() < self.line.enough {
                self.refill(cx);
            }
            if self.next_turn().is_none() && !self.is_over() {
                return Poll::Pending;
            }
        }
    }

    /// What a worker needs for an input.
    fn encode(&mut self, input: &T::Input) -> Result<(u32, Bytes), Error> {
        let index = self.index.clone().inspect_err(|_| {
            // It would be the same for every other.
            self.inputs = None;
        })?;
        Ok((index, self.encoder.encode::<T>(input)?))
    }

    /// Makes calls until as many are in flight as may be, or as many wait. What
    /// stops it otherwise is the budget, and then the task is woken.
    fn refill(&mut self, cx: &mut Context<'_>) {
        while self.slots.taken() < self.limit {
            let Some(inputs) = &mut self.inputs else {
                break;
            };
            let Poll::Ready(unit) = poll_proceed(cx) else {
                break;
            };
            // Before the input: none is taken that can't go on.
            let Poll::Ready(place) = self.line.queue.poll_enter(cx) else {
                break;
            };
            let Some(input) = inputs.next() else {
                self.inputs = None;
                break;
            };
            unit.made_progress();
            let call = self.encode(&input);
            let number = self.taken;
            self.taken += 1;
            let key = match call {
                Ok((index, input)) => {
                    let call = self.line.number_a_call();
                    let key = self.slots.make(number, call);
                    let reply = ReplyTo::Sheaf(self.sheaf.slip(key));
                    let submission =
                        self.terms
                            .submission(call, (T::NAME, index), input, place, reply);
                    self.batch.push(submission);
                    key
                }
                Err(error) => self.slots.refuse(number, Err(Failure::Pool(error))),
            };
            if self.order == Order::Input || self.slots.is_answered(key) {
                self.turns.push_back(key);
            }
            if self.batch.len() == BATCH {
                self.hand_over();
            }
        }
        self.hand_over();
    }
}

impl<T: Task> Stream for Results<'_, T> {
    type Item = Result<T::Output, TaskError<T::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_numbered(cx)
            .map(|next| next.map(|(_, outcome)| outcome))
    }

    /// No outcome is sure but those of the calls that were made: if the pool
    /// takes no more, these end the stream. If none was made, there is one.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let made = self.slots.taken();
        let inputs = self.inputs.as_ref();
        let (least, most) = inputs.map_or((0, Some(0)), Iterator::size_hint);
        (
            made.max(least.min(1)),
            most.and_then(|most| most.checked_add(made)),
        )
    }
}

impl<T: Task> FusedStream for Results<'_, T> {
    fn is_terminated(&self) -> bool {
        self.is_over()
    }
}

impl<T: Task> fmt::Debug for Results<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results")
            .field("task", &T::NAME)
            .field("order", &self.order)
            .field("taken", &self.taken)
            .field("in_flight", &self.slots.taken())
            .finish_non_exhaustive()
    }
}

impl<T: Task> Drop for Results<'_, T> {
    fn drop(&mut self) {
        // First: what is cancelled wakes nobody.
        self.sheaf.abandon();
        let calls = self.slots.calls();
        if !calls.is_empty() {
            self.line.cancel(calls);
        }
    }
}
