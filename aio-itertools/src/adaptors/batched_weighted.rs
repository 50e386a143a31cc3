use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::limit::Limit;
use crate::size_hint::{ENDED, plus};

/// Gives the items of `stream` in batches whose weights sum to at most `max`.
///
/// Use it where a request is limited in bytes, tokens or cost and not in items.
/// `weigh` says what an item weighs, in whatever unit `max` is in; it is called
/// once an item. A batch is given as soon as it weighs `max`, or when an item
/// comes that doesn't fit: that item is the first of the next batch. An item
/// heavier than `max` is a batch of its own. Sums stop at `usize::MAX`.
///
/// Items of weight zero always fit, so a stream of nothing else is one batch:
/// [`max_len`](BatchedWeighted::max_len) bounds that. Unlike `constrained_batches`
/// of more-itertools it doesn't fail for an item that is too heavy.
///
/// # Panics
///
/// If `max` is the `usize` zero: see [`Limit`].
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::batched_weighted, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lines = ["ab", "cd", "e", "longer than five", "f"];
/// let mut requests = batched_weighted(iter(lines), 5, |line| line.len());
/// assert_eq!(next(&mut requests).await, Some(vec!["ab", "cd", "e"]));
/// assert_eq!(next(&mut requests).await, Some(vec!["longer than five"]));
/// assert_eq!(next(&mut requests).await, Some(vec!["f"]));
/// # }
/// ```
#[doc(alias = "constrained_batches")]
#[track_caller]
pub fn batched_weighted<S, F>(stream: S, max: impl Limit, weigh: F) -> BatchedWeighted<S, F>
where
    S: Stream,
    F: FnMut(&S::Item) -> usize,
{
    BatchedWeighted {
        stream,
        weigh,
        batch: Vec::new(),
        weight: 0,
        max: max.at_least_one("the greatest weight").get(),
        max_len: usize::MAX,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`batched_weighted`](crate::adaptors::batched_weighted()): each item is a
    /// `Vec` that is never empty.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one batch |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | from as few batches as `max_len` allows to one batch an item |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct BatchedWeighted<S: Stream, F> {
        #[pin]
        stream: S,
        weigh: F,
        batch: Vec<S::Item>,
        weight: usize,
        max: usize,
        max_len: usize,
        pace: Pace,
    }
}

impl<S: Stream, F> BatchedWeighted<S, F> {
    /// Bounds the number of items in a batch as well; the default is no bound.
    ///
    /// Many services limit a request in both, bytes and records. Call it before the
    /// stream is polled: what is held by then is given as one batch.
    ///
    /// # Panics
    ///
    /// If `len` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let records = iter(["a", "", "", "bcd"]);
    /// let mut requests = records.batched_weighted(1024, |record| record.len()).max_len(2);
    /// assert_eq!(next(&mut requests).await, Some(vec!["a", ""]));
    /// assert_eq!(next(&mut requests).await, Some(vec!["", "bcd"]));
    /// # }
    /// ```
    #[doc(alias = "max_count")]
    #[track_caller]
    pub fn max_len(self, len: impl Limit) -> Self {
        Self {
            max_len: len.at_least_one("the greatest length").get(),
            ..self
        }
    }

    /// Gives back the source and the items of the batch that isn't full yet.
    ///
    /// An item that didn't fit into the batch before is the first of them.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        (self.stream, self.batch)
    }
}

impl<S, F> Stream for BatchedWeighted<S, F>
where
    S: Stream,
    F: FnMut(&S::Item) -> usize,
{
    type Item = Vec<S::Item>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut this = self.project();
        loop {
            if *this.weight >= *this.max || this.batch.len() >= *this.max_len {
                *this.weight = 0;
                return Poll::Ready(Some(mem::take(this.batch)));
            }
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(item) => {
                    let weight = (this.weigh)(&item);
                    // Where there is room at all, an empty batch takes any item.
                    let room = *this.max - *this.weight;
                    if this.batch.is_empty() || weight <= room {
                        this.batch.push(item);
                        *this.weight = this.weight.saturating_add(weight);
                    } else {
                        *this.weight = weight;
                        return Poll::Ready(Some(mem::replace(this.batch, vec![item])));
                    }
                }
                None => {
                    let last = mem::take(this.batch);
                    let last = (!last.is_empty()).then_some(last);
                    this.pace.end_after(&last);
                    return Poll::Ready(last);
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let hint = self.stream.size_hint();
        // A batch that was longer when the bound was said is one all the same.
        let (fewest, _) = plus(hint, self.batch.len().min(self.max_len));
        let (_, most) = plus(hint, usize::from(!self.batch.is_empty()));
        (fewest.div_ceil(self.max_len), most)
    }
}

impl<S, F> FusedStream for BatchedWeighted<S, F>
where
    S: Stream,
    F: FnMut(&S::Item) -> usize,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, F> fmt::Debug for BatchedWeighted<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchedWeighted")
            .field("stream", &self.stream)
            .field("unfinished", &self.batch.len())
            .field("weight", &self.weight)
            .field("max", &self.max)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
