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
///
/// It also knows that the stream has ended, so that an adaptor looks at one
/// number before an item: after the end, none is left until the next unit.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// Never zero: the item that brings it there spends a unit first.
    until_unit: u8,
    end: End,
    budget: Budget,
}

/// How near the end of the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ahead,
    /// The source is at its end, and the last item was given.
    Next,
    /// `None` was given.
    Given,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            until_unit: 1,
            end: End::Ahead,
            budget: Budget::new(),
        }
    }

    /// Counts one item, or is pending until the task has had its pause.
    ///
    /// It is called before the source is polled, so nothing is held meanwhile.
    #[inline]
    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_more(cx).map(|_| ())
    }

    /// Counts one item and is true; false, and no pause, after the end.
    #[inline]
    pub(crate) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut left = self.until_unit - 1;
        if left == 0 {
            left = ready!(self.poll_unit(cx));
            if left == 0 {
                return Poll::Ready(false);
            }
        }
        // One store for both ways here: a processor that has learned which store its
        // load belongs to forwards the number without waiting for the memory.
        self.until_unit = left;
        Poll::Ready(true)
    }

    /// The seldom part of `poll_more`, out of line so that the rest is inlined: the
    /// items of the next unit, none after the end.
    #[cold]
    #[inline(never)]
    fn poll_unit(&mut self, cx: &mut Context<'_>) -> Poll<u8> {
        if self.end != End::Ahead {
            self.end = End::Given;
            return Poll::Ready(0);
        }
        ready!(self.budget.poll_spend(cx));
        Poll::Ready(ITEMS_PER_UNIT)
    }

    /// Remembers that the stream has ended, and that `None` is what it gives now.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.until_unit = 1;
        self.end = End::Given;
    }

    /// Remembers that the source has ended, and that the stream gives `last` now:
    /// its end comes after the last item, and with nothing left to give it is now.
    pub(crate) fn end_after<T>(&mut self, last: &Option<T>) {
        self.until_unit = 1;
        self.end = match last {
            Some(_) => End::Next,
            None => End::Given,
        };
    }

    /// True if no item comes any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.end != End::Ahead
    }

    /// True if the end was given: what `is_terminated` says.
    pub(crate) fn is_over(&self) -> bool {
        self.end == End::Given
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
    #[inline]
    pub(crate) fn poll_spend(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_spend_last(cx));
        if has_budget_remaining() {
            return Poll::Ready(());
        }
        poll_proceed(cx).map(drop)
    }

    /// The same for a source that polls nothing after it, so it may spend the last one.
    #[inline]
    pub(crate) fn poll_spend_last(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(poll_proceed(cx));
        unit.made_progress();
        Poll::Ready(())
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

    /// The same: nobody else spends of this count.
    pub(crate) fn poll_spend_last(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_spend(cx)
    }
}
