use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::budget::Budget;

/// Gives the values of any iterator as a stream that lets its neighbours run.
///
/// Use it to feed what is in memory, or what an iterator computes, to adaptors.
/// Each item spends a unit of tokio's cooperative budget, so even an endless
/// iterator doesn't hold its thread: `timeout` around it fires. Without the
/// feature `coop` it pauses after every 128 items instead, on any executor;
/// with the feature but outside a tokio runtime nothing makes it pause.
///
/// The iterator runs on the task that polls: one that blocks, blocks the task.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | none |
/// | memory | the iterator |
/// | fairness | one unit of the budget an item |
/// | fused | yes: the iterator is dropped at its end |
/// | size_hint | exact when the source's is |
/// | errors | items pass as they are |
/// | runtime | any |
///
/// # Examples
///
/// ```
/// use aio_itertools::iter;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut numbers = iter([1, 2]);
/// assert_eq!(numbers.next().await, Some(1));
/// assert_eq!(numbers.next().await, Some(2));
/// assert_eq!(numbers.next().await, None);
/// # }
/// ```
#[doc(alias = "iterate")]
#[doc(alias = "aiter")]
pub fn iter<I: IntoIterator>(values: I) -> Iter<I::IntoIter> {
    Iter {
        values: Some(values.into_iter()),
        budget: Budget::new(),
    }
}

/// The stream of [`iter`](fn@crate::iter).
#[derive(Clone)]
#[must_use = "streams do nothing unless polled"]
pub struct Iter<I> {
    /// `None` after the end: an iterator is not asked again, fused or not.
    values: Option<I>,
    budget: Budget,
}

// The iterator is never pinned: it is only ever borrowed to be advanced.
impl<I> Unpin for Iter<I> {}

impl<I: Iterator> Iter<I> {
    /// Gives the next value, or `None` at the end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a value is taken from the iterator only when it is returned.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut letters = aio_itertools::iter("ab".chars());
    /// assert_eq!(letters.next().await, Some('a'));
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<I::Item> {
        crate::next(self).await
    }

    /// Gives the iterator with the values that were not taken; `None` after the end.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut numbers = aio_itertools::iter(1..4);
    /// numbers.next().await;
    /// assert_eq!(numbers.into_parts(), Some(2..4));
    /// # }
    /// ```
    pub fn into_parts(self) -> Option<I> {
        self.values
    }
}

impl<I: Iterator> Stream for Iter<I> {
    type Item = I::Item;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<I::Item>> {
        let this = &mut *self;
        let Some(values) = &mut this.values else {
            return Poll::Ready(None);
        };
        ready!(this.budget.poll_spend_last(cx));
        let value = values.next();
        if value.is_none() {
            this.values = None;
        }
        Poll::Ready(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.values {
            Some(values) => values.size_hint(),
            None => (0, Some(0)),
        }
    }
}

impl<I: Iterator> FusedStream for Iter<I> {
    fn is_terminated(&self) -> bool {
        self.values.is_none()
    }
}

impl<I: fmt::Debug> fmt::Debug for Iter<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter")
            .field("values", &self.values)
            .finish()
    }
}
