//! The work of the comparison, the same for every program: what is asked, with
//! which values, and what is printed.
//!
//! A program is called as `PROGRAM WORKLOAD N`, does a tenth of the work to warm
//! up, then the work for the clock, and prints one line of JSON: the nanoseconds of
//! one item, and a sum over everything it was answered. A workload is a kind of
//! work, and maybe a number behind a hyphen: `start-2048`.

// The same as in the bench of aio-pool.
#[path = "../../../benches/beside_socketpair/burn.rs"]
mod burn;
#[path = "../../../benches/beside_socketpair/payload.rs"]
pub mod payload;
mod watched;

pub use burn::burn;
pub use watched::{children, descriptors, switches};

use std::time::Instant;

/// Worker processes, and rayon's threads.
pub const WORKERS: usize = 2;
/// Calls in flight, where it is the caller who bounds them.
pub const IN_FLIGHT: usize = 256;

/// What is asked of a task that does nothing.
pub fn plus_one(number: u64) -> u64 {
    number + 1
}

/// What the command line asks for.
#[derive(Debug, Clone)]
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
    once(work.n.div_ceil(10));
    let start = Instant::now();
    let sum = once(work.n);
    let nanoseconds = start.elapsed().as_nanos();
    report(nanoseconds as f64 / work.n as f64, sum, 0);
}

/// Prints the one line: the nanoseconds of one item, the sum of the answers, and
/// what was counted, where something is.
pub fn report(nanoseconds: f64, sum: u64, count: u64) {
    println!(r#"{{"ns": {nanoseconds:.1}, "sum": {sum}, "count": {count}}}"#);
}

/// Times the start of `n` pools: each is asked for one answer, or for none, and
/// `end`, where it goes, is not for the clock.
pub fn measure_starts<P>(
    work: &Work,
    mut start: impl FnMut(u64) -> (P, u64),
    mut end: impl FnMut(P),
) {
    let mut sum = 0;
    let mut nanoseconds = 0;
    let (warm, _) = start(0);
    end(warm);
    for number in 0..work.n as u64 {
        let begun = Instant::now();
        let (pool, answer) = start(number);
        nanoseconds += begun.elapsed().as_nanos();
        sum += answer;
        end(pool);
    }
    report(nanoseconds as f64 / work.n as f64, sum, 0);
}

/// So many MiB that this process has touched, for as long as they are held.
pub fn touched(mebibytes: usize) -> Vec<u8> {
    vec![1; mebibytes << 20]
}
