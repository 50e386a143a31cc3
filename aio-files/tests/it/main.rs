//! The behaviour of aio-files through its public interface.
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test as the test itself does"
)]

mod auto_traits;
mod beside;
mod cuts;
mod dropped;
mod fifo;
mod folder;
mod many;
mod model;
mod names;
mod open;
mod order;
mod runtimes;
mod shutdown;
mod truth;
mod whole;
mod with;
