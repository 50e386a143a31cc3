use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_core::{FusedStream, Stream};

use crate::in_flight::{InFlight, IteratorOfFutures};
use crate::limit::Limit;
use crate::size_hint::{ENDED, SizeHint, plus};
use crate::slots::Unfinished;
#[cfg(feature = "spawn")]
use crate::tasks::SpawnEach;

#[cfg(feature = "time")]
mod within;

#[cfg(feature = "time")]
pub use within::{CompletedWithin, DeadlineElapsed, Within};

/// Runs the futures of an iterator together and gives each output as it comes.
///
/// Use it to work on what is there while the rest is under way. It gives outputs
/// alone; [`gather`](crate::gather())'s stream gives the index of the future as
/// well. Every output is given, errors included. With a
/// [`deadline`](AsCompleted::deadline) it stops in time, and hands back the
/// futures that hadn't ended.
///
/// Python gives awaitables in the order in which they end; here it is the stream
/// that is awaited, so an item is the output itself. Futures are taken from the
/// iterator one by one, when there is room for them. Without a limit all are
/// started at once, so an endless iterator needs one.
///
/// # Examples
///
/// ```
/// use aio_itertools::{as_completed, next};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let naps = [30, 10, 20].map(|n| async move {
///     tokio::time::sleep(Duration::from_millis(n)).await;
///     n
/// });
/// let mut ended = as_completed(naps).stream();
/// assert_eq!(next(&mut ended).await, Some(10));
/// assert_eq!(next(&mut ended).await, Some(20));
/// assert_eq!(next(&mut ended).await, Some(30));
/// assert_eq!(next(&mut ended).await, None);
/// # }
/// ```
#[doc(alias = "FuturesUnordered")]
pub fn as_completed<I>(futures: I) -> AsCompleted<I::IntoIter>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    AsCompleted {
        futures: futures.into_iter(),
        limit: None,
    }
}

/// The builder of [`as_completed`](crate::as_completed()): take its `.stream()`.
#[must_use = "nothing runs until its stream is polled"]
#[derive(Clone)]
pub struct AsCompleted<I> {
    futures: I,
    limit: Option<NonZeroUsize>,
}

impl<I> AsCompleted<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    /// Keeps at most `limit` futures in flight; the default is all of them.
    ///
    /// A future counts from its first poll until it has ended.
    ///
    /// # Panics
    ///
    /// If `limit` is the `usize` zero: see [`Limit`].
    #[doc(alias = "task_limit")]
    #[track_caller]
    pub fn limit(self, limit: impl Limit) -> Self {
        Self {
            limit: Some(limit.at_least_one("the limit")),
            ..self
        }
    }

    /// Runs each future on a tokio task of its own, so that they go on while the
    /// consumer of the outputs is busy.
    ///
    /// Nothing *snoozes* then, and the work spreads over the threads of the
    /// runtime. A future is spawned when there is room for it, and counts towards
    /// the limit until its output is taken: those that run and those that have
    /// ended are never more than `limit` together. What is dropped is aborted: its
    /// task ends at its next `await`, and nobody waits for that.
    ///
    /// # Panics
    ///
    /// When it is polled: outside a tokio runtime; with the panic of a task; and if
    /// the runtime of a task has shut down before its end, since there is no output
    /// to give then and never will be.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{as_completed, next};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let naps = (0..4).map(|n| async move {
    ///     tokio::time::sleep(Duration::from_secs(1)).await;
    ///     n
    /// });
    /// let start = tokio::time::Instant::now();
    /// let mut outputs = as_completed(naps).spawned().stream();
    /// while let Some(output) = next(&mut outputs).await {
    ///     println!("{output}");
    ///     tokio::time::sleep(Duration::from_secs(1)).await; // all others end meanwhile
    /// }
    /// assert_eq!(start.elapsed(), Duration::from_secs(5));
    /// # }
    /// ```
    #[cfg(feature = "spawn")]
    pub fn spawned(self) -> AsCompleted<SpawnEach<I>>
    where
        <I::Item as IntoFuture>::IntoFuture: Send + 'static,
        <I::Item as IntoFuture>::Output: Send + 'static,
    {
        AsCompleted {
            futures: SpawnEach::new(self.futures),
            limit: self.limit,
        }
    }

    /// Gives the outputs as they come.
    pub fn stream(self) -> Completed<I> {
        Completed {
            futures: InFlight::new(IteratorOfFutures(self.futures), self.limit),
        }
    }
}

impl<I> fmt::Debug for AsCompleted<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The stream of [`AsCompleted::stream`]: the outputs as the futures end.
///
/// Dropping it drops the futures in flight, the oldest first.
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
/// | size_hint | exact when the source's is |
/// | errors | every output is given, errors included; a panic drops its own future only |
/// | runtime | any |
///
/// *Snoozes* means: while the consumer awaits something else, the futures in
/// flight stand still, with all that they hold.
#[must_use = "streams do nothing unless polled"]
pub struct Completed<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    futures: InFlight<IteratorOfFutures<I>>,
}

impl<I> Completed<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    /// The futures that were started and haven't ended.
    pub fn in_flight(&self) -> usize {
        self.futures.in_flight()
    }

    /// Gives back the futures that haven't ended, to be awaited later.
    ///
    /// Those in flight come first, the oldest before the others, and go on where
    /// they were; then what the iterator has left.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{as_completed, gather, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut ended = as_completed((0..5).map(|n| async move { n })).limit(2).stream();
    /// assert_eq!(next(&mut ended).await, Some(0));
    /// assert_eq!(gather(ended.into_pending()).await, [1, 2, 3, 4]);
    /// # }
    /// ```
    pub fn into_pending(self) -> Pending<I> {
        let (rest, in_flight) = self.futures.into_parts();
        Pending {
            in_flight: in_flight.into_iter(),
            rest: rest.map(|IteratorOfFutures(rest)| rest),
        }
    }
}

impl<I> Stream for Completed<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    type Item = <I::Item as IntoFuture>::Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.futures).poll_next(cx));
        Poll::Ready(next.map(|(_, output)| output))
    }

    fn size_hint(&self) -> SizeHint {
        self.futures.size_hint()
    }
}

impl<I> FusedStream for Completed<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn is_terminated(&self) -> bool {
        self.futures.is_terminated()
    }
}

impl<I> fmt::Debug for Completed<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completed")
            .field("started", &self.futures.started())
            .field("in_flight", &self.futures.in_flight())
            .field("limit", &self.futures.limit())
            .finish_non_exhaustive()
    }
}

/// The futures of [`Completed::into_pending`]: those that were in flight, then
/// those that hadn't been started.
#[must_use = "dropping it drops the futures"]
pub struct Pending<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    in_flight: vec::IntoIter<(usize, Unfinished<<I::Item as IntoFuture>::IntoFuture>)>,
    rest: Option<I>,
}

impl<I> Iterator for Pending<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    type Item = Unfinished<<I::Item as IntoFuture>::IntoFuture>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((_, future)) = self.in_flight.next() {
            return Some(future);
        }
        let next = self.rest.as_mut()?.next();
        if next.is_none() {
            self.rest = None;
        }
        next.map(|future| Unfinished::new(future.into_future()))
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.as_ref().map_or(ENDED, Iterator::size_hint);
        plus(rest, self.in_flight.len())
    }
}

impl<I> fmt::Debug for Pending<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("in_flight", &self.in_flight.len())
            .finish_non_exhaustive()
    }
}
