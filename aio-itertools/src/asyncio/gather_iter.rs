use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::in_flight::{InFlight, InOrder, Started, StreamOfFutures};
use crate::limit::Limit;
use crate::size_hint::SizeHint;

/// Runs the futures of a stream together and gives every output.
///
/// It is the twin of [`gather`](crate::gather()) for futures that come one after
/// the other: `.await` gives the outputs in the order of the stream, `.stream()`
/// gives each with its index as it comes. The stream is polled whenever there is
/// room for a future, so `limit` slows it down to what the futures can take.
/// Every output is given, errors included.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | the stream: Cancel safe; awaited: Not cancel safe |
/// | in-flight work | snoozes: up to `limit` futures, polled only while the stream or the future is |
/// | memory | the futures in flight; `.await` holds all outputs as well |
/// | fairness | woken futures, in the order of their wake-ups, and new ones in turn; one unit of the budget a poll |
/// | fused | yes: the source is not polled after its end |
/// | size_hint | exact when the source's is |
/// | errors | every output is given, errors included; a panic drops its own future only |
/// | runtime | any |
///
/// *Snoozes* means: while the consumer of `.stream()` awaits something else, the
/// futures in flight stand still, with all that they hold, and so does the
/// source. `.await` has no consumer in between.
///
/// # Cancel safety
///
/// Not cancel safe when awaited: the futures in flight and the outputs so far are
/// dropped. The stream is cancel safe: a dropped [`next`](fn@crate::next) loses nothing.
///
/// # Examples
///
/// ```
/// use aio_itertools::{asyncio::gather_iter, iter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let pages = iter((1..=5).map(|page| async move { page * 10 }));
/// assert_eq!(gather_iter(pages).limit(2).await, [10, 20, 30, 40, 50]);
/// # }
/// ```
pub fn gather_iter<S>(futures: S) -> GatherIter<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    GatherIter {
        futures,
        limit: None,
    }
}

/// The builder of [`gather_iter`](crate::asyncio::gather_iter()): `.await` it, or
/// take its `.stream()`.
///
/// # Cancel safety
///
/// Not cancel safe: dropping what is awaited drops the futures in flight, the
/// oldest first, the outputs so far, and the stream.
/// To keep outputs through a cancellation take them from [`stream`](Self::stream).
#[must_use = "nothing runs until it is awaited or its stream is polled"]
#[derive(Clone)]
pub struct GatherIter<S> {
    futures: S,
    limit: Option<NonZeroUsize>,
}

impl<S> GatherIter<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    /// Keeps at most `limit` futures in flight; the default is all that come.
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

    /// Gives the outputs as they come, each with the index of its future.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{asyncio::gather_iter, iter, next};
    /// use std::future::ready;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut outputs = gather_iter(iter([ready("a"), ready("b")])).stream();
    /// while let Some((index, output)) = next(&mut outputs).await {
    ///     println!("{index}: {output}");
    /// }
    /// # }
    /// ```
    pub fn stream(self) -> GatherIterOutputs<S> {
        GatherIterOutputs {
            futures: self.in_flight(),
        }
    }

    fn in_flight(self) -> InFlight<StreamOfFutures<S>> {
        let source = StreamOfFutures {
            stream: self.futures,
        };
        InFlight::new(source, self.limit)
    }
}

impl<S> IntoFuture for GatherIter<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    type Output = Vec<<S::Item as IntoFuture>::Output>;
    type IntoFuture = GatherIterFuture<S>;

    fn into_future(self) -> GatherIterFuture<S> {
        GatherIterFuture {
            futures: InOrder::new(self.in_flight()),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for GatherIter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherIter")
            .field("futures", &self.futures)
            .field("limit", &self.limit)
            .finish()
    }
}

pin_project! {
    /// The stream of [`GatherIter::stream`]: `(index, output)` as the futures end.
    ///
    /// It *snoozes*, as the [contract of `gather_iter`](crate::asyncio::gather_iter()#contract)
    /// says. Dropping it drops the futures in flight, the oldest first.
    #[must_use = "streams do nothing unless polled"]
    pub struct GatherIterOutputs<S>
    where
        S: Stream,
        S::Item: IntoFuture,
    {
        #[pin]
        futures: InFlight<StreamOfFutures<S>>,
    }
}

impl<S> GatherIterOutputs<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    /// The futures that were started and haven't ended.
    pub fn in_flight(&self) -> usize {
        self.futures.in_flight()
    }

    /// Gives back the source, unless it is at its end, and the futures in flight
    /// with their indices, the oldest first.
    pub fn into_parts(self) -> (Option<S>, Started<<S::Item as IntoFuture>::IntoFuture>) {
        let (source, in_flight) = self.futures.into_parts();
        (source.map(|source| source.stream), in_flight)
    }
}

impl<S> Stream for GatherIterOutputs<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    type Item = (usize, <S::Item as IntoFuture>::Output);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().futures.poll_next(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.futures.size_hint()
    }
}

impl<S> FusedStream for GatherIterOutputs<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    fn is_terminated(&self) -> bool {
        self.futures.is_terminated()
    }
}

impl<S> fmt::Debug for GatherIterOutputs<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherIterOutputs")
            .field("started", &self.futures.started())
            .field("in_flight", &self.futures.in_flight())
            .field("limit", &self.futures.limit())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of `gather_iter(…).await`: every output, in the order of the stream.
    #[must_use = "futures do nothing unless awaited"]
    pub struct GatherIterFuture<S>
    where
        S: Stream,
        S::Item: IntoFuture,
    {
        #[pin]
        futures: InOrder<StreamOfFutures<S>, <S::Item as IntoFuture>::Output>,
    }
}

impl<S> Future for GatherIterFuture<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    type Output = Vec<<S::Item as IntoFuture>::Output>;

    /// # Panics
    ///
    /// With the panic of a future or of the stream; all is dropped by it. And if
    /// it is polled after its end.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.futures.is_over(),
            "gather_iter was polled after its end"
        );
        let all = self.project().futures;
        all.poll_all(cx, Ok::<_, Infallible>)
            .map(|Ok(outputs)| outputs)
    }
}

impl<S> fmt::Debug for GatherIterFuture<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherIterFuture")
            .field("in_flight", &self.futures.in_flight())
            .field("collected", &self.futures.collected())
            .finish_non_exhaustive()
    }
}
