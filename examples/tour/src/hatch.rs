//! A hatch in an `async fn`, by which numbers pass in and out: what `yield` is in Python.

use std::cell::Cell;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Passes a number out of a future that stands still, and another one into it.
///
/// So an `async fn` becomes a generator. No runtime is needed: whoever wants the next
/// number polls the future, once.
///
/// ```
/// use std::pin::pin;
///
/// let hatch = tour::hatch::Hatch::default();
/// let mut doubling = pin!(async {
///     let first = hatch.give(0).await;
///     let second = hatch.give(2 * first).await;
///     hatch.give(2 * second).await;
/// });
/// assert_eq!(hatch.send(doubling.as_mut(), 1), Some(0)); // nobody takes the 1
/// assert_eq!(hatch.send(doubling.as_mut(), 7), Some(14));
/// assert_eq!(hatch.send(doubling.as_mut(), 8), Some(16));
/// assert_eq!(hatch.send(doubling.as_mut(), 9), None);
/// ```
#[derive(Debug, Default)]
pub struct Hatch {
    given: Cell<Option<i64>>,
    sent: Cell<i64>,
}

impl Hatch {
    /// Passes a number out, and gives the one that is sent in: `sent = yield number`.
    ///
    /// It pauses once, by `Pending`. The future must await nothing else that pauses.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped before it was polled, nothing was passed out; dropped
    /// later, the number that comes in is lost.
    pub async fn give(&self, number: i64) -> i64 {
        self.given.set(Some(number));
        let mut paused = false;
        poll_fn(|_| match mem::replace(&mut paused, true) {
            false => Poll::Pending,
            true => Poll::Ready(self.sent.get()),
        })
        .await
    }

    /// Sends a number in, lets the future go on to where it gives the next, and passes
    /// that out; `None` if it ended instead.
    ///
    /// # Panics
    ///
    /// If the future can't be polled after its end, and has ended before: see `fuse`.
    pub fn send(&self, future: Pin<&mut impl Future<Output = ()>>, number: i64) -> Option<i64> {
        self.sent.set(number);
        // A runtime polls in the same way, with a waker by which it is told when to poll again.
        let _ = future.poll(&mut Context::from_waker(Waker::noop()));
        self.given.take()
    }
}
