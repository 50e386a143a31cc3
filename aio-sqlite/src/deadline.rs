//! The clock behind `.timeout`: it ends the waiting of operations that have not
//! started.
//!
//! A worker that is busy with another job can't end anybody's waiting, and a
//! runtime's timers need that runtime, which the crate does without; a paused
//! test clock would also see no worker at work. So one thread keeps the
//! deadlines of the whole process. It sleeps until the earliest and ends when it
//! finds none left, at the latest when the last one would have been due.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::wakes::contain;

/// Something whose waiting ends at a deadline.
pub(crate) trait Expire: Send + Sync {
    fn expire(&self);
}

/// The instant, and a number that keeps equal instants apart.
type Key = (Instant, u64);

struct Clock {
    pending: BTreeMap<Key, Arc<dyn Expire>>,
    next: u64,
    running: bool,
}

static CLOCK: Mutex<Clock> = Mutex::new(Clock {
    pending: BTreeMap::new(),
    next: 0,
    running: false,
});
static EARLIER: Condvar = Condvar::new();

fn clock() -> MutexGuard<'static, Clock> {
    CLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A deadline on the clock; dropping it takes it off.
pub(crate) struct Timer(Key);

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("at", &self.0.0).finish()
    }
}

/// Expires `what` at an instant, unless the timer is dropped before.
pub(crate) fn at(instant: Instant, what: Arc<dyn Expire>) -> Timer {
    let mut clock = clock();
    let key = (instant, clock.next);
    clock.next += 1;
    let is_earliest = clock.pending.keys().next().is_none_or(|first| key < *first);
    clock.pending.insert(key, what);
    if !clock.running {
        // Without a thread the limit still stops what runs, and what waits
        // waits on: that is the best a system without threads to spare allows.
        clock.running = std::thread::Builder::new()
            .name("aio-sqlite-time".into())
            .spawn(run)
            .is_ok();
    } else if is_earliest {
        EARLIER.notify_one();
    }
    Timer(key)
}

impl Drop for Timer {
    fn drop(&mut self) {
        let gone = clock().pending.remove(&self.0);
        drop(gone); // after the lock: the last owner of an operation may free a lot
    }
}

fn run() {
    let mut clock = clock();
    while let Some((&(instant, number), _)) = clock.pending.first_key_value() {
        let now = Instant::now();
        if now < instant {
            clock = EARLIER
                .wait_timeout(clock, instant - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            continue;
        }
        let due = clock.pending.remove(&(instant, number));
        drop(clock);
        if let Some(due) = due {
            // It wakes a task and may be the last to hold what the task asked
            // for: not under the lock, and no panic of it ends this thread.
            contain(|| {
                due.expire();
                drop(due);
            });
        }
        clock = self::clock();
    }
    clock.running = false;
}
