//! One call of a task: the builder, and the future that it becomes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio_util::bytes::Bytes;

use crate::codec;
use crate::engine::{HungUp, Sharing, Submission};
use crate::error::{Error, Part, TaskError};
use crate::line::{Line, supervisor_died};
use crate::reply::{Failure, Reply, ReplyTo};
use crate::task::Task;
use crate::wire::{self, CallId, Ending};

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
    limits: Limits,
}

/// What a call may cost, and whom.
#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    timeout: Option<Duration>,
    run_timeout: Option<Duration>,
    sharing: Sharing,
}

impl<T: Task> Call<T> {
    pub(crate) fn new(line: Arc<Line>, input: T::Input) -> Self {
        Self {
            line,
            input,
            limits: Limits::default(),
        }
    }

    /// Gives up with [`TaskError::TimedOut`] if there is no answer within
    /// `limit` of the first poll, time in the queue included. The task is then
    /// cancelled as if the call had been dropped.
    ///
    /// It is real time, whatever the caller's runtime thinks of the clock.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limits.timeout = Some(limit);
        self
    }

    /// Gives up with [`TaskError::TimedOut`] if the task runs for longer than
    /// `limit`. Time in the queue does not count. The task is then cancelled as
    /// if the call had been dropped.
    pub fn run_timeout(mut self, limit: Duration) -> Self {
        self.limits.run_timeout = Some(limit);
        self
    }

    /// Runs the task alone in its worker: it waits until one has nothing else to
    /// do, and nothing is begun beside it.
    ///
    /// So nothing else is lost if it crashes or has to be killed, and nothing
    /// that runs beside it uses up its limits.
    pub fn exclusive(mut self) -> Self {
        self.limits.sharing = Sharing::Exclusive;
        self
    }
}

impl<T: Task> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("task", &T::NAME)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<T: Task> IntoFuture for Call<T> {
    type Output = Result<T::Output, TaskError<T::Error>>;
    type IntoFuture = Answer<T>;

    fn into_future(self) -> Answer<T> {
        Answer {
            line: self.line,
            limits: self.limits,
            state: State::Unsent(self.input),
        }
    }
}

/// The future of a [`Call`].
#[must_use = "futures do nothing unless polled"]
pub struct Answer<T: Task> {
    line: Arc<Line>,
    limits: Limits,
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
        let deadline = self
            .limits
            .timeout
            .and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
        let index = self.line.table.index_of(T::NAME)?;
        let input = wire::payload(input).map_err(|unsendable| Error::Encode {
            task: T::NAME,
            part: Part::Input,
            reason: unsendable.to_string(),
        })?;
        let call = self.line.number_a_call();
        let (sender, reply) = oneshot::channel();
        let submission = Submission {
            call,
            task: T::NAME,
            index,
            input,
            deadline,
            run_timeout: self.limits.run_timeout,
            sharing: self.limits.sharing,
            reply: ReplyTo::One(sender),
        };
        match self.line.submit(submission) {
            Ok(()) => Ok(State::Sent { call, reply }),
            Err(HungUp) => Err(Error::Closed),
        }
    }

    /// What a worker said, in the words of the caller's types.
    fn read(ending: Ending, payload: &Bytes) -> <Self as Future>::Output {
        let task = T::NAME;
        let part = Part::Output;
        let unreadable = |error: codec::CodecError| Error::Decode {
            task,
            part,
            reason: error.to_string(),
        };
        Err(match ending {
            Ending::Output => return Ok(codec::decode(payload).map_err(unreadable)?),
            Ending::Error => TaskError::Task(codec::decode(payload).map_err(unreadable)?),
            Ending::Panicked { message, location } => TaskError::Panicked {
                task,
                message,
                location,
            },
            Ending::Cancelled => TaskError::Cancelled { task },
            Ending::InputRejected { reason } => TaskError::Pool(Error::Decode {
                task,
                part: Part::Input,
                reason,
            }),
            Ending::OutputRejected { reason } => {
                TaskError::Pool(Error::Encode { task, part, reason })
            }
            Ending::UnknownTask => TaskError::Pool(Error::UnknownTask { task }),
        })
    }

    fn fail(&self, failure: Failure) -> TaskError<T::Error> {
        let task = T::NAME;
        match failure {
            Failure::Lost {
                pid,
                exit,
                started,
                beside,
                stderr,
            } => TaskError::WorkerLost {
                task,
                pid,
                exit,
                started,
                beside,
                stderr,
            },
            Failure::TimedOut { after } => TaskError::TimedOut { task, after },
            Failure::Cancelled => TaskError::Cancelled { task },
            Failure::Pool(error) => TaskError::Pool(error),
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
                        Ok(Ok((ending, payload))) => Self::read(ending, &payload),
                        Ok(Err(failure)) => Err(this.fail(failure)),
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
