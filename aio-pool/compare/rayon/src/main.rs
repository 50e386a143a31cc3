//! rayon: threads that share the work, the limit of what computes.
//!
//! One item is a piece of its own (`with_max_len`), as rayon's documentation of
//! `IndexedParallelIterator` advises where each is expensive.

use rayon::prelude::*;
use work::{WORKERS, Work, burn, measure};

fn main() {
    let work = Work::from_arguments();
    if work.kind != "cpu" {
        work.unasked();
    }
    let threads = rayon::ThreadPoolBuilder::new().num_threads(WORKERS);
    let threads = threads.build().expect("threads");
    measure(&work, |n| {
        let numbers = (0..n).into_par_iter().with_max_len(1);
        let answers = numbers.map(|number| burn(number as u64));
        threads.install(|| answers.reduce(|| 0, u64::wrapping_add))
    });
}
