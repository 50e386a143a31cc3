//! How work that is always ready lets its neighbours run.
//!
//! A loop over ready items never meets a `Pending` of its own, so it would hold
//! its thread for ever. It spends one unit of a budget for each step instead,
//! and is `Pending`, with the wake-up already on its way, when none is left.

use std::task::{Context, Poll};

#[cfg(feature = "coop")]
use std::task::ready;

/// One spender. With tokio the budget belongs to the task, and all spenders in
/// it share it; outside a tokio runtime tokio doesn't limit it.
#[cfg(feature = "coop")]
#[derive(Debug)]
pub(crate) struct Budget;

#[cfg(feature = "coop")]
impl Budget {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Spends one unit, or is pending until the task has had its pause.
    pub(crate) fn poll_spend(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(tokio::task::coop::poll_proceed(cx));
        unit.made_progress();
        Poll::Ready(())
    }

    /// The task pauses anyway. Tokio sees that itself.
    pub(crate) fn refill(&mut self) {}
}

/// One spender with a count of its own, for any executor.
#[cfg(not(feature = "coop"))]
#[derive(Debug)]
pub(crate) struct Budget {
    spent: u8,
}

#[cfg(not(feature = "coop"))]
impl Budget {
    /// As many as tokio grants to a task for one poll.
    const UNITS: u8 = 128;

    pub(crate) fn new() -> Self {
        Self { spent: 0 }
    }

    /// Spends one unit, or is pending until the task has had its pause.
    pub(crate) fn poll_spend(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.spent == Self::UNITS {
            self.spent = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.spent += 1;
        Poll::Ready(())
    }

    /// The task pauses anyway, so the count begins again.
    pub(crate) fn refill(&mut self) {
        self.spent = 0;
    }
}
