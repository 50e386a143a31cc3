//! One call of a task: the builder, and the future that it becomes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::engine::{HungUp, Sharing};
use crate::error::{Error, TaskError};
use crate::line::{Line, supervisor_died};
use crate::outcome;
use crate::reply::{Reply, ReplyTo};
use crate::task::Task;
use crate::terms::{self, Terms};
use crate::wire::CallId;

/// A call of the task `T`, to be awaited. Made by
/// [`Pool::call`](crate::Pool::call).
///
/// Awaiting it gives the task's output, or a [`TaskError`]. It does not borrow
/// the pool, so it can be spawned.
///
/// # Cancel safety
///
/// *Rolls back*: dropping the call takes it off the queue, or drops the task in
/// its worker at the task's next await. What the task has done by then is done.
/// If it has begun and comes to no await within two seconds, its worker is killed
/// and replaced, with whatever else was running there.
#[must_use = "a call is not made until it is awaited"]
pub struct Call<T: Task> {
    line: Arc<Line>,
    input: T::Input,
    terms: Terms,
}

impl<T: Task> Call<T> {
    pub(crate) fn new(line: Arc<Line>, input: T::Input) -> Self {
        Self {
            line,
            input,
            terms: Terms::default(),
        }
    }

    /// Gives up with [`TaskError::TimedOut`] if there is no answer within
    /// `limit` of the first poll, time in the queue included. The task is then
    /// cancelled as if the call had been dropped.
    ///
    /// It is real time, whatever the caller's runtime thinks of the clock.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// Gives up with [`TaskError::TimedOut`] if the task runs for longer than
    /// `limit`. Time in the queue does not count. The task is then cancelled as
    /// if the call had been dropped.
    pub fn run_timeout(mut self, limit: Duration) -> Self {
        self.terms.run_timeout = Some(limit);
        self
    }

    /// Runs the task alone in its worker: it waits until one has nothing else to
    /// do, and nothing is begun beside it.
    ///
    /// So nothing else is lost if it crashes or has to be killed, and nothing
    /// that runs beside it uses up its limits.
    pub fn exclusive(mut self) -> Self {
        self.terms.sharing = Sharing::Exclusive;
        self
    }
}

impl<T: Task> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("task", &T::NAME)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

impl<T: Task> IntoFuture for Call<T> {
    type Output = Result<T::Output, TaskError<T::Error>>;
    type IntoFuture = Answer<T>;

    fn into_future(self) -> Answer<T> {
        Answer {
            line: self.line,
            terms: self.terms,
            state: State::Unsent(self.input),
        }
    }
}

/// The future of a [`Call`].
#[must_use = "futures do nothing unless polled"]
pub struct Answer<T: Task> {
    line: Arc<Line>,
    terms: Terms,
    state: State<T::Input>,
}

enum State<I> {
    Unsent(I),
    Sent {
        call: CallId,
        reply: oneshot::Receiver<Reply>,
    },
    Over,
}

// The input is moved, never pinned.
impl<T: Task> Unpin for Answer<T> {}

impl<T: Task> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("task", &T::NAME)
            .finish_non_exhaustive()
    }
}

impl<T: Task> Answer<T> {
    fn send(&self, input: &T::Input) -> Result<State<T::Input>, Error> {
        let line = &self.line;
        let index = line.table.index_of(T::NAME)?;
        let place = line.queue.enter()?;
        let input = terms::encode(T::NAME, input)?;
        let (sender, reply) = oneshot::channel();
        let (call, reply_to) = (line.number_a_call(), ReplyTo::One(sender));
        let submission = self
            .terms
            .submission(call, (T::NAME, index), input, place, reply_to);
        match line.submit(submission) {
            Ok(()) => Ok(State::Sent { call, reply }),
            Err(HungUp) => Err(Error::Closed),
        }
    }
}

impl<T: Task> Future for Answer<T> {
    type Output = Result<T::Output, TaskError<T::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Unsent(_) => {
                    // Over, unless it is sent: a `Serialize` may panic.
                    if let State::Unsent(input) = std::mem::replace(&mut this.state, State::Over) {
                        this.state = this.send(&input)?;
                    }
                }
                State::Sent { reply, .. } => {
                    let reply = ready!(Pin::new(reply).poll(cx));
                    this.state = State::Over;
                    return Poll::Ready(match reply {
                        Ok(reply) => outcome::of::<T>(reply),
                        Err(_) => Err(TaskError::Pool(supervisor_died())),
                    });
                }
                State::Over => panic!("a call of {} was polled after its answer", T::NAME),
            }
        }
    }
}

impl<T: Task> Drop for Answer<T> {
    fn drop(&mut self) {
        if let State::Sent { call, .. } = self.state {
            self.line.cancel([call]);
        }
    }
}
