//! The crate beside bare loops and iterators, in one run.
//!
//! `cargo bench -p aio-itertools` runs everything; `-- pairwise` runs what has
//! `pairwise` in its name; `-- --short` runs a tenth of the work. Each row's two
//! sides take turns for several rounds, and both must give the same answer. The
//! ratio is our time to that of the iterator: an iterator's loop is compiled into
//! one, while a stream is asked for each item, so 1.00 can't be had.

#![allow(clippy::unwrap_used, reason = "a bench that fails says where")]

mod adaptors;
mod consumers;
mod merged;
mod rounds;

use std::future::poll_fn;
use std::hash::{BuildHasher, Hash};
use std::pin::pin;

use aio_itertools::Stream;
use rounds::Bench;

fn main() {
    let bench = Bench::from_arguments();
    println!("| work | ours / iterators, median (least to most) | ours, each | iterators, each |");
    println!("|---|---|---|---|");
    adaptors::run(&bench);
    consumers::run(&bench);
    merged::run(&bench);
}

/// Runs a future on a runtime of one thread.
fn on_a_runtime(work: impl Future<Output = u64>) -> u64 {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

/// A sum in which the order counts.
#[derive(Default)]
struct InOrder(u64);

impl InOrder {
    fn add(&mut self, number: u64) {
        self.0 = self.0.rotate_left(5) ^ number;
    }
}

/// Runs a stream to its end, and sums what `number` makes of each item.
fn stream_sum<S: Stream>(stream: S, number: impl Fn(S::Item) -> u64) -> u64 {
    on_a_runtime(async {
        let mut stream = pin!(stream);
        let mut sum = InOrder::default();
        while let Some(item) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            sum.add(number(item));
        }
        sum.0
    })
}

/// The same for an iterator.
fn iterator_sum<I: IntoIterator>(items: I, number: impl Fn(I::Item) -> u64) -> u64 {
    let mut sum = InOrder::default();
    for item in items {
        sum.add(number(item));
    }
    sum.0
}

/// A number of anything that can be hashed, the same in every run.
fn hashed(item: &impl Hash) -> u64 {
    let fixed = std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default();
    fixed.hash_one(item)
}
