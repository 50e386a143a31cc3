//! The limit underneath: the bare loop over the source, and iterators.

use itertools::Itertools;
use work::{Ready, SMALL, Work, measure, measure_async, numbers, sorted, step, sum, sum_all};

fn main() {
    let work = Work::from_arguments();
    match work.kind.as_str() {
        "source" => measure_async(|_, n| sum(Ready::new(n))),
        "merge_sorted" => {
            let mut streams = vec![sorted(work.n / 10), sorted(work.n)].into_iter();
            measure(&work, |_| {
                let streams = streams.next().expect("once to warm up, once for the clock");
                sum_all(streams.into_iter().kmerge())
            });
        }
        "adaptors" => measure(&work, adaptors),
        _ => work.unasked(),
    }
}

/// Batches, their sums accumulated, without repetitions, in windows of three.
fn adaptors(n: usize) -> u64 {
    let mut source = numbers(n);
    let batches = std::iter::from_fn(move || {
        let batch: Vec<u64> = source.by_ref().take(SMALL).collect();
        (!batch.is_empty()).then_some(batch)
    });
    let totals = batches
        .map(|batch| batch.into_iter().sum())
        .scan(None, |total, sum: u64| {
            *total = Some(total.map_or(sum, |total| step(total, sum)));
            *total
        });
    let windows = totals.dedup().tuple_windows().map(|(a, b, c)| [a, b, c]);
    sum_all(windows)
}
