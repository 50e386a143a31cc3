//! Async functions in worker processes: a crash costs what that worker was
//! running, never the program.
//!
//! ```
//! aio_pool::task! {
//!     /// The n-th Fibonacci number.
//!     pub async fn fib(n: u32) -> u128 {
//!         (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     aio_pool::init(); // the first line: in a worker it never returns
//!     run()
//! }
//!
//! #[tokio::main]
//! async fn run() -> Result<(), Box<dyn std::error::Error>> {
//!     let pool = aio_pool::start().workers(2).await?;
//!     assert_eq!(pool.call::<fib>(90).await?, 2_880_067_194_370_816_120);
//!     assert_eq!(pool.map::<fib>(1..=6).await?, [1, 1, 2, 3, 5, 8]);
//!     pool.close().await?;
//!     Ok(())
//! }
//! ```
//!
//! - [`task!`] makes a function a [`Task`], and [`init`] lets this program be
//!   its own worker.
//! - [`start`] builds a [`Pool`]: awaited, or entered with
//!   [`.with`](Start::with), which leaves no process behind.
//! - [`Pool::call`] is a [`Call`]: awaited, it has exactly one outcome, an
//!   output or a [`TaskError`]. It can be timed out, and run alone in its worker.
//! - [`Pool::map`] is a [`Map`] over any number of inputs: awaited, a `Vec`; or a
//!   stream of [`Results`], which takes inputs as there is room.
//! - [`Pool::stream`] calls a task that returns a stream, whose
//!   [`Items`](streams::Items) come one by one, no faster than they are taken.
//! - [`process()`] is one task in a [`Process`] of its own.
//! - A task's [`Context`] tells it where it runs and whether it was cancelled, and
//!   has what an [`Initializer`] made in its worker.
//! - [`Start`] also has the rest: the bound of the queue ([`Full`]), replacement
//!   after so many tasks, environment and outputs, [limits](workers::Limits)
//!   and, with the feature `sandbox`, a cage for untrusted work.
//!
//! # When not to use it
//!
//! Rust has no interpreter lock: plain computing is simpler and faster in
//! threads (rayon, `spawn_blocking`). Processes are for isolation: from
//! crashes, leaks and aborts, for work that can be killed, and for input that
//! nobody trusts. Every value is copied through a socket, and every worker has
//! its own statics. It needs Linux 5.4 or newer, with `/proc`.
//!
//! # Cancellation
//!
//! Builders do nothing until they are awaited. A call that is dropped is taken
//! off the queue, or dropped in its worker at its next await; if it comes to
//! none within two seconds, its worker is killed and replaced. Dropping the last
//! handle of a pool kills and reaps its workers in the background, on a thread
//! of the pool, whatever becomes of the runtime. If this process dies, by
//! whatever signal, its workers end themselves.
//!
//! # What is lost when a worker dies
//!
//! What it had begun, up to [`tasks_per_worker`](Start::tasks_per_worker) tasks,
//! and each call is told so: [`TaskError::WorkerLost`] has the process id, the
//! signal or status, and whether the task may have begun. Nothing that has begun
//! is run again. What had not is run by another worker, and nobody notices.
//!
//! # In tests
//!
//! A worker is the program again, and in a test the program is a test harness.
//! With the feature `harness`, enabled in `[dev-dependencies]`, a worker is taken
//! away before `main`, and tests, doc-tests and benches need no `init`; without
//! it, [`start`] says [`Error::NotInitialised`] there and starts nothing.
//!
//! # Features
//!
//! | feature | adds | brings in |
//! |---|---|---|
//! | `harness` | workers of programs whose `main` is not yours | – |
//! | `sandbox` | `Start::sandbox`: workers that can open, connect to and execute nothing (Landlock and seccomp; x86_64, aarch64, riscv64) | landlock, seccompiler, libc |
//!
//! # Coming from aiomultiprocess
//!
//! Tasks are functions named at compile time instead of pickled at run time; a
//! worker that dies is an error instead of an await that never ends; and the
//! scope of a pool closes it on success and terminates it on failure.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod blueprint;
mod call;
mod codec;
mod context;
mod engine;
mod environment;
mod error;
#[cfg(fuzzing)]
mod fuzz;
mod handover;
#[cfg(all(feature = "harness", target_os = "linux"))]
mod harness;
mod ids;
mod inflow;
mod init;
mod initializer;
mod items;
mod job;
mod limits;
mod line;
mod map;
mod marks;
mod outcome;
mod output;
mod pool;
mod process;
mod queue;
mod registry;
mod reply;
mod results;
mod role;
#[cfg(feature = "sandbox")]
mod sandbox;
mod setup;
mod sheaf;
mod slots;
mod spin;
mod start;
mod stream_task;
pub mod streams;
mod supervisor;
mod task;
mod task_macro;
mod terms;
mod wire;
mod worker;

pub use call::Call;
pub use context::Context;
pub use error::{Error, Exit, Never, Part, TaskError};
pub use init::init;
pub use initializer::Initializer;
pub use map::Map;
pub use pool::Pool;
pub use process::{Process, process};
pub use queue::Full;
pub use results::Results;
pub use start::{Start, start};
pub use task::Task;

/// The futures behind the builders, for those who must name them.
pub mod futures {
    pub use crate::call::Answer;
    pub use crate::map::Answers;
    pub use crate::streams::Gathered;
}

/// What workers are to be like: options of [`start`] that are more than a number,
/// and what becomes of what workers print.
pub mod workers {
    pub use crate::limits::Limits;
    pub use crate::output::{Line, Lines, Output, Source};
    pub use crate::process::Spawn;
    #[cfg(feature = "sandbox")]
    pub use crate::sandbox::Sandbox;
    pub use crate::spin::Spin;
}

/// What the fuzzer of this crate calls. No part of its interface.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::fuzz::bytes;
}

/// What the macros of this crate expand to. No part of its interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::job::{Answer, Job, Running};
    pub use crate::registry::{REGISTERED, Registered, Registration};
    pub use crate::stream_task::Plain;
    pub use futures_core::Stream;
    pub use linkme;
}
