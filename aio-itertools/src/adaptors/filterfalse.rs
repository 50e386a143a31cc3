use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, at_most};

/// Gives the items of `stream` for which `predicate` is false.
///
/// It is the other half of a filter: what is left when the expected is taken out,
/// with the predicate by its own name, as in `filterfalse(lines, is_comment)`. The
/// predicate answers at once. If it panics, the item that it looked at is dropped.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::filterfalse, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut words = filterfalse(iter(["a", "", "b"]), |word| word.is_empty());
/// assert_eq!(next(&mut words).await, Some("a"));
/// assert_eq!(next(&mut words).await, Some("b"));
/// assert_eq!(next(&mut words).await, None);
/// # }
/// ```
#[doc(alias = "reject")]
pub fn filterfalse<S, P>(stream: S, predicate: P) -> FilterFalse<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    FilterFalse {
        stream,
        predicate,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`filterfalse`](crate::adaptors::filterfalse()): the items that a
    /// predicate is false for.
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
    /// | size_hint | at most the source's |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct FilterFalse<S, P> {
        #[pin]
        stream: S,
        predicate: P,
        pace: Pace,
    }
}

impl<S, P> FilterFalse<S, P> {
    /// Gives back the source, which goes on right after the last item taken.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, P> Stream for FilterFalse<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
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
                return Poll::Ready(Some(item));
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        at_most(self.stream.size_hint())
    }
}

impl<S, P> FusedStream for FilterFalse<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: fmt::Debug, P> fmt::Debug for FilterFalse<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterFalse")
            .field("stream", &self.stream)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
