//! What the programs of the tour share.
//!
//! The programs themselves are in `src/bin`, each for one idea, and short enough
//! to be read at once. `examples/README.md` says in which order.

pub mod args;
pub mod chart;
pub mod comparison;
pub mod costs;
pub mod crow;
pub mod descriptors;
pub mod downloads;
pub mod event_loop;
mod failure;
pub mod flag_server;
pub mod hatch;
pub mod meeting;
pub mod message_context;
pub mod randint;
pub mod rival;
pub mod runs;
mod seconds;
pub mod stages;
pub mod stall;
pub mod threads;
pub mod visitors;

pub use failure::Failure;
pub use seconds::seconds;
