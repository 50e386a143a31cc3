//! The behaviour of aio-files through its public interface.
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test as the test itself does"
)]

mod auto_traits;
mod beside;
mod cached;
mod chunks;
mod cuts;
mod cuts_file;
mod dropped;
mod entries;
mod fifo;
mod folder;
mod handover;
mod lines;
mod lock;
mod lock_cuts;
mod many;
mod model;
mod names;
mod open;
mod order;
mod os;
mod os_cuts;
mod os_order;
mod os_process;
mod other;
mod positional;
#[cfg(feature = "records")]
mod records;
mod replace;
mod runtimes;
mod shutdown;
mod sources;
mod standard_input;
mod standard_output;
mod standard_records;
mod stdio_cuts;
mod streams;
mod stuck;
mod temp;
mod threads;
mod truth;
#[cfg(all(unix, feature = "walk"))]
mod walk;
mod whole;
mod with;
