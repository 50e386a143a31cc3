//! What the programs of the tour share.
//!
//! The programs themselves are in `src/bin`, each for one idea, and short enough
//! to be read at once. `examples/README.md` says in which order.

pub mod args;
pub mod costs;
mod failure;
pub mod runs;
mod seconds;

pub use failure::Failure;
pub use seconds::seconds;
