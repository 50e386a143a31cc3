//! The crate beside rusqlite called directly, in one run.
//!
//! `cargo bench -p aio-sqlite` runs everything; `-- select` runs what has
//! `select` in its name; `-- --short` runs a tenth of the work. Each row's two
//! sides take turns for several rounds, and both must give the same answer. The
//! ratio is ours to rusqlite's time: 1.00 is level with it, 2.00 twice as slow.

#![allow(clippy::unwrap_used, reason = "a bench that fails says where")]

mod inserts;
mod reads;
mod rounds;
mod selects;
mod streams;
mod worlds;

use tokio::runtime::Builder;

use rounds::Bench;

fn main() {
    let bench = Bench::from_arguments();
    println!("| work | ours / rusqlite, median (least to most) | rusqlite, each |");
    println!("|---|---|---|");
    let current = Builder::new_current_thread().build().unwrap();
    let threads = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for (name, runtime) in [("current-thread", current), ("multi-thread", threads)] {
        selects::run(&bench, name, &runtime);
        inserts::run(&bench, name, &runtime);
        streams::run(&bench, name, &runtime);
        reads::run(&bench, name, &runtime);
    }
}
