//! Limits on waiting that say what hung.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::Poll;
use std::time::Duration;

use crate::clock;

/// How long anything in a test may take before it counts as hung.
pub const LIMIT: Duration = Duration::from_secs(30);

/// How much longer a future may keep its thread before the process is ended.
const GRACE: Duration = Duration::from_secs(15);

/// Runs a future to its end, and panics with its name if that takes [`LIMIT`].
///
/// A future that blocks its thread can't be interrupted: after a grace the
/// process ends with the name on stderr.
///
/// # Panics
/// When the limit is reached.
///
/// # Cancel safety
/// Cancel safe as far as the given future is: it is dropped.
pub async fn future<F: Future>(what: &str, future: F) -> F::Output {
    future_within(LIMIT, what, future).await
}

/// Does what [`future`](self::future()) does, with another limit.
///
/// # Panics
/// When the limit is reached.
///
/// # Cancel safety
/// Cancel safe as far as the given future is: it is dropped.
pub async fn future_within<F: Future>(limit: Duration, what: &str, future: F) -> F::Output {
    let _deadline = clock::abort_after(limit + GRACE, what.to_owned());
    let mut future = pin!(future);
    let mut late = pin!(clock::after(limit));
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        if late.as_mut().poll(cx).is_ready() {
            panic!("watchdog: {what} hung for {limit:?}");
        }
        Poll::Pending
    })
    .await
}

/// Runs a closure on a thread of its own, and panics with its name if that takes [`LIMIT`].
///
/// # Panics
/// When the limit is reached, and with the closure's own panic.
pub fn closure<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    closure_within(LIMIT, what, run)
}

/// Does what [`closure`] does, with another limit.
///
/// # Panics
/// When the limit is reached, and with the closure's own panic.
pub fn closure_within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, wait) = channel();
    let thread = std::thread::Builder::new()
        .name(what.chars().take(15).collect())
        .spawn(move || {
            let output = run();
            // The receiver is gone only when the watchdog has already barked.
            done.send(output).ok();
        })
        .expect("a thread for the closure");
    match wait.recv_timeout(limit) {
        Ok(output) => {
            thread.join().ok();
            output
        }
        Err(RecvTimeoutError::Timeout) => panic!("watchdog: {what} hung for {limit:?}"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => unreachable!("{what} ended without its answer"),
        },
    }
}
