use std::array;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, minus};

/// Gives every `N` items in a row of `stream` as an array: each window begins one
/// item after the one before it.
///
/// Moving averages and patterns over neighbours are what it is for. A stream of
/// fewer than `N` items has no window, and none is shorter. The size is part of
/// the type, so a window can be taken apart in a pattern; as a free function it
/// is written `windows::<3, _>(stream)`. Zero doesn't compile:
///
/// ```compile_fail
/// aio_itertools::adaptors::windows::<0, _>(aio_itertools::iter([1, 2, 3]));
/// ```
///
/// Windows that don't overlap are [`batched`](crate::adaptors::batched()).
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::windows, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut triples = windows::<3, _>(iter(1..=4));
/// assert_eq!(next(&mut triples).await, Some([1, 2, 3]));
/// assert_eq!(next(&mut triples).await, Some([2, 3, 4]));
/// assert_eq!(next(&mut triples).await, None);
/// # }
/// ```
#[doc(alias = "sliding_window")]
#[doc(alias = "windowed")]
#[doc(alias = "map_windows")]
pub fn windows<const N: usize, S>(stream: S) -> Windows<S, [S::Item; N]>
where
    S: Stream,
    S::Item: Clone,
{
    const { assert!(N > 0, "a window must have at least 1 item, got 0") };
    Windows {
        stream,
        last: VecDeque::new(),
        window: PhantomData,
        done: false,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`windows`](crate::adaptors::windows()): arrays of `N` items in a row.
    ///
    /// `W` is the type of one window, `[T; N]`.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one window |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Windows<S: Stream, W> {
        #[pin]
        stream: S,
        // The last window, or the items of the first one that isn't full yet.
        last: VecDeque<S::Item>,
        window: PhantomData<fn() -> W>,
        done: bool,
        pace: Pace,
    }
}

impl<S: Stream, W> Windows<S, W> {
    /// Gives back the source and the items of the last window, or those of the
    /// first one if it isn't full yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut triples = iter(1..=5).windows::<3>();
    /// next(&mut triples).await;
    /// let (rest, last) = triples.into_parts();
    /// assert_eq!(last, [1, 2, 3]);
    /// assert_eq!(rest.into_parts(), Some(4..=5));
    /// # }
    /// ```
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        (self.stream, self.last.into())
    }
}

impl<S, T, const N: usize> Stream for Windows<S, [T; N]>
where
    S: Stream<Item = T>,
    T: Clone,
{
    type Item = [T; N];

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.done {
            return Poll::Ready(None);
        }
        loop {
            ready!(this.pace.poll_item(cx));
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                *this.done = true;
                return Poll::Ready(None);
            };
            // In this order the items stay neighbours even if a drop panics.
            this.last.push_back(item);
            if this.last.len() > N {
                this.last.pop_front();
            }
            if this.last.len() == N {
                return Poll::Ready(Some(array::from_fn(|n| this.last[n].clone())));
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        if self.done {
            return ENDED;
        }
        let missing = (N - 1).saturating_sub(self.last.len());
        minus(self.stream.size_hint(), missing)
    }
}

impl<S, T, const N: usize> FusedStream for Windows<S, [T; N]>
where
    S: Stream<Item = T>,
    T: Clone,
{
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<S: Stream + fmt::Debug, W> fmt::Debug for Windows<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows")
            .field("stream", &self.stream)
            .field("held", &self.last.len())
            .field("done", &self.done)
            .finish()
    }
}
