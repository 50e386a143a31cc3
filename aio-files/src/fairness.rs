//! How a stream whose items are all there lets its neighbours run.
//!
//! A loop over lines that are in memory never meets a `Pending` of its own, so
//! it would hold its thread for ever. It pays for what it takes instead: to
//! tokio, whose budget belongs to the task, and for other executors on a count
//! of its own.

use std::task::{Context, Poll};

/// How many bytes a unit of tokio's budget pays for; a task has 128 for each poll.
const BYTES: usize = 16 * 1024;
/// How many items a unit pays for.
const ITEMS: u32 = 64;
/// How many units are paid, at most, before a pause where tokio doesn't ask for one.
const UNITS: u32 = 256;

/// What has been taken and not been paid for.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    owed: u32,
    items: u32,
    paid: u32,
}

impl Fairness {
    /// Notes an item that was there.
    #[inline]
    pub(crate) fn item(&mut self) {
        self.items += 1;
    }

    /// Notes an item whose like costs a unit each.
    pub(crate) fn large_item(&mut self) {
        self.owed = (self.owed + 1).min(UNITS);
    }

    /// Notes bytes that were read or looked through on the caller's thread.
    pub(crate) fn bytes(&mut self, amount: usize) {
        let units = u32::try_from(amount / BYTES).unwrap_or(u32::MAX);
        self.owed = self.owed.saturating_add(units.max(1)).min(UNITS);
    }

    /// Ready if there is nothing to pay or it could be paid; else pending, with
    /// the wake-up on its way.
    #[inline]
    pub(crate) fn poll_pay(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.owed == 0 && self.items < ITEMS {
            return Poll::Ready(());
        }
        self.poll_pay_units(cx)
    }

    #[cold]
    #[inline(never)]
    fn poll_pay_units(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.owed += self.items / ITEMS;
        self.items %= ITEMS;
        if self.paid >= UNITS {
            self.paused();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.owed > 0 {
            let Poll::Ready(unit) = tokio::task::coop::poll_proceed(cx) else {
                // The task pauses, which is worth all that it has taken.
                self.paused();
                return Poll::Pending;
            };
            unit.made_progress();
            self.owed -= 1;
            self.paid += 1;
        }
        Poll::Ready(())
    }

    /// Something else made the task wait.
    pub(crate) fn paused(&mut self) {
        (self.owed, self.items, self.paid) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many items are taken before the first pause.
    fn taken(fairness: &mut Fairness, bytes: usize, cx: &mut Context<'_>) -> usize {
        for taken in 0..100_000 {
            if fairness.poll_pay(cx).is_pending() {
                return taken;
            }
            fairness.item();
            if bytes > 0 {
                fairness.bytes(bytes);
            }
        }
        panic!("never a pause");
    }

    #[test]
    fn without_a_runtime_it_pauses_and_is_woken() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let mut fairness = Fairness::default();
        for round in 1..=3 {
            let items = taken(&mut fairness, 0, &mut cx);
            let most = UNITS as usize * ITEMS as usize;
            assert!((most..=most + ITEMS as usize).contains(&items), "{items}");
            assert_eq!(woken.0.load(Ordering::Relaxed), round);
        }
        // Four megabytes, in whatever pieces.
        let pieces = taken(&mut fairness, 256 * 1024, &mut cx);
        assert!((10..=17).contains(&pieces), "{pieces}");
        let pieces = taken(&mut fairness, 1 << 30, &mut cx);
        assert!((1..=2).contains(&pieces), "{pieces}");
    }

    #[test]
    fn in_a_task_it_pauses_with_the_budget_of_the_task() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let polls = |bytes: usize| {
            let mut fairness = Fairness::default();
            let mut first = None;
            runtime.block_on(std::future::poll_fn(|cx| {
                if first.is_none() {
                    first = Some(taken(&mut fairness, bytes, cx));
                    // It was woken: pending would hang if it were not.
                    return Poll::Pending;
                }
                Poll::Ready(())
            }));
            first.unwrap()
        };
        let items = polls(0);
        let most = 128 * ITEMS as usize;
        assert!((most..=most + ITEMS as usize).contains(&items), "{items}");
        let pieces = polls(256 * 1024);
        assert!((7..=9).contains(&pieces), "{pieces}");
    }

    #[test]
    fn a_pause_for_another_reason_pays_for_all() {
        let mut fairness = Fairness::default();
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            for _ in 0..1000 {
                assert!(fairness.poll_pay(&mut cx).is_ready());
                fairness.item();
            }
            fairness.paused();
        }
    }
}
