use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::lanes::{Alike, Filled, Lanes, Streams};
use crate::size_hint::{self, ENDED};

/// Gives one item of each stream at a time, until the longest ends.
///
/// A stream that has ended gives `None` in its place, so an item is a tuple of
/// `Option`s, or a `Vec` of them for an array or a `Vec` of streams, with at
/// least one `Some`. [`fill`](ZipLongest::fill) puts a value there instead, as
/// Python's `fillvalue` does.
///
/// All streams are polled together, and what one has given waits for the others.
/// The method for two streams is
/// [`AioItertools::zip_longest`](crate::AioItertools::zip_longest).
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, next, zip_longest};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut pairs = zip_longest((iter([1, 2]), iter(["one"])));
/// assert_eq!(next(&mut pairs).await, Some((Some(1), Some("one"))));
/// assert_eq!(next(&mut pairs).await, Some((Some(2), None)));
/// assert_eq!(next(&mut pairs).await, None);
/// # }
/// ```
pub fn zip_longest<L: Streams>(streams: L) -> ZipLongest<L> {
    ZipLongest {
        lanes: streams.pairing(),
        done: false,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`zip_longest`](fn@crate::zip_longest): each item has an `Option` for
    /// each stream, `None` once that stream has ended.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one item of each source |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct ZipLongest<L: Streams> {
        #[pin]
        lanes: L::Pairing,
        done: bool,
        pace: Pace,
    }
}

impl<L: Streams> ZipLongest<L> {
    /// Gives back the streams and the items that wait for their others.
    ///
    /// The streams of an array or a `Vec` come back in the pinned boxes that they
    /// were put into.
    pub fn into_parts(self) -> (L::Sources, L::Halves) {
        L::unpair(self.lanes)
    }
}

impl<L: Alike> ZipLongest<L> {
    /// Puts a copy of `value` where a stream has ended: Python's `fillvalue`.
    ///
    /// It is there for streams whose items are all of one type.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, zip_longest};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut pairs = zip_longest((iter("AB".chars()), iter("x".chars()))).fill('-');
    /// assert_eq!(next(&mut pairs).await, Some(('A', 'x')));
    /// assert_eq!(next(&mut pairs).await, Some(('B', '-')));
    /// assert_eq!(next(&mut pairs).await, None);
    /// # }
    /// ```
    #[doc(alias = "fillvalue")]
    pub fn fill(self, value: L::Value) -> ZipLongestFilled<L> {
        ZipLongestFilled { rows: self, value }
    }
}

impl<L: Streams> Stream for ZipLongest<L> {
    type Item = L::Halves;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<L::Halves>> {
        let mut this = self.project();
        if *this.done {
            return Poll::Ready(None);
        }
        ready!(this.pace.poll_item(cx));
        let (mut full, mut waiting) = (false, false);
        let _ = this.lanes.as_mut().poll_each(cx, |_, lane| {
            full |= lane == Filled::Full;
            waiting |= lane == Filled::Waiting;
            ControlFlow::Continue(())
        });
        if waiting {
            return Poll::Pending;
        }
        if !full {
            *this.done = true;
            return Poll::Ready(None);
        }
        Poll::Ready(Some(L::take_halves(this.lanes)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.done {
            return ENDED;
        }
        self.lanes.hints().fold(ENDED, size_hint::max)
    }
}

impl<L: Streams> FusedStream for ZipLongest<L> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<L: Streams<Pairing: fmt::Debug>> fmt::Debug for ZipLongest<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZipLongest")
            .field("lanes", &self.lanes)
            .field("done", &self.done)
            .finish()
    }
}

pin_project! {
    /// The stream of [`ZipLongest::fill`]: each item is a tuple or a `Vec` with a value
    /// for each stream, the given one once that stream has ended.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one item of each source, and the value |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct ZipLongestFilled<L: Alike> {
        #[pin]
        rows: ZipLongest<L>,
        value: L::Value,
    }
}

impl<L: Alike> ZipLongestFilled<L> {
    /// Gives back the streams and the items that wait for their others.
    pub fn into_parts(self) -> (L::Sources, L::Halves) {
        self.rows.into_parts()
    }
}

impl<L: Alike> Stream for ZipLongestFilled<L> {
    type Item = L::Whole;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<L::Whole>> {
        let this = self.project();
        let row = ready!(this.rows.poll_next(cx));
        Poll::Ready(row.map(|halves| L::fill(halves, this.value)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl<L: Alike> FusedStream for ZipLongestFilled<L> {
    fn is_terminated(&self) -> bool {
        self.rows.is_terminated()
    }
}

impl<L: Alike<Pairing: fmt::Debug>> fmt::Debug for ZipLongestFilled<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZipLongestFilled")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
