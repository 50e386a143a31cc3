//! The program beside what it is built on, in one run.
//!
//! `cargo bench -p message-store` runs everything; `-- jsonl` runs what has
//! `jsonl` in its name; `-- --short` runs a tenth of the work. Each row's two
//! sides take turns for several rounds. Both are whole processes, from their
//! start to their end, over the same file and an empty store of the same tables;
//! both commit as often, and wait for the disk each time; and both must leave
//! the same messages.

#![allow(clippy::unwrap_used, reason = "a bench that fails says where")]

mod corpus; // what is imported
mod latency; // from a commit in one process to its line in another
mod raw; // the same import without this program: one process, one thread
mod rounds; // two sides that take turns

use corpus::Corpus;
use rounds::Bench;

fn main() {
    aio_pool::init();
    raw::import_if_child();
    let bench = Bench::from_arguments();
    println!("| work | ours beside the other | ours | the other |");
    println!("|---|---|---|---|");
    bench.imports(
        "jsonl: 100,000 messages, beside rusqlite and serde_json",
        || Corpus::jsonl(100_000 / bench.share),
    );
    bench.imports(
        "mbox: 10,000 mails, beside rusqlite and mail-parser",
        || Corpus::mbox(10_000 / bench.share),
    );
    latency::row(&bench);
}
