use std::mem;
use std::pin::Pin;
use std::task::Poll;

/// Polls work that is dropped as soon as it ends, and when it panics as well.
///
/// # Panics
///
/// With the panic of the work, and when there is none any more.
pub(crate) fn poll_or_drop<W, T>(
    work: Pin<&mut Option<W>>,
    name: &str,
    poll: impl FnOnce(Pin<&mut W>) -> Poll<T>,
) -> Poll<T> {
    let mut dropping = Dropping(work);
    let Some(work) = dropping.0.as_mut().as_pin_mut() else {
        panic!("{name} was polled after its end");
    };
    let polled = poll(work);
    if polled.is_pending() {
        mem::forget(dropping);
    }
    polled
}

/// Drops what it points at.
struct Dropping<'a, W>(Pin<&'a mut Option<W>>);

impl<W> Drop for Dropping<'_, W> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
