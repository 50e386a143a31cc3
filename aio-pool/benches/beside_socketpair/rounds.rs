//! Two sides that take turns.

use std::time::{Duration, Instant};

const ROUNDS: usize = 7;

/// What was asked for.
pub(crate) struct Bench {
    /// What the work is divided by.
    share: usize,
    wanted: Option<String>,
}

impl Bench {
    pub(crate) fn from_arguments() -> Bench {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let short = arguments.iter().any(|argument| argument == "--short");
        Bench {
            share: if short { 10 } else { 1 },
            wanted: arguments.into_iter().find(|a| !a.starts_with("--")),
        }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.wanted
            .as_ref()
            .is_none_or(|wanted| name.contains(wanted))
    }

    /// Runs both sides in turns and prints their ratio. Each side gets the
    /// number of calls and returns a sum over its answers.
    pub(crate) fn row(
        &self,
        name: &str,
        calls: usize,
        mut limit: impl FnMut(usize) -> u64,
        mut ours: impl FnMut(usize) -> u64,
    ) {
        let calls = calls / self.share;
        assert_eq!(limit(calls), ours(calls), "{name}: the warm-up's answers");
        let mut ratios = Vec::new();
        let (mut limit_each, mut our_each) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (limit_time, limit_sum) = timed(|| limit(calls));
            let (our_time, our_sum) = timed(|| ours(calls));
            assert_eq!(limit_sum, our_sum, "{name}: the answers");
            ratios.push(our_time.as_secs_f64() / limit_time.as_secs_f64());
            limit_each.push(limit_time.as_secs_f64() * 1e6 / calls as f64);
            our_each.push(our_time.as_secs_f64() * 1e6 / calls as f64);
        }
        for numbers in [&mut ratios, &mut limit_each, &mut our_each] {
            numbers.sort_by(f64::total_cmp);
        }
        println!(
            "| {name} | {:.2} ({:.2} to {:.2}) | {:.2} µs | {:.2} µs |",
            ratios[ROUNDS / 2],
            ratios[0],
            ratios[ROUNDS - 1],
            our_each[ROUNDS / 2],
            limit_each[ROUNDS / 2],
        );
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed(), value)
}
