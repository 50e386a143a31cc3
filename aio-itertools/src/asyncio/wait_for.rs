use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::deadline::Deadline;

/// Gives the output of a future, or an error if it takes longer than `limit`.
///
/// The time runs from the first poll. The future is polled before the clock is
/// looked at, so one that is ready gives its output even with a limit of zero;
/// [`Duration::MAX`] never ends. A future that is too late is dropped together
/// with this one: give `&mut future` to keep it.
///
/// Python's `wait_for` waits until a cancelled task has ended; here the future
/// ends by being dropped.
///
/// # Errors
///
/// [`Elapsed`] if the time was over first.
///
/// # Panics
///
/// When it is polled outside a tokio runtime with a clock.
///
/// # Cancel safety
///
/// Cancel safe as far as the given future is: it is dropped, and nothing else is
/// kept here.
///
/// # Examples
///
/// ```
/// use aio_itertools::wait_for;
/// use std::{future::pending, time::Duration};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let second = Duration::from_secs(1);
/// assert_eq!(wait_for(async { 7 }, second).await, Ok(7));
///
/// let late = wait_for(pending::<()>(), second).await.unwrap_err();
/// assert_eq!(late.to_string(), "the future took longer than 1s");
/// # }
/// ```
#[doc(alias = "timeout")]
pub fn wait_for<F: IntoFuture>(future: F, limit: Duration) -> WaitFor<F::IntoFuture> {
    WaitFor {
        future: future.into_future(),
        deadline: Deadline::new(limit),
    }
}

pin_project! {
    /// The future of [`wait_for`](crate::wait_for()).
    #[must_use = "futures do nothing unless awaited"]
    pub struct WaitFor<F> {
        #[pin]
        future: F,
        #[pin]
        deadline: Deadline,
    }
}

impl<F: Future> Future for WaitFor<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let output = this.deadline.as_mut().poll_within(this.future, cx);
        let limit = this.deadline.after();
        output.map(|output| output.ok_or(Elapsed { limit }))
    }
}

impl<F> fmt::Debug for WaitFor<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor")
            .field("limit", &self.deadline.after())
            .finish_non_exhaustive()
    }
}

/// The error of [`wait_for`](crate::wait_for()): the future took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    limit: Duration,
}

impl Elapsed {
    /// The time that the future had.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the future took longer than {:?}", self.limit)
    }
}

impl Error for Elapsed {}
