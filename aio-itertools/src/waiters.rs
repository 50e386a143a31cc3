//! Many tasks that wait for one thing, and a waker that wakes them all: of `tee` and
//! `before_and_after`. The way from many things to one task is in `wakes`.
//!
//! A source that several tasks share remembers the waker of its last poll alone.
//! If that were a task's own, the others would depend on that task: it may be
//! cancelled, or busy with something else. This one reaches everybody who waits.
//! No lock is held while a foreign waker is cloned, woken or dropped.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The tasks that wait, each under a number of its own.
#[derive(Default)]
pub(crate) struct Waiters {
    tasks: Mutex<Vec<(usize, Waker)>>,
    /// True if the common waker was woken since that was last expected. It is set
    /// before the tasks are taken: who comes too late to be taken sees it.
    woken: AtomicBool,
}

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, Vec<(usize, Waker)>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the wake-ups so far: what comes now is for the poll that follows.
    pub(crate) fn expect(&self) {
        self.woken.store(false, Ordering::SeqCst);
    }

    /// True if there was a wake-up since [`expect`](Self::expect).
    pub(crate) fn was_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// True if a task waits already, with a waker that wakes the same.
    pub(crate) fn knows(&self, number: usize, waker: &Waker) -> bool {
        let tasks = self.lock();
        let known = tasks.iter().find(|(of, _)| *of == number);
        known.is_some_and(|(_, known)| known.will_wake(waker))
    }

    /// Lets a task wait, and hands out the waker that it had before.
    #[must_use = "a waker is dropped where no lock is held"]
    pub(crate) fn wait(&self, number: usize, waker: Waker) -> Option<Waker> {
        let mut tasks = self.lock();
        match tasks.iter_mut().find(|(of, _)| *of == number) {
            Some((_, old)) => Some(mem::replace(old, waker)),
            None => {
                tasks.push((number, waker));
                None
            }
        }
    }

    /// Lets a task wait no more, and hands out its waker.
    #[must_use = "a waker is dropped where no lock is held"]
    pub(crate) fn leave(&self, number: usize) -> Option<Waker> {
        let mut tasks = self.lock();
        let at = tasks.iter().position(|(of, _)| *of == number)?;
        Some(tasks.remove(at).1)
    }

    /// Takes all who wait, to be woken.
    pub(crate) fn all(&self) -> Wakers {
        Wakers(mem::take(&mut *self.lock()))
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.all().wake();
    }
}

/// Tasks that were taken to be woken. What is dropped is woken as well, so that a
/// waker that panics doesn't keep the rest asleep.
#[must_use = "they are woken where no lock is held"]
pub(crate) struct Wakers(Vec<(usize, Waker)>);

impl Wakers {
    /// Wakes them, in the order in which they came.
    pub(crate) fn wake(mut self) {
        self.0.reverse();
        while let Some((_, waker)) = self.0.pop() {
            waker.wake();
        }
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        for (_, waker) in self.0.drain(..) {
            waker.wake();
        }
    }
}
