use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::lanes::{Filled, Lanes, Streams};
use crate::size_hint::{self, ENDED};

/// Gives one item of each stream at a time, until the shortest ends.
///
/// All streams are polled together, so a round takes as long as the slowest of
/// them and not as long as all. A tuple of two to eight streams gives tuples; an
/// array or a `Vec` of streams gives a `Vec`. No streams give nothing.
///
/// What the longer streams have given when the shortest ends is kept:
/// [`into_parts`](Zip::into_parts) gives it back, where Python drops it.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::zip, count, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut rows = zip((count(1), iter(["ham", "egg"]), iter("xyz".chars())));
/// assert_eq!(next(&mut rows).await, Some((1, "ham", 'x')));
/// assert_eq!(next(&mut rows).await, Some((2, "egg", 'y')));
/// assert_eq!(next(&mut rows).await, None);
/// # }
/// ```
#[doc(alias = "izip")]
#[doc(alias = "multizip")]
pub fn zip<L: Streams>(streams: L) -> Zip<L> {
    Zip {
        lanes: streams.pairing(),
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`zip`](crate::adaptors::zip()): each item is a tuple or a `Vec`
    /// with one item of each stream.
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
    pub struct Zip<L: Streams> {
        #[pin]
        lanes: L::Pairing,
        pace: Pace,
    }
}

impl<L: Streams> Zip<L> {
    /// Gives back the streams and the items that wait for their others.
    ///
    /// The streams of an array or a `Vec` come back in the pinned boxes that they
    /// were put into.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{adaptors::zip, iter, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut pairs = zip((iter(1..=3), iter(1..=1)));
    /// assert_eq!(next(&mut pairs).await, Some((1, 1)));
    /// assert_eq!(next(&mut pairs).await, None);
    /// let ((left, _), kept) = pairs.into_parts();
    /// assert_eq!(kept, (Some(2), None));
    /// assert_eq!(left.into_parts(), Some(3..=3));
    /// # }
    /// ```
    pub fn into_parts(self) -> (L::Sources, L::Halves) {
        L::unpair(self.lanes)
    }
}

impl<L: Streams> Stream for Zip<L> {
    type Item = L::Items;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<L::Items>> {
        let mut this = self.project();
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let (mut full, mut waiting) = (false, false);
        // The lanes behind one that has ended aren't asked for what nobody will get.
        let ended = this.lanes.as_mut().poll_each(cx, |_, lane| {
            match lane {
                Filled::Full => full = true,
                Filled::Waiting => waiting = true,
                Filled::Ended => return ControlFlow::Break(()),
            }
            ControlFlow::Continue(())
        });
        if ended.is_break() || !(full || waiting) {
            this.pace.end();
            return Poll::Ready(None);
        }
        if waiting {
            return Poll::Pending;
        }
        Poll::Ready(L::take_items(this.lanes))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        self.lanes.hints().reduce(size_hint::min).unwrap_or(ENDED)
    }
}

impl<L: Streams> FusedStream for Zip<L> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<L: Streams<Pairing: fmt::Debug>> fmt::Debug for Zip<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zip")
            .field("lanes", &self.lanes)
            .field("done", &self.pace.has_ended())
            .finish()
    }
}

/// Gives one item of each stream at a time; streams of unequal length are an error.
///
/// Use it where a missing item means that something went wrong: Python's
/// `zip(…, strict=True)`. Every round but the error is `Ok`, and after the error
/// comes the end. The method for two streams is
/// [`AioItertools::zip_strict`](crate::AioItertools::zip_strict); see
/// [`zip`](crate::adaptors::zip()) for what can be zipped.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::zip_strict, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut pairs = zip_strict((iter([1, 2]), iter(["one"])));
/// assert_eq!(next(&mut pairs).await, Some(Ok((1, "one"))));
/// let error = next(&mut pairs).await.unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "stream 1 ended before another; complete rounds: 1");
/// assert_eq!(error.into_kept(), (Some(2), None));
/// assert_eq!(next(&mut pairs).await, None);
/// # }
/// ```
#[doc(alias = "zip_eq")]
#[doc(alias = "zip_equal")]
pub fn zip_strict<L: Streams>(streams: L) -> ZipStrict<L> {
    ZipStrict {
        lanes: streams.pairing(),
        rounds: 0,
        ended_first: None,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`zip_strict`](crate::adaptors::zip_strict()): each item is `Ok` with
    /// one item of each stream, or the error that their lengths differ.
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
    /// | errors | unequal lengths are one error that hands over the incomplete round, then the end |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct ZipStrict<L: Streams> {
        #[pin]
        lanes: L::Pairing,
        rounds: usize,
        ended_first: Option<usize>,
        pace: Pace,
    }
}

impl<L: Streams> ZipStrict<L> {
    /// Gives back the streams and the items that wait for their others.
    ///
    /// The items of an error were handed over with it and aren't here.
    pub fn into_parts(self) -> (L::Sources, L::Halves) {
        L::unpair(self.lanes)
    }
}

impl<L: Streams> Stream for ZipStrict<L> {
    type Item = Result<L::Items, ZipError<L::Halves>>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let (mut full, mut waiting) = (false, false);
        let ended_first = this.ended_first;
        let _ = this.lanes.as_mut().poll_each(cx, |number, lane| {
            match lane {
                Filled::Full => full = true,
                Filled::Waiting => waiting = true,
                Filled::Ended => {
                    ended_first.get_or_insert(number);
                }
            }
            ControlFlow::Continue(())
        });
        match *ended_first {
            // One that waits can't make the lengths equal any more.
            Some(lane) if full => {
                let unequal = Some(Err(ZipError {
                    lane,
                    rounds: *this.rounds,
                    kept: L::take_halves(this.lanes),
                }));
                this.pace.end_after(&unequal);
                Poll::Ready(unequal)
            }
            _ if waiting => Poll::Pending,
            None if full => {
                *this.rounds = this.rounds.saturating_add(1);
                Poll::Ready(L::take_items(this.lanes).map(Ok))
            }
            _ => {
                this.pace.end();
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let Some(shortest) = self.lanes.hints().reduce(size_hint::min) else {
            return ENDED;
        };
        let longest = self.lanes.hints().fold(ENDED, size_hint::max);
        let surely_unequal = shortest.1.is_some_and(|upper| upper < longest.0);
        let surely_equal = longest.1 == Some(shortest.0);
        (
            shortest.0.saturating_add(usize::from(surely_unequal)),
            shortest
                .1
                .and_then(|upper| upper.checked_add(usize::from(!surely_equal))),
        )
    }
}

impl<L: Streams> FusedStream for ZipStrict<L> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<L: Streams<Pairing: fmt::Debug>> fmt::Debug for ZipStrict<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZipStrict")
            .field("lanes", &self.lanes)
            .field("rounds", &self.rounds)
            .field("done", &self.pace.has_ended())
            .finish()
    }
}

/// The error of [`ZipStrict`]: one stream ended and another gave one more item.
///
/// It carries the items of the incomplete round, so that they aren't lost: a
/// tuple of `Option`s for a tuple of streams, a `Vec` of them for a list.
#[derive(Clone, PartialEq, Eq)]
pub struct ZipError<H> {
    lane: usize,
    rounds: usize,
    kept: H,
}

impl<H> ZipError<H> {
    /// Which stream was the first to end, counted from 0.
    ///
    /// Of streams that were at their end at the same time it is the first one.
    pub fn lane(&self) -> usize {
        self.lane
    }

    /// How many complete rounds were given before.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    /// The items of the incomplete round.
    pub fn kept(&self) -> &H {
        &self.kept
    }

    /// The items of the incomplete round, owned.
    pub fn into_kept(self) -> H {
        self.kept
    }
}

impl<H> fmt::Display for ZipError<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lane, rounds) = (self.lane, self.rounds);
        write!(
            f,
            "stream {lane} ended before another; complete rounds: {rounds}"
        )
    }
}

// Without the items: an error can be logged whatever the items are.
impl<H> fmt::Debug for ZipError<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZipError")
            .field("lane", &self.lane)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

impl<H> Error for ZipError<H> {}
