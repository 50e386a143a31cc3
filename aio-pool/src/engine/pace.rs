//! How far ahead of a worker to send: as much as it does in half a millisecond.
//!
//! A worker that is sent a call only when it has answered another waits for it
//! as long as a message takes, which is many times what a short task takes. One
//! that is sent a thousand long tasks keeps them from workers that have nothing.
//! So what is sent ahead depends on how fast answers come, and is asked back
//! when that turns out wrong.

use std::time::{Duration, Instant};

/// So much work may wait in a worker.
const AHEAD: Duration = Duration::from_micros(500);

/// And never more calls than that.
pub(crate) const MOST_AHEAD: usize = 256;

/// The time from one answer of a worker to the next, while it had calls.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Nanoseconds; unknown at first.
    each: Option<u64>,
    /// The last answer after which the worker still had calls.
    since: Option<Instant>,
}

impl Pace {
    /// Notes answers that came together.
    pub(crate) fn answered(&mut self, answers: usize, still_busy: bool, now: Instant) {
        if let Some(since) = self.since
            && answers > 0
        {
            let spent = now.saturating_duration_since(since).as_nanos();
            let sample = u64::try_from(spent / answers as u128).unwrap_or(u64::MAX);
            self.each = Some(match self.each {
                // Slower at once, faster by and by: a mistake in this direction
                // costs a message, in the other a task that waits.
                Some(each) if sample < each => each - (each - sample) / 4,
                _ => sample,
            });
        }
        self.since = still_busy.then_some(now);
    }

    /// How many calls to send beyond those that the worker runs at a time.
    pub(crate) fn ahead(&self) -> usize {
        let ahead = AHEAD.as_nanos() as u64;
        self.each.map_or(0, |each| {
            usize::try_from(ahead / each.max(1)).map_or(MOST_AHEAD, |most| most.min(MOST_AHEAD))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_ahead_until_short_tasks_are_seen_and_while_they_are_long() {
        let begun = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.ahead(), 0);
        pace.answered(16, true, begun);
        assert_eq!(pace.ahead(), 0, "nobody knows how long these took");
        pace.answered(10, true, begun + Duration::from_micros(100));
        assert_eq!(pace.ahead(), 50);
        pace.answered(1, true, begun + Duration::from_millis(2));
        assert_eq!(pace.ahead(), 0, "one long task is enough");
        for _ in 0..40 {
            let since = pace.since.unwrap();
            pace.answered(1, true, since + Duration::from_nanos(100));
        }
        assert_eq!(pace.ahead(), MOST_AHEAD);
    }

    #[test]
    fn time_without_calls_is_not_counted() {
        let begun = Instant::now();
        let mut pace = Pace::default();
        pace.answered(1, true, begun);
        pace.answered(1, false, begun + Duration::from_micros(5));
        assert_eq!(pace.ahead(), 100);
        pace.answered(1, true, begun + Duration::from_secs(5));
        assert_eq!(pace.ahead(), 100);
    }
}
