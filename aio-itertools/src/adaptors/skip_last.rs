use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, minus, plus};

/// Gives all items of `stream` but the last `n`.
///
/// Each item is given when `n` more have come. With `n` of zero that is at once,
/// and nothing is skipped. Memory is taken as items come, so `usize::MAX` skips
/// all of them. What was skipped, a footer for example, is kept for
/// [`into_parts`](SkipLast::into_parts).
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::skip_last, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut rows = skip_last(iter(["row 1", "row 2", "total"]), 1);
/// assert_eq!(next(&mut rows).await, Some("row 1"));
/// assert_eq!(next(&mut rows).await, Some("row 2"));
/// assert_eq!(next(&mut rows).await, None);
/// let (_, skipped) = rows.into_parts();
/// assert_eq!(skipped, ["total"]);
/// # }
/// ```
#[doc(alias = "dropping_back")]
#[doc(alias = "skiplast")]
pub fn skip_last<S: Stream>(stream: S, n: usize) -> SkipLast<S> {
    SkipLast {
        stream,
        last: Vec::new(),
        oldest: 0,
        n,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`skip_last`](crate::adaptors::skip_last()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | the last `n` items |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct SkipLast<S: Stream> {
        #[pin]
        stream: S,
        // A ring once it is full: a new item takes the place of the oldest.
        last: Vec<S::Item>,
        oldest: usize,
        n: usize,
        pace: Pace,
    }
}

impl<S: Stream> SkipLast<S> {
    /// Gives back the source, and the last items that it has given so far: after
    /// the end those that were skipped.
    pub fn into_parts(mut self) -> (S, Vec<S::Item>) {
        self.last.rotate_left(self.oldest);
        (self.stream, self.last)
    }

    /// Takes one item and gives the oldest, when there are enough.
    #[inline]
    fn poll_oldest(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let Some(item) = ready!(this.stream.poll_next(cx)) else {
            this.pace.end();
            return Poll::Ready(None);
        };
        let Some(place) = this.last.get_mut(*this.oldest) else {
            return Poll::Ready(Some(item)); // none is skipped
        };
        let given = mem::replace(place, item);
        *this.oldest += 1;
        if *this.oldest == *this.n {
            *this.oldest = 0;
        }
        Poll::Ready(Some(given))
    }

    /// Takes the first items, out of line: it is done once.
    #[cold]
    fn poll_first(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.as_mut().project();
        while this.last.len() < *this.n {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(item) => this.last.push(item),
                None => this.pace.end(),
            }
        }
        self.poll_oldest(cx)
    }
}

impl<S: Stream> Stream for SkipLast<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if self.last.len() < self.n {
            return self.poll_first(cx);
        }
        self.poll_oldest(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        minus(plus(self.stream.size_hint(), self.last.len()), self.n)
    }
}

impl<S: Stream> FusedStream for SkipLast<S> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for SkipLast<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SkipLast")
            .field("stream", &self.stream)
            .field("held", &self.last.len())
            .field("n", &self.n)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
