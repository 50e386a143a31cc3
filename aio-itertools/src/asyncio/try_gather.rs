use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::in_flight::{InFlight, InOrder, IteratorOfFutures, Started};
use crate::limit::Limit;
use crate::size_hint::{ENDED, SizeHint};

/// Runs the futures of an iterator together and stops at the first error.
///
/// `.await` gives `Ok` with the outputs in the order of the input, or the first
/// `Err` to come; `.stream()` gives each output with its index as it comes. By an
/// error the futures in flight are dropped, the oldest first, and no more are
/// started: it is for work that is worth nothing unless all of it succeeds. Where
/// every output counts, errors included, [`gather`](crate::gather()) is the one.
///
/// Python's `gather` lets the other tasks run on after the first exception, and
/// nobody awaits them; here they are cancelled, as a `TaskGroup` does.
///
/// Futures are taken from the iterator one by one, when there is room for them.
/// Without a limit all are started at once.
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
/// | size_hint | a bracket: an error ends it early |
/// | errors | the first ends it, and drops the futures in flight; a panic drops its own future only |
/// | runtime | any |
///
/// *Snoozes* means: while the consumer of `.stream()` awaits something else, the
/// futures in flight stand still, with all that they hold. `.await` has no
/// consumer in between, so nothing stands still while it is awaited.
///
/// # Cancel safety
///
/// Not cancel safe when awaited: the futures in flight and the outputs so far are
/// dropped. The stream is cancel safe: a dropped [`next`](fn@crate::next) loses nothing.
///
/// # Examples
///
/// ```
/// use aio_itertools::try_gather;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::num::ParseIntError> {
/// let numbers = try_gather(["1", "2"].map(|text| async move { text.parse::<u8>() }))
///     .limit(2)
///     .await?;
/// assert_eq!(numbers, [1, 2]);
///
/// let failed = try_gather(["1", "two"].map(|text| async move { text.parse::<u8>() })).await;
/// assert!(failed.is_err());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "try_join_all")]
#[doc(alias = "TaskGroup")]
pub fn try_gather<I, T, E>(futures: I) -> TryGather<I::IntoIter>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
{
    TryGather {
        futures: futures.into_iter(),
        limit: None,
    }
}

/// The builder of [`try_gather`](crate::try_gather()): `.await` it, or take its `.stream()`.
///
/// # Cancel safety
///
/// Not cancel safe: dropping what is awaited drops the futures in flight, the
/// oldest first, and the outputs so far. Those that ended have had their effect.
/// To keep outputs through a cancellation take them from [`stream`](Self::stream).
#[must_use = "nothing runs until it is awaited or its stream is polled"]
#[derive(Clone)]
pub struct TryGather<I> {
    futures: I,
    limit: Option<NonZeroUsize>,
}

impl<I, T, E> TryGather<I>
where
    I: Iterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
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

    /// Gives the outputs as they come, each with the index of its future, up to
    /// the first error.
    ///
    /// What has come before an error is with the consumer then, and not lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{next, try_gather};
    /// use std::future::ready;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut outputs = try_gather([ready(Ok(7)), ready(Err("gone")), ready(Ok(9))]).stream();
    /// assert_eq!(next(&mut outputs).await, Some(Ok((0, 7))));
    /// assert_eq!(next(&mut outputs).await, Some(Err("gone")));
    /// assert_eq!(next(&mut outputs).await, None);
    /// # }
    /// ```
    pub fn stream(self) -> TryOutputs<I> {
        TryOutputs {
            futures: Some(InFlight::new(IteratorOfFutures(self.futures), self.limit)),
            ended: false,
        }
    }
}

impl<I, T, E> IntoFuture for TryGather<I>
where
    I: Iterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
{
    type Output = Result<Vec<T>, E>;
    type IntoFuture = TryGatherFuture<I, T>;

    fn into_future(self) -> TryGatherFuture<I, T> {
        TryGatherFuture {
            futures: InOrder::new(InFlight::new(IteratorOfFutures(self.futures), self.limit)),
        }
    }
}

impl<I> fmt::Debug for TryGather<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The stream of [`TryGather::stream`]: `Ok((index, output))` as the futures end,
/// and after the first `Err` nothing.
///
/// It *snoozes*, as the [contract of `try_gather`](crate::try_gather()#contract) says.
/// Dropping it drops the futures in flight, the oldest first.
#[must_use = "streams do nothing unless polled"]
pub struct TryOutputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    /// `None` after an error.
    futures: Option<InFlight<IteratorOfFutures<I>>>,
    ended: bool,
}

impl<I> TryOutputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    /// The futures that were started and haven't ended.
    pub fn in_flight(&self) -> usize {
        self.futures.as_ref().map_or(0, InFlight::in_flight)
    }

    /// Gives back the iterator, unless it is at its end, and the futures in
    /// flight with their indices, the oldest first; nothing after an error.
    pub fn into_parts(self) -> (Option<I>, Started<<I::Item as IntoFuture>::IntoFuture>) {
        match self.futures {
            Some(futures) => {
                let (rest, in_flight) = futures.into_parts();
                (rest.map(|IteratorOfFutures(rest)| rest), in_flight)
            }
            None => (None, Vec::new()),
        }
    }
}

impl<I, T, E> Stream for TryOutputs<I>
where
    I: Iterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
{
    type Item = Result<(usize, T), E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let next = match &mut this.futures {
            Some(futures) => ready!(Pin::new(futures).poll_next(cx)),
            None => None,
        };
        Poll::Ready(match next {
            Some((index, Ok(output))) => Some(Ok((index, output))),
            Some((_, Err(error))) => {
                this.futures = None;
                Some(Err(error))
            }
            None => {
                this.ended = true;
                None
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        let (lower, upper) = self.futures.as_ref().map_or(ENDED, InFlight::size_hint);
        (lower.min(1), upper)
    }
}

impl<I, T, E> FusedStream for TryOutputs<I>
where
    I: Iterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<I> fmt::Debug for TryOutputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryOutputs")
            .field("in_flight", &self.in_flight())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// The future of `try_gather(…).await`: every output, in the order of the input,
/// or the first error.
#[must_use = "futures do nothing unless awaited"]
pub struct TryGatherFuture<I, T>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    futures: InOrder<IteratorOfFutures<I>, T>,
}

// Outputs are only ever moved.
impl<I, T> Unpin for TryGatherFuture<I, T>
where
    I: Iterator,
    I::Item: IntoFuture,
{
}

impl<I, T, E> Future for TryGatherFuture<I, T>
where
    I: Iterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
{
    type Output = Result<Vec<T>, E>;

    /// # Panics
    ///
    /// With the panic of a future; the others are dropped by it. And if it is
    /// polled after its end.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.futures.is_over(),
            "try_gather was polled after its end"
        );
        Pin::new(&mut self.futures).poll_all(cx, |output| output)
    }
}

impl<I, T> fmt::Debug for TryGatherFuture<I, T>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGatherFuture")
            .field("in_flight", &self.futures.in_flight())
            .field("collected", &self.futures.collected())
            .finish_non_exhaustive()
    }
}
