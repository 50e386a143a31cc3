use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::budget::Pace;
#[cfg(feature = "spawn")]
use crate::prefetch::Prefetch;
use crate::size_hint::{SizeHint, at_most, plus};
use crate::turns::Turns;

/// Gives the items of several streams as they come.
///
/// Use it for events from many places: connections, channels, watchers. Streams
/// that are ready take turns, and only those that were woken are polled, so a
/// thousand quiet streams cost nothing beside a busy one. It ends when all have.
///
/// Where items are `Result`s, an error is an item like another and its stream
/// goes on; [`fail_fast`](Merge::fail_fast) and
/// [`collect_errors`](Merge::collect_errors) say otherwise.
///
/// # Examples
///
/// ```
/// use aio_itertools::{asyncio::merge, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut both = merge([iter(1..=2), iter(10..=12)]);
/// let mut seen = Vec::new();
/// while let Some(item) = next(&mut both).await {
///     seen.push(item);
/// }
/// assert_eq!(seen, [1, 10, 2, 11, 12]);
/// # }
/// ```
#[doc(alias = "select_all")]
pub fn merge<S: Stream>(streams: impl IntoIterator<Item = S>) -> Merge<S> {
    Merge {
        turns: Turns::new(streams.into_iter()),
        ended: false,
        pace: Pace::new(),
    }
}

/// Gives the items of several streams as they come, up to the first error.
///
/// It is `aioitertools.asyncio.as_generated`: the same as
/// [`merge(streams).fail_fast()`](Merge::fail_fast). What it calls
/// `return_exceptions=True` is [`merge`] as it is.
///
/// # Examples
///
/// ```
/// use aio_itertools::{asyncio::as_generated, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut all = as_generated([iter(vec![Ok(1), Err("broken")]), iter(vec![Ok(10), Ok(20)])]);
/// assert_eq!(next(&mut all).await, Some(Ok(1)));
/// assert_eq!(next(&mut all).await, Some(Ok(10)));
/// assert_eq!(next(&mut all).await, Some(Err("broken")));
/// assert_eq!(next(&mut all).await, None);
/// # }
/// ```
pub fn as_generated<S, T, E>(streams: impl IntoIterator<Item = S>) -> FailFast<S>
where
    S: Stream<Item = Result<T, E>>,
{
    merge(streams).fail_fast()
}

/// The stream of [`merge`](crate::asyncio::merge()): the items of all its streams as they come.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | snoozes: every stream that hasn't ended, polled only while this is |
/// | memory | the streams |
/// | fairness | streams that are ready take turns; one unit of the budget in 64 polls |
/// | fused | yes: a stream is dropped at its end |
/// | size_hint | exact when the streams' are |
/// | errors | items pass as they are; a panic drops its own stream only |
/// | runtime | any |
///
/// *Snoozes* means: while the consumer awaits something else, the streams stand
/// still, with all that they hold. If that something is a lock that one of them
/// holds, both wait for ever.
///
/// # Panics
///
/// With the panic of a stream when it is polled. That stream is dropped; the
/// others go on with the next poll.
#[must_use = "streams do nothing unless polled"]
pub struct Merge<S> {
    turns: Turns<S>,
    ended: bool,
    pace: Pace,
}

impl<S: Stream> Merge<S> {
    /// Ends at the first error: it is given, and all streams are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{asyncio::merge, iter, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut all = merge([iter([Err("broken")]), iter([Ok(1)])]).fail_fast();
    /// assert_eq!(next(&mut all).await, Some(Err("broken")));
    /// assert_eq!(next(&mut all).await, None);
    /// # }
    /// ```
    pub fn fail_fast<T, E>(self) -> FailFast<S>
    where
        S: Stream<Item = Result<T, E>>,
    {
        FailFast { merge: self }
    }

    /// Ends only the stream that gives an error, and gives all errors together at the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{asyncio::merge, iter, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let streams = [iter(vec![Err("first")]), iter(vec![Ok(1), Ok(2)])];
    /// let mut all = merge(streams).collect_errors();
    /// assert_eq!(next(&mut all).await, Some(Ok(1)));
    /// assert_eq!(next(&mut all).await, Some(Ok(2)));
    /// assert_eq!(next(&mut all).await, Some(Err(vec!["first"])));
    /// assert_eq!(next(&mut all).await, None);
    /// # }
    /// ```
    pub fn collect_errors<T, E>(self) -> CollectErrors<S, E>
    where
        S: Stream<Item = Result<T, E>>,
    {
        CollectErrors {
            merge: self,
            errors: Vec::new(),
        }
    }

    /// Runs each stream on a tokio task of its own, so that they go on while the
    /// consumer is busy: as [`Prefetch`], one item ahead each.
    ///
    /// Nothing *snoozes* then: a stream that holds a lock goes on until it has its
    /// next item, and only then waits for the consumer. What is dropped is aborted:
    /// its task ends at its next `await`, and nobody waits for that.
    ///
    /// # Panics
    ///
    /// When it is polled: outside a tokio runtime; with the panic of a stream, by
    /// which that stream ends; and if the runtime has shut down before the end of
    /// a stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{asyncio::merge, iter, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut both = merge([iter(1..=2), iter(10..=12)]).spawned();
    /// let mut sum = 0;
    /// while let Some(item) = next(&mut both).await {
    ///     sum += item;
    /// }
    /// assert_eq!(sum, 36);
    /// # }
    /// ```
    #[cfg(feature = "spawn")]
    pub fn spawned(self) -> Merge<Prefetch<S>>
    where
        S: Send + 'static,
        S::Item: Send + 'static,
    {
        let streams = self.into_parts().into_iter();
        merge(streams.map(|stream| Prefetch::new(stream, 1)))
    }

    /// Gives back the streams that haven't ended, in the order in which they were given.
    ///
    /// A stream has been polled, so it stays in its pinned box, which is a stream too.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{asyncio::merge, iter, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut both = merge([iter(1..=2), iter(10..=12)]);
    /// next(&mut both).await;
    /// let mut streams = both.into_parts();
    /// assert_eq!(next(&mut streams[0]).await, Some(2));
    /// assert_eq!(next(&mut streams[1]).await, Some(10));
    /// # }
    /// ```
    pub fn into_parts(self) -> Vec<Pin<Box<S>>> {
        self.turns.into_streams()
    }

    /// The next item, with the number of its stream; `None` when all have ended.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, S::Item)>> {
        self.turns.listen(cx);
        // Only wake-ups from before are looked at, so this ends, and the task is
        // woken once for all that comes later.
        while self.turns.open() > 0 && self.turns.has_woken() {
            ready!(self.pace.poll_item(cx));
            if let Poll::Ready(item) = self.turns.poll_woken() {
                return Poll::Ready(Some(item));
            }
        }
        match self.turns.open() {
            0 => Poll::Ready(None),
            _ => Poll::Pending,
        }
    }
}

impl<S: Stream> Stream for Merge<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let next = ready!(self.poll_item(cx));
        self.ended = next.is_none();
        Poll::Ready(next.map(|(_, item)| item))
    }

    fn size_hint(&self) -> SizeHint {
        self.turns.size_hint()
    }
}

impl<S: Stream> FusedStream for Merge<S> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<S> fmt::Debug for Merge<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge")
            .field("open", &self.turns.open())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// The stream of [`Merge::fail_fast`]: the items of all streams as they come, up
/// to the first error.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | snoozes: every stream that hasn't ended, polled only while this is |
/// | memory | the streams |
/// | fairness | streams that are ready take turns; one unit of the budget in 64 polls |
/// | fused | yes: a stream is dropped at its end |
/// | size_hint | a bracket: an error ends it early |
/// | errors | the first is given, all streams are dropped, then the end |
/// | runtime | any |
#[must_use = "streams do nothing unless polled"]
pub struct FailFast<S> {
    merge: Merge<S>,
}

impl<S: Stream> FailFast<S> {
    /// Gives back the streams that haven't ended: none after an error.
    pub fn into_parts(self) -> Vec<Pin<Box<S>>> {
        self.merge.into_parts()
    }
}

impl<S, T, E> Stream for FailFast<S>
where
    S: Stream<Item = Result<T, E>>,
{
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        let next = ready!(Pin::new(&mut self.merge).poll_next(cx));
        if let Some(Err(_)) = next {
            self.merge.turns.clear();
        }
        Poll::Ready(next)
    }

    fn size_hint(&self) -> SizeHint {
        let (lower, upper) = self.merge.size_hint();
        (lower.min(1), upper)
    }
}

impl<S, T, E> FusedStream for FailFast<S>
where
    S: Stream<Item = Result<T, E>>,
{
    fn is_terminated(&self) -> bool {
        self.merge.is_terminated()
    }
}

impl<S> fmt::Debug for FailFast<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailFast")
            .field("merge", &self.merge)
            .finish()
    }
}

/// The stream of [`Merge::collect_errors`]: the values of all streams as they
/// come, then all errors as one.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | snoozes: every stream that hasn't ended, polled only while this is |
/// | memory | the streams, and one error of each that failed |
/// | fairness | streams that are ready take turns; one unit of the budget in 64 polls |
/// | fused | yes: a stream is dropped at its end |
/// | size_hint | a bracket: an error ends its stream early |
/// | errors | an error drops its stream and is kept; all come as one last item, in the order in which they came |
/// | runtime | any |
#[must_use = "streams do nothing unless polled"]
pub struct CollectErrors<S, E> {
    merge: Merge<S>,
    errors: Vec<E>,
}

// Errors are only ever moved, and each stream has a pinned box of its own.
impl<S, E> Unpin for CollectErrors<S, E> {}

impl<S: Stream, E> CollectErrors<S, E> {
    /// Gives back the streams that haven't ended, and the errors so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{asyncio::merge, iter, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let streams = [iter(vec![Err("first")]), iter(vec![Ok(1), Ok(2)])];
    /// let mut all = merge(streams).collect_errors();
    /// assert_eq!(next(&mut all).await, Some(Ok(1)));
    /// let (mut streams, errors) = all.into_parts();
    /// assert_eq!(errors, ["first"]);
    /// assert_eq!(next(&mut streams[0]).await, Some(Ok(2)));
    /// # }
    /// ```
    pub fn into_parts(self) -> (Vec<Pin<Box<S>>>, Vec<E>) {
        (self.merge.into_parts(), self.errors)
    }
}

impl<S, T, E> Stream for CollectErrors<S, E>
where
    S: Stream<Item = Result<T, E>>,
{
    type Item = Result<T, Vec<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match ready!(this.merge.poll_item(cx)) {
                Some((_, Ok(value))) => return Poll::Ready(Some(Ok(value))),
                Some((number, Err(error))) => {
                    this.errors.push(error);
                    this.merge.turns.close(number);
                }
                None if this.errors.is_empty() => {
                    this.merge.ended = true;
                    return Poll::Ready(None);
                }
                None => return Poll::Ready(Some(Err(mem::take(&mut this.errors)))),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        let (lower, upper) = self.merge.size_hint();
        if self.errors.is_empty() {
            // An error takes the place of the item that it is of its stream.
            return (lower.min(1), upper);
        }
        plus(at_most((lower, upper)), 1)
    }
}

impl<S, T, E> FusedStream for CollectErrors<S, E>
where
    S: Stream<Item = Result<T, E>>,
{
    fn is_terminated(&self) -> bool {
        self.merge.is_terminated()
    }
}

impl<S, E> fmt::Debug for CollectErrors<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectErrors")
            .field("merge", &self.merge)
            .field("errors", &self.errors.len())
            .finish()
    }
}
