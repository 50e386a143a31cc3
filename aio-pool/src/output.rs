//! What becomes of that which a worker prints: the choice, and a line of it.

mod backlog;
mod cutter;
mod lines;

pub(crate) use backlog::{Backlog, Feeder};
pub(crate) use cutter::Cutter;
pub use lines::Lines;

/// What becomes of a worker's stdout or stderr. Given to
/// [`stdout`](crate::Start::stdout) and [`stderr`](crate::Start::stderr).
///
/// The pool itself never speaks on either, so a task may print, write to the
/// descriptor, and start processes that do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// It goes where the program's own goes.
    #[default]
    Inherit,
    /// It goes nowhere.
    Discard,
    /// It is read here, and [`Pool::lines`](crate::Pool::lines) gives it out line
    /// by line.
    ///
    /// With stderr, what a worker wrote last is also in the error of the calls
    /// that it took along: see
    /// [`WorkerLost`](crate::TaskError::WorkerLost).
    Lines,
}

/// Which of its outputs a worker wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// A line that a worker printed, or something that it started. An item of
/// [`Lines`].
///
/// It says which process wrote it and not which task: a descriptor does not
/// know, and several tasks may run in one worker. A task that must be told from
/// others puts its own mark into what it prints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The worker's process id.
    pub pid: u32,
    /// Where the worker wrote it.
    pub source: Source,
    /// What it wrote, without the end of the line. Bytes that are no UTF-8 have
    /// become `U+FFFD`. A line of more than 64 KiB comes in parts of at most so
    /// many bytes, each a `Line`.
    pub text: String,
}
