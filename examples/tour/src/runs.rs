//! How often work was done in a time, each time with the same result.

use std::fmt;
use std::iter::{once, repeat};
use std::time::{Duration, Instant};

use crate::Failure;

/// So many runs in so much time: `387 runs of fibp in 1.0s: 2.59 msec per run`.
///
/// The time is that of a clock on the wall. Where several run at once, a run takes
/// only its share of it.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    what: &'static str,
    count: u64,
    took: Duration,
}

/// Gives the input of each run: once in any case, and again until so much time has
/// passed since this call.
pub fn again<T: Copy>(input: T, time: Duration) -> impl Iterator<Item = T> {
    let began = Instant::now();
    once(input).chain(repeat(input).take_while(move |_| began.elapsed() < time))
}

/// Counts one more run of this work, if it gave the same as the first.
///
/// # Errors
///
/// When it gave something else.
pub fn check<T: PartialEq>(what: &str, first: &T, again: &T) -> Result<u64, Failure> {
    let one = (first == again).then_some(1);
    one.ok_or_else(|| Failure::of(what, "two runs gave different results"))
}

impl Runs {
    /// So many runs of this work, at least one, since it began.
    pub fn since(began: Instant, what: &'static str, count: u64) -> Runs {
        let took = began.elapsed();
        Runs { what, count, took }
    }

    /// Returns how many runs there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns how many times as many runs there were as of others in the same time.
    pub fn as_fast_as(&self, others: &Runs) -> f64 {
        others.seconds_each() / self.seconds_each()
    }

    fn seconds_each(&self) -> f64 {
        self.took.as_secs_f64() / self.count as f64
    }
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Runs { what, count, took } = self;
        let (seconds, each) = (took.as_secs_f64(), self.seconds_each() * 1000.0);
        write!(
            f,
            "{count} runs of {what} in {seconds:.1}s: {each:.2} msec per run"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: Runs = Runs {
        what: "fibp",
        count: 387,
        took: Duration::from_millis(1002),
    };

    #[test]
    fn runs_are_a_line() {
        let line = "387 runs of fibp in 1.0s: 2.59 msec per run";
        assert_eq!(SERIAL.to_string(), line);
    }

    #[test]
    fn a_run_counts_if_it_gave_the_same_as_the_first() {
        assert_eq!(check("fibp", &55, &55).unwrap(), 1);
        let wrong = check("fibp", &55, &89).unwrap_err();
        assert_eq!(
            format!("{wrong:?}"),
            "fibp: two runs gave different results"
        );
    }

    #[test]
    fn there_is_one_run_at_least_and_none_after_the_time() {
        assert_eq!(again(7, Duration::ZERO).collect::<Vec<_>>(), [7]);
        let time = Duration::from_millis(5);
        let began = Instant::now();
        assert!(again(7, time).count() > 1);
        assert!(began.elapsed() >= time);
    }

    #[test]
    fn twice_the_runs_in_half_the_time_are_four_times_as_fast() {
        let threads = Runs {
            what: "fibp",
            count: 774,
            took: Duration::from_millis(501),
        };
        assert!((threads.as_fast_as(&SERIAL) - 4.0).abs() < 1e-9);
        assert!((SERIAL.as_fast_as(&threads) - 0.25).abs() < 1e-9);
    }
}
