use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::budget::Budget;
use crate::size_hint::{ENDED, SizeHint};

/// Counts up from `start` by one, or by another [`step`](Count::step).
///
/// Use it to number what another stream gives, with
/// [`zip`](crate::adaptors::zip()), or as an endless source. It counts in any
/// integer or float. Python's integers have no greatest value and these have:
/// the stream ends after the last value that fits, and never wraps around or
/// panics. A float ends where the next value would be infinite; it adds up its
/// steps and their rounding, as Python does.
///
/// Each value spends a unit of tokio's cooperative budget, so a `timeout` around
/// an endless loop fires: see [`iter`](fn@crate::iter) for other executors.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | none |
/// | memory | one value |
/// | fairness | one unit of the budget an item |
/// | fused | yes: it stays at its end |
/// | size_hint | exact for integers; at least one for floats |
/// | errors | none |
/// | runtime | any |
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::zip, count, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut lines = zip((count(1), iter(["ham", "egg"])));
/// assert_eq!(next(&mut lines).await, Some((1, "ham")));
/// assert_eq!(next(&mut lines).await, Some((2, "egg")));
///
/// let mut last = count(u8::MAX);
/// assert_eq!(next(&mut last).await, Some(255));
/// assert_eq!(next(&mut last).await, None);
/// # }
/// ```
pub fn count<N: Number>(start: N) -> Count<N> {
    Count {
        next: Some(start),
        step: N::ONE,
        done: false,
        budget: Budget::new(),
    }
}

/// The stream of [`count`](fn@crate::count).
#[derive(Clone)]
#[must_use = "streams do nothing unless polled"]
pub struct Count<N> {
    /// `None` if the value after the last one wouldn't fit.
    next: Option<N>,
    step: N,
    done: bool,
    budget: Budget,
}

impl<N: Number> Count<N> {
    /// Counts by `step` instead of one: down if it is negative, and a step of zero
    /// gives the same value for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{count, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut halves = count(2.5).step(-0.5);
    /// assert_eq!(next(&mut halves).await, Some(2.5));
    /// assert_eq!(next(&mut halves).await, Some(2.0));
    /// # }
    /// ```
    pub fn step(self, step: N) -> Self {
        Self { step, ..self }
    }
}

impl<N: Number> Stream for Count<N> {
    type Item = N;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<N>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        ready!(this.budget.poll_spend_last(cx));
        let given = this.next;
        this.next = given.and_then(|value| value.checked_step(this.step));
        this.done = given.is_none();
        Poll::Ready(given)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.next.map_or(ENDED, |next| next.values(self.step))
    }
}

impl<N: Number> FusedStream for Count<N> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<N: fmt::Debug> fmt::Debug for Count<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Count")
            .field("next", &self.next)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// What [`count`](fn@crate::count) counts in: the primitive integers and floats.
///
/// It can't be implemented elsewhere.
pub trait Number: Counted {}

impl<N: Counted> Number for N {}

/// Keeps the set of numbers closed and their arithmetic out of the public surface.
pub trait Counted: Copy + Unpin {
    const ONE: Self;

    /// The value after this one, if it fits.
    fn checked_step(self, step: Self) -> Option<Self>;

    /// How many values there are from this one on.
    fn values(self, step: Self) -> SizeHint;
}

/// More values than a `usize` counts.
const UNCOUNTED: SizeHint = (usize::MAX, None);

macro_rules! integers {
    ($($number:ty)+) => {$(
        impl Counted for $number {
            const ONE: Self = 1;

            fn checked_step(self, step: Self) -> Option<Self> {
                self.checked_add(step)
            }

            fn values(self, step: Self) -> SizeHint {
                if step == 0 {
                    return UNCOUNTED;
                }
                let last = if step > 0 { Self::MAX } else { Self::MIN };
                let steps = usize::try_from(self.abs_diff(last) / step.abs_diff(0));
                match steps.ok().and_then(|steps| steps.checked_add(1)) {
                    Some(values) => (values, Some(values)),
                    None => UNCOUNTED,
                }
            }
        }
    )+};
}

integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

macro_rules! floats {
    ($($number:ty)+) => {$(
        impl Counted for $number {
            const ONE: Self = 1.0;

            fn checked_step(self, step: Self) -> Option<Self> {
                Some(self + step).filter(|next| next.is_finite())
            }

            fn values(self, step: Self) -> SizeHint {
                if self + step == self {
                    // Zero, or too small to change it.
                    return if self.is_finite() { UNCOUNTED } else { (1, Some(1)) };
                }
                (1, None)
            }
        }
    )+};
}

floats!(f32 f64);
