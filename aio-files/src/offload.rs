//! The only place that leaves the caller's thread.
//!
//! The cancellation contract, once for all: a job that was submitted runs to its
//! end, whatever becomes of the future that submitted it and of the runtime that
//! polled the future. What it returns to nobody is dropped on the job's thread.
//!
//! The threads are our own. A runtime's blocking pool may be full of other work,
//! and when its runtime ends, jobs that wait in it are dropped and never run; a
//! file's last bytes must not depend on either. Ours are few, so ten thousand
//! calls at once don't become hundreds of threads, and go when they are idle.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// Which threads run a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The shared ones, for what the disk answers soon.
    Shared,
    /// A thread of its own, for what may wait for another process: FIFOs, terminals.
    Alone,
    /// The one thread that runs its jobs in order, for what dropped files leave.
    InOrder,
}

/// How long an idle thread stays.
const KEEP: Duration = Duration::from_secs(10);

/// The threads of a lane and what waits for them.
struct Crew {
    most: fn() -> usize,
    keep: Duration,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

static SHARED: Crew = Crew::new(most_shared, KEEP);
// It leaves at once: dropping files is not what a program does all day.
static IN_ORDER: Crew = Crew::new(|| 1, Duration::ZERO);

/// What is thought before they are counted.
static CORES: AtomicUsize = AtomicUsize::new(2);

/// How many cores there are for this process.
pub(crate) fn cores() -> usize {
    CORES.load(Ordering::Relaxed)
}

/// Counts them, once. That reads files, of a container's limits, so only a job's
/// thread may do it.
fn count_cores() {
    static COUNTED: Once = Once::new();
    COUNTED.call_once(|| {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        CORES.store(cores, Ordering::Relaxed);
    });
}

/// Four jobs for each core keep a disk busy; more only wait in the kernel.
pub(crate) fn most_shared() -> usize {
    (cores() * 4).clamp(16, 64)
}

/// Runs a job to its end, and never on the caller's thread while there are others.
pub(crate) fn submit(lane: Lane, job: impl FnOnce() + Send + 'static) {
    match lane {
        Lane::Shared => SHARED.submit(Box::new(job)),
        Lane::InOrder => IN_ORDER.submit(Box::new(job)),
        Lane::Alone => alone(Box::new(job)),
    }
}

/// True if jobs wait for a shared thread: one that goes on as long as there is
/// something to do goes on behind them.
pub(crate) fn others_wait() -> bool {
    !SHARED.lock().jobs.is_empty()
}

/// The error of a job that panicked.
pub(crate) fn lost() -> io::Error {
    io::Error::other("the operation panicked, and the file with it")
}

impl Crew {
    const fn new(most: fn() -> usize, keep: Duration) -> Self {
        Self {
            most,
            keep,
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                idle: 0,
            }),
            work: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No job runs under the lock, so nothing can be half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&'static self, job: Job) {
        let mut state = self.lock();
        state.jobs.push_back(job);
        // More jobs than threads that wait for one: those in between are busy.
        if state.jobs.len() <= state.idle {
            drop(state);
            self.work.notify_one();
            return;
        }
        if state.threads >= (self.most)() {
            return;
        }
        state.threads += 1;
        drop(state);
        if named().spawn(|| self.serve()).is_err() {
            // The system has no thread for us. If we have some, they come to it;
            // if not, waiting for the jobs here is better than losing a write.
            self.lock().threads -= 1;
            while let Some(job) = self.abandoned() {
                quietly(job);
            }
        }
    }

    /// A job that no thread will come to.
    fn abandoned(&self) -> Option<Job> {
        let mut state = self.lock();
        match state.threads {
            0 => state.jobs.pop_front(),
            _ => None,
        }
    }

    fn serve(&self) {
        count_cores();
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                quietly(job);
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let (woken, waited) = self
                .work
                .wait_timeout_while(state, self.keep, |state| state.jobs.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

fn alone(job: Job) {
    // Kept here as well: a thread that can't be started drops its closure.
    let job = std::sync::Arc::new(Mutex::new(Some(job)));
    let run = |job: &Mutex<Option<Job>>| {
        let job = job.lock().unwrap_or_else(PoisonError::into_inner).take();
        job.into_iter().for_each(quietly);
    };
    let there = std::sync::Arc::clone(&job);
    if named().spawn(move || run(&there)).is_err() {
        run(&job);
    }
}

/// A thread of this crate, for whoever has a loop of its own to run.
pub(crate) fn named() -> thread::Builder {
    thread::Builder::new().name("aio-files".to_owned())
}

/// A panic ends the job and not the thread; its reply tells the caller.
pub(crate) fn quietly(job: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(job)));
}
