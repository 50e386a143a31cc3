//! Waking callers, several at once where their answers come in a row.
//!
//! A thread that is woken for one answer is asleep again before the next is
//! there, and each time it costs the worker a call into the system that takes
//! longer than the answer did. So while a worker answers what it has taken from
//! its queue together, it keeps the wakers of a few answers and wakes those
//! callers together.
//!
//! No caller waits for more than a few quick reads of others. Kept wakers go
//! before anything that may take its time ([`flush`]): a write, an empty queue,
//! the code of a caller, and a read once it has run for a moment, which
//! the progress handler notices. Where a caller's code has once run, there may
//! be SQL functions of its own, which may even wait for a caller that is to be
//! woken: from then on nothing is kept on that thread. A thread that ends wakes
//! whom it still keeps.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// So many are woken together. With more the woken thread would start late, and
/// it is to run beside the worker.
const TOGETHER: usize = 16;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept::NONE) };
}

struct Kept {
    wakers: Vec<Waker>,
    /// How many answers follow those that are given.
    follow: usize,
    /// Nothing is kept any more.
    at_once: bool,
}

impl Kept {
    const NONE: Kept = Kept {
        wakers: Vec::new(),
        follow: 0,
        at_once: false,
    };

    /// Takes a waker if another answer follows soon.
    fn keep(&mut self, waker: &mut Option<Waker>) {
        self.follow = self.follow.saturating_sub(1);
        if self.follow > 0 && !self.at_once && self.wakers.len() + 1 < TOGETHER {
            self.wakers.extend(waker.take());
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        wake_all(&mut self.wakers);
    }
}

/// Says that the worker has taken so many jobs together, which it will answer
/// one after another.
pub(crate) fn expect(answers: usize) {
    let _ = KEPT.try_with(|kept| kept.borrow_mut().follow = answers);
}

/// Wakes a task: now, or together with those that are answered next.
pub(crate) fn wake(mut waker: Option<Waker>) {
    if waker.is_none() {
        return;
    }
    let _ = KEPT.try_with(|kept| kept.borrow_mut().keep(&mut waker));
    if let Some(waker) = waker {
        flush();
        contain(|| waker.wake());
    }
}

/// Wakes the callers whose wakers are kept.
pub(crate) fn flush() {
    let _ = KEPT.try_with(|kept| {
        if kept.borrow().wakers.is_empty() {
            return;
        }
        // A waker is the caller's code, so it runs outside the borrow.
        let mut wakers = std::mem::take(&mut kept.borrow_mut().wakers);
        wake_all(&mut wakers);
        let mut kept = kept.borrow_mut();
        if kept.wakers.is_empty() {
            kept.wakers = wakers; // for its room
        }
    });
}

/// Keeps no waker on this thread from now on.
pub(crate) fn wake_at_once() {
    flush();
    let _ = KEPT.try_with(|kept| kept.borrow_mut().at_once = true);
}

/// Tells whether a caller's code has run on this thread.
pub(crate) fn is_at_once() -> bool {
    KEPT.try_with(|kept| kept.borrow().at_once).unwrap_or(true)
}

fn wake_all(wakers: &mut Vec<Waker>) {
    for waker in wakers.drain(..) {
        contain(|| waker.wake());
    }
}

/// Keeps a panic of the caller's code away from the worker: of a waker, or of
/// the drop of a value that nobody waits for any more.
pub(crate) fn contain(what: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(what)) {
        // A panic's payload may panic too when it is dropped; there it ends.
        std::mem::forget(panic);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Counted {
        fn wake_soon(self: &Arc<Self>) {
            wake(Some(Waker::from(self.clone())));
        }

        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// Runs a test on a thread of its own, as a worker has, and tells how many
    /// were woken when it had ended.
    fn worker(body: impl FnOnce(&Arc<Counted>) + Send + 'static) -> (usize, bool) {
        let counted = Arc::new(Counted::default());
        let theirs = counted.clone();
        let ended = std::thread::spawn(move || body(&theirs)).join();
        (counted.woken(), ended.is_ok())
    }

    fn on_a_worker(body: impl FnOnce(&Arc<Counted>) + Send + 'static) {
        assert!(worker(body).1, "the assertion above");
    }

    #[test]
    fn the_last_answer_of_a_row_wakes_all() {
        on_a_worker(|counted| {
            expect(5);
            for _ in 0..4 {
                counted.wake_soon();
                assert_eq!(counted.woken(), 0);
            }
            counted.wake_soon();
            assert_eq!(counted.woken(), 5);
            counted.wake_soon(); // one that nobody expected
            assert_eq!(counted.woken(), 6);
        });
    }

    #[test]
    fn no_more_than_a_few_are_kept() {
        on_a_worker(|counted| {
            expect(1_000);
            for given in 1..=100 {
                counted.wake_soon();
                assert_eq!(counted.woken(), given / TOGETHER * TOGETHER);
            }
        });
    }

    #[test]
    fn where_no_row_is_expected_each_is_woken_at_once() {
        on_a_worker(|counted| {
            for given in 1..=3 {
                counted.wake_soon();
                assert_eq!(counted.woken(), given);
            }
        });
    }

    #[test]
    fn once_a_callers_code_ran_each_is_woken_at_once() {
        on_a_worker(|counted| {
            expect(100);
            counted.wake_soon();
            wake_at_once();
            assert_eq!(counted.woken(), 1);
            expect(100);
            counted.wake_soon();
            assert_eq!(counted.woken(), 2);
        });
    }

    #[test]
    fn a_thread_that_ends_or_panics_wakes_whom_it_keeps() {
        let ended = worker(|counted| {
            expect(100);
            counted.wake_soon();
            assert_eq!(counted.woken(), 0);
        });
        let panicked = worker(|counted| {
            expect(100);
            counted.wake_soon();
            std::panic::resume_unwind(Box::new("a panic of the worker's own"));
        });
        assert_eq!((ended, panicked), ((1, true), (1, false)));
    }

    #[test]
    fn a_waker_that_panics_or_wakes_another_keeps_no_one_asleep() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                std::panic::resume_unwind(Box::new("a panic of a waker's"));
            }
        }
        struct Wakes(Arc<Counted>);
        impl Wake for Wakes {
            fn wake(self: Arc<Self>) {
                self.0.wake_soon();
                flush();
            }
        }
        on_a_worker(|counted| {
            expect(100);
            wake(Some(Arc::new(Panics).into()));
            wake(Some(Arc::new(Wakes(counted.clone())).into()));
            counted.wake_soon();
            flush();
            assert_eq!(counted.woken(), 2);
        });
    }
}
