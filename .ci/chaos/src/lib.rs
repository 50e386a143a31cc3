//! Test-only tools by which every crate of the family proves that it is reliable.
//!
//! | module | proves |
//! |---|---|
//! | [`cuts`] | whatever the poll or the worker step at which a future is cut, nothing is left over |
//! | [`gate`] | a worker thread stands at a known step while the test acts |
//! | [`trace`] | no descriptor, thread, child or file is left over |
//! | [`woken`] | a pending future is woken when what it waits for comes |
//! | [`auto_traits!`] | a type is `Send`, `Sync`, `Unpin` exactly as documented |
//! | [`watchdog`] | what hangs is named |
//! | [`inject`] | whatever system call of a program fails, or is its last, nothing acknowledged is lost |
//! | [`power`] | nothing acknowledged is lost when the power goes |
//! | [`acks`] | what a victim acknowledged |
//! | [`scratch`] | a fresh folder, in memory |
//! | [`skip`] | a test that can't run here says so |
//! | [`terminal`] | what a program shows a person |
//! | [`dice`] | what is done at random can be done again |
//! | [`package`] | a package outside the workspace builds and runs |
//! | [`alone!`] | a test that looks at its whole process has that process for itself |
//!
//! A cut test reads like this:
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let report = chaos::cuts::every("add twice")
//!     .world(async || Arc::new(AtomicU32::new(0)))
//!     .run(
//!         async |world| {
//!             world.fetch_add(1, Ordering::Relaxed);
//!             tokio::task::yield_now().await;
//!             world.fetch_add(1, Ordering::Relaxed);
//!         },
//!         async |world, cut| {
//!             let sum = world.load(Ordering::Relaxed);
//!             assert!(if cut.completed { sum == 2 } else { sum < 2 });
//!         },
//!     )
//!     .await;
//! assert!(report.cuts > 0);
//! # }
//! ```

pub mod acks;
pub mod alone;
mod auto_traits;
mod clock;
pub mod cuts;
#[cfg(target_os = "linux")]
pub mod dice;
mod fate;
pub mod gate;
#[cfg(target_os = "linux")]
pub mod inject;
pub mod package;
mod poll;
#[cfg(target_os = "linux")]
pub mod power;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
pub mod scratch;
pub mod skip;
#[cfg(target_os = "linux")]
pub mod terminal;
pub mod trace;
pub mod watchdog;
pub mod woken;

#[doc(hidden)]
pub use auto_traits::assert_send;
pub use cuts::{Cut, Fate, Moment};
pub use gate::{Gate, Step};
pub use trace::Trace;

/// The Rust blocks of the root README, which compile and run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
