use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, min, plus};

/// Gives the last `n` items of `stream`, once it has ended.
///
/// Fewer are given if there are fewer, and nothing ever for a stream without
/// end. With `n` of zero the end comes at once and the source is not polled.
/// Memory is taken as items come, so `usize::MAX` gives all of them.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::take_last, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut tail = take_last(iter("ABCDEFG".chars()), 2);
/// assert_eq!(next(&mut tail).await, Some('F'));
/// assert_eq!(next(&mut tail).await, Some('G'));
/// assert_eq!(next(&mut tail).await, None);
/// # }
/// ```
#[doc(alias = "tail")]
#[doc(alias = "takelast")]
pub fn take_last<S: Stream>(stream: S, n: usize) -> TakeLast<S> {
    TakeLast {
        stream,
        last: VecDeque::new(),
        n,
        ended: n == 0,
        over: false,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`take_last`](crate::adaptors::take_last()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | the last `n` items |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct TakeLast<S: Stream> {
        #[pin]
        stream: S,
        last: VecDeque<S::Item>,
        n: usize,
        // The source has; what it gave last is still to be given.
        ended: bool,
        // And so has this stream.
        over: bool,
        pace: Pace,
    }
}

impl<S: Stream> TakeLast<S> {
    /// Gives back the source, and the last items that it has given so far and that
    /// weren't passed on.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        (self.stream, self.last.into())
    }
}

impl<S: Stream> Stream for TakeLast<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        while !*this.ended {
            ready!(this.pace.poll_item(cx));
            match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(item) => {
                    let full = this.last.len() == *this.n;
                    let oldest = if full { this.last.pop_front() } else { None };
                    this.last.push_back(item);
                    drop(oldest);
                }
                None => *this.ended = true,
            }
        }
        if !this.last.is_empty() {
            ready!(this.pace.poll_item(cx));
        }
        let next = this.last.pop_front();
        *this.over = next.is_none();
        Poll::Ready(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let source = if self.ended {
            ENDED
        } else {
            self.stream.size_hint()
        };
        min(plus(source, self.last.len()), (self.n, Some(self.n)))
    }
}

impl<S: Stream> FusedStream for TakeLast<S> {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for TakeLast<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakeLast")
            .field("stream", &self.stream)
            .field("held", &self.last.len())
            .field("n", &self.n)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
