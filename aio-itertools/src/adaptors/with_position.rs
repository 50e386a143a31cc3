use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, plus};

/// Gives each item with its position: whether it is the first, the last, or neither.
///
/// Each item waits until the next one or the end has come, since nobody knows
/// before whether it is the last.
///
/// # Examples
///
/// ```
/// use aio_itertools::adaptors::{Position, with_position};
/// use aio_itertools::{iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut rows = with_position(iter(["a", "b", "c"]));
/// assert_eq!(next(&mut rows).await, Some((Position::First, "a")));
/// assert_eq!(next(&mut rows).await, Some((Position::Middle, "b")));
/// assert_eq!(next(&mut rows).await, Some((Position::Last, "c")));
/// # }
/// ```
#[doc(alias = "mark_ends")]
pub fn with_position<S: Stream>(stream: S) -> WithPosition<S> {
    WithPosition {
        stream,
        waiting: None,
        begun: false,
        pace: Pace::new(),
    }
}

/// Where an item of [`with_position`](crate::adaptors::with_position()) stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Position {
    /// The first of several.
    First,
    /// Neither the first nor the last.
    Middle,
    /// The last of several.
    Last,
    /// The first and the last: there is no other.
    Only,
}

pin_project! {
    /// The stream of [`with_position`](crate::adaptors::with_position()).
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
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct WithPosition<S: Stream> {
        #[pin]
        stream: S,
        waiting: Option<S::Item>,
        begun: bool,
        pace: Pace,
    }
}

impl<S: Stream> WithPosition<S> {
    /// Gives back the source, and the item that waits for the next one, if there is one.
    pub fn into_parts(self) -> (S, Option<S::Item>) {
        (self.stream, self.waiting)
    }
}

impl<S: Stream> Stream for WithPosition<S> {
    type Item = (Position, S::Item);

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let next = ready!(this.stream.as_mut().poll_next(cx));
            let last = next.is_none();
            let item = std::mem::replace(this.waiting, next);
            if last {
                this.pace.end_after(&item);
            }
            let Some(item) = item else {
                if last {
                    return Poll::Ready(None);
                }
                continue;
            };
            let position = match (*this.begun, last) {
                (false, false) => Position::First,
                (true, false) => Position::Middle,
                (true, true) => Position::Last,
                (false, true) => Position::Only,
            };
            *this.begun = true;
            return Poll::Ready(Some((position, item)));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        plus(self.stream.size_hint(), usize::from(self.waiting.is_some()))
    }
}

impl<S: Stream> FusedStream for WithPosition<S> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for WithPosition<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithPosition")
            .field("stream", &self.stream)
            .field("holds_one", &self.waiting.is_some())
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
