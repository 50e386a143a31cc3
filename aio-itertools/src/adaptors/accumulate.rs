use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, plus};

/// Gives the running totals of `stream`: its first item, then what `f` makes of
/// the total so far and each next item.
///
/// A balance after every booking or the highest price so far is what it is for.
/// There are as many totals as items. Python adds where no function is given; here
/// `f` is always said: `|total, item| total + item`.
///
/// `f` is called with a clone of the total. If it panics, the item that it was
/// called with is gone and the totals go on from the last one.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::accumulate, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut highest = accumulate(iter([3, 1, 4]), i32::max);
/// assert_eq!(next(&mut highest).await, Some(3));
/// assert_eq!(next(&mut highest).await, Some(3));
/// assert_eq!(next(&mut highest).await, Some(4));
/// assert_eq!(next(&mut highest).await, None);
/// # }
/// ```
#[doc(alias = "scan")]
pub fn accumulate<S, F>(stream: S, f: F) -> Accumulate<S, F>
where
    S: Stream,
    S::Item: Clone,
    F: FnMut(S::Item, S::Item) -> S::Item,
{
    Accumulate {
        stream,
        total: None,
        f,
        pace: Pace::new(),
    }
}

/// Gives `initial`, then what `f` makes of the total so far and each item of `stream`.
///
/// It is Python's `accumulate` with `initial`. The totals may be of another type
/// than the items, and there is always one more of them: an empty stream has the
/// total `initial`.
///
/// `f` is called with a clone of the total. If it panics, the item that it was
/// called with is gone and the totals go on from the last one.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::accumulate_from, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let words = iter(["a", "bc"]);
/// let mut lengths = accumulate_from(words, 0, |total, word| total + word.len());
/// assert_eq!(next(&mut lengths).await, Some(0));
/// assert_eq!(next(&mut lengths).await, Some(1));
/// assert_eq!(next(&mut lengths).await, Some(3));
/// assert_eq!(next(&mut lengths).await, None);
/// # }
/// ```
#[doc(alias = "initial")]
#[doc(alias = "scan")]
pub fn accumulate_from<S, A, F>(stream: S, initial: A, f: F) -> AccumulateFrom<S, A, F>
where
    S: Stream,
    A: Clone,
    F: FnMut(A, S::Item) -> A,
{
    AccumulateFrom {
        stream,
        total: initial,
        begun: false,
        f,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`accumulate`](crate::adaptors::accumulate()): the running totals.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | the last total |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Accumulate<S: Stream, F> {
        #[pin]
        stream: S,
        total: Option<S::Item>,
        f: F,
        pace: Pace,
    }
}

impl<S: Stream, F> Accumulate<S, F> {
    /// Gives back the source and the last total, `None` before the first item.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut sums = iter(1..=4).accumulate(|total, item| total + item);
    /// next(&mut sums).await;
    /// next(&mut sums).await;
    /// let (rest, total) = sums.into_parts();
    /// assert_eq!(total, Some(3));
    /// assert_eq!(rest.into_parts(), Some(3..=4));
    /// # }
    /// ```
    pub fn into_parts(self) -> (S, Option<S::Item>) {
        (self.stream, self.total)
    }
}

impl<S, F> Stream for Accumulate<S, F>
where
    S: Stream,
    S::Item: Clone,
    F: FnMut(S::Item, S::Item) -> S::Item,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let Some(item) = ready!(this.stream.poll_next(cx)) else {
            this.pace.end();
            return Poll::Ready(None);
        };
        let given = match this.total {
            Some(total) => {
                let new = (this.f)(total.clone(), item);
                let given = new.clone();
                *total = new;
                given
            }
            None => {
                let given = item.clone();
                *this.total = Some(item);
                given
            }
        };
        Poll::Ready(Some(given))
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        self.stream.size_hint()
    }
}

impl<S, F> FusedStream for Accumulate<S, F>
where
    S: Stream,
    S::Item: Clone,
    F: FnMut(S::Item, S::Item) -> S::Item,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, F> fmt::Debug for Accumulate<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accumulate")
            .field("stream", &self.stream)
            .field("begun", &self.total.is_some())
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The stream of [`accumulate_from`](crate::adaptors::accumulate_from()): the
    /// initial total, then the running totals.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | the last total |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct AccumulateFrom<S, A, F> {
        #[pin]
        stream: S,
        total: A,
        begun: bool,
        f: F,
        pace: Pace,
    }
}

impl<S, A, F> AccumulateFrom<S, A, F> {
    /// Gives back the source and the last total, which is the initial one before
    /// the first item.
    ///
    /// After the end it is the total of all, without another clone.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut sums = iter(1..=4).accumulate_from(0, |total, item| total + item);
    /// while next(&mut sums).await.is_some() {}
    /// let (_, total) = sums.into_parts();
    /// assert_eq!(total, 10);
    /// # }
    /// ```
    pub fn into_parts(self) -> (S, A) {
        (self.stream, self.total)
    }
}

impl<S, A, F> Stream for AccumulateFrom<S, A, F>
where
    S: Stream,
    A: Clone,
    F: FnMut(A, S::Item) -> A,
{
    type Item = A;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<A>> {
        let this = self.project();
        if !*this.begun {
            let initial = this.total.clone();
            *this.begun = true;
            return Poll::Ready(Some(initial));
        }
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let Some(item) = ready!(this.stream.poll_next(cx)) else {
            this.pace.end();
            return Poll::Ready(None);
        };
        let total = (this.f)(this.total.clone(), item);
        let given = total.clone();
        *this.total = total;
        Poll::Ready(Some(given))
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        plus(self.stream.size_hint(), usize::from(!self.begun))
    }
}

impl<S, A, F> FusedStream for AccumulateFrom<S, A, F>
where
    S: Stream,
    A: Clone,
    F: FnMut(A, S::Item) -> A,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: fmt::Debug, A, F> fmt::Debug for AccumulateFrom<S, A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccumulateFrom")
            .field("stream", &self.stream)
            .field("begun", &self.begun)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
