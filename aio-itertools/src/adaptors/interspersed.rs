use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::limit::Limit;
use crate::size_hint::{ENDED, plus};

/// Gives a separator between the items of `stream`.
///
/// A separator is given only when the next item is there, so there is none at
/// the end, and none after an item that nothing follows yet.
/// [`every`](Interspersed::every) gives one between groups of items instead.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::interspersed, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut list = interspersed(iter(["a", "b"]), ", ");
/// assert_eq!(next(&mut list).await, Some("a"));
/// assert_eq!(next(&mut list).await, Some(", "));
/// assert_eq!(next(&mut list).await, Some("b"));
/// assert_eq!(next(&mut list).await, None);
/// # }
/// ```
#[doc(alias = "intersperse")]
pub fn interspersed<S>(stream: S, separator: S::Item) -> Interspersed<S>
where
    S: Stream,
    S::Item: Clone,
{
    Interspersed {
        stream,
        separator,
        every: 1,
        since: 0,
        waiting: None,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`interspersed`](crate::adaptors::interspersed()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one item and the separator |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Interspersed<S: Stream> {
        #[pin]
        stream: S,
        separator: S::Item,
        every: usize,
        // Items given since the last separator.
        since: usize,
        // An item that is given after its separator.
        waiting: Option<S::Item>,
        pace: Pace,
    }
}

impl<S: Stream> Interspersed<S> {
    /// Gives a separator after every `items` items; the default is 1.
    ///
    /// # Panics
    ///
    /// If `items` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut digits = iter("123456".chars()).interspersed('.').every(3);
    /// let mut text = String::new();
    /// while let Some(digit) = next(&mut digits).await {
    ///     text.push(digit);
    /// }
    /// assert_eq!(text, "123.456");
    /// # }
    /// ```
    #[track_caller]
    pub fn every(self, items: impl Limit) -> Self {
        let every = items.at_least_one("the number of items").get();
        Self {
            every,
            since: self.since.min(every),
            ..self
        }
    }

    /// Gives back the source, and the item whose separator was given, if there is one.
    pub fn into_parts(self) -> (S, Option<S::Item>) {
        (self.stream, self.waiting)
    }

    /// How many items and separators come of as many items.
    fn with_separators(&self, items: usize) -> Option<usize> {
        if items == 0 {
            return Some(0);
        }
        let separators = self.since.checked_add(items - 1)? / self.every;
        items.checked_add(separators)
    }
}

impl<S: Stream> Stream for Interspersed<S>
where
    S::Item: Clone,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let item = match this.waiting.take() {
            Some(item) => item,
            None => {
                if !ready!(this.pace.poll_more(cx)) {
                    return Poll::Ready(None);
                }
                let Some(item) = ready!(this.stream.poll_next(cx)) else {
                    this.pace.end();
                    return Poll::Ready(None);
                };
                item
            }
        };
        if *this.since < *this.every {
            *this.since += 1;
            return Poll::Ready(Some(item));
        }
        // The item waits where it is safe: the clone may panic.
        *this.waiting = Some(item);
        let separator = this.separator.clone();
        *this.since = 0;
        Poll::Ready(Some(separator))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let waiting = usize::from(self.waiting.is_some());
        let (least, most) = plus(self.stream.size_hint(), waiting);
        (
            self.with_separators(least).unwrap_or(usize::MAX),
            most.and_then(|most| self.with_separators(most)),
        )
    }
}

impl<S: Stream> FusedStream for Interspersed<S>
where
    S::Item: Clone,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Interspersed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interspersed")
            .field("stream", &self.stream)
            .field("every", &self.every)
            .field("since", &self.since)
            .field("holds_one", &self.waiting.is_some())
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
