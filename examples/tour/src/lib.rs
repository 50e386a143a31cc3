//! What the programs of the tour share.
//!
//! The programs themselves are in `src/bin`, each for one idea, and short enough
//! to be read at once. `examples/README.md` says in which order.

pub mod args;
pub mod downloads;
mod failure;
pub mod flag_server;
pub mod message_context;
pub mod rival;
pub mod stall;
pub mod event_loop;
mod failure;
pub mod meeting;
pub mod stages;
pub mod chart;
pub mod comparison;
pub mod descriptors;
mod failure;
pub mod randint;
pub mod threads;
pub mod visitors;

pub use failure::Failure;
