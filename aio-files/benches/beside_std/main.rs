//! The crate beside std, in one run.
//!
//! `cargo bench -p aio-files --features walk` runs everything; `-- lines` runs
//! what has `lines` in its name; `-- --short` runs a tenth of the work. Each row's
//! two sides take turns for several rounds, and both must give the same answer.
//! The ratio is std's time to ours: 1.00 is level with std, 2.00 twice as fast.

#![allow(clippy::unwrap_used, reason = "a bench that fails says where")]

mod chunks;
mod files;
mod lines;
mod many;
mod positions;
mod rounds;
mod sums;
#[cfg(feature = "walk")]
mod walk;
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
        lines::run(&bench, &files, name, &runtime);
        chunks::run(&bench, &files, name, &runtime);
        positions::run(&bench, &files, name, &runtime);
        writes::run(&bench, &files, name, &runtime);
        many::run(&bench, &files, name, &runtime);
        #[cfg(feature = "walk")]
        walk::run(&bench, &files, name, &runtime);
    }
}
