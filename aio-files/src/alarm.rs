//! What is to be done at a certain time.
//!
//! One thread does it, and is there only while something is to be done. A
//! runtime's timers would need a runtime, and one with its timers switched on.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::offload;

type Action = Box<dyn FnOnce() + Send>;

/// Something that will be done, unless this is dropped before.
#[must_use = "dropping it forgets what was to be done"]
#[derive(Debug)]
pub(crate) struct Alarm {
    at: At,
}

/// The time, and a number for those of the same time.
type At = (Instant, u64);

struct State {
    next: u64,
    actions: BTreeMap<At, Action>,
    thread: Thread,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Thread {
    None,
    Waits,
}

static STATE: Mutex<State> = Mutex::new(State {
    next: 0,
    actions: BTreeMap::new(),
    thread: Thread::None,
});
static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    // No action runs under the lock, so nothing can be half done.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Alarm {
    /// Does `action` after `pause`, on the thread of the alarms. It must be short.
    pub(crate) fn after(
        pause: Duration,
        action: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        // What is further away than clocks reach never comes.
        const AGES: Duration = Duration::from_secs(u32::MAX as u64);
        let mut state = state();
        if state.thread == Thread::None {
            offload::named().spawn(serve)?;
            state.thread = Thread::Waits;
        }
        let at = (Instant::now() + pause.min(AGES), state.next);
        state.next += 1;
        state.actions.insert(at, Box::new(action));
        let is_first = state.first() == Some(at);
        drop(state);
        if is_first {
            CHANGED.notify_one();
        }
        Ok(Self { at })
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut state = state();
        let action = state.actions.remove(&self.at);
        let was_last = state.actions.is_empty();
        drop(state);
        if was_last {
            CHANGED.notify_one();
        }
        // Without the lock: what it owns may run anything when it is dropped.
        drop(action);
    }
}

impl State {
    fn first(&self) -> Option<At> {
        self.actions.first_key_value().map(|(&at, _)| at)
    }
}

fn serve() {
    let mut state = state();
    while let Some(first) = state.first() {
        let left = first.0.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let action = state.actions.remove(&first);
            drop(state);
            action.into_iter().for_each(offload::quietly);
            state = self::state();
            continue;
        }
        state = CHANGED
            .wait_timeout(state, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    state.thread = Thread::None;
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn they_ring_in_order_and_a_dropped_one_never() {
        let (said, heard) = mpsc::channel();
        let ring = |millis, name| {
            let said = said.clone();
            Alarm::after(Duration::from_millis(millis), move || {
                said.send(name).unwrap();
            })
            .unwrap()
        };
        let late = ring(60, "late");
        let early = ring(20, "early");
        let dropped = ring(40, "dropped");
        let never = ring(u64::MAX, "never");
        drop((dropped, never, said));
        let limit = Duration::from_secs(30);
        assert_eq!(heard.recv_timeout(limit), Ok("early"));
        assert_eq!(heard.recv_timeout(limit), Ok("late"));
        assert!(heard.recv_timeout(limit).is_err());
        drop((early, late));
    }

    #[test]
    fn a_panic_ends_no_other_alarm() {
        let (said, heard) = mpsc::channel();
        let panics = Alarm::after(Duration::ZERO, || {
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        let after = Alarm::after(Duration::from_millis(1), move || said.send(()).unwrap());
        heard.recv_timeout(Duration::from_secs(30)).unwrap();
        drop((panics, after));
    }
}
