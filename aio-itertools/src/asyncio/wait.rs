use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
#[cfg(feature = "time")]
use std::time::Duration;

use crate::budget::Budget;
#[cfg(feature = "time")]
use crate::deadline::Deadline;
use crate::wakes::Wakes;

/// Waits for some futures and gives back those that haven't ended.
///
/// It gives `(done, pending)`: `done` has the outputs in the order in which they
/// came, each with the index of its future, and `pending` has the other futures
/// in the order of the input, to be waited for again. Their indices are those that
/// `done` doesn't have, in ascending order. It waits for all of them,
/// unless [`first_completed`](Wait::first_completed),
/// [`first_error`](Wait::first_error) or [`timeout`](Wait::timeout) says when to
/// stop. All that are ready in the same poll are in `done`.
///
/// A future that is given back has been polled and is moved, so it must be
/// `Unpin`: the handle of a `tokio::spawn`, a `Box::pin(…)`, or a `pin!(…)`.
/// Python refuses bare coroutines here for much the same reason. Futures of
/// different types are boxed as `Pin<Box<dyn Future<Output = T>>>`.
///
/// Waiting for no futures gives two empty lists; Python raises an error.
///
/// # Panics
///
/// With the panic of a future when it is polled. That future is dropped; the
/// others go on with the next poll.
///
/// # Cancel safety
///
/// Not cancel safe: the futures, and the outputs that have come, are dropped with
/// it. Give `&mut` futures to keep them; the output of one that has ended is lost
/// all the same, unless it waits for the first only, which gives it at once.
///
/// # Examples
///
/// ```
/// use aio_itertools::wait;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut pending: Vec<_> = (1..=3).map(|n| tokio::spawn(async move { n * n })).collect();
/// let mut sum = 0;
/// while !pending.is_empty() {
///     let done;
///     (done, pending) = wait(pending).first_completed().await;
///     for (_index, square) in done {
///         sum += square.unwrap();
///     }
/// }
/// assert_eq!(sum, 14);
/// # }
/// ```
#[doc(alias = "select_all")]
pub fn wait<F>(futures: impl IntoIterator<Item = F>) -> Wait<F>
where
    F: Future + Unpin,
{
    Wait {
        futures: futures.into_iter().collect(),
        until: Until::All,
        #[cfg(feature = "time")]
        timeout: None,
    }
}

/// When to stop waiting.
enum Until<T> {
    All,
    First,
    /// At the first output of which this is true.
    FirstThat(fn(&T) -> bool),
}

/// The builder of [`wait`](crate::wait()): `.await` it.
///
/// # Cancel safety
///
/// Not cancel safe: the futures, and the outputs that have come, are dropped with
/// it. Give `&mut` futures to keep them.
#[must_use = "nothing is polled until it is awaited"]
pub struct Wait<F: Future> {
    futures: Vec<F>,
    until: Until<F::Output>,
    #[cfg(feature = "time")]
    timeout: Option<Duration>,
}

impl<F: Future + Unpin> Wait<F> {
    /// Waits until at least one future has ended: asyncio's `FIRST_COMPLETED`.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::wait;
    /// use std::future::{Ready, pending, ready};
    /// use std::pin::Pin;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let futures: [Pin<Box<dyn Future<Output = u8>>>; 2] =
    ///     [Box::pin(pending()), Box::pin(ready(7))];
    /// let (done, pending) = wait(futures).first_completed().await;
    /// assert_eq!(done, [(1, 7)]);
    /// assert_eq!(pending.len(), 1);
    /// # }
    /// ```
    #[doc(alias = "FIRST_COMPLETED")]
    pub fn first_completed(self) -> Self {
        Self {
            until: Until::First,
            ..self
        }
    }

    /// Stops waiting after this long: what hasn't ended by then is given back.
    ///
    /// The time runs from the first poll. The futures are polled before the clock
    /// is looked at, so zero gives what is ready; [`Duration::MAX`] never ends.
    /// It is no error, as in Python; nothing is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::wait;
    /// use std::{future::pending, time::Duration};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let (done, late) = wait([pending::<u8>()]).timeout(Duration::from_secs(1)).await;
    /// assert!(done.is_empty());
    /// assert_eq!(late.len(), 1);
    /// # }
    /// ```
    #[cfg(feature = "time")]
    pub fn timeout(self, limit: Duration) -> Self {
        Self {
            timeout: Some(limit),
            ..self
        }
    }
}

impl<F, T, E> Wait<F>
where
    F: Future<Output = Result<T, E>> + Unpin,
{
    /// Waits until one future has failed, or all have ended: asyncio's `FIRST_EXCEPTION`.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::wait;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let tasks = [Ok(1), Err("broken")].map(|result| Box::pin(async move { result }));
    /// let (done, pending) = wait(tasks).first_error().await;
    /// assert_eq!(done, [(0, Ok(1)), (1, Err("broken"))]);
    /// assert!(pending.is_empty());
    /// # }
    /// ```
    #[doc(alias = "FIRST_EXCEPTION")]
    pub fn first_error(self) -> Self {
        Self {
            until: Until::FirstThat(Result::is_err),
            ..self
        }
    }
}

impl<F: Future + Unpin> IntoFuture for Wait<F> {
    type Output = (Vec<(usize, F::Output)>, Vec<F>);
    type IntoFuture = WaitFuture<F>;

    fn into_future(self) -> WaitFuture<F> {
        let mut wakes = Wakes::new();
        for _ in &self.futures {
            let seat = wakes.add();
            wakes.queue(seat);
        }
        WaitFuture {
            pending: self.futures.len(),
            futures: self.futures.into_iter().map(Some).collect(),
            done: Vec::new(),
            until: self.until,
            enough: false,
            wakes,
            budget: Budget::new(),
            #[cfg(feature = "time")]
            deadline: self.timeout.map(|limit| Box::pin(Deadline::new(limit))),
        }
    }
}

impl<F: Future> fmt::Debug for Wait<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("futures", &self.futures.len())
            .finish_non_exhaustive()
    }
}

/// The future of `wait(…).await`: the outputs that have come, and the futures
/// that haven't ended.
#[must_use = "futures do nothing unless awaited"]
pub struct WaitFuture<F: Future> {
    /// The number of a future is that of its seat; `None` after its end.
    futures: Vec<Option<F>>,
    pending: usize,
    done: Vec<(usize, F::Output)>,
    until: Until<F::Output>,
    /// What it waits until has come to pass, or the time is over.
    enough: bool,
    wakes: Wakes,
    budget: Budget,
    #[cfg(feature = "time")]
    deadline: Option<Pin<Box<Deadline>>>,
}

// Outputs are only ever moved, and the futures are `Unpin`.
impl<F: Future> Unpin for WaitFuture<F> {}

impl<F: Future + Unpin> WaitFuture<F> {
    /// Polls all that is woken; pending only where the budget makes the task pause.
    fn poll_woken(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.wakes.any() {
            ready!(self.budget.poll_spend(cx));
            let Some(number) = self.wakes.next() else {
                break;
            };
            // Out of its place while it is polled, so a panic takes it with it.
            let Some(mut future) = self.futures[number].take() else {
                continue;
            };
            self.pending -= 1;
            let waker = self.wakes.waker(number);
            match Pin::new(&mut future).poll(&mut Context::from_waker(waker)) {
                Poll::Ready(output) => {
                    self.enough |= match self.until {
                        Until::All => false,
                        Until::First => true,
                        Until::FirstThat(is_enough) => is_enough(&output),
                    };
                    self.done.push((number, output));
                }
                Poll::Pending => {
                    self.futures[number] = Some(future);
                    self.pending += 1;
                }
            }
        }
        Poll::Ready(())
    }
}

impl<F: Future + Unpin> Future for WaitFuture<F> {
    type Output = (Vec<(usize, F::Output)>, Vec<F>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        #[cfg(feature = "time")]
        if let Some(deadline) = &mut this.deadline {
            // Before the futures are polled: what that takes counts.
            deadline.as_mut().start();
        }
        // Once it is enough, only what was woken before then is looked at: futures
        // that wake themselves come to an end, however the budget divides them.
        if !this.enough {
            this.wakes.listen(cx);
        }
        let swept = this.poll_woken(cx);
        #[cfg(feature = "time")]
        if !this.enough
            && this.pending > 0
            && let Some(deadline) = &mut this.deadline
        {
            this.enough = deadline.as_mut().poll_over(cx).is_ready();
        }
        ready!(swept);
        if !this.enough && this.pending > 0 {
            return Poll::Pending;
        }
        let pending = mem::take(&mut this.futures).into_iter().flatten().collect();
        this.pending = 0;
        Poll::Ready((mem::take(&mut this.done), pending))
    }
}

impl<F: Future> fmt::Debug for WaitFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFuture")
            .field("pending", &self.pending)
            .field("done", &self.done.len())
            .finish_non_exhaustive()
    }
}
