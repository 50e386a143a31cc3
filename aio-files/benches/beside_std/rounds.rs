//! Two sides that take turns.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

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
    /// number of operations and returns a sum over its answers.
    pub(crate) fn row(
        &self,
        name: &str,
        operations: usize,
        std: impl FnMut(usize) -> u64,
        ours: impl FnMut(usize) -> u64,
    ) {
        self.row_and(name, operations, std, ours, || ());
    }

    /// The same; `after` each round, and not for the clock, something is done.
    pub(crate) fn row_and(
        &self,
        name: &str,
        operations: usize,
        mut std: impl FnMut(usize) -> u64,
        mut ours: impl FnMut(usize) -> u64,
        mut after: impl FnMut(),
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
            std(operations),
            ours(operations),
            "{name}: the warm-up's answers"
        );
        after();
        let mut ratios = Vec::new();
        let mut each = Vec::new();
        for _ in 0..ROUNDS {
            let (std_time, std_sum) = timed(|| std(operations));
            let (our_time, our_sum) = timed(|| ours(operations));
            assert_eq!(std_sum, our_sum, "{name}: the answers");
            ratios.push(std_time.as_secs_f64() / our_time.as_secs_f64());
            each.push(std_time / u32::try_from(operations).unwrap());
            after();
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

/// Runs one task, as an application would: `block_on` of a multi-thread runtime
/// runs on a thread that is none of its workers.
pub(crate) fn task(runtime: &Runtime, work: impl Future<Output = u64> + Send + 'static) -> u64 {
    runtime.block_on(runtime.spawn(work)).unwrap()
}
