//! One operation, shared by the future that waits for it and the worker that runs it.
//!
//! The reply needs no runtime: it is a value and a waker under a lock that is
//! held for a few instructions, so a connection serves tasks of any runtime,
//! and of several.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::deadline::{self, Expire};
use crate::error::{Error, Result};
use crate::wakes::{self, contain, wake};

/// Where an operation stands; each step is one atomic exchange.
const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
/// The caller has gone: a queued operation never runs, a running one stops.
const ABANDONED: u8 = 2;
/// The limit passed before the operation started: it never runs.
const EXPIRED_QUEUED: u8 = 3;
/// The limit passed while it ran: the worker stops it and answers.
const EXPIRED_RUNNING: u8 = 4;

/// A limit on the time from the first poll to the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) at: Instant,
    pub(crate) length: Duration,
}

impl Limit {
    /// The limit that starts now; one too far away to be an instant is none.
    pub(crate) fn starting_now(length: Option<Duration>) -> Option<Limit> {
        let length = length?;
        let at = Instant::now().checked_add(length)?;
        Some(Limit { at, length })
    }
}

/// Says whether an operation may start, and whether it must stop.
#[derive(Debug)]
pub(crate) struct Token {
    state: AtomicU8,
    limit: Option<Limit>,
}

impl Token {
    pub(crate) fn new(limit: Option<Limit>) -> Token {
        Token {
            state: AtomicU8::new(QUEUED),
            limit,
        }
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Takes the operation for running, unless its caller has gone.
    pub(crate) fn claim(&self) -> bool {
        self.step(QUEUED, RUNNING)
    }

    /// Makes an operation that ran one that waits again, since what it did was
    /// undone. `false` where its limit has passed meanwhile: it never runs
    /// again.
    fn put_back(&self) -> bool {
        if self.step(EXPIRED_RUNNING, EXPIRED_QUEUED) {
            return false;
        }
        let waits = self.step(RUNNING, QUEUED);
        // The clock has told its limit once and does not come again.
        let over = self.limit.is_some_and(|limit| Instant::now() >= limit.at);
        !(waits && over && self.step(QUEUED, EXPIRED_QUEUED))
    }

    /// Tells whether somebody waits for the operation.
    pub(crate) fn is_wanted(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), QUEUED | RUNNING)
    }

    /// Says that nobody waits any more.
    pub(crate) fn abandon(&self) {
        let _ = self.step(QUEUED, ABANDONED) || self.step(RUNNING, ABANDONED);
    }

    /// Tells whether the running operation must stop; asked by SQLite's
    /// progress handler and by the busy handler.
    pub(crate) fn must_stop(&self) -> bool {
        match self.state.load(Ordering::Acquire) {
            // A queued operation that expired does not run; one that is left to
            // itself at its limit does, and what it has SQLite do stops.
            ABANDONED | EXPIRED_QUEUED | EXPIRED_RUNNING => true,
            RUNNING => match self.limit {
                Some(limit) if Instant::now() >= limit.at => self.step(RUNNING, EXPIRED_RUNNING),
                _ => false,
            },
            _ => false,
        }
    }

    /// The limit, if it is what stopped the operation.
    pub(crate) fn stopped_by_limit(&self) -> Option<Duration> {
        match self.state.load(Ordering::Acquire) {
            EXPIRED_QUEUED | EXPIRED_RUNNING => self.limit.map(|limit| limit.length),
            _ => None,
        }
    }
}

/// Whatever can say that the work which is done for it must stop: the worker
/// keeps that of the running work where the handlers find it.
pub(crate) trait Stop: Send + Sync {
    fn must_stop(&self) -> bool;
}

/// Whatever carries a token.
pub(crate) trait Stoppable: Stop {
    fn token(&self) -> &Token;
}

impl<T: Stoppable> Stop for T {
    fn must_stop(&self) -> bool {
        self.token().must_stop()
    }
}

thread_local! {
    /// What the work that runs on this worker thread is done for.
    static CURRENT: RefCell<Option<Arc<dyn Stop>>> = const { RefCell::new(None) };
}

/// Runs `work` as the operation that the handlers ask about.
pub(crate) fn running<T>(operation: Arc<dyn Stop>, work: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(Some(operation));
    let _restore = Restore(before);
    work()
}

/// Runs `work` so that nothing stops it: COMMIT, ROLLBACK and RELEASE happen
/// whole, whoever has gone meanwhile.
pub(crate) fn shielded<T>(work: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(None);
    let _restore = Restore(before);
    work()
}

struct Restore(Option<Arc<dyn Stop>>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Tells whether the operation that runs on this thread must stop. It is asked
/// after a while of running, and before waiting for a lock: long enough for
/// callers who are to be woken.
pub(crate) fn current_must_stop() -> bool {
    wakes::flush();
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(|op| op.must_stop()))
}

/// What happens when the limit passes while the operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnLimit {
    /// The worker stops it at the next step and says what it came to.
    Stop,
    /// The caller is told at once, since code of the caller can't be stopped.
    Leave,
}

/// An operation with its answer.
#[derive(Debug)]
pub(crate) struct Op<T> {
    token: Token,
    on_limit: OnLimit,
    slot: Mutex<Slot<T>>,
    /// The slot has an answer: what is looked at without its lock.
    answered: AtomicBool,
}

#[derive(Debug)]
struct Slot<T> {
    answer: Option<Result<T>>,
    used: Option<Used>,
    waker: Option<Waker>,
}

/// What an operation crossed with, on its way back: whoever asked made it, and
/// is to free it. Allocators keep what a thread made for that thread, and one
/// that frees it from another makes both wait for each other.
pub(crate) struct Used(#[expect(dead_code, reason = "it is kept to be dropped")] Box<dyn Send>);

impl Used {
    pub(crate) fn new(used: Box<dyn Send>) -> Used {
        Used(used)
    }
}

impl fmt::Debug for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Used")
    }
}

impl<T> Op<T> {
    pub(crate) fn new(limit: Option<Limit>, on_limit: OnLimit) -> Arc<Op<T>> {
        Arc::new(Op {
            token: Token::new(limit),
            on_limit,
            slot: Mutex::new(Slot {
                answer: None,
                used: None,
                waker: None,
            }),
            answered: AtomicBool::new(false),
        })
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot<T>> {
        // Nothing that can panic runs under this lock.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the answer where the waiting future finds it, and returns whom to
    /// wake.
    fn answer(&self, answer: Result<T>, used: Option<Used>) -> Option<Waker> {
        let mut slot = self.slot();
        slot.answer = Some(answer);
        slot.used = used;
        let waker = slot.waker.take();
        self.answered.store(true, Ordering::Release);
        waker
    }
}

/// The worker's half of an operation. Whatever becomes of it, its caller gets
/// an answer: dropped without one, it says that the connection is closed.
#[derive(Debug)]
pub(crate) struct Promise<T> {
    op: Arc<Op<T>>,
    kept: bool,
}

impl<T> Promise<T> {
    pub(crate) fn new(op: Arc<Op<T>>) -> Promise<T> {
        Promise { op, kept: false }
    }

    pub(crate) fn op(&self) -> &Arc<Op<T>> {
        &self.op
    }

    /// Takes the operation for running, unless its caller has gone.
    pub(crate) fn claim(&self) -> bool {
        self.op.token.claim()
    }

    /// Makes the operation one that waits again, since what it did was undone.
    pub(crate) fn put_back(&self) {
        if !self.op.token.put_back() {
            let waker = self.op.slot().waker.take();
            wake(waker);
        }
    }

    pub(crate) fn answer(self, answer: Result<T>) {
        self.answer_with(answer, None);
    }

    /// Answers, and gives back what the operation crossed with.
    pub(crate) fn answer_with(mut self, answer: Result<T>, used: Option<Used>) {
        self.kept = true;
        let waker = self.op.answer(answer, used);
        drop(self); // so that its caller is the last to hold the operation
        wake(waker);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if !self.kept {
            wake(self.op.answer(Err(Error::Closed), None));
        }
    }
}

impl<T: Send> Stoppable for Op<T> {
    fn token(&self) -> &Token {
        &self.token
    }
}

impl<T: Send> Expire for Op<T> {
    fn expire(&self) {
        let now_expired = self.token.step(QUEUED, EXPIRED_QUEUED)
            || (self.on_limit == OnLimit::Leave && self.token.step(RUNNING, EXPIRED_QUEUED));
        if now_expired {
            let waker = self.slot().waker.take();
            wake(waker);
        }
    }
}

/// Waits for the answer of an operation; dropped before, it abandons it.
#[derive(Debug)]
pub(crate) struct Reply<T: Send + 'static> {
    op: Arc<Op<T>>,
    /// Kept for its drop, which takes the limit off the clock.
    _timer: Option<deadline::Timer>,
}

impl<T: Send + 'static> Reply<T> {
    pub(crate) fn new(op: Arc<Op<T>>) -> Reply<T> {
        let timer = op.token.limit.map(|limit| {
            let op: Arc<dyn Expire> = op.clone();
            deadline::at(limit.at, op)
        });
        Reply { op, _timer: timer }
    }

    /// Tells whether the answer is there.
    pub(crate) fn is_there(&self) -> bool {
        self.op.answered.load(Ordering::Acquire)
    }
}

impl<T: Send + 'static> Future for Reply<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let mut slot = self.op.slot();
        if self.op.token.state.load(Ordering::Acquire) == EXPIRED_QUEUED {
            slot.answer = None; // from a worker that dropped what had expired
        }
        if let Some(answer) = slot.answer.take() {
            let used = slot.used.take();
            drop(slot);
            contain(|| drop(used)); // before its caller goes on
            return Poll::Ready(answer);
        }
        // The waker goes in before the state is read: who expires the
        // operation changes the state first and takes the waker after.
        match &mut slot.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        match (
            self.op.token.state.load(Ordering::Acquire),
            self.op.token.limit,
        ) {
            (EXPIRED_QUEUED, Some(limit)) => Poll::Ready(Err(Error::TimedOut {
                limit: limit.length,
                sql: None,
            })),
            _ => Poll::Pending,
        }
    }
}

impl<T: Send + 'static> Drop for Reply<T> {
    fn drop(&mut self) {
        self.op.token.abandon();
    }
}
