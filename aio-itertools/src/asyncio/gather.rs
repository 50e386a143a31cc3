use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::budget::Budget;
use crate::limit::Limit;
use crate::slots::Slots;

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
/// started at once. Anything that can be awaited is taken: futures and builders.
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
#[doc(alias = "gather_iter")]
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
    #[doc(alias = "as_completed")]
    pub fn stream(self) -> Outputs<I> {
        Outputs {
            futures: Some(self.futures),
            started: 0,
            limit: self.limit.map_or(usize::MAX, NonZeroUsize::get),
            slots: Slots::new(),
            woken_last: false,
            budget: Budget::new(),
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
            outputs: Some(self.stream()),
            collected: Vec::new(),
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
    /// `None` after the end: an iterator is not asked again, fused or not.
    futures: Option<I>,
    started: usize,
    limit: usize,
    slots: Slots<<I::Item as IntoFuture>::IntoFuture>,
    /// Whose turn it was: a woken future's, or a new one's.
    woken_last: bool,
    budget: Budget,
}

// The iterator is never pinned, and each future has a pinned box of its own.
impl<I> Unpin for Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
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
        self.slots.in_flight()
    }

    /// Takes the next future and polls it for the first time; notes the end.
    fn start_next(&mut self) -> Poll<(usize, <I::Item as IntoFuture>::Output)> {
        let Some(future) = self.futures.as_mut().and_then(Iterator::next) else {
            self.futures = None;
            return Poll::Pending;
        };
        let index = self.started;
        self.started += 1;
        self.slots.start(index, future.into_future())
    }

    /// Polls what is woken and starts what there is room for, up to one output.
    ///
    /// Only wake-ups from before the last `listen` are looked at, so a loop over
    /// this ends, and its task is woken once for all that comes later.
    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, <I::Item as IntoFuture>::Output)>> {
        loop {
            let woken = self.slots.has_woken();
            let room = self.futures.is_some() && self.slots.in_flight() < self.limit;
            if !woken && !room {
                break;
            }
            ready!(self.budget.poll_spend(cx));
            // In turn: a source that is always ready must not leave woken futures
            // lying, nor futures that wake themselves keep the room empty.
            let polled = if woken && (!room || !self.woken_last) {
                self.woken_last = true;
                self.slots.poll_woken()
            } else {
                self.woken_last = false;
                self.start_next()
            };
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Some(output));
            }
        }
        if self.is_terminated() {
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

impl<I> Stream for Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    type Item = (usize, <I::Item as IntoFuture>::Output);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.slots.listen(cx);
        this.poll_step(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let in_flight = self.slots.in_flight();
        let (lower, upper) = match &self.futures {
            Some(futures) => futures.size_hint(),
            None => (0, Some(0)),
        };
        (
            lower.saturating_add(in_flight),
            upper.and_then(|upper| upper.checked_add(in_flight)),
        )
    }
}

impl<I> FusedStream for Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn is_terminated(&self) -> bool {
        self.futures.is_none() && self.slots.in_flight() == 0
    }
}

impl<I> fmt::Debug for Outputs<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs")
            .field("started", &self.started)
            .field("in_flight", &self.slots.in_flight())
            .field("limit", &self.limit)
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
    /// Out of its place while it is polled, so a panic leaves nothing to go on with.
    outputs: Option<Outputs<I>>,
    collected: Vec<Option<<I::Item as IntoFuture>::Output>>,
}

// Outputs are only ever moved, and what must be pinned is pinned in `Outputs`.
impl<I> Unpin for GatherFuture<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
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
        let this = &mut *self;
        let Some(mut outputs) = this.outputs.take() else {
            panic!("gather was polled after its end");
        };
        outputs.slots.listen(cx);
        loop {
            match outputs.poll_step(cx) {
                Poll::Ready(Some((index, output))) => {
                    if this.collected.len() <= index {
                        this.collected.resize_with(index + 1, || None);
                    }
                    this.collected[index] = Some(output);
                }
                Poll::Ready(None) => {
                    let collected = std::mem::take(&mut this.collected);
                    return Poll::Ready(collected.into_iter().flatten().collect());
                }
                Poll::Pending => {
                    this.outputs = Some(outputs);
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<I> fmt::Debug for GatherFuture<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherFuture")
            .field("outputs", &self.outputs)
            .field("collected", &self.collected.len())
            .finish()
    }
}
