use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::{FusedStream, Stream};

use super::{AsCompleted, Completed, Pending};
use crate::deadline::Deadline;
use crate::in_flight::{InFlight, IteratorOfFutures};
use crate::limit::Limit;
use crate::size_hint::{ENDED, SizeHint};

/// Outputs in a row before the clock is looked at all the same.
const OUTPUTS_PER_LOOK: u8 = 64;

impl<I> AsCompleted<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    /// Stops `limit` after the first poll: asyncio's `as_completed(…, timeout)`.
    ///
    /// What is ready comes before the clock is looked at, so a deadline of zero
    /// gives what is ready at the first poll; [`Duration::MAX`] never comes.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{as_completed, gather, next};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let naps = [1, 60, 30].map(|n| async move {
    ///     tokio::time::sleep(Duration::from_secs(n)).await;
    ///     n
    /// });
    /// let mut ended = as_completed(naps).deadline(Duration::from_secs(10)).stream();
    /// assert_eq!(next(&mut ended).await, Some(Ok(1)));
    /// let late = next(&mut ended).await.unwrap().unwrap_err();
    /// assert_eq!(late.to_string(), "the deadline of 10s passed with 2 futures unfinished");
    /// assert_eq!(next(&mut ended).await, None);
    ///
    /// // They are half done, and can be awaited all the same.
    /// assert_eq!(gather(ended.into_pending()).await, [60, 30]);
    /// # }
    /// ```
    #[doc(alias = "timeout")]
    pub fn deadline(self, limit: Duration) -> Within<I> {
        Within {
            builder: self,
            after: limit,
        }
    }
}

/// The builder of [`AsCompleted::deadline`]: take its `.stream()`.
#[must_use = "nothing runs until its stream is polled"]
#[derive(Clone)]
pub struct Within<I> {
    builder: AsCompleted<I>,
    after: Duration,
}

impl<I> Within<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    /// Keeps at most `limit` futures in flight: see [`AsCompleted::limit`].
    ///
    /// # Panics
    ///
    /// If `limit` is the `usize` zero: see [`Limit`].
    #[doc(alias = "task_limit")]
    #[track_caller]
    pub fn limit(self, limit: impl Limit) -> Self {
        Self {
            builder: self.builder.limit(limit),
            ..self
        }
    }

    /// Gives the outputs as they come, and one error at the deadline.
    pub fn stream(self) -> CompletedWithin<I> {
        CompletedWithin {
            completed: self.builder.stream(),
            deadline: Box::pin(Deadline::new(self.after)),
            until_look: OUTPUTS_PER_LOOK,
            state: State::Open,
        }
    }
}

impl<I> fmt::Debug for Within<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within")
            .field("after", &self.after)
            .field("builder", &self.builder)
            .finish()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the deadline.
    Open,
    /// After it: what is ready is still given.
    Late,
    /// The end, or the error, was given.
    Over,
    /// The end was given.
    Ended,
}

/// The stream of [`Within::stream`]: the outputs as the futures end, up to the deadline.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | snoozes: up to `limit` futures, polled only while this is |
/// | memory | the futures in flight |
/// | fairness | woken futures, in the order of their wake-ups, and new ones in turn; one unit of the budget a poll |
/// | fused | yes: the iterator is dropped at its end |
/// | size_hint | a bracket: the deadline ends it early |
/// | errors | every output is given, errors included; at the deadline one error, then the end; a panic drops its own future only |
/// | runtime | tokio's clock |
///
/// # Panics
///
/// When it is polled outside a tokio runtime with a clock.
#[must_use = "streams do nothing unless polled"]
pub struct CompletedWithin<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    completed: Completed<I>,
    deadline: Pin<Box<Deadline>>,
    until_look: u8,
    state: State,
}

impl<I> CompletedWithin<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    /// The futures that were started and haven't ended.
    pub fn in_flight(&self) -> usize {
        self.completed.in_flight()
    }

    /// Gives back the futures that haven't ended, to be awaited later: see
    /// [`Completed::into_pending`].
    pub fn into_pending(self) -> Pending<I> {
        self.completed.into_pending()
    }

    fn futures(&mut self) -> Pin<&mut InFlight<IteratorOfFutures<I>>> {
        Pin::new(&mut self.completed.futures)
    }

    /// Looks at the clock, and from the deadline on starts nothing new.
    fn look(&mut self, cx: &mut Context<'_>) {
        self.until_look = OUTPUTS_PER_LOOK;
        if self.state == State::Open && self.deadline.as_mut().poll_over(cx).is_ready() {
            self.state = State::Late;
            self.futures().close();
        }
    }
}

impl<I> Stream for CompletedWithin<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    type Item = Result<<I::Item as IntoFuture>::Output, DeadlineElapsed>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let State::Over | State::Ended = this.state {
            this.state = State::Ended;
            return Poll::Ready(None);
        }
        // Before the futures are polled: what that takes counts.
        this.deadline.as_mut().start();
        let polled = match this.state {
            State::Open => this.futures().poll_next(cx),
            _ => this.futures().poll_leftover(cx),
        };
        match polled {
            Poll::Ready(Some((_, output))) => {
                this.until_look -= 1;
                if this.until_look == 0 {
                    // A supply that is always ready has its deadline too.
                    this.look(cx);
                }
                Poll::Ready(Some(Ok(output)))
            }
            Poll::Ready(None) => {
                this.state = State::Ended;
                Poll::Ready(None)
            }
            Poll::Pending => {
                this.look(cx);
                if this.state == State::Open || !this.completed.futures.is_idle() {
                    return Poll::Pending;
                }
                this.state = State::Over;
                Poll::Ready(Some(Err(DeadlineElapsed {
                    after: this.deadline.after(),
                    unfinished: this.completed.size_hint().0,
                })))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        if let State::Over | State::Ended = self.state {
            return ENDED;
        }
        let (lower, upper) = self.completed.size_hint();
        // At the deadline the error takes the place of at least one output.
        (lower.min(1), upper)
    }
}

impl<I> FusedStream for CompletedWithin<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn is_terminated(&self) -> bool {
        self.state == State::Ended
    }
}

impl<I> fmt::Debug for CompletedWithin<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletedWithin")
            .field("completed", &self.completed)
            .field("after", &self.deadline.after())
            .field("state", &self.state)
            .finish()
    }
}

/// The error of [`CompletedWithin`]: the deadline came before all futures had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineElapsed {
    after: Duration,
    unfinished: usize,
}

impl DeadlineElapsed {
    /// The futures that haven't ended: those in flight, and those that the
    /// iterator has left by its `size_hint`, which is exact for a `Vec` or an array.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// The time from the first poll to the deadline.
    pub fn after(&self) -> Duration {
        self.after
    }
}

impl fmt::Display for DeadlineElapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.unfinished == 1 { "" } else { "s" };
        write!(
            f,
            "the deadline of {:?} passed with {} future{plural} unfinished",
            self.after, self.unfinished
        )
    }
}

impl Error for DeadlineElapsed {}
