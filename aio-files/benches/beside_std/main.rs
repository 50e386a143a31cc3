//! The crate beside std, in one run.
//!
//! `cargo bench -p aio-files` runs everything; `-- writes` runs what has `writes`
//! in its name; `-- --short` runs a tenth of the work. Each row's
//! two sides take turns for several rounds, and both must give the same answer.
//! The ratio is std's time to ours: 1.00 is level with std, 2.00 twice as fast.

#![allow(clippy::unwrap_used, reason = "a bench that fails says where")]

mod files;
mod many;
mod rounds;
mod sums;
mod writes;

use tokio::runtime::Builder;

use files::Files;
use rounds::Bench;

fn main() {
    let bench = Bench::from_arguments();
    let files = Files::new(&bench);
    println!("| work | std / ours, median (least to most) | std, each |");
    println!("|---|---|---|");
    let current = Builder::new_current_thread().build().unwrap();
    let threads = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for (name, runtime) in [("current-thread", current), ("multi-thread", threads)] {
        many::run(&bench, &files, name, &runtime);
        writes::run(&bench, &files, name, &runtime);
    }
}
