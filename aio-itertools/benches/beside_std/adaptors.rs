//! Each adaptor beside the iterator that does the same.

use aio_itertools::adaptors::zip;
use aio_itertools::{iter, prelude::*};
use itertools::Itertools;

use crate::rounds::Bench;
use crate::{iterator_sum, stream_sum};

const ITEMS: usize = 1_000_000;

fn numbers(n: usize) -> std::ops::Range<u64> {
    0..n as u64
}

fn in_pairs(n: usize) -> impl Iterator<Item = u64> {
    numbers(n).map(|n| n / 2)
}

fn itself(n: u64) -> u64 {
    n
}

fn both((a, b): (u64, u64)) -> u64 {
    a ^ b.rotate_left(13)
}

pub(crate) fn run(bench: &Bench) {
    bench.row(
        "the source alone",
        ITEMS,
        |n| iterator_sum(numbers(n), itself),
        |n| stream_sum(iter(numbers(n)), itself),
    );
    bench.row(
        "accumulate",
        ITEMS,
        |n| {
            let totals = numbers(n).scan(0_u64, |total, item| {
                *total = total.wrapping_add(item);
                Some(*total)
            });
            iterator_sum(totals, itself)
        },
        |n| stream_sum(iter(numbers(n)).accumulate(u64::wrapping_add), itself),
    );
    bench.row(
        "batched(100)",
        ITEMS,
        |n| {
            let mut source = numbers(n);
            let batches = std::iter::from_fn(move || {
                let batch: Vec<u64> = source.by_ref().take(100).collect();
                (!batch.is_empty()).then_some(batch)
            });
            iterator_sum(batches, |batch| batch[0] ^ batch[batch.len() - 1])
        },
        |n| {
            let batches = iter(numbers(n)).batched(100);
            stream_sum(batches, |batch| batch[0] ^ batch[batch.len() - 1])
        },
    );
    bench.row(
        "chunk_by, runs of 2",
        ITEMS,
        |n| {
            let chunks = in_pairs(n).chunk_by(|item| *item);
            iterator_sum(&chunks, |(key, run)| key ^ run.count() as u64)
        },
        |n| {
            let chunks = iter(in_pairs(n)).chunk_by(|item| *item);
            stream_sum(chunks, |(key, run)| key ^ run.len() as u64)
        },
    );
    bench.row(
        "dedup",
        ITEMS,
        |n| iterator_sum(in_pairs(n).dedup(), itself),
        |n| stream_sum(iter(in_pairs(n)).dedup(), itself),
    );
    bench.row(
        "filterfalse, half of them",
        ITEMS,
        |n| iterator_sum(numbers(n).filter(|item| item & 1 != 0), itself),
        |n| stream_sum(iter(numbers(n)).filterfalse(|item| item & 1 == 0), itself),
    );
    bench.row(
        "islice, every third",
        ITEMS,
        |n| iterator_sum(numbers(n).skip(10).step_by(3), itself),
        |n| stream_sum(iter(numbers(n)).islice(10..).step(3), itself),
    );
    bench.row(
        "pairwise",
        ITEMS,
        |n| iterator_sum(numbers(n).tuple_windows(), both),
        |n| stream_sum(iter(numbers(n)).pairwise(), both),
    );
    bench.row(
        "unique, 1,000 values",
        ITEMS,
        |n| iterator_sum(numbers(n).map(|n| n % 1000).unique(), itself),
        |n| stream_sum(iter(numbers(n).map(|n| n % 1000)).unique(), itself),
    );
    bench.row(
        "zip",
        ITEMS,
        |n| iterator_sum(numbers(n).zip(numbers(n)), both),
        |n| stream_sum(zip((iter(numbers(n)), iter(numbers(n)))), both),
    );
}
