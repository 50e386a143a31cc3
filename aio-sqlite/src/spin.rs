//! Looking again for a few microseconds before going to sleep.
//!
//! A cached query takes 2 µs; waking a thread that sleeps takes 5 to 50, and a
//! call needs two of them woken. So whoever is about to sleep first looks, for
//! a moment, whether what it waits for happens right away: the worker after a
//! job, for the next, and a caller for its answer. Two threads that meet like
//! this leave the system's scheduler out of it altogether.
//!
//! It is bounded: each wait by its length, and all of them by a [`Habit`] that
//! gives up what does not pay and tries again seldom. An idle connection
//! doesn't spin, and with one core to run on nobody does, since the other side
//! would need that very core.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long the worker looks for the next job: about as long as it takes to
/// wake a caller, so that one who slept finds the worker awake.
pub(crate) const FOR_A_JOB: Duration = Duration::from_micros(50);
/// How long a caller looks for its answer. Its thread has others to serve.
pub(crate) const FOR_AN_ANSWER: Duration = Duration::from_micros(15);

/// Looks between two looks at the clock, which costs as much as several.
const LOOKS: u32 = 16;

/// Whether it pays to spin, judged by how it went.
///
/// Each miss in a row doubles how many waits go by before the next try, so that
/// in the end one in 64 is spun: little enough to lose, and often enough to
/// notice soon that the other side answers at once again. The first hit forgets
/// all misses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Habit {
    misses: u16,
    skip: u16,
}

const MOST_MISSES: u16 = 6;

impl Habit {
    /// The habit after another wait has come up, if that one is to be skipped.
    fn skipping(self) -> Option<Habit> {
        let skip = self.skip.checked_sub(1)?;
        Some(Habit { skip, ..self })
    }

    fn after_miss(self) -> Habit {
        let misses = (self.misses + 1).min(MOST_MISSES);
        let skip = (1 << misses) - 1;
        Habit { misses, skip }
    }

    fn from_bits(bits: u32) -> Habit {
        let [m, n, s, t] = bits.to_ne_bytes();
        Habit {
            misses: u16::from_ne_bytes([m, n]),
            skip: u16::from_ne_bytes([s, t]),
        }
    }

    fn to_bits(self) -> u32 {
        let ([m, n], [s, t]) = (self.misses.to_ne_bytes(), self.skip.to_ne_bytes());
        u32::from_ne_bytes([m, n, s, t])
    }
}

/// One kind of waiting, with its habit.
#[derive(Debug)]
pub(crate) struct Spin {
    length: Duration,
    /// Only a hint: two threads that change it at once lose one's word.
    habit: AtomicU32,
}

impl Spin {
    pub(crate) fn new(length: Duration) -> Spin {
        Spin {
            length,
            habit: AtomicU32::new(Habit::default().to_bits()),
        }
    }

    /// Tells whether it has happened, looking for a moment where that has paid.
    pub(crate) fn until(&self, happened: impl Fn() -> bool) -> bool {
        if happened() {
            return true;
        }
        if !*SEVERAL_CORES {
            return false;
        }
        let habit = Habit::from_bits(self.habit.load(Ordering::Relaxed));
        if let Some(habit) = habit.skipping() {
            self.keep(habit);
            return false;
        }
        if looks(self.length, happened) {
            if habit != Habit::default() {
                self.keep(Habit::default());
            }
            return true;
        }
        self.keep(habit.after_miss());
        false
    }

    fn keep(&self, habit: Habit) {
        self.habit.store(habit.to_bits(), Ordering::Relaxed);
    }
}

static SEVERAL_CORES: LazyLock<bool> =
    LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1));

fn looks(length: Duration, happened: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    loop {
        for _ in 0..LOOKS {
            if happened() {
                return true;
            }
            std::hint::spin_loop();
        }
        if began.elapsed() >= length {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many waits of a row of misses are spun.
    fn spun(waits: usize, mut habit: Habit) -> usize {
        let mut spun = 0;
        for _ in 0..waits {
            habit = habit.skipping().unwrap_or_else(|| {
                spun += 1;
                habit.after_miss()
            });
        }
        spun
    }

    #[test]
    fn what_does_not_pay_is_tried_ever_more_seldom() {
        assert_eq!(spun(1, Habit::default()), 1);
        assert_eq!(spun(64, Habit::default()), 6);
        assert_eq!(spun(64 + 64_000, Habit::default()), 6 + 1_000);
    }

    #[test]
    fn a_habit_survives_its_bits() {
        let mut habit = Habit::default();
        for _ in 0..20 {
            assert_eq!(Habit::from_bits(habit.to_bits()), habit);
            habit = habit.after_miss();
        }
        assert_eq!(habit.skip, 63);
    }

    #[test]
    fn what_has_happened_is_seen_without_a_spin_and_changes_no_habit() {
        let spin = Spin::new(Duration::ZERO);
        for _ in 0..3 {
            assert!(!spin.until(|| false));
        }
        let before = spin.habit.load(Ordering::Relaxed);
        assert!(spin.until(|| true));
        assert_eq!(spin.habit.load(Ordering::Relaxed), before);
    }

    #[test]
    fn a_hit_forgets_the_misses() {
        if !*SEVERAL_CORES {
            return; // nobody spins
        }
        let spin = Spin::new(Duration::from_secs(3600));
        spin.keep(Habit { misses: 3, skip: 0 });
        let looks = std::cell::Cell::new(0);
        assert!(spin.until(|| {
            looks.set(looks.get() + 1);
            looks.get() > 100
        }));
        assert_eq!(spin.habit.load(Ordering::Relaxed), 0);
    }
}
