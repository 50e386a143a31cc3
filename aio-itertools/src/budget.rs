//! How work that is always ready lets its neighbours run.
//!
//! A loop over ready items never meets a `Pending` of its own, so it would hold
//! its thread for ever. It spends one unit of a budget for each step instead,
//! and is `Pending`, with the wake-up already on its way, when none is left.

use std::task::{Context, Poll, ready};

#[cfg(feature = "coop")]
use tokio::task::coop::{has_budget_remaining, poll_proceed};

/// Items between two units of the budget: a unit costs more than an item does.
const ITEMS_PER_UNIT: u8 = 64;

/// Spends one unit of the [`Budget`] in 64 items: for steps that are cheaper than a unit.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    until_unit: u8,
    budget: Budget,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            until_unit: 0,
            budget: Budget::new(),
        }
    }

    /// Counts one item, or is pending until the task has had its pause.
    ///
    /// It is called before the source is polled, so nothing is held meanwhile.
    #[inline]
    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.until_unit == 0 {
            ready!(self.budget.poll_spend(cx));
            self.until_unit = ITEMS_PER_UNIT;
        }
        self.until_unit -= 1;
        Poll::Ready(())
    }
}

/// One spender. With tokio the budget belongs to the task, and all spenders in
/// it share it; outside a tokio runtime tokio doesn't limit it.
#[cfg(feature = "coop")]
#[derive(Clone, Debug)]
pub(crate) struct Budget;

#[cfg(feature = "coop")]
impl Budget {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Spends one unit, or is pending until the task has had its pause.
    ///
    /// It leaves at least one: what is polled next may be a task's handle or a
    /// channel, which is pending though it is ready where there is no unit for it.
    pub(crate) fn poll_spend(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(poll_proceed(cx));
        unit.made_progress();
        if has_budget_remaining() {
            return Poll::Ready(());
        }
        poll_proceed(cx).map(drop)
    }
}

/// One spender with a count of its own, for any executor.
#[cfg(not(feature = "coop"))]
#[derive(Clone, Debug)]
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
}
