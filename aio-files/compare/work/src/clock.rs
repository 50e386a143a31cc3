use std::time::Instant;

use crate::{Adler, Work};

/// Does the work of the command line by `once`, which is told how much to do, and
/// prints the one line of this program.
pub fn measure(work: &Work, mut once: impl FnMut(usize) -> u64) {
    once(work.n / 10);
    if work.writes() {
        // Truncating a file that was just written costs what creating one doesn't.
        std::fs::remove_file(&work.path).expect("what warmed up");
    }
    let start = Instant::now();
    let mut sum = once(work.n);
    let nanoseconds = start.elapsed().as_nanos();
    if work.writes() {
        let written = std::fs::read(&work.path).expect("what was written");
        let mut adler = Adler::default();
        adler.add(&written);
        sum = sum.wrapping_add(adler.sum());
    }
    println!(r#"{{"ns": {nanoseconds}, "sum": {sum}}}"#);
}
