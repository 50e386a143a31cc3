//! Work that is dropped as soon as it ends, whichever way it ends.

use std::mem;
use std::pin::Pin;
use std::task::Poll;

/// Polls work, and drops it when it ends or panics; `None` if there is none any more.
pub(crate) fn poll_or_drop<W, T>(
    work: Pin<&mut Option<W>>,
    poll: impl FnOnce(Pin<&mut W>) -> Poll<T>,
) -> Option<Poll<T>> {
    let mut dropping = Dropping(work);
    let polled = poll(dropping.0.as_mut().as_pin_mut()?);
    if polled.is_pending() {
        mem::forget(dropping);
    }
    Some(polled)
}

/// Sets its place to `None` at the end of a scope, by a panic too.
struct Dropping<'a, W>(Pin<&'a mut Option<W>>);

impl<W> Drop for Dropping<'_, W> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
