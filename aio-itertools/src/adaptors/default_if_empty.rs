use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, max};

/// Gives the items of `stream`, or `value` if there are none.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::default_if_empty, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut found = default_if_empty(iter([]), "nothing was found");
/// assert_eq!(next(&mut found).await, Some("nothing was found"));
/// assert_eq!(next(&mut found).await, None);
/// # }
/// ```
#[doc(alias = "defaultIfEmpty")]
pub fn default_if_empty<S: Stream>(stream: S, value: S::Item) -> DefaultIfEmpty<S> {
    DefaultIfEmpty {
        stream,
        value: Some(value),
        empty: true,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`default_if_empty`](crate::adaptors::default_if_empty()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | the value |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct DefaultIfEmpty<S: Stream> {
        #[pin]
        stream: S,
        value: Option<S::Item>,
        empty: bool,
        pace: Pace,
    }
}

impl<S: Stream> DefaultIfEmpty<S> {
    /// Gives back the source, and the value unless it was given.
    pub fn into_parts(self) -> (S, Option<S::Item>) {
        (self.stream, self.value)
    }
}

impl<S: Stream> Stream for DefaultIfEmpty<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let item = ready!(this.stream.poll_next(cx));
        if item.is_some() {
            *this.empty = false;
            return Poll::Ready(item);
        }
        let value = if *this.empty { this.value.take() } else { None };
        this.pace.end_after(&value);
        Poll::Ready(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let value = if self.empty { (1, Some(1)) } else { ENDED };
        max(self.stream.size_hint(), value)
    }
}

impl<S: Stream> FusedStream for DefaultIfEmpty<S> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for DefaultIfEmpty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultIfEmpty")
            .field("stream", &self.stream)
            .field("empty", &self.empty)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
