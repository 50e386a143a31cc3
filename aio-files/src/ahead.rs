//! A source that blocks, running ahead of the stream that is made of it.
//!
//! One job takes many batches, so that the hop is paid once; it ends when enough
//! of them wait, so that a slow consumer occupies no thread; and it begins again
//! before they run out. After each batch, whoever else waits for its thread has
//! that first. What is dropped is told to stop after the batch that it is at, and
//! is dropped on a job's thread, since it may have files to close.
//!
//! A source can also be at hand: then it rests after each batch, and the
//! consumer's thread takes the next without a hop, as long as that goes well.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::offload::{self, Lane};
use crate::turnstile::{self, Claim, Effect, Ticket};

/// What is read, a batch at a time, on a job's thread.
pub(crate) trait Source: Send + 'static {
    type Batch: Send + 'static;

    /// The next batch; `None` is the end. It blocks.
    fn next_batch(&mut self) -> Option<Self::Batch>;

    /// True if it may stand still until another process does something: it is
    /// asked at the start of each job, and gets a thread of its own then.
    fn may_wait(&mut self) -> bool {
        false
    }

    /// Whether its next batch needs no job, as far as one can tell: asked on the
    /// job's thread after each batch. It may make a system call.
    fn is_at_hand(&mut self) -> bool {
        false
    }

    /// The next batch if it is at hand indeed. It is called on the consumer's
    /// thread and must not block; `None` sends a job for it.
    fn batch_at_once(&mut self) -> Option<Self::Batch> {
        None
    }
}

/// The consumer's end; inert until it is polled.
pub(crate) struct Ahead<S: Source> {
    shared: Arc<Shared<S>>,
    /// How many batches may wait.
    depth: usize,
    /// The paths of which earlier changes are waited for, until it has begun.
    claims: Option<Vec<Claim>>,
}

struct Shared<S: Source> {
    state: Mutex<State<S>>,
}

struct State<S: Source> {
    ready: VecDeque<S::Batch>,
    place: Place<S>,
    waker: Option<Waker>,
}

/// Where the source is.
enum Place<S> {
    /// At rest, since enough batches wait, or since it hasn't begun.
    Here(S),
    /// At rest, because the consumer's thread can take what comes next.
    AtHand(S),
    WithAJob,
    /// At its end, and dropped.
    Ended,
    /// Its job panicked, and nobody has been told.
    Lost,
    /// The consumer has gone; a job stops when it sees this.
    Unwanted,
}

impl<S: Source> Ahead<S> {
    /// At most `depth` batches wait, and one more is being made.
    pub(crate) fn new(source: S, depth: usize, claims: Vec<Claim>) -> Self {
        let state = State {
            ready: VecDeque::new(),
            place: Place::Here(source),
            waker: None,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
            }),
            depth,
            claims: Some(claims),
        }
    }

    /// The next batch, `None` at the end; an error once if the source panicked.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<S::Batch>>> {
        let mut state = self.shared.lock();
        let batch = state.ready.pop_front();
        if batch.is_none()
            && let Place::AtHand(source) = &mut state.place
            && let Some(batch) = source.batch_at_once()
        {
            return Poll::Ready(Some(Ok(batch)));
        }
        let due = match state.place {
            Place::Here(_) => state.ready.len() <= self.depth / 2,
            // It has just been tried, if nothing waited.
            Place::AtHand(_) => batch.is_none(),
            Place::WithAJob | Place::Ended | Place::Lost | Place::Unwanted => false,
        };
        let source = if due { state.take_source() } else { None };
        let mut old = None;
        if batch.is_none() {
            match state.place {
                Place::Ended | Place::Unwanted => return Poll::Ready(None),
                Place::Lost => {
                    state.place = Place::Ended;
                    return Poll::Ready(Some(Err(offload::lost())));
                }
                Place::WithAJob | Place::Here(_) | Place::AtHand(_) => {
                    old = state.waker.replace(cx.waker().clone());
                }
            }
        }
        // Neither with the lock: a waker that is dropped may run anything, and
        // so may a job that finds no thread.
        drop(state);
        drop(old);
        if let Some(source) = source {
            self.start(source);
        }
        match batch {
            Some(batch) => Poll::Ready(Some(Ok(batch))),
            None => Poll::Pending,
        }
    }

    fn start(&mut self, source: S) {
        let (shared, depth) = (Arc::clone(&self.shared), self.depth);
        match self.claims.take() {
            None => offload::submit(Lane::Shared, move || shared.run(source, depth, None)),
            Some(claims) => turnstile::enter(claims, Effect::Reads, move |ticket| {
                offload::submit(Lane::Shared, move || {
                    shared.run(source, depth, Some(ticket))
                });
            }),
        }
    }
}

impl<S: Source> Drop for Ahead<S> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let place = mem::replace(&mut state.place, Place::Unwanted);
        let ready = mem::take(&mut state.ready);
        let waker = state.waker.take();
        drop(state);
        drop((ready, waker));
        if let Place::Here(source) | Place::AtHand(source) = place
            && self.claims.is_none()
        {
            offload::submit(Lane::Shared, move || drop(source));
        }
    }
}

impl<S: Source> State<S> {
    fn take_source(&mut self) -> Option<S> {
        match mem::replace(&mut self.place, Place::WithAJob) {
            Place::Here(source) | Place::AtHand(source) => Some(source),
            other => {
                self.place = other;
                None
            }
        }
    }
}

impl<S: Source> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        // The source is used under the lock by `batch_at_once` alone; if it
        // panics there, it panics to the caller, and the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(self: Arc<Self>, mut source: S, depth: usize, ticket: Option<Ticket>) {
        drop(ticket);
        let job = Job { shared: self };
        if job.is_wanted() && source.may_wait() {
            offload::submit(Lane::Alone, move || job.fill(source, depth, Lane::Alone));
            return;
        }
        job.fill(source, depth, Lane::Shared);
    }
}

/// A job at work. Dropped by a panic, it tells the consumer.
struct Job<S: Source> {
    shared: Arc<Shared<S>>,
}

impl<S: Source> Job<S> {
    fn is_wanted(&self) -> bool {
        !matches!(self.shared.lock().place, Place::Unwanted)
    }

    fn fill(self, mut source: S, depth: usize, lane: Lane) {
        while self.is_wanted() {
            let Some(batch) = source.next_batch() else {
                // Closed before the end is told.
                drop(source);
                return self.rest(Place::Ended);
            };
            let at_hand = source.is_at_hand();
            let mut state = self.shared.lock();
            state.ready.push_back(batch);
            let waker = state.waker.take();
            let rest = match state.place {
                Place::WithAJob if at_hand => Some(Place::AtHand as fn(S) -> Place<S>),
                Place::WithAJob if state.ready.len() >= depth => Some(Place::Here as _),
                _ => None,
            };
            if let Some(rest) = rest {
                state.place = rest(source);
                drop(state);
                waker.into_iter().for_each(Waker::wake);
                return;
            }
            drop(state);
            waker.into_iter().for_each(Waker::wake);
            if lane == Lane::Shared && offload::others_wait() {
                // A consumer that is fast would keep them waiting to the end.
                return offload::submit(lane, move || self.fill(source, depth, lane));
            }
        }
    }

    fn rest(&self, place: Place<S>) {
        let mut state = self.shared.lock();
        if let Place::WithAJob = state.place {
            state.place = place;
        }
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<S: Source> Drop for Job<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.rest(Place::Lost);
        }
    }
}

#[cfg(test)]
mod tests;
