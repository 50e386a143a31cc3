//! What can go wrong: with a pool ([`Error`]) and with a call ([`TaskError`]).

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What went wrong with a pool, or on the way to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// [`init`](crate::init) has not run in this process, so a worker started
    /// from it would run `main` again instead of tasks. In a worker: it has not
    /// been given a task. Nothing was started.
    NotInitialised,
    /// This process is a worker of a worker of a worker of a worker: pools in
    /// tasks go no deeper, so that no mistake makes processes without end.
    TooDeep {
        /// How far it is below the program.
        depth: u32,
    },
    /// An option of [`start`](crate::start) has a value that means nothing.
    InvalidOption {
        /// The option, as its method is called.
        option: &'static str,
        /// What it must be.
        requirement: &'static str,
    },
    /// Two tasks of this program have the same [`NAME`](crate::Task::NAME), or
    /// two initializers, or one of each.
    DuplicateTask {
        /// The name.
        task: &'static str,
    },
    /// The task, or initializer, was never registered: a hand-written
    /// [`Task`](crate::Task) needs a [`register!`](crate::register).
    UnknownTask {
        /// Its name.
        task: &'static str,
    },
    /// Workers cannot be started, or die or hang before they are ready. The
    /// pool has given up; start another when the reason is gone.
    NeverReady {
        /// What happened to the last of them.
        reason: String,
    },
    /// A value was not turned into bytes: its `Serialize` refused, or the
    /// result is longer than a frame may be.
    Encode {
        /// The task it belongs to.
        task: &'static str,
        /// Which of the task's values.
        part: Part,
        /// What the encoder said.
        reason: String,
    },
    /// Bytes were not turned into a value: the type's `Deserialize` does not
    /// accept what its `Serialize` wrote.
    Decode {
        /// The task it belongs to.
        task: &'static str,
        /// Which of the task's values.
        part: Part,
        /// What the decoder said.
        reason: String,
    },
    /// As many calls wait for a worker as the pool's
    /// [`queue`](crate::Start::queue) allows, and it was told to
    /// [`Reject`](crate::Full::Reject) more. The call was not made.
    QueueFull {
        /// How many may wait.
        limit: usize,
    },
    /// The pool is closed or terminated.
    Closed,
    /// The pool was terminated while it was closing, and calls were cancelled
    /// that [`close`](crate::Pool::close) would have waited for.
    Terminated,
    /// Workers did not end when they were asked to, and were killed. Every call
    /// had been answered.
    Unwilling {
        /// The workers.
        pids: Vec<u32>,
        /// How long they were given.
        after: Duration,
    },
    /// The thread that looks after the workers could not be started, or died.
    Supervisor {
        /// What became of it, and why.
        reason: String,
    },
}

/// One of the values that cross between the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What the task is called with.
    Input,
    /// What the task answers: its output, or its error.
    Output,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInitialised => f.write_str(
                "aio_pool::init() has not run in this process: make it the first line of main",
            ),
            Self::TooDeep { depth } => write!(
                f,
                "this worker is {depth} levels below the program, and starts no pool of its own"
            ),
            Self::InvalidOption {
                option,
                requirement,
            } => write!(
                f,
                "option {option} of aio_pool::start() must be {requirement}"
            ),
            Self::DuplicateTask { task } => write!(f, "two things are registered as {task}"),
            Self::UnknownTask { task } => {
                write!(f, "{task} is not registered: see aio_pool::register!")
            }
            Self::NeverReady { reason } => write!(f, "workers do not get ready: {reason}"),
            Self::Encode { task, part, reason } => {
                write!(f, "the {part} of task {task} cannot be sent: {reason}")
            }
            Self::Decode { task, part, reason } => {
                write!(f, "the {part} of task {task} cannot be read: {reason}")
            }
            Self::QueueFull { limit } => {
                write!(f, "the queue is full: it has room for {limit} calls")
            }
            Self::Closed => f.write_str("the pool is closed"),
            Self::Terminated => {
                f.write_str("the pool was terminated before it had answered every call")
            }
            Self::Unwilling { pids, after } => {
                for (number, pid) in pids.iter().enumerate() {
                    let before = if number == 0 { "worker " } else { ", worker " };
                    write!(f, "{before}{pid}")?;
                }
                write!(f, " did not end within {after:?} of being asked to: killed")
            }
            Self::Supervisor { reason } => {
                write!(f, "the thread that looks after the workers {reason}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// How a call ended, if not with an output. A call ends exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskError<E> {
    /// The task ran and answered with its own error.
    Task(E),
    /// The task panicked. Its worker goes on.
    #[non_exhaustive]
    Panicked {
        /// The task.
        task: &'static str,
        /// What the panic said.
        message: String,
        /// File, line and column, unless the task replaced the panic hook.
        location: Option<String>,
    },
    /// The pool was terminated, or its last handle dropped, before the task
    /// was over.
    #[non_exhaustive]
    Cancelled {
        /// The task.
        task: &'static str,
    },
    /// The call's [`timeout`](crate::Call::timeout) or
    /// [`run_timeout`](crate::Call::run_timeout) passed. The task has been
    /// cancelled.
    #[non_exhaustive]
    TimedOut {
        /// The task.
        task: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The worker process died while it had the task, and with it everything
    /// that ran there, whichever of these killed it. Other workers and their
    /// calls are untouched, and another worker takes its place, but for that of a
    /// [`Process`](crate::Process).
    #[non_exhaustive]
    WorkerLost {
        /// The task.
        task: &'static str,
        /// The worker's process id.
        pid: u32,
        /// How it died.
        exit: Exit,
        /// Whether the task may have begun. If not, calling again is safe.
        started: bool,
        /// How many other tasks the worker was running. With 0 this task is the
        /// only suspect; see
        /// [`tasks_per_worker`](crate::Start::tasks_per_worker).
        beside: usize,
        /// The last that it wrote to stderr, at most 4 KiB, if that is
        /// [`Lines`](crate::workers::Output::Lines) and it wrote anything: what
        /// a stack overflow says, or an abort. It may be older than this task.
        stderr: Option<String>,
    },
    /// The pool could not run the task or bring its answer back.
    Pool(Error),
}

impl<E> From<Error> for TaskError<E> {
    fn from(error: Error) -> Self {
        Self::Pool(error)
    }
}

impl<E: fmt::Display> fmt::Display for TaskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(error) => error.fmt(f),
            Self::Panicked {
                task,
                message,
                location: Some(location),
            } => write!(f, "task {task} panicked at {location}: {message}"),
            Self::Panicked { task, message, .. } => write!(f, "task {task} panicked: {message}"),
            Self::Cancelled { task } => {
                write!(f, "task {task} was cancelled: its pool was terminated")
            }
            Self::TimedOut { task, after } => {
                write!(f, "task {task} was not answered within {after:?}")
            }
            Self::WorkerLost {
                task,
                pid,
                exit,
                started,
                beside,
                stderr,
            } => {
                let when = if *started {
                    "while running"
                } else {
                    "before starting"
                };
                write!(f, "worker {pid} was lost {when} task {task}")?;
                match beside {
                    0 => {}
                    1 => f.write_str(" beside another")?,
                    others => write!(f, " beside {others} others")?,
                }
                write!(f, ": {exit}{}", LastWords(stderr.as_deref()))
            }
            Self::Pool(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for TaskError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Both print themselves, so the chain goes on behind them.
            Self::Task(error) => error.source(),
            Self::Pool(error) => error.source(),
            _ => None,
        }
    }
}

/// What a dead worker wrote last, on one line: three lines of it at most.
pub(crate) struct LastWords<'a>(pub(crate) Option<&'a str>);

impl fmt::Display for LastWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LINES: usize = 3;
        const CHARACTERS: usize = 200;
        let lines = self.0.unwrap_or_default().lines();
        // Behind a panic's message there may be a hundred lines of frames.
        let lines = lines.take_while(|line| *line != "stack backtrace:");
        let said: Vec<_> = lines.filter(|line| !line.trim().is_empty()).collect();
        for (number, line) in said[said.len().saturating_sub(LINES)..].iter().enumerate() {
            f.write_str(if number == 0 {
                "; its last words: "
            } else {
                " / "
            })?;
            // What a terminal would take for an order is left out.
            let shown = line.trim().chars().filter(|letter| !letter.is_control());
            shown
                .take(CHARACTERS)
                .try_for_each(|letter| f.write_char(letter))?;
        }
        Ok(())
    }
}

/// How a worker process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It exited with this status: a task, or something it called, asked for it.
    Code(i32),
    /// This signal killed it. 9 is what the kernel sends when memory is short.
    Signal(i32),
    /// The pool killed it: it was not ready in time, a cancelled task did not
    /// stop in it, or it said what no worker says.
    Ended {
        /// What it did, or failed to do.
        reason: String,
    },
    /// Something else in this program reaped it first, so nobody knows.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with status {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::Ended { reason } => write!(f, "killed by the pool: {reason}"),
            Self::Unknown => f.write_str("its exit status was taken by someone else"),
        }
    }
}

/// The error of a task that has none: no value of it exists.
///
/// [`task!`](crate::task) uses it for a function that does not return a
/// `Result`. It is the `!` that stable Rust lacks, and serde's traits are on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Never {}

impl fmt::Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}
