use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, plus};

/// Merges neighbouring items for as long as `merge` makes one of two.
///
/// `merge` gets an item, or what was merged so far, and the next one. `Ok` is
/// merged further; `Err` gives them back, usually as they were: the first is
/// given and the second is merged with what follows. Ranges that touch, edits of
/// one line, or a sum for each sign become one item so.
///
/// An item is given when one comes that it can't be merged with, or at the end.
/// If `merge` panics, the two items that it got are dropped.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::coalesce, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let ranges = iter([0..2, 2..5, 7..9]);
/// let mut joined = coalesce(ranges, |a, b| {
///     if a.end == b.start { Ok(a.start..b.end) } else { Err((a, b)) }
/// });
/// assert_eq!(next(&mut joined).await, Some(0..5));
/// assert_eq!(next(&mut joined).await, Some(7..9));
/// # }
/// ```
pub fn coalesce<S, F>(stream: S, merge: F) -> Coalesce<S, F>
where
    S: Stream,
    F: FnMut(S::Item, S::Item) -> Result<S::Item, (S::Item, S::Item)>,
{
    Coalesce {
        stream,
        merge,
        merged: None,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`coalesce`](crate::adaptors::coalesce()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one item |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | from one for all items to one for each |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Coalesce<S: Stream, F> {
        #[pin]
        stream: S,
        merge: F,
        merged: Option<S::Item>,
        pace: Pace,
    }
}

impl<S: Stream, F> Coalesce<S, F> {
    /// Gives back the source and what was merged and not given, if there is any.
    pub fn into_parts(self) -> (S, Option<S::Item>) {
        (self.stream, self.merged)
    }
}

impl<S, F> Stream for Coalesce<S, F>
where
    S: Stream,
    F: FnMut(S::Item, S::Item) -> Result<S::Item, (S::Item, S::Item)>,
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
                let last = this.merged.take();
                this.pace.end_after(&last);
                return Poll::Ready(last);
            };
            let merged = match this.merged.take() {
                None => Ok(item),
                Some(before) => (this.merge)(before, item),
            };
            match merged {
                Ok(item) => *this.merged = Some(item),
                Err((first, second)) => {
                    *this.merged = Some(second);
                    return Poll::Ready(Some(first));
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let (least, most) = plus(self.stream.size_hint(), usize::from(self.merged.is_some()));
        (least.min(1), most)
    }
}

impl<S, F> FusedStream for Coalesce<S, F>
where
    S: Stream,
    F: FnMut(S::Item, S::Item) -> Result<S::Item, (S::Item, S::Item)>,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, F> fmt::Debug for Coalesce<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalesce")
            .field("stream", &self.stream)
            .field("holds_one", &self.merged.is_some())
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
