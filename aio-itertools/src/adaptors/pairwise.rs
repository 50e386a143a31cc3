use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, minus};

/// Gives each item of `stream` together with the one after it.
///
/// Differences between neighbours, gaps and changes of state are what it is for.
/// Of `n` items there are `n - 1` pairs; of one item or none there is none. More
/// than two at a time are [`windows`](crate::adaptors::windows()).
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::pairwise, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut pairs = pairwise(iter("ABC".chars()));
/// assert_eq!(next(&mut pairs).await, Some(('A', 'B')));
/// assert_eq!(next(&mut pairs).await, Some(('B', 'C')));
/// assert_eq!(next(&mut pairs).await, None);
/// # }
/// ```
#[doc(alias = "tuple_windows")]
pub fn pairwise<S>(stream: S) -> Pairwise<S>
where
    S: Stream,
    S::Item: Clone,
{
    Pairwise {
        stream,
        previous: None,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`pairwise`](crate::adaptors::pairwise()): neighbours, two by two.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | the last item |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Pairwise<S: Stream> {
        #[pin]
        stream: S,
        previous: Option<S::Item>,
        pace: Pace,
    }
}

impl<S: Stream> Pairwise<S> {
    /// Gives back the source and the item that would be first in the next pair.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut pairs = iter(1..=4).pairwise();
    /// next(&mut pairs).await;
    /// let (rest, previous) = pairs.into_parts();
    /// assert_eq!(previous, Some(2));
    /// assert_eq!(rest.into_parts(), Some(3..=4));
    /// # }
    /// ```
    pub fn into_parts(self) -> (S, Option<S::Item>) {
        (self.stream, self.previous)
    }
}

impl<S> Stream for Pairwise<S>
where
    S: Stream,
    S::Item: Clone,
{
    type Item = (S::Item, S::Item);

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                this.pace.end();
                return Poll::Ready(None);
            };
            // The very first item waits for its neighbour, and needs no clone.
            if this.previous.is_none() {
                *this.previous = Some(item);
                continue;
            }
            let second = item.clone();
            let first = this.previous.replace(item);
            return Poll::Ready(first.map(|first| (first, second)));
        }
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        minus(
            self.stream.size_hint(),
            usize::from(self.previous.is_none()),
        )
    }
}

impl<S> FusedStream for Pairwise<S>
where
    S: Stream,
    S::Item: Clone,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Pairwise<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairwise")
            .field("stream", &self.stream)
            .field("begun", &self.previous.is_some())
            .field("done", &self.pace.has_ended())
            .finish()
    }
}
