//! When to start a worker in the place of one that died. Pure: it is told of
//! deaths and says how long to wait.

use std::time::Duration;

/// So many attempts in a row of which no worker got ready are all. An attempt
/// is a volley: all workers that were missing, started together.
const MAX_STILLBORN: u32 = 4;

/// The same, once the program has proved that its workers get ready: then the
/// reason is outside, and may pass within the seconds that this takes.
const MAX_STILLBORN_WHEN_PROVEN: u32 = 10;

/// The first wait; each further death without a finished task doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(10);

/// The longest wait.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// The history that the next wait depends on.
#[derive(Debug, Default)]
pub(crate) struct Respawn {
    /// Deaths since a task last finished, on any worker.
    fruitless: u32,
    /// Volleys that failed, since a worker was last ready.
    stillborn: u32,
    /// The last volley, and whether its failure has been counted.
    volley: u64,
    counted: Option<u64>,
    /// What its failure costs in time.
    wait: Duration,
    /// A worker has been ready.
    proven: bool,
}

/// What to do about a death.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Start another after this long.
    After(Duration),
    /// Start no more: workers of this program do not get ready.
    Never,
}

impl Respawn {
    /// All workers that are missing are about to be started.
    pub(crate) fn volley(&mut self) -> u64 {
        self.volley += 1;
        self.volley
    }

    /// A worker is ready: the program can start them.
    pub(crate) fn ready(&mut self) {
        self.stillborn = 0;
        self.proven = true;
    }

    /// A task finished: deaths cost no more than they must.
    pub(crate) fn fruitful(&mut self) {
        self.fruitless = 0;
    }

    /// A worker died, after it had been ready.
    pub(crate) fn died(&mut self) -> Verdict {
        Verdict::After(self.delay())
    }

    /// A worker of this volley died, or could not be started, before it was
    /// ready. Only the first of a volley counts: the others have died of the
    /// same.
    pub(crate) fn stillborn(&mut self, volley: u64) -> Verdict {
        if self.counted.is_some_and(|counted| volley <= counted) {
            return Verdict::After(self.wait);
        }
        self.counted = Some(volley);
        self.stillborn += 1;
        let max = if self.proven {
            MAX_STILLBORN_WHEN_PROVEN
        } else {
            MAX_STILLBORN
        };
        if self.stillborn >= max {
            return Verdict::Never;
        }
        self.wait = self.delay();
        Verdict::After(self.wait)
    }

    /// The first death is made good at once; a series of them is slowed down.
    fn delay(&mut self) -> Duration {
        let doublings = self.fruitless.checked_sub(1);
        self.fruitless = self.fruitless.saturating_add(1);
        match doublings {
            None => Duration::ZERO,
            Some(doublings) => MAX_DELAY.min(FIRST_DELAY * 2_u32.pow(doublings.min(16))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_without_work_wait_longer_and_longer_up_to_a_second() {
        let mut respawn = Respawn::default();
        let waits: Vec<_> = (0..40)
            .map(|_| match respawn.died() {
                Verdict::After(delay) => delay.as_millis(),
                Verdict::Never => panic!("it had been ready"),
            })
            .collect();
        assert_eq!(waits[..5], [0, 10, 20, 40, 80]);
        assert!(waits.is_sorted());
        assert_eq!(waits[39], 1000);
        respawn.fruitful();
        assert_eq!(respawn.died(), Verdict::After(Duration::ZERO));
    }

    fn fails(respawn: &mut Respawn) -> Verdict {
        let volley = respawn.volley();
        respawn.stillborn(volley)
    }

    #[test]
    fn a_volley_fails_once_however_many_die() {
        let mut respawn = Respawn::default();
        let volleys = (1..MAX_STILLBORN).map(|_| respawn.volley());
        for volley in volleys.collect::<Vec<_>>() {
            for _ in 0..100 {
                assert_ne!(respawn.stillborn(volley), Verdict::Never);
            }
        }
        // A straggler of an early one changes nothing.
        assert_ne!(respawn.stillborn(1), Verdict::Never);
        assert_eq!(fails(&mut respawn), Verdict::Never);
    }

    #[test]
    fn workers_that_never_get_ready_are_given_up() {
        let mut respawn = Respawn::default();
        for _ in 1..MAX_STILLBORN {
            assert_ne!(fails(&mut respawn), Verdict::Never);
        }
        assert_eq!(fails(&mut respawn), Verdict::Never);
    }

    #[test]
    fn a_program_that_has_worked_is_given_seconds() {
        let mut respawn = Respawn::default();
        respawn.ready();
        let mut waited = Duration::ZERO;
        while let Verdict::After(delay) = fails(&mut respawn) {
            waited += delay;
        }
        assert!(waited > Duration::from_secs(2) && waited < Duration::from_secs(10));
    }

    #[test]
    fn one_ready_worker_proves_that_the_program_can() {
        let mut respawn = Respawn::default();
        for _ in 0..100 {
            assert_ne!(fails(&mut respawn), Verdict::Never);
            respawn.ready();
        }
    }
}
