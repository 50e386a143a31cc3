//! A sorted merge beside `itertools::kmerge`.

use aio_itertools::{iter, merge_sorted};
use itertools::Itertools;

use crate::rounds::Bench;
use crate::{iterator_sum, stream_sum};

const ITEMS: usize = 1_000_000;

/// So many ascending streams of `n` numbers in all, which interleave.
fn sorted(streams: u64, n: usize) -> impl Iterator<Item = std::iter::StepBy<std::ops::Range<u64>>> {
    let step = usize::try_from(streams).unwrap();
    (0..streams).map(move |first| (first..n as u64).step_by(step))
}

pub(crate) fn run(bench: &Bench) {
    for streams in [2, 64, 1024] {
        bench.row(
            &format!("merge_sorted of {streams}"),
            ITEMS,
            |n| iterator_sum(sorted(streams, n).kmerge(), |item| item),
            |n| stream_sum(merge_sorted(sorted(streams, n).map(iter)), |item| item),
        );
    }
}
