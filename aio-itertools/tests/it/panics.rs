//! What a panic says.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The text of a panic.
fn text_of(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<&str>() {
        Ok(text) => (*text).to_owned(),
        Err(panic) => *panic.downcast().unwrap(),
    }
}

/// Runs what panics, and gives the text.
pub(crate) fn panic_text<T>(run: impl FnOnce() -> T) -> String {
    text_of(catch_unwind(AssertUnwindSafe(run)).err().unwrap())
}

/// Runs a future that panics, and gives the text.
pub(crate) async fn panic_of<F: Future>(future: F) -> String {
    let mut future = pin!(future);
    let panic = poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(_)) => panic!("it ended without a panic"),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(panic),
        },
    );
    text_of(panic.await)
}
