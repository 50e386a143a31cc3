//! Knows whether a call comes from inside the body of a transaction, the source
//! of a bulk operation, or a closure that has a connection in its hands, and
//! would wait for that very thing.
//!
//! Task ids can't tell the branches of a `join!` apart, so the mark is set
//! while the body is being polled and at no other time.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    /// The connections and transactions whose bodies are being polled on this
    /// thread, and those that a closure has in its hands.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Tells whether the caller runs inside a body that holds that.
pub(crate) fn is_inside(held: u64) -> bool {
    INSIDE.with_borrow(|inside| inside.contains(&held))
}

struct Mark;

impl Mark {
    fn set(held: u64) -> Mark {
        INSIDE.with_borrow_mut(|inside| inside.push(held));
        Mark
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| inside.pop());
    }
}

/// Runs a closure that holds that, with the mark set: around the caller's own
/// code and nothing else. Before it, those are woken who have been answered,
/// and a task that runs where it is woken holds nothing.
pub(crate) fn during<T>(held: u64, closure: impl FnOnce() -> T) -> T {
    let _mark = Mark::set(held);
    closure()
}

/// Runs a body with the mark set during each of its polls.
pub(crate) async fn inside<F: Future>(held: u64, body: F) -> F::Output {
    let mut body = pin!(body);
    poll_fn(|cx| {
        let _mark = Mark::set(held);
        body.as_mut().poll(cx)
    })
    .await
}
