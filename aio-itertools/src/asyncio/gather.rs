use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};

use crate::in_flight::{InFlight, InOrder, IteratorOfFutures, Started};
use crate::limit::Limit;
#[cfg(feature = "spawn")]
use crate::tasks::SpawnEach;

/// Runs the futures of an iterator together and gives every output.
///
/// It is asyncio's `gather` with a limit: `.await` gives the outputs in the order
/// of the input, `.stream()` gives each with its index as it comes. Nothing is
/// thrown away: a future whose output is an `Err` is an output like another, and
/// the rest goes on.
///
/// Futures are taken from the iterator one by one, when there is room for them,
/// so a lazy iterator of a million futures makes `limit` of them at a time, and
/// an endless one is fine for `.stream()` with a limit. Without a limit all are
/// started at once; yet of very many some are made and started only after other
/// tasks had their turn. What must be there earlier, such as a `notified()` before
/// its `notify_waiters`, is collected first. Anything that can be awaited is taken:
/// futures and builders.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | the stream: Cancel safe; awaited: Not cancel safe |
/// | in-flight work | snoozes: up to `limit` futures, polled only while the stream or the future is |
/// | memory | the futures in flight; `.await` holds all outputs as well |
/// | fairness | woken futures, in the order of their wake-ups, and new ones in turn; one unit of the budget a poll |
/// | fused | yes: the iterator is dropped at its end |
/// | size_hint | exact when the source's is |
/// | errors | every output is given, errors included; a panic drops its own future only |
/// | runtime | any |
///
/// *Snoozes* means: while the consumer of `.stream()` awaits something else, the
/// futures in flight stand still, with all that they hold. If that something is a
/// lock that one of them holds, both wait for ever. `.await` has no consumer in
/// between, so nothing stands still while it is awaited.
///
/// # Cancel safety
///
/// Not cancel safe when awaited: the futures in flight and the outputs so far are
/// dropped. The stream is cancel safe: see [`Outputs::next`].
///
/// # Examples
///
/// ```
/// use aio_itertools::gather;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lengths = gather(["a", "bb", "ccc"].map(|word| async move { word.len() })).limit(2).await;
/// assert_eq!(lengths, [1, 2, 3]);
///
/// let mut outputs = gather((0..).map(|n| async move { n * 10 })).limit(8).stream();
/// assert_eq!(outputs.next().await, Some((0, 0)));
/// # }
/// ```
#[doc(alias = "join_all")]
pub fn gather<I>(futures: I) -> Gather<I::IntoIter>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    Gather {
        futures: futures.into_iter(),
        limit: None,
    }
}

/// The builder of [`gather`](crate::gather()): `.await` it, or take its `.stream()`.
///
/// # Cancel safety
///
/// Not cancel safe: dropping what is awaited drops the futures in flight, the
/// oldest first, and the outputs so far. Those that ended have had their effect.
/// To keep outputs through a cancellation take them from [`stream`](Self::stream).
#[must_use = "nothing runs until it is awaited or its stream is polled"]
#[derive(Clone)]
pub struct Gather<I> {
    futures: I,
    limit: Option<NonZeroUsize>,
}

impl<I> Gather<I>
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
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let pages = (1..=100).map(|page| async move { page });
    /// assert_eq!(aio_itertools::gather(pages).limit(8).await.len(), 100);
    /// # }
    /// ```
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
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let naps = (0..4).map(|n| async move {
    ///     tokio::time::sleep(Duration::from_secs(1)).await;
    ///     n
    /// });
    /// let start = tokio::time::Instant::now();
    /// let mut outputs = aio_itertools::gather(naps).spawned().stream();
    /// while let Some((index, output)) = outputs.next().await {
    ///     assert_eq!(index, output);
    ///     tokio::time::sleep(Duration::from_secs(1)).await; // all others end meanwhile
    /// }
    /// assert_eq!(start.elapsed(), Duration::from_secs(5));
    /// # }
    /// ```
    #[cfg(feature = "spawn")]
    pub fn spawned(self) -> Gather<SpawnEach<I>>
    where
        <I::Item as IntoFuture>::IntoFuture: Send + 'static,
        <I::Item as IntoFuture>::Output: Send + 'static,
    {
        Gather {
            futures: SpawnEach::new(self.futures),
            limit: self.limit,
        }
    }

    /// Gives the outputs as they come, each with the index of its future.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::ready;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut outputs = aio_itertools::gather([ready("a"), ready("b")]).stream();
    /// while let Some((index, output)) = outputs.next().await {
    ///     println!("{index}: {output}");
    /// }
    /// # }
    /// ```
    pub fn stream(self) -> Outputs<I> {
        Outputs {
            futures: InFlight::new(IteratorOfFutures(self.futures), self.limit),
        }
    }
}

impl<I> IntoFuture for Gather<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    type Output = Vec<<I::Item as IntoFuture>::Output>;
    type IntoFuture = GatherFuture<I>;

    fn into_future(self) -> GatherFuture<I> {
        GatherFuture {
            futures: InOrder::new(self.stream().futures),
        }
    }
}

impl<I> fmt::Debug for Gather<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The stream of [`Gather::stream`]: `(index, output)` as the futures end.
///
/// It *snoozes*, as the [contract of `gather`](crate::gather()#contract) says.
/// Dropping it drops the futures in flight, the oldest first.
#[must_use = "streams do nothing unless polled"]
pub struct Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    futures: InFlight<IteratorOfFutures<I>>,
}

impl<I> Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    /// Gives the next output with the index of its future; `None` when all have ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: futures in flight stay in the stream, and an output leaves it
    /// only when it is returned.
    ///
    /// # Panics
    ///
    /// With the panic of a future. That future is dropped and has no output; the
    /// others go on with the next call.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut outputs = aio_itertools::gather([async { 7 }]).stream();
    /// assert_eq!(outputs.next().await, Some((0, 7)));
    /// assert_eq!(outputs.next().await, None);
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<(usize, <I::Item as IntoFuture>::Output)> {
        crate::next(self).await
    }

    /// The futures that were started and haven't ended.
    pub fn in_flight(&self) -> usize {
        self.futures.in_flight()
    }

    /// Gives back the iterator, unless it is at its end, and the futures in
    /// flight with their indices, the oldest first.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::{pending, ready};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let futures = (0..9).map(|n| async move { if n == 0 { pending().await } else { n } });
    /// let mut outputs = aio_itertools::gather(futures).limit(2).stream();
    /// assert_eq!(outputs.next().await, Some((1, 1)));
    /// let (rest, in_flight) = outputs.into_parts();
    /// assert_eq!(rest.unwrap().len(), 7);
    /// assert_eq!(in_flight[0].0, 0);
    /// # }
    /// ```
    pub fn into_parts(self) -> (Option<I>, Started<<I::Item as IntoFuture>::IntoFuture>) {
        let (rest, in_flight) = self.futures.into_parts();
        (rest.map(|IteratorOfFutures(rest)| rest), in_flight)
    }
}

impl<I> Stream for Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    type Item = (usize, <I::Item as IntoFuture>::Output);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.futures).poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.futures.size_hint()
    }
}

impl<I> FusedStream for Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn is_terminated(&self) -> bool {
        self.futures.is_terminated()
    }
}

impl<I> fmt::Debug for Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs")
            .field("started", &self.futures.started())
            .field("in_flight", &self.futures.in_flight())
            .field("limit", &self.futures.limit())
            .finish_non_exhaustive()
    }
}

/// The future of `gather(…).await`: every output, in the order of the input.
#[must_use = "futures do nothing unless awaited"]
pub struct GatherFuture<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    futures: InOrder<IteratorOfFutures<I>, <I::Item as IntoFuture>::Output>,
}

impl<I> Future for GatherFuture<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    type Output = Vec<<I::Item as IntoFuture>::Output>;

    /// # Panics
    ///
    /// With the panic of a future; the others are dropped by it. And if it is
    /// polled after its end.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.futures.is_over(), "gather was polled after its end");
        let all = Pin::new(&mut self.futures).poll_all(cx, Ok::<_, Infallible>);
        all.map(|Ok(outputs)| outputs)
    }
}

impl<I> fmt::Debug for GatherFuture<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherFuture")
            .field("in_flight", &self.futures.in_flight())
            .field("collected", &self.futures.collected())
            .finish_non_exhaustive()
    }
}
