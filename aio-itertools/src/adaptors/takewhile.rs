use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, at_most};

/// Gives the items of `stream` while `predicate` is true, and ends at the first that fails.
///
/// A part of a stream up to a mark is what it is for. That first failing item has
/// been taken from the source by then. Python drops it; here it is kept, and
/// [`into_parts`](TakeWhile::into_parts) gives it back. To give it as the last item
/// is [`take_while_inclusive`](crate::adaptors::take_while_inclusive()), and to go on
/// with it [`before_and_after`](crate::adaptors::before_and_after()).
///
/// The predicate answers at once. If it panics, the item that it looked at is dropped.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::takewhile, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut small = takewhile(iter([1, 4, 6, 3]), |n| *n < 5);
/// assert_eq!(next(&mut small).await, Some(1));
/// assert_eq!(next(&mut small).await, Some(4));
/// assert_eq!(next(&mut small).await, None);
/// # }
/// ```
#[doc(alias = "take_while")]
pub fn takewhile<S, P>(stream: S, predicate: P) -> TakeWhile<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    TakeWhile {
        stream,
        predicate,
        refused: None,
        pace: Pace::new(),
    }
}

/// Gives the items of `stream` while `predicate` is true and the first that fails,
/// then ends.
///
/// A part of a stream up to and with its closing mark is what it is for: the last
/// page, the answer that says that a job is done. Nothing is taken in vain.
///
/// The predicate answers at once. If it panics, the item that it looked at is dropped.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::take_while_inclusive, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut states = take_while_inclusive(iter(["queued", "done", "late"]), |s| *s != "done");
/// assert_eq!(next(&mut states).await, Some("queued"));
/// assert_eq!(next(&mut states).await, Some("done"));
/// assert_eq!(next(&mut states).await, None);
/// # }
/// ```
#[doc(alias = "takewhile_inclusive")]
#[doc(alias = "take_until")]
pub fn take_while_inclusive<S, P>(stream: S, predicate: P) -> TakeWhileInclusive<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    TakeWhileInclusive {
        stream,
        predicate,
        refused: false,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`takewhile`](crate::adaptors::takewhile()): the items before the
    /// first that a predicate is false for.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | the item that ended it |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end or the item that ended it |
    /// | size_hint | at most the source's |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct TakeWhile<S: Stream, P> {
        #[pin]
        stream: S,
        predicate: P,
        refused: Option<S::Item>,
        pace: Pace,
    }
}

impl<S: Stream, P> TakeWhile<S, P> {
    /// Gives back the source and the item that ended the stream, if one did.
    ///
    /// That item comes before what the source has left.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut small = iter(1..=9).takewhile(|n| *n < 3);
    /// while next(&mut small).await.is_some() {}
    /// let (rest, refused) = small.into_parts();
    /// assert_eq!(refused, Some(3));
    /// assert_eq!(rest.into_parts(), Some(4..=9));
    /// # }
    /// ```
    pub fn into_parts(self) -> (S, Option<S::Item>) {
        (self.stream, self.refused)
    }
}

impl<S, P> Stream for TakeWhile<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        match ready!(this.stream.poll_next(cx)) {
            Some(item) if (this.predicate)(&item) => return Poll::Ready(Some(item)),
            refused => *this.refused = refused,
        }
        this.pace.end();
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        at_most(self.stream.size_hint())
    }
}

impl<S, P> FusedStream for TakeWhile<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, P> fmt::Debug for TakeWhile<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakeWhile")
            .field("stream", &self.stream)
            .field("refused", &self.refused.is_some())
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The stream of [`take_while_inclusive`](crate::adaptors::take_while_inclusive()):
    /// the items up to and with the first that a predicate is false for.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | nothing is kept |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end or the last item given |
    /// | size_hint | at most the source's, and at least one where the source has one |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct TakeWhileInclusive<S, P> {
        #[pin]
        stream: S,
        predicate: P,
        refused: bool,
        pace: Pace,
    }
}

impl<S, P> TakeWhileInclusive<S, P> {
    /// Gives back the source, which goes on right after the last item given.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, P> Stream for TakeWhileInclusive<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if *this.refused {
            this.pace.end();
            return Poll::Ready(None);
        }
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        match ready!(this.stream.poll_next(cx)) {
            Some(item) => {
                *this.refused = !(this.predicate)(&item);
                Poll::Ready(Some(item))
            }
            None => {
                this.pace.end();
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() || self.refused {
            return ENDED;
        }
        let (lower, upper) = self.stream.size_hint();
        (lower.min(1), upper)
    }
}

impl<S, P> FusedStream for TakeWhileInclusive<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: fmt::Debug, P> fmt::Debug for TakeWhileInclusive<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakeWhileInclusive")
            .field("stream", &self.stream)
            .field("refused", &self.refused)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
