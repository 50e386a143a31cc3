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

    /// Says whether only some rows run, so that one may lack what an earlier
    /// one leaves behind.
    pub(crate) fn is_partial(&self) -> bool {
        self.wanted.is_some()
    }

    /// Runs both sides in turns and prints their ratio. Each side gets the
    /// number of operations and returns a sum over its answers.
    pub(crate) fn row(
        &self,
        name: &str,
        operations: usize,
        mut raw: impl FnMut(usize) -> i64,
        mut ours: impl FnMut(usize) -> i64,
    ) {
        if self
            .wanted
            .as_ref()
            .is_some_and(|wanted| !name.contains(wanted))
        {
            return;
        }
        let operations = operations / self.share;
        assert_eq!(
            raw(operations),
            ours(operations),
            "{name}: the warm-up's answers"
        );
        let mut ratios = Vec::new();
        let mut each = Vec::new();
        for _ in 0..ROUNDS {
            let (raw_time, raw_sum) = timed(|| raw(operations));
            let (our_time, our_sum) = timed(|| ours(operations));
            assert_eq!(raw_sum, our_sum, "{name}: the answers");
            ratios.push(our_time.as_secs_f64() / raw_time.as_secs_f64());
            each.push(raw_time / u32::try_from(operations).unwrap());
        }
        ratios.sort_by(f64::total_cmp);
        each.sort();
        println!(
            "| {name} | {:.2} ({:.2} to {:.2}) | {:.2?} |",
            ratios[ROUNDS / 2],
            ratios[0],
            ratios[ROUNDS - 1],
            each[ROUNDS / 2],
        );
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed(), value)
}
