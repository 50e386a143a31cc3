//! The work of the comparison, the same for every program: what is asked, with
//! which values, and what is printed.
//!
//! A program is called as `PROGRAM WORKLOAD N`, does a tenth of the work to warm
//! up, then the work for the clock, and prints one line of JSON: the nanoseconds,
//! and a sum over everything it was answered. A workload is a kind of work, and
//! maybe a number behind a hyphen: `merge-64`.

mod answers;
mod sources;

pub use answers::{Answer, InOrder, sum, sum_all};
pub use sources::{Pairs, Ready, Silent, numbers, sorted};

use std::time::Instant;

/// Items of a batch.
pub const BATCH: usize = 100;
/// Futures in flight in an ordered map.
pub const WIDTH: usize = 64;
/// Futures in flight in a gather.
pub const LIMIT: usize = 1000;
/// Streams of a sorted merge.
pub const SORTED: usize = 64;
/// Items of a batch in the chain of adaptors.
pub const SMALL: usize = 4;

/// What the chain of adaptors accumulates: it stays the same where `b` is 0.
pub fn step(a: u64, b: u64) -> u64 {
    (a + b) % 1000
}

/// What is done concurrently: nothing but an answer.
pub async fn job(n: u64) -> u64 {
    n ^ 1
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Work {
    pub kind: String,
    /// The number behind the hyphen, or 0.
    pub number: usize,
    pub n: usize,
}

impl Work {
    pub fn from_arguments() -> Work {
        let mut arguments = std::env::args().skip(1);
        let mut next = |what| arguments.next().unwrap_or_else(|| panic!("no {what}"));
        let workload = next("WORKLOAD");
        let (kind, number) = match workload.split_once('-') {
            Some((kind, number)) => (kind, number.parse().expect("a number")),
            None => (workload.as_str(), 0),
        };
        Work {
            kind: kind.to_owned(),
            number,
            n: next("N").parse().expect("N is a number"),
        }
    }

    /// Ends a program that was asked for what it can't do.
    pub fn unasked(&self) -> ! {
        panic!("this program does no {}", self.kind)
    }
}

/// Does the work of the command line by `once`, which is told how much to do, and
/// prints the one line of this program.
pub fn measure(work: &Work, mut once: impl FnMut(usize) -> u64) {
    once(work.n / 10);
    let start = Instant::now();
    let sum = once(work.n);
    let nanoseconds = start.elapsed().as_nanos();
    println!(r#"{{"ns": {nanoseconds}, "sum": {sum}}}"#);
}

/// The whole program of a peer: runs `once` on a runtime of one thread.
pub fn measure_async<F: Future<Output = u64>>(once: impl Fn(&Work, usize) -> F) {
    let work = Work::from_arguments();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    measure(&work, |n| runtime.block_on(once(&work, n)));
}
