use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, at_most};

/// Drops the items of `stream` while `predicate` is true, and gives all the others,
/// the first that fails included.
///
/// Headers, blank lines and warm-up values at the start of a stream are what it is
/// for. The predicate answers at once and isn't asked again after its first false.
/// If it panics, the item that it looked at is dropped.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::dropwhile, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut numbers = dropwhile(iter([1, 4, 6, 3]), |n| *n < 5);
/// assert_eq!(next(&mut numbers).await, Some(6));
/// assert_eq!(next(&mut numbers).await, Some(3));
/// assert_eq!(next(&mut numbers).await, None);
/// # }
/// ```
#[doc(alias = "skip_while")]
#[doc(alias = "drop_while")]
pub fn dropwhile<S, P>(stream: S, predicate: P) -> DropWhile<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    DropWhile {
        stream,
        predicate,
        dropping: true,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`dropwhile`](crate::adaptors::dropwhile()): all from the first item
    /// on that a predicate is false for.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | nothing is kept |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | at most the source's; the source's after the first item given |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct DropWhile<S, P> {
        #[pin]
        stream: S,
        predicate: P,
        dropping: bool,
        pace: Pace,
    }
}

impl<S, P> DropWhile<S, P> {
    /// Gives back the source, which goes on right after the last item taken.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, P> DropWhile<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    /// Gives the first item that isn't dropped, out of line: it is done once.
    #[cold]
    fn poll_first(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                this.pace.end();
                return Poll::Ready(None);
            };
            if !(this.predicate)(&item) {
                *this.dropping = false;
                return Poll::Ready(Some(item));
            }
        }
    }
}

impl<S, P> Stream for DropWhile<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.as_mut().project();
        if *this.dropping {
            return self.poll_first(cx);
        }
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let item = ready!(this.stream.poll_next(cx));
        if item.is_none() {
            this.pace.end();
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> SizeHint {
        match (self.pace.has_ended(), self.dropping) {
            (true, _) => ENDED,
            (false, true) => at_most(self.stream.size_hint()),
            (false, false) => self.stream.size_hint(),
        }
    }
}

impl<S, P> FusedStream for DropWhile<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: fmt::Debug, P> fmt::Debug for DropWhile<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DropWhile")
            .field("stream", &self.stream)
            .field("dropping", &self.dropping)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
