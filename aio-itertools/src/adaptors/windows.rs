use std::array;
use std::fmt;
use std::mem;
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
        begun: Vec::new(),
        last: None,
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
        // The items of the first window until it is full.
        begun: Vec<S::Item>,
        last: Option<W>,
        pace: Pace,
    }
}

impl<S: Stream<Item = T>, T, const N: usize> Windows<S, [T; N]> {
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
    pub fn into_parts(self) -> (S, Vec<T>) {
        (self.stream, self.last.map_or(self.begun, Vec::from))
    }
}

impl<S, T, const N: usize> Windows<S, [T; N]>
where
    S: Stream<Item = T>,
    T: Clone,
{
    /// Gives the first window, out of line: it is done once.
    #[cold]
    fn poll_first(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<[T; N]>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                this.pace.end();
                return Poll::Ready(None);
            };
            this.begun.push(item);
            if this.begun.len() == N {
                *this.last = mem::take(this.begun).try_into().ok();
                return Poll::Ready(this.last.clone());
            }
        }
    }
}

impl<S, T, const N: usize> Stream for Windows<S, [T; N]>
where
    S: Stream<Item = T>,
    T: Clone,
{
    type Item = [T; N];

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.as_mut().project();
        let Some(window) = this.last else {
            return self.poll_first(cx);
        };
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        let Some(item) = ready!(this.stream.poll_next(cx)) else {
            this.pace.end();
            return Poll::Ready(None);
        };
        // The oldest goes to the end, where the newest replaces it. Small windows
        // are moved faster so than by `rotate_left`.
        for n in 1..N {
            window.swap(n - 1, n);
        }
        window[N - 1] = item;
        // By the item: a copy of the whole would wait for the stores above.
        Poll::Ready(Some(array::from_fn(|n| window[n].clone())))
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        let missing = match self.last {
            Some(_) => 0,
            None => N - 1 - self.begun.len(),
        };
        minus(self.stream.size_hint(), missing)
    }
}

impl<S, T, const N: usize> FusedStream for Windows<S, [T; N]>
where
    S: Stream<Item = T>,
    T: Clone,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, W> fmt::Debug for Windows<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows")
            .field("stream", &self.stream)
            .field("begun", &self.begun.len())
            .field("full", &self.last.is_some())
            .field("done", &self.pace.has_ended())
            .finish()
    }
}
