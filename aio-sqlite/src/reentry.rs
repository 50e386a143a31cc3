//! Knows whether a call comes from inside the body of a transaction.
//!
//! Task ids can't tell the branches of a `join!` apart, so the mark is set
//! while the body is being polled and at no other time.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    /// The connections whose transaction bodies are being polled on this thread.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Tells whether the caller runs inside a transaction body of that connection.
pub(crate) fn is_inside(connection: u64) -> bool {
    INSIDE.with_borrow(|inside| inside.contains(&connection))
}

struct Mark;

impl Mark {
    fn set(connection: u64) -> Mark {
        INSIDE.with_borrow_mut(|inside| inside.push(connection));
        Mark
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| inside.pop());
    }
}

/// Runs a body with the mark set during each of its polls.
pub(crate) async fn inside<F: Future>(connection: u64, body: F) -> F::Output {
    let mut body = pin!(body);
    poll_fn(|cx| {
        let _mark = Mark::set(connection);
        body.as_mut().poll(cx)
    })
    .await
}
