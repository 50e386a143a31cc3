//! Two sides that take turns.

use std::time::{Duration, Instant};

const ROUNDS: usize = 7;

/// What was asked for.
pub(crate) struct Bench {
    /// What the work is divided by.
    pub(crate) share: usize,
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

    /// Runs both sides in turns and prints their ratio. Each side gets the
    /// number of items and returns a sum over its answers.
    pub(crate) fn row(
        &self,
        name: &str,
        items: usize,
        mut std: impl FnMut(usize) -> u64,
        mut ours: impl FnMut(usize) -> u64,
    ) {
        if self
            .wanted
            .as_ref()
            .is_some_and(|wanted| !name.contains(wanted))
        {
            return;
        }
        let items = items / self.share;
        assert_eq!(std(items), ours(items), "{name}: the warm-up's answers");
        let mut ratios = Vec::new();
        let (mut std_each, mut our_each) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (std_time, std_sum) = timed(|| std(items));
            let (our_time, our_sum) = timed(|| ours(items));
            assert_eq!(std_sum, our_sum, "{name}: the answers");
            ratios.push(our_time.as_secs_f64() / std_time.as_secs_f64());
            std_each.push(std_time.as_secs_f64() * 1e9 / items as f64);
            our_each.push(our_time.as_secs_f64() * 1e9 / items as f64);
        }
        for numbers in [&mut ratios, &mut std_each, &mut our_each] {
            numbers.sort_by(f64::total_cmp);
        }
        println!(
            "| {name} | {:.2} ({:.2} to {:.2}) | {:.2} ns | {:.2} ns |",
            ratios[ROUNDS / 2],
            ratios[0],
            ratios[ROUNDS - 1],
            our_each[ROUNDS / 2],
            std_each[ROUNDS / 2],
        );
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed(), value)
}
