//! Looking again for a moment before going to sleep.
//!
//! To fall asleep and be woken costs more than a short call. A caller that
//! awaits one call after the other sends the next within microseconds of the
//! last answer, so the worker looks for it that long. It gives up what does not
//! pay, lets others have the processor between two looks, and never does it
//! where there is only one.

use std::time::{Duration, Instant};

use crate::spin;

/// About what it takes to put a thread to sleep and to wake it.
const LENGTH: Duration = Duration::from_micros(50);

/// After so many misses in a row, one wait in 64 is tried.
const MOST_MISSES: u32 = 6;

/// Whether it has paid lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Habit {
    misses: u32,
    skips: u32,
}

impl Habit {
    /// Whether the next wait is to be tried; each miss doubles how many are not.
    fn tries(&mut self) -> bool {
        match self.skips.checked_sub(1) {
            Some(skips) => {
                self.skips = skips;
                false
            }
            None => true,
        }
    }

    fn miss(&mut self) {
        self.misses = (self.misses + 1).min(MOST_MISSES);
        self.skips = (1 << self.misses) - 1;
    }

    fn hit(&mut self) {
        *self = Self::default();
    }
}

/// One who waits.
#[derive(Debug)]
pub(super) struct Spin {
    /// How long it looks; never, if there is none.
    length: Option<Duration>,
    habit: Habit,
}

impl Spin {
    pub(super) fn new(wanted: spin::Spin) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let spins = wanted == spin::Spin::Adaptive && cores > 1;
        Self {
            length: spins.then_some(LENGTH),
            habit: Habit::default(),
        }
    }

    /// Tells whether it has happened, after looking for a moment if that pays.
    pub(super) fn until(&mut self, mut happened: impl FnMut() -> bool) -> bool {
        let Some(length) = self.length else {
            return false;
        };
        if !self.habit.tries() {
            return false;
        }
        let begun = Instant::now();
        loop {
            if happened() {
                self.habit.hit();
                return true;
            }
            if begun.elapsed() >= length {
                self.habit.miss();
                return false;
            }
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(length: Option<Duration>) -> Spin {
        let habit = Habit::default();
        Spin { length, habit }
    }

    /// How many waits of a row of misses are tried.
    fn tried(waits: u32) -> u32 {
        let mut spin = of(Some(Duration::ZERO));
        let mut looks = 0;
        for _ in 0..waits {
            assert!(!spin.until(|| {
                looks += 1;
                false
            }));
        }
        looks
    }

    #[test]
    fn what_does_not_pay_is_tried_ever_more_seldom() {
        assert_eq!(tried(1), 1);
        assert_eq!(tried(64), 6);
        assert_eq!(tried(64 + 6_400), 6 + 100);
    }

    #[test]
    fn what_has_paid_is_tried_again() {
        let mut spin = of(Some(Duration::ZERO));
        assert!(!spin.until(|| false));
        assert!(!spin.until(|| true), "skipped");
        assert!(spin.until(|| true));
        assert!(spin.until(|| true), "the miss is forgotten");
        assert!(!of(None).until(|| true));
    }
}
