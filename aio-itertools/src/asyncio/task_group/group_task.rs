use std::error::Error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A task of a group, to be awaited for its value or dropped: the task goes on either way.
///
/// It gives the value of a task that returned `Ok`. Otherwise it says why there
/// is none; the error itself is with the group, and so is a panic. It never
/// waits for ever: a task that will not run is said to be cancelled.
///
/// # Examples
///
/// ```
/// use aio_itertools::task_group;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let group = task_group::<std::io::Error>().await;
/// let six = group.spawn(async { Ok(6) });
/// let seven = group.spawn(async { Ok(7) });
/// assert_eq!(six.await? * seven.await?, 42);
/// group.join().await?;
/// # Ok(())
/// # }
/// ```
pub struct GroupTask<T> {
    reply: Arc<Reply<T>>,
}

impl<T> GroupTask<T> {
    pub(super) fn new(reply: &Arc<Reply<T>>) -> Self {
        Self {
            reply: Arc::clone(reply),
        }
    }
}

impl<T> Future for GroupTask<T> {
    type Output = Result<T, NoValue>;

    /// # Panics
    ///
    /// If it is polled after its end.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, NoValue>> {
        self.reply.poll_taken(cx)
    }
}

impl<T> fmt::Debug for GroupTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = !matches!(*self.reply.lock(), State::Awaited(_));
        f.debug_struct("GroupTask").field("ended", &ended).finish()
    }
}

/// Why a task of a group has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoValue {
    /// It returned an error, which the group gives when it is joined.
    Failed,
    /// It panicked; the panic goes on where the group is joined.
    Panicked,
    /// It was stopped at an await or never started: the group had a failure, was
    /// cancelled or has ended, or its runtime was shut down.
    Cancelled,
}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoValue::Failed => "the task failed, and its error is with its group",
            NoValue::Panicked => "the task panicked",
            NoValue::Cancelled => "the task was cancelled",
        })
    }
}

impl Error for NoValue {}

/// The way of a value from its task to whoever awaits it.
pub(super) struct Reply<T> {
    state: Mutex<State<T>>,
}

enum State<T> {
    Awaited(Option<Waker>),
    Given(Result<T, NoValue>),
    Taken,
}

impl<T> Reply<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::Awaited(None)),
        })
    }

    // No foreign code runs under the lock, so it can't be poisoned half-written.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the outcome to whoever awaits it; it is dropped here if nobody can.
    pub(super) fn give(self: Arc<Self>, outcome: Result<T, NoValue>) {
        let before = mem::replace(&mut *self.lock(), State::Given(outcome));
        if let State::Awaited(Some(waker)) = before {
            waker.wake();
        }
    }

    fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<Result<T, NoValue>> {
        let new = cx.waker().clone();
        let mut state = self.lock();
        match mem::replace(&mut *state, State::Taken) {
            State::Given(outcome) => Poll::Ready(outcome),
            State::Awaited(old) => {
                *state = State::Awaited(Some(new));
                drop(state);
                drop(old);
                Poll::Pending
            }
            State::Taken => {
                drop(state);
                panic!("a spawned task was polled after its end")
            }
        }
    }
}
