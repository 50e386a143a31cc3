//! Whether the runtime gets anywhere, told without asking it.
//!
//! The runtime's thread notes when it goes to sleep and when it wakes, the
//! dispatcher when it runs user code itself. The watcher compares two looks at
//! these notes: where they are the same, and not asleep, user code holds the
//! thread. While all sleep the watcher sleeps too, without a timeout.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, Thread};

/// Which of the dispatchers, from 1: there is another only after user code has
/// kept one to itself while the runtime went on.
pub(super) type DispatcherId = u64;

const NOBODY: DispatcherId = 0;

/// The notes.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Whether the runtime sleeps. It has one place to run tasks in, so one
    /// thread at a time says so, whichever it is.
    parked: AtomicBool,
    unparks: AtomicU64,
    turns: AtomicU64,
    /// The dispatcher that runs user code now.
    inline: AtomicU64,
    /// Whether the watcher sleeps until it is roused.
    asleep: AtomicBool,
    watcher: Thread,
}

/// A look at the notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beat {
    parked: bool,
    unparks: u64,
    turns: u64,
    inline: DispatcherId,
}

impl Beat {
    /// Whether user code has kept the dispatcher from its work ever since.
    pub(super) fn stuck_since(self, earlier: Self) -> bool {
        let same_turn = self.turns == earlier.turns;
        let inline = self.inline != NOBODY && self.inline == earlier.inline;
        let awake = !self.parked && !earlier.parked && self.unparks == earlier.unparks;
        same_turn && (inline || awake)
    }

    /// The dispatcher that is stuck while the runtime goes on without it: its
    /// user code has called `block_in_place`.
    pub(super) fn left_behind_since(self, earlier: Self) -> Option<DispatcherId> {
        let goes_on = self.parked || self.unparks != earlier.unparks;
        let stuck = self.inline != NOBODY && self.stuck_since(earlier);
        (stuck && goes_on).then_some(self.inline)
    }

    /// Whether there is nothing to watch.
    pub(super) fn at_rest(self) -> bool {
        self.parked && self.inline == NOBODY
    }
}

impl Pulse {
    /// Notes for the watcher, which is the calling thread.
    pub(super) fn new() -> Self {
        Self {
            parked: AtomicBool::new(false),
            unparks: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            inline: AtomicU64::new(NOBODY),
            asleep: AtomicBool::new(false),
            watcher: thread::current(),
        }
    }

    /// The runtime goes to sleep.
    pub(super) fn park(&self) {
        self.parked.store(true, SeqCst);
    }

    /// The runtime wakes.
    pub(super) fn unpark(&self) {
        self.unparks.fetch_add(1, SeqCst);
        // Before the look at the watcher, which sleeps only if it sees the
        // opposite after having said that it will.
        self.parked.store(false, SeqCst);
        if self.asleep.load(SeqCst) && self.asleep.swap(false, SeqCst) {
            self.watcher.unpark();
        }
    }

    /// The dispatcher gets somewhere.
    pub(super) fn turn(&self) {
        self.turns.fetch_add(1, SeqCst);
    }

    /// A dispatcher runs user code.
    pub(super) fn enter(&self, dispatcher: DispatcherId) {
        self.inline.store(dispatcher, SeqCst);
    }

    /// It is back. Tells whether it is still the dispatcher.
    pub(super) fn leave(&self, dispatcher: DispatcherId) -> bool {
        self.turn();
        self.displace(dispatcher)
    }

    /// Takes the office from a dispatcher that runs user code, if it still does.
    pub(super) fn displace(&self, dispatcher: DispatcherId) -> bool {
        self.inline
            .compare_exchange(dispatcher, NOBODY, SeqCst, SeqCst)
            .is_ok()
    }

    pub(super) fn beat(&self) -> Beat {
        Beat {
            parked: self.parked.load(SeqCst),
            unparks: self.unparks.load(SeqCst),
            turns: self.turns.load(SeqCst),
            inline: self.inline.load(SeqCst),
        }
    }

    /// Sleeps until the runtime wakes. Called by the watcher.
    pub(super) fn sleep(&self) {
        self.asleep.store(true, SeqCst);
        if !self.beat().at_rest() {
            self.asleep.store(false, SeqCst);
        }
        while self.asleep.load(SeqCst) {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computing_is_stuck_and_sleeping_is_not() {
        let pulse = Pulse::new();
        let begun = pulse.beat();
        assert!(pulse.beat().stuck_since(begun), "awake, and no step");
        pulse.park();
        assert!(!pulse.beat().stuck_since(begun));
        let asleep = pulse.beat();
        assert!(asleep.at_rest() && !asleep.stuck_since(asleep));
        pulse.unpark();
        let awake = pulse.beat();
        assert!(!awake.stuck_since(asleep) && awake.stuck_since(awake));
        pulse.turn();
        assert!(!pulse.beat().stuck_since(awake), "a step of the dispatcher");
        let awake = pulse.beat();
        pulse.park();
        pulse.unpark();
        assert!(!pulse.beat().stuck_since(awake), "it slept between");
    }

    #[test]
    fn a_dispatcher_is_left_behind_where_the_runtime_goes_on_without_it() {
        let pulse = Pulse::new();
        pulse.enter(1);
        let entered = pulse.beat();
        assert!(pulse.beat().stuck_since(entered));
        assert_eq!(pulse.beat().left_behind_since(entered), None, "computing");
        pulse.park();
        assert!(!pulse.beat().at_rest(), "there is something to watch");
        assert_eq!(pulse.beat().left_behind_since(entered), Some(1));
        pulse.unpark();
        assert_eq!(pulse.beat().left_behind_since(entered), Some(1));
        assert!(pulse.displace(1));
        pulse.enter(2);
        assert!(!pulse.leave(1), "another is in office");
        assert!(pulse.leave(2));
        assert!(!pulse.displace(2), "it runs no user code any more");
    }

    #[test]
    fn whoever_watches_sleeps_until_the_runtime_wakes() {
        let (tell, told) = std::sync::mpsc::channel();
        let watcher = thread::spawn(move || {
            let pulse = std::sync::Arc::new(Pulse::new());
            pulse.sleep();
            pulse.park();
            tell.send(std::sync::Arc::clone(&pulse)).unwrap();
            pulse.sleep();
        });
        let pulse = told.recv().unwrap();
        // Whichever comes first, the sleep or the waking, the sleep ends.
        pulse.unpark();
        watcher.join().unwrap();
    }
}
