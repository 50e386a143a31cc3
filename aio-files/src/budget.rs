//! How much a task may read on its own thread before others get theirs.

use std::task::{Context, Poll};

use tokio::task::coop;

/// The most bytes that one poll reads on the caller's thread.
pub(crate) const AT_ONCE: usize = 256 * 1024;

/// The bytes that cost one unit of tokio's budget; a task has 128 of those.
const UNIT: usize = 16 * 1024;

/// Does a read on the caller's thread, which says how many bytes it gave, if the
/// task has budget left; if not, it is woken again when it has.
///
/// Outside of a runtime the budget has no end.
pub(crate) fn poll_spend<T>(
    cx: &mut Context<'_>,
    read: impl FnOnce() -> Option<(usize, T)>,
) -> Poll<Option<T>> {
    let first = std::task::ready!(coop::poll_proceed(cx));
    let Some((bytes, given)) = read() else {
        // What wasn't used is given back by the drop.
        return Poll::Ready(None);
    };
    first.made_progress();
    for _ in 0..bytes / UNIT {
        if !coop::has_budget_remaining() {
            break;
        }
        if let Poll::Ready(unit) = coop::poll_proceed(cx) {
            unit.made_progress();
        }
    }
    Poll::Ready(Some(given))
}
