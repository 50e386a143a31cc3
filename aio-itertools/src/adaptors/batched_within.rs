use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::budget::Pace;
use crate::limit::Limit;
use crate::size_hint::{ENDED, plus};

/// The most that a new batch reserves before its items are there, in items.
const RESERVE: usize = 1024;

/// The most that joins a batch between two looks at the clock, in items.
///
/// It is what tokio's budget lets through as well. But not every task has one.
const UNSEEN: usize = 128 * 64;

/// A time that no program waits for: from here on no timer is set.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Gives the items of `stream` in batches of `size`, or of what came within a time.
///
/// A batch is given when it has `size` items, or `within` after its first item
/// was taken from the source, whichever is first. Use it to write many items at
/// once without letting the first of them wait for long. An empty batch is never
/// given: while nothing comes no time runs.
///
/// What the source has ready when the time is up still joins the batch, up to
/// `size`. So `Duration::ZERO` gives what is ready now, and waits only for the
/// first item. `Duration::MAX`, like any time from a hundred years on, is no
/// limit. The source is polled only while this stream is, so a consumer that is
/// busy delays the first item, and its time begins when it is taken.
///
/// The clock is tokio's, which has a grain of one millisecond and can be paused
/// in tests.
///
/// # Panics
///
/// If `size` is the `usize` zero: see [`Limit`]. The stream panics when it must
/// wait and is polled outside a tokio runtime, or in one without a clock.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::batched_within, iter, next};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut batches = batched_within(iter(1..=3), 2, Duration::from_millis(10));
/// assert_eq!(next(&mut batches).await, Some(vec![1, 2]));
/// assert_eq!(next(&mut batches).await, Some(vec![3]));
/// # }
/// ```
#[doc(alias = "chunks_timeout")]
#[doc(alias = "bufferTime")]
#[track_caller]
pub fn batched_within<S: Stream>(
    stream: S,
    size: impl Limit,
    within: Duration,
) -> BatchedWithin<S> {
    BatchedWithin {
        stream,
        batch: Vec::new(),
        size: size.at_least_one("the batch size").get(),
        within,
        deadline: None,
        sleep: None,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`batched_within`](crate::adaptors::batched_within()): each item is a
    /// `Vec` of 1 to `size` items.
    ///
    /// In milliseconds, for a size of 3 within 20 ms, and `|` for the end. `AB` is
    /// given when the time of `A` is up. `D` comes at the very instant at which that
    /// of `C` is, and joins it. `EFG` is full, and the end waits for nothing.
    ///
    /// ```text
    /// time    0    10   20   30   40   50   60   70   80   90
    /// source  A    B              C         D    EFG  H    |
    /// batches           AB                  CD   EFG       H
    /// ```
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
    /// | size_hint | from full batches to one batch an item |
    /// | errors | items pass as they are |
    /// | runtime | tokio with its clock, where a batch must wait |
    #[must_use = "streams do nothing unless polled"]
    pub struct BatchedWithin<S: Stream> {
        #[pin]
        stream: S,
        batch: Vec<S::Item>,
        size: usize,
        within: Duration,
        // When the batch that is begun is due; `None` if never.
        deadline: Option<Instant>,
        // Boxed once, when it is first needed, and set anew for each batch: so the
        // adaptor can be moved, and taken apart, wherever its source can.
        sleep: Option<Pin<Box<Sleep>>>,
        pace: Pace,
    }
}

impl<S: Stream> BatchedWithin<S> {
    /// Gives back the source and the items of the batch that isn't due yet.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        (self.stream, self.batch)
    }
}

impl<S: Stream> Stream for BatchedWithin<S> {
    type Item = Vec<S::Item>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut this = self.project();
        // A pause and a look at the clock end the round as well as a source that has
        // nothing ready: one that always has doesn't hold a due batch back.
        while let Poll::Ready(more) = this.pace.poll_more(cx) {
            if !more {
                return Poll::Ready(None);
            }
            let Poll::Ready(next) = this.stream.as_mut().poll_next(cx) else {
                break;
            };
            let Some(item) = next else {
                *this.sleep = None;
                let last = mem::take(this.batch);
                let last = (!last.is_empty()).then_some(last);
                this.pace.end_after(&last);
                return Poll::Ready(last);
            };
            if this.batch.is_empty() {
                this.batch.reserve((*this.size).min(RESERVE));
                let timed = *this.within < FOR_EVER;
                *this.deadline = timed.then(|| Instant::now() + *this.within);
            }
            this.batch.push(item);
            if this.batch.len() == *this.size {
                return Poll::Ready(Some(mem::take(this.batch)));
            }
            if this.batch.len().is_multiple_of(UNSEEN)
                && this.deadline.is_some_and(|due| Instant::now() >= due)
            {
                break;
            }
        }
        if this.batch.is_empty() {
            return Poll::Pending;
        }
        match *this.deadline {
            None => return Poll::Pending,
            // The clock is read first: a timer can't fire within its millisecond.
            Some(deadline) if Instant::now() >= deadline => {}
            Some(deadline) => {
                let sleep = this
                    .sleep
                    .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                if sleep.deadline() != deadline {
                    sleep.as_mut().reset(deadline);
                }
                ready!(sleep.as_mut().poll(cx));
            }
        }
        Poll::Ready(Some(mem::take(this.batch)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let hint = self.stream.size_hint();
        let (fewest, _) = plus(hint, self.batch.len());
        let (_, most) = plus(hint, usize::from(!self.batch.is_empty()));
        (fewest.div_ceil(self.size), most)
    }
}

impl<S: Stream> FusedStream for BatchedWithin<S> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for BatchedWithin<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchedWithin")
            .field("stream", &self.stream)
            .field("unfinished", &self.batch.len())
            .field("size", &self.size)
            .field("within", &self.within)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
