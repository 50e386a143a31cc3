//! Who holds the lock of one file in this process, and who waits for it: the
//! rules alone, without a file.
//!
//! They wait in the order of their arrival. The first is tried when no holder of
//! this process is in its way; shared ones are tried one after the other, as long
//! as they are first. Nobody overtakes, so no writer starves behind readers.

use std::collections::BTreeMap;
use std::time::Duration;

/// How many may hold it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Shared,
    Exclusive,
}

/// What one does who can't have it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Waits,
    None,
}

/// What one wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) mode: Mode,
    pub(super) patience: Patience,
}

/// The first and the longest pause between two attempts at what another process holds.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

#[derive(Debug, Default)]
pub(super) struct Line {
    shared: usize,
    exclusive: usize,
    /// By number, which is the order of arrival.
    waiting: BTreeMap<u64, Want>,
    pursuit: Pursuit,
    /// The pause before the last attempt, while another process holds it.
    pause: Option<Duration>,
}

/// Whether a thread is at work for this line: never two, or the order would be theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pursuit {
    #[default]
    None,
    UnderWay,
    /// Something has changed since, so that what it was refused may be had now.
    Outdated,
}

impl Line {
    /// Takes its place; true if it is worth an attempt now.
    pub(super) fn arrive(&mut self, number: u64, want: Want) -> bool {
        self.waiting.insert(number, want);
        want.patience == Patience::None || self.is_first(number)
    }

    /// Gives up; true if that is worth an attempt for those behind.
    pub(super) fn leave(&mut self, number: u64) -> bool {
        let was_first = self.is_first(number);
        self.waiting.remove(&number);
        was_first && !self.waiting.is_empty()
    }

    /// Begins a pursuit; false if one is under way, which will look again.
    pub(super) fn begin(&mut self) -> bool {
        let begun = self.pursuit == Pursuit::None;
        self.pursuit = match begun {
            true => Pursuit::UnderWay,
            false => Pursuit::Outdated,
        };
        begun
    }

    /// Takes out who is to be tried next.
    pub(super) fn next(&mut self) -> Option<u64> {
        let (&number, &want) = self.waiting.first_key_value()?;
        let free = match want.mode {
            Mode::Shared => self.exclusive == 0,
            Mode::Exclusive => self.exclusive == 0 && self.shared == 0,
        };
        if !free {
            return None;
        }
        self.waiting.remove(&number);
        Some(number)
    }

    /// Puts back whom another process was in the way of; gives the pause after
    /// which it is worth another attempt.
    pub(super) fn refused(&mut self, number: u64, want: Want) -> Duration {
        self.waiting.insert(number, want);
        let (first, longest) = PAUSES;
        let pause = self
            .pause
            .map_or(first, |pause| pause.saturating_mul(2).min(longest));
        *self.pause.insert(pause)
    }

    pub(super) fn granted(&mut self, mode: Mode) {
        *self.holders(mode) += 1;
        self.pause = None;
    }

    pub(super) fn released(&mut self, mode: Mode) {
        *self.holders(mode) -= 1;
        self.pause = None;
    }

    /// Ends a pursuit, and gives those without patience who are still here: they
    /// are out. `None` if something has changed and the pursuit must go on.
    pub(super) fn end(&mut self) -> Option<Vec<u64>> {
        if self.pursuit == Pursuit::Outdated {
            self.pursuit = Pursuit::UnderWay;
            return None;
        }
        self.pursuit = Pursuit::None;
        let mut out = Vec::new();
        self.waiting.retain(|&number, want| {
            let stays = want.patience == Patience::Waits;
            if !stays {
                out.push(number);
            }
            stays
        });
        Some(out)
    }

    /// True if nothing of it is worth keeping.
    pub(super) fn is_over(&self) -> bool {
        self.shared == 0
            && self.exclusive == 0
            && self.waiting.is_empty()
            && self.pursuit == Pursuit::None
    }

    fn is_first(&self, number: u64) -> bool {
        self.waiting.first_key_value().map(|(&first, _)| first) == Some(number)
    }

    fn holders(&mut self, mode: Mode) -> &mut usize {
        match mode {
            Mode::Shared => &mut self.shared,
            Mode::Exclusive => &mut self.exclusive,
        }
    }
}

#[cfg(test)]
mod tests;
