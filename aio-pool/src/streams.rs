//! Tasks that yield one item after another, and how they are called.
//!
//! A `fn` of [`task!`](crate::task) that returns a stream is a [`StreamTask`];
//! [`Pool::stream`](crate::Pool::stream) makes a [`StreamCall`] of it, and its
//! door [`.stream()`](StreamCall::stream) the [`Items`].

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use tokio::task::coop;

use crate::engine::HungUp;
use crate::error::{Error, TaskError};
use crate::inflow::{End, Next, Outflow, flow};
use crate::line::{Line, supervisor_died};
use crate::outcome;
use crate::reply::{Reply, ReplyTo};
use crate::terms::{self, Terms};
use crate::wire::CallId;

pub use crate::stream_task::StreamTask;

/// A call of the stream task `T`. Made by [`Pool::stream`](crate::Pool::stream).
///
/// Awaiting it gives all items; [`.stream()`](Self::stream) gives them one by
/// one. It does not borrow the pool, so it can be spawned.
///
/// # Cancel safety
///
/// *Rolls back*: dropping the call takes it off the queue, or drops the task's
/// stream in its worker, as [`Call`](crate::Call) does.
#[must_use = "nothing is called until this is awaited or its stream is polled"]
pub struct StreamCall<T: StreamTask> {
    line: Arc<Line>,
    input: T::Input,
    terms: Terms,
}

impl<T: StreamTask> StreamCall<T> {
    pub(crate) fn new(line: Arc<Line>, input: T::Input) -> Self {
        Self {
            line,
            input,
            terms: Terms::default(),
        }
    }

    /// Gives up with [`TaskError::TimedOut`] if the stream has not ended within
    /// `limit` of the first poll, time in the queue and time that its consumer
    /// takes included. Items that came in time are still yielded before.
    ///
    /// It is real time, whatever the caller's runtime thinks of the clock.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// Yields the items as they come, while the task makes more.
    ///
    /// At most 16 items are under way that have not been taken: a task with a
    /// slow consumer waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_core::Stream;
    ///
    /// aio_pool::task! {
    ///     /// Every number there is.
    ///     fn numbers() -> impl Stream<Item = u64> {
    ///         futures_util::stream::iter(0..)
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     aio_pool::init();
    ///     run()
    /// }
    ///
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn run() -> Result<(), Box<dyn std::error::Error>> {
    ///     let pool = aio_pool::start().workers(1).await?;
    ///     let mut numbers = pool.stream::<numbers>(()).stream();
    ///     while let Some(number) = numbers.next().await {
    ///         if number? == 100 {
    ///             break;
    ///         }
    ///     }
    ///     drop(numbers); // the task ends, too
    ///     pool.close().await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn stream(self) -> Items<T> {
        Items {
            line: self.line,
            terms: self.terms,
            state: State::Unsent(self.input),
        }
    }
}

impl<T: StreamTask> fmt::Debug for StreamCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamCall")
            .field("task", &T::NAME)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

impl<T: StreamTask> IntoFuture for StreamCall<T> {
    type Output = Result<Vec<T::Item>, TaskError<T::Error>>;
    type IntoFuture = Gathered<T>;

    fn into_future(self) -> Gathered<T> {
        Gathered {
            items: self.stream(),
            gathered: Vec::new(),
        }
    }
}

/// The future of a [`StreamCall`]: all of its items, or the first error.
#[must_use = "futures do nothing unless polled"]
pub struct Gathered<T: StreamTask> {
    items: Items<T>,
    gathered: Vec<T::Item>,
}

// Items are moved, never pinned.
impl<T: StreamTask> Unpin for Gathered<T> {}

impl<T: StreamTask> fmt::Debug for Gathered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathered")
            .field("task", &T::NAME)
            .field("items", &self.gathered.len())
            .finish_non_exhaustive()
    }
}

impl<T: StreamTask> Future for Gathered<T> {
    type Output = Result<Vec<T::Item>, TaskError<T::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match ready!(Pin::new(&mut this.items).poll_next(cx)) {
                Some(item) => this.gathered.push(item?),
                None => return Poll::Ready(Ok(std::mem::take(&mut this.gathered))),
            }
        }
    }
}

/// The items of a stream task, each of which may be the error that is the last.
/// Made by [`StreamCall::stream`].
///
/// The call is made by the first poll. When the worker dies, what it had sent is
/// yielded first, then [`TaskError::WorkerLost`], then nothing more.
///
/// Dropping it ends the task: the stream in the worker is dropped, for which it
/// has two seconds.
#[must_use = "streams do nothing unless polled"]
pub struct Items<T: StreamTask> {
    line: Arc<Line>,
    terms: Terms,
    state: State<T::Input>,
}

enum State<I> {
    Unsent(I),
    Open { call: CallId, items: Outflow<Reply> },
    Over,
}

// The input is moved, never pinned.
impl<T: StreamTask> Unpin for Items<T> {}

impl<T: StreamTask> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("task", &T::NAME)
            .field("over", &self.is_terminated())
            .finish_non_exhaustive()
    }
}

impl<T: StreamTask> Items<T> {
    /// Returns the next item; `None` behind the last one and behind an error.
    ///
    /// # Errors
    ///
    /// Inside: the task's own error, or what kept it from going on.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: an item that was not returned is there the next time.
    ///
    /// # Examples
    ///
    /// See [`StreamCall::stream`].
    pub async fn next(&mut self) -> Option<Result<T::Item, TaskError<T::Error>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn send(&self, input: &T::Input) -> Result<State<T::Input>, Error> {
        let line = &self.line;
        let task = (T::NAME, line.table.index_of(T::NAME)?);
        let place = line.queue.enter()?;
        let input = terms::encode(T::NAME, input)?;
        let call = line.number_a_call();
        let (inflow, items) = flow();
        let reply = ReplyTo::Items(inflow);
        let submission = self.terms.submission(call, task, input, place, reply);
        match line.submit(submission) {
            Ok(()) => Ok(State::Open { call, items }),
            Err(HungUp) => Err(Error::Closed),
        }
    }

    fn end(&self, end: End<Reply>) -> Option<TaskError<T::Error>> {
        match end {
            End::Reply(Ok((ending, payload))) => outcome::ended(T::NAME, ending, payload).err(),
            End::Reply(Err(failure)) => Some(outcome::failed(T::NAME, failure)),
            End::HungUp => Some(TaskError::Pool(supervisor_died())),
        }
    }

    /// Ends the call wherever it is.
    fn cancel(&mut self) {
        if let State::Open { call, .. } = std::mem::replace(&mut self.state, State::Over) {
            self.line.cancel([call]);
        }
    }
}

impl<T: StreamTask> Stream for Items<T> {
    type Item = Result<T::Item, TaskError<T::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let State::Unsent(_) = this.state {
            // Over, unless it is sent: a `Serialize` may panic.
            if let State::Unsent(input) = std::mem::replace(&mut this.state, State::Over) {
                this.state = this.send(&input)?;
            }
        }
        let State::Open { call, items } = &this.state else {
            return Poll::Ready(None);
        };
        // A worker may be as fast as its consumer: others must have their turn.
        let turn = ready!(coop::poll_proceed(cx));
        let next = ready!(items.poll_next(cx));
        turn.made_progress();
        Poll::Ready(match next {
            Next::Item(payload, due) => {
                if due > 0 {
                    this.line.credit(*call, due);
                }
                let item = outcome::decode(T::NAME, &payload);
                if item.is_err() {
                    this.cancel();
                }
                Some(Ok(item?))
            }
            Next::End(end) => {
                this.state = State::Over;
                this.end(end).map(Err)
            }
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.is_terminated().then_some(0))
    }
}

impl<T: StreamTask> FusedStream for Items<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Over)
    }
}

impl<T: StreamTask> Drop for Items<T> {
    fn drop(&mut self) {
        self.cancel();
    }
}
