use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::limit::Limit;
use crate::size_hint::{ENDED, SizeHint};

/// Gives the items of `stream` whose positions, from 0, are in `range`.
///
/// One page of a listing, or a stream without its header, is what it is for:
/// `islice(stream, 20..30)`, `islice(stream, 1..)`. Every second or third of them
/// is [`.step(n)`](Islice::step). A range that is empty or reversed has no items.
///
/// Only what is given, and what lies before it, is taken from the source. Python
/// takes all below `stop`, so that `islice(it, 0, 5, 3)` eats the item at 4; here
/// the source goes on right after the last item given, and an empty range takes
/// nothing at all.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::islice, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut middle = islice(iter("ABCDEFG".chars()), 2..4);
/// assert_eq!(next(&mut middle).await, Some('C'));
/// assert_eq!(next(&mut middle).await, Some('D'));
/// assert_eq!(next(&mut middle).await, None);
/// # }
/// ```
#[doc(alias = "slice")]
#[doc(alias = "skip")]
#[doc(alias = "take")]
pub fn islice<S: Stream>(stream: S, range: impl RangeBounds<usize>) -> Islice<S> {
    let (before, within) = extent(&range);
    Islice {
        stream,
        before,
        within,
        step: 1,
        pace: Pace::new(),
    }
}

/// The number of positions below a range, and of those in it; `None` is no end.
///
/// A range of all positions up to `usize::MAX` has no end: one more than fit.
fn extent(range: &impl RangeBounds<usize>) -> (usize, Option<usize>) {
    let start = match range.start_bound() {
        Bound::Included(&start) => Some(start),
        Bound::Excluded(&before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let Some(start) = start else {
        return (0, Some(0));
    };
    match range.end_bound() {
        Bound::Included(&last) if last >= start => (start, (last - start).checked_add(1)),
        Bound::Excluded(&end) if end > start => (start, Some(end - start)),
        Bound::Included(_) | Bound::Excluded(_) => (0, Some(0)),
        Bound::Unbounded => (start, None),
    }
}

pin_project! {
    /// The stream of [`islice`](crate::adaptors::islice()): the items at the positions
    /// of a range.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | nothing is kept |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end or the last item of the range |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Islice<S> {
        #[pin]
        stream: S,
        // Items to pass over before the next one that is given.
        before: usize,
        // Positions from the next one that is given to the end of the range.
        within: Option<usize>,
        step: usize,
        pace: Pace,
    }
}

impl<S> Islice<S> {
    /// Gives only every `step`-th item of the range, beginning with its first.
    ///
    /// Steps are counted in items; the default is 1. On a slice that is being read
    /// it counts from the next item on.
    ///
    /// # Panics
    ///
    /// If `step` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut odd = iter(0..100).islice(1..=5).step(2);
    /// assert_eq!(next(&mut odd).await, Some(1));
    /// assert_eq!(next(&mut odd).await, Some(3));
    /// assert_eq!(next(&mut odd).await, Some(5));
    /// assert_eq!(next(&mut odd).await, None);
    /// # }
    /// ```
    #[doc(alias = "step_by")]
    #[track_caller]
    pub fn step(self, step: impl Limit) -> Self {
        Self {
            step: step.at_least_one("the step").get(),
            ..self
        }
    }

    /// Gives back the source, which goes on right after the last item taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut slice = iter(0..10).islice(0..5).step(3);
    /// while next(&mut slice).await.is_some() {}
    /// // 0 and 3 were given, and 4 was not taken.
    /// assert_eq!(slice.into_inner().into_parts(), Some(4..10));
    /// # }
    /// ```
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: Stream> Islice<S> {
    /// Gives the next item after those that are passed over, out of line so that
    /// what gives each item of the range is inlined.
    #[inline(never)]
    fn poll_further(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        loop {
            if *this.within == Some(0) {
                this.pace.end();
            }
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                this.pace.end();
                return Poll::Ready(None);
            };
            if *this.before == 0 {
                *this.before = *this.step - 1;
                *this.within = this.within.map(|within| within.saturating_sub(*this.step));
                return Poll::Ready(Some(item));
            }
            *this.before -= 1;
        }
    }
}

impl<S: Stream> Stream for Islice<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if self.before > 0 || self.step > 1 {
            return self.poll_further(cx);
        }
        let this = self.project();
        if *this.within == Some(0) {
            this.pace.end();
        }
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let Some(item) = ready!(this.stream.poll_next(cx)) else {
            this.pace.end();
            return Poll::Ready(None);
        };
        if let Some(within) = this.within {
            *within -= 1;
        }
        Poll::Ready(Some(item))
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        let steps = |reached: usize| reached.div_ceil(self.step);
        let given = |items: usize| {
            let reached = items.saturating_sub(self.before);
            steps(self.within.map_or(reached, |within| within.min(reached)))
        };
        let (lower, upper) = self.stream.size_hint();
        let upper = upper.map(given).or_else(|| self.within.map(steps));
        (given(lower), upper)
    }
}

impl<S: Stream> FusedStream for Islice<S> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: fmt::Debug> fmt::Debug for Islice<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Islice")
            .field("stream", &self.stream)
            .field("before", &self.before)
            .field("within", &self.within)
            .field("step", &self.step)
            .field("done", &self.pace.has_ended())
            .finish()
    }
}
