//! Consumers beside those of `Iterator`.

use aio_itertools::{iter, prelude::*};
use itertools::Itertools;

use crate::rounds::Bench;
use crate::{hashed, on_a_runtime};

const ITEMS: usize = 1_000_000;

/// Numbers without an order.
fn numbers(n: usize) -> impl Iterator<Item = u64> {
    (0..n as u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40)
}

pub(crate) fn run(bench: &Bench) {
    bench.row(
        "list",
        ITEMS,
        |n| hashed(&numbers(n).collect::<Vec<_>>()),
        |n| on_a_runtime(async { hashed(&iter(numbers(n)).list().await) }),
    );
    bench.row(
        "sum",
        ITEMS,
        |n| numbers(n).sum(),
        |n| on_a_runtime(iter(numbers(n)).sum(0)),
    );
    bench.row(
        "max",
        ITEMS,
        |n| numbers(n).max().unwrap(),
        |n| on_a_runtime(async { iter(numbers(n)).max().await.unwrap() }),
    );
    bench.row(
        "counts, 1,000 values",
        ITEMS,
        |n| {
            numbers(n)
                .map(|n| n % 1000)
                .counts()
                .into_values()
                .sum::<usize>() as u64
        },
        |n| {
            on_a_runtime(async {
                let counts = iter(numbers(n).map(|n| n % 1000)).counts().await;
                counts.into_values().sum::<usize>() as u64
            })
        },
    );
    bench.row(
        "sorted",
        ITEMS,
        |n| hashed(&numbers(n).sorted().collect::<Vec<_>>()),
        |n| on_a_runtime(async { hashed(&iter(numbers(n)).sorted().await) }),
    );
    bench.row(
        "k_largest(100)",
        ITEMS,
        |n| hashed(&numbers(n).k_largest(100).collect::<Vec<_>>()),
        |n| on_a_runtime(async { hashed(&iter(numbers(n)).k_largest(100).await) }),
    );
}
