use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::budget::Budget;
use crate::size_hint::ENDED;

/// Gives copies of a value for ever, or as many [`times`](Repeat::times) as said.
///
/// Use it as the constant side of a [`zip`](crate::adaptors::zip()). Each value
/// spends a unit of tokio's cooperative budget, so a `timeout` around an endless
/// loop fires: see [`iter`](fn@crate::iter) for other executors.
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
/// | size_hint | exact |
/// | errors | none |
/// | runtime | any |
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::zip, iter, next, sources::repeat};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut tagged = zip((iter([1, 2]), repeat("new")));
/// assert_eq!(next(&mut tagged).await, Some((1, "new")));
/// assert_eq!(next(&mut tagged).await, Some((2, "new")));
/// assert_eq!(next(&mut tagged).await, None);
/// # }
/// ```
pub fn repeat<T: Clone>(value: T) -> Repeat<T> {
    Repeat {
        value: Some(value),
        times: Times::Endless,
        done: false,
        budget: Budget::new(),
    }
}

/// The stream of [`repeat`](crate::sources::repeat()).
#[derive(Clone)]
#[must_use = "streams do nothing unless polled"]
pub struct Repeat<T> {
    /// `None` once it is given as the last one.
    value: Option<T>,
    times: Times,
    done: bool,
    budget: Budget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Endless,
    Left(usize),
}

// The value is never pinned: it is only ever cloned.
impl<T> Unpin for Repeat<T> {}

impl<T: Clone> Repeat<T> {
    /// Gives the value `times` times, zero for not at all.
    ///
    /// The last one is the value itself and no copy.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{next, sources::repeat};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut twice = repeat(10).times(2);
    /// assert_eq!(next(&mut twice).await, Some(10));
    /// assert_eq!(next(&mut twice).await, Some(10));
    /// assert_eq!(next(&mut twice).await, None);
    /// # }
    /// ```
    #[doc(alias = "repeat_n")]
    pub fn times(self, times: usize) -> Self {
        Self {
            times: Times::Left(times),
            ..self
        }
    }
}

impl<T: Clone> Stream for Repeat<T> {
    type Item = T;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        ready!(this.budget.poll_spend_last(cx));
        let given = match this.times {
            Times::Left(0) => None,
            Times::Left(1) => this.value.take(),
            Times::Left(_) | Times::Endless => this.value.clone(),
        };
        if let Times::Left(left) = &mut this.times {
            *left = left.saturating_sub(1);
        }
        this.done = given.is_none();
        Poll::Ready(given)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match (&self.value, self.times) {
            (None, _) => ENDED,
            (_, Times::Left(left)) => (left, Some(left)),
            (_, Times::Endless) => (usize::MAX, None),
        }
    }
}

impl<T: Clone> FusedStream for Repeat<T> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<T> fmt::Debug for Repeat<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeat")
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}
