use std::error::Error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::limit::Limit;
use crate::size_hint::{ENDED, plus};

/// The most that a new batch reserves before its items are there, in items.
const RESERVE: usize = 1024;

/// Gives the items of `stream` in batches of `size`, the last one possibly shorter.
///
/// The free form of [`AioItertools::batched`](crate::AioItertools::batched), with
/// the argument order of Python's `itertools.batched`.
///
/// # Panics
///
/// If `size` is the `usize` zero: see [`Limit`].
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::batched, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut batches = batched(iter("ABCDEFG".chars()), 3);
/// assert_eq!(next(&mut batches).await, Some(vec!['A', 'B', 'C']));
/// # }
/// ```
#[track_caller]
pub fn batched<S: Stream>(stream: S, size: impl Limit) -> Batched<S> {
    Batched {
        stream,
        batch: Vec::new(),
        size: size.at_least_one("the batch size").get(),
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`batched`](crate::adaptors::batched()): each item is a `Vec` of `size`
    /// items, the last one possibly shorter and never empty.
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
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Batched<S: Stream> {
        #[pin]
        stream: S,
        batch: Vec<S::Item>,
        size: usize,
        pace: Pace,
    }
}

impl<S: Stream> Batched<S> {
    /// Makes a last batch that is too short an error, as Python's `strict=True` does.
    ///
    /// Use it where a partial record means that the input was cut off.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut pairs = iter([1, 2, 3]).batched(2).strict();
    /// assert_eq!(next(&mut pairs).await, Some(Ok(vec![1, 2])));
    /// let short = next(&mut pairs).await.unwrap().unwrap_err();
    /// assert_eq!(short.to_string(), "the last batch has 1 of 2 items");
    /// assert_eq!(short.into_items(), [3]);
    /// # }
    /// ```
    pub fn strict(self) -> StrictBatched<S> {
        StrictBatched { batches: self }
    }

    /// Gives back the source and the items of the batch that isn't full yet.
    ///
    /// Nothing is lost by stopping early: the items come before what the source
    /// has left.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut batches = iter(1..=5).batched(2);
    /// next(&mut batches).await;
    /// let (rest, unfinished) = batches.into_parts();
    /// assert_eq!(unfinished, []);
    /// assert_eq!(rest.into_parts(), Some(3..=5));
    /// # }
    /// ```
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        (self.stream, self.batch)
    }
}

impl<S: Stream> Stream for Batched<S> {
    type Item = Vec<S::Item>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(item) => {
                    if this.batch.len() == this.batch.capacity() {
                        make_room(this.batch, *this.size);
                    }
                    this.batch.push(item);
                    if this.batch.len() == *this.size {
                        return Poll::Ready(Some(mem::take(this.batch)));
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
        let (lower, upper) = plus(self.stream.size_hint(), self.batch.len());
        let batches = |items: usize| items.div_ceil(self.size);
        (batches(lower), upper.map(batches))
    }
}

/// Makes room for the whole batch at once, unless it is long.
#[cold]
fn make_room<T>(batch: &mut Vec<T>, size: usize) {
    batch.reserve((size - batch.len()).min(RESERVE.max(batch.len())));
}

impl<S: Stream> FusedStream for Batched<S> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Batched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batched")
            .field("stream", &self.stream)
            .field("unfinished", &self.batch.len())
            .field("size", &self.size)
            .field("done", &self.pace.has_ended())
            .finish()
    }
}

pin_project! {
    /// The stream of [`Batched::strict`]: full batches, then one error if the last
    /// batch is short.
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
    /// | size_hint | exact when the source's is |
    /// | errors | a short last batch is handed over inside the error, then the end |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct StrictBatched<S: Stream> {
        #[pin]
        batches: Batched<S>,
    }
}

impl<S: Stream> StrictBatched<S> {
    /// Gives back the source and the items of the batch that isn't full yet.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        self.batches.into_parts()
    }
}

impl<S: Stream> Stream for StrictBatched<S> {
    type Item = Result<Vec<S::Item>, ShortBatch<S::Item>>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut batches = self.project().batches;
        let batch = ready!(batches.as_mut().poll_next(cx));
        let size = batches.size;
        Poll::Ready(batch.map(|items| {
            if items.len() == size {
                Ok(items)
            } else {
                Err(ShortBatch { items, size })
            }
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.batches.size_hint()
    }
}

impl<S: Stream> FusedStream for StrictBatched<S> {
    fn is_terminated(&self) -> bool {
        self.batches.is_terminated()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for StrictBatched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictBatched")
            .field("batches", &self.batches)
            .finish()
    }
}

/// The error of [`StrictBatched`]: the source ended inside a batch.
///
/// It carries the items of that batch, so that they aren't lost.
#[derive(Clone, PartialEq, Eq)]
pub struct ShortBatch<T> {
    items: Vec<T>,
    size: usize,
}

impl<T> ShortBatch<T> {
    /// The items of the short batch, at least one and fewer than [`size`](Self::size).
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The items of the short batch, owned.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// The number of items that a batch should have had.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl<T> fmt::Display for ShortBatch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (got, size) = (self.items.len(), self.size);
        write!(f, "the last batch has {got} of {size} items")
    }
}

// Counts instead of items: an error can be logged whatever the items are.
impl<T> fmt::Debug for ShortBatch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortBatch")
            .field("items", &self.items.len())
            .field("size", &self.size)
            .finish()
    }
}

impl<T> Error for ShortBatch<T> {}
