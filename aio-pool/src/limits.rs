//! Ceilings that the kernel holds a worker to, and all that it starts.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Ceilings on what each worker of a pool may use. Given to
/// [`.limits`](crate::Start::limits).
///
/// A worker sets them on itself before it runs a task, for good: neither a task
/// nor what it starts can raise them, unless the program runs as root. Each
/// process is counted on its own, so a child of a task has the same room again.
/// None can be higher than what the program itself is held to.
///
/// A task that goes over [`open_files`](Self::open_files) or
/// [`processes`](Self::processes) sees an error, and its worker goes on. The
/// others cost the worker, with all that it was running: the calls end in
/// [`WorkerLost`](crate::TaskError::WorkerLost), and the pool goes on with
/// another.
///
/// # Examples
///
/// ```
/// use aio_pool::{Exit, TaskError, workers::Limits};
///
/// aio_pool::task! {
///     async fn reserve(bytes: usize) -> usize {
///         Vec::<u8>::with_capacity(bytes).capacity()
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     aio_pool::init();
///     run()
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn run() -> Result<(), Box<dyn std::error::Error>> {
///     let limits = Limits::new().address_space(1 << 30).core_dumps(0);
///     let pool = aio_pool::start().workers(1).limits(limits).await?;
///     // The whole of it is more than there may be: the worker aborts.
///     let lost = pool.call::<reserve>(1 << 30).await;
///     assert!(matches!(lost, Err(TaskError::WorkerLost { exit: Exit::Signal(6), .. })));
///     assert_eq!(pool.call::<reserve>(1 << 20).await?, 1 << 20);
///     pool.close().await?;
///     Ok(())
/// }
/// ```
#[doc(alias = "rlimit")]
#[doc(alias = "setrlimit")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "limits hold nothing until they are given to `.limits`"]
pub struct Limits(Ceilings);

impl Limits {
    /// No limits but those that the program has itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a worker map so many bytes of address space.
    ///
    /// Where it ends, allocations fail, and Rust's answer to that is to abort:
    /// the worker is lost to signal 6. What is reserved counts, used or not: 2
    /// MiB of stack for each blocking thread, and 64 MiB for each of the
    /// allocator's arenas, of which there are fewer where there is less room. A
    /// worker of a small program reserves 140 MB where it may, and starts with 8
    /// MiB; 64 MiB is the least that leaves room to work.
    #[doc(alias = "RLIMIT_AS")]
    pub fn address_space(self, bytes: u64) -> Self {
        self.with(Ceiling::AddressSpace, bytes)
    }

    /// Lets a worker compute for so long, in whole seconds, rounded up.
    ///
    /// It is the processor time of all its threads and of its whole life, not of
    /// one task: who wants a limit on a task sets a timeout on the call. The
    /// worker is lost to signal 24 (`SIGXCPU`); one that has that signal blocked
    /// or handled is killed a second later.
    #[doc(alias = "RLIMIT_CPU")]
    pub fn cpu_time(self, time: Duration) -> Self {
        let begun = u64::from(time.subsec_nanos() > 0);
        self.with(Ceiling::CpuTime, time.as_secs().saturating_add(begun))
    }

    /// Lets a worker have descriptors with numbers below this, so at most so
    /// many of them.
    ///
    /// To open one more is an error in the task ("Too many open files"). A
    /// worker needs a dozen of its own.
    #[doc(alias = "RLIMIT_NOFILE")]
    pub fn open_files(self, count: u64) -> Self {
        self.with(Ceiling::OpenFiles, count)
    }

    /// Lets no file grow beyond so many bytes through a worker.
    ///
    /// A write across the limit is cut short there, and at the next one the
    /// worker is lost to signal 25 (`SIGXFSZ`), unless the program ignores that
    /// signal: then the write is an error ("File too large"). It holds as well
    /// for a standard output that is a file.
    #[doc(alias = "RLIMIT_FSIZE")]
    pub fn file_size(self, bytes: u64) -> Self {
        self.with(Ceiling::FileSize, bytes)
    }

    /// Lets a worker start processes and threads while its user has fewer than
    /// this many, in the whole system.
    ///
    /// To start one more is an error in the task. The kernel counts all
    /// processes and threads of the user, the worker's own and those of other
    /// programs too, and does not hold root to it.
    #[doc(alias = "RLIMIT_NPROC")]
    pub fn processes(self, count: u64) -> Self {
        self.with(Ceiling::Processes, count)
    }

    /// Lets a worker that crashes leave a core dump of at most so many bytes; of
    /// none at all with 0.
    ///
    /// A system that feeds dumps to a program tells it the limit, and it is for
    /// that program to keep it.
    #[doc(alias = "RLIMIT_CORE")]
    pub fn core_dumps(self, bytes: u64) -> Self {
        self.with(Ceiling::CoreDumps, bytes)
    }

    fn with(mut self, ceiling: Ceiling, value: u64) -> Self {
        self.0.0.insert(ceiling, value);
        self
    }

    pub(crate) fn into_ceilings(self) -> Ceilings {
        self.0
    }
}

/// [`Limits`] as they cross to a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ceilings(BTreeMap<Ceiling, u64>);

/// What a limit is on. Address space comes last, so that the others are set, or
/// refused, with room to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Ceiling {
    CpuTime,
    OpenFiles,
    FileSize,
    Processes,
    CoreDumps,
    AddressSpace,
}

impl Ceiling {
    /// As its method is called, from [`Start`](crate::Start).
    fn option(self) -> &'static str {
        match self {
            Self::CpuTime => "limits.cpu_time",
            Self::OpenFiles => "limits.open_files",
            Self::FileSize => "limits.file_size",
            Self::Processes => "limits.processes",
            Self::CoreDumps => "limits.core_dumps",
            Self::AddressSpace => "limits.address_space",
        }
    }

    fn resource(self) -> Resource {
        match self {
            Self::CpuTime => Resource::Cpu,
            Self::OpenFiles => Resource::Nofile,
            Self::FileSize => Resource::Fsize,
            Self::Processes => Resource::Nproc,
            Self::CoreDumps => Resource::Core,
            Self::AddressSpace => Resource::As,
        }
    }

    /// Whether a worker can do anything under a limit of nothing.
    fn may_be_nothing(self) -> bool {
        matches!(self, Self::FileSize | Self::CoreDumps)
    }

    fn hold(self, value: u64) -> Result<(), String> {
        let option = self.option();
        let hard = getrlimit(self.resource()).maximum;
        // Root could raise it. A limit that raises something is none.
        if let Some(hard) = hard.filter(|&hard| value > hard) {
            return Err(format!(
                "{option} of {value} is above the {hard} that the program itself is held to"
            ));
        }
        // Where the two are equal the kernel kills at once, and its answer to
        // how the worker ended would not tell what it ended of.
        let grace = u64::from(matches!(self, Self::CpuTime));
        let maximum = value.saturating_add(grace);
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(hard.map_or(maximum, |hard| maximum.min(hard))),
        };
        setrlimit(self.resource(), limit)
            .map_err(|error| format!("{option} of {value} is refused by the kernel: {error}"))
    }
}

impl Ceilings {
    /// Refuses what means nothing, before anything is started.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let nothing = self
            .0
            .iter()
            .find(|&(ceiling, &value)| value == 0 && !ceiling.may_be_nothing());
        match nothing {
            None => Ok(()),
            Some((ceiling, _)) => Err(Error::InvalidOption {
                option: ceiling.option(),
                requirement: "more than 0",
            }),
        }
    }

    /// Holds this process to them, and all that it will start.
    pub(crate) fn hold(&self) -> Result<(), String> {
        self.0
            .iter()
            .try_for_each(|(ceiling, &value)| ceiling.hold(value))
    }
}
