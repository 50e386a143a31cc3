//! What the programs of the tour share.
//!
//! The programs themselves are in `src/bin`, each for one idea, and short enough
//! to be read at once. `examples/README.md` says in which order.

pub mod args;
pub mod event_loop;
mod failure;
pub mod meeting;
pub mod stages;

pub use failure::Failure;
