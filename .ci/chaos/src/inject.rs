//! Faults at the system calls of a small program, the *victim*.
//!
//! The kernel hands every system call that changes a file, of whichever thread
//! of the victim, to the test before it is made (seccomp user notification), so
//! that raw calls and those of SQLite are seen as well as those of std. Each is
//! a *point*, numbered from 1; the test kills the victim at one, lets it fail
//! there, or holds it. It needs no root. What it can't see: stores into mapped
//! memory, and changes of rights, owners, times and attributes. A victim that
//! asks for an io_uring is told that there is none.
//!
//! ```no_run
//! use chaos::inject::Victim;
//! use std::process::Command;
//!
//! let writer = |folder: &str| {
//!     let mut program = Command::new("writer");
//!     program.arg(folder);
//!     Victim::new(program)
//! };
//! println!("points={}", writer("counted").run().points);
//! for point in 1.. {
//!     let run = writer("killed").kill_at(point).run();
//!     // … what was acknowledged in `run.stdout` must be there …
//!     if run.hit.is_none() {
//!         break; // it ran to its end: every point has been met
//!     }
//! }
//! ```

mod calls;
mod filter;
mod listener;
mod supervisor;
mod trace;
mod victim_memory;

use std::io;
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::Duration;

pub use calls::Kind;
pub use rustix::io::Errno;
pub use trace::{Call, Fate};

use crate::process::{Gathered, Process};
use crate::watchdog;
use supervisor::{Fault, Supervisor, Syncs};

/// Whether a call fails once, or every point from there on does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// That point fails, and no other.
    Once,
    /// That point and all that follow fail.
    ForEver,
}

/// Says whether system calls can be intercepted here.
///
/// # Errors
/// Why they can't, for [`skip::because`](crate::skip::because).
pub fn available() -> Result<(), &'static str> {
    static OUTCOME: OnceLock<Result<(), String>> = OnceLock::new();
    OUTCOME
        .get_or_init(|| {
            Victim::new(Command::new("true"))
                .start()
                .map(|victim| drop(victim.wait()))
                .map_err(|error| format!("no seccomp user notification: {error}"))
        })
        .as_ref()
        .copied()
        .map_err(String::as_str)
}

/// A program to run under the injector: a builder that does nothing before
/// [`run`](Victim::run) or [`start`](Victim::start).
///
/// Start it from a fresh state each time: put its files into a new folder. The
/// calls of processes that it starts are counted too, and a kill hits the
/// process whose call it is; so a victim had better be one process.
#[derive(Debug)]
#[must_use = "nothing runs before `.run()` or `.start()`"]
pub struct Victim {
    command: Command,
    fault: Fault,
    syncs: Syncs,
    limit: Duration,
}

/// A victim that has run to its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run {
    /// How many points it came to.
    pub points: usize,
    /// The first point that the fault met; none if it ended before.
    pub hit: Option<Call>,
    /// Every point, and every output between them, in the order of their beginnings.
    pub trace: Vec<Call>,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub status: ExitStatus,
}

/// A victim that runs. Dropping it kills the victim.
#[derive(Debug)]
pub struct Running {
    what: String,
    // Before the supervisor, whose thread ends when the process has.
    process: Process,
    supervisor: Supervisor,
    limit: Duration,
}

impl Victim {
    /// Takes a program with its arguments; standard input, output and error are replaced.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            fault: Fault::None,
            syncs: Syncs::Made,
            limit: watchdog::LIMIT,
        }
    }

    /// Kills the victim before its call number `point` is made.
    pub fn kill_at(mut self, point: usize) -> Self {
        self.fault = Fault::Kill(point);
        self
    }

    /// Kills the victim in the middle of its call number `point`: the first half
    /// of a write is in the file. What is no write is not made at all.
    pub fn tear_at(mut self, point: usize) -> Self {
        self.fault = Fault::Tear(point);
        self
    }

    /// Writes only the first half of the call number `point`, and says so, as the
    /// system may. What is no write is made whole.
    pub fn short_at(mut self, point: usize) -> Self {
        self.fault = Fault::Short(point);
        self
    }

    /// Lets the call number `point` fail, and with [`Span::ForEver`] all that follow.
    ///
    /// Programs repeat what fails with `EINTR`, so that one for ever hangs them.
    pub fn fail_from(mut self, point: usize, errno: Errno, span: Span) -> Self {
        self.fault = Fault::Fail(point, errno, span);
        self
    }

    /// Holds the call number `point` until [`Running::release`].
    pub fn hold_at(mut self, point: usize) -> Self {
        self.fault = Fault::Hold(point);
        self
    }

    /// Answers every sync as done without doing it: what must lose data does so then.
    ///
    /// Writes to files that were opened with `O_SYNC` or `O_DSYNC` still sync.
    pub fn without_sync(mut self) -> Self {
        self.syncs = Syncs::Feigned;
        self
    }

    /// Says how long the victim may take; default: [`watchdog::LIMIT`].
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the victim to its end.
    ///
    /// # Panics
    /// When it can't be started, or has not ended within its limit.
    pub fn run(self) -> Run {
        let what = format!("{:?}", self.command);
        match self.start() {
            Ok(running) => running.wait(),
            Err(error) => panic!("{what}: {error}"),
        }
    }

    /// Starts the victim.
    ///
    /// # Errors
    /// What the system says when it can't be started, or not under the injector.
    pub fn start(mut self) -> io::Result<Running> {
        let what = format!("{:?} with {:?}", self.command, self.fault);
        let handover = listener::arm(&mut self.command)?;
        let supervisor = Supervisor::start(handover, self.fault, self.syncs)?;
        Ok(Running {
            what,
            process: Process::spawn(self.command)?,
            supervisor,
            limit: self.limit,
        })
    }
}

impl Running {
    pub(crate) fn gathered(&self) -> &Gathered {
        &self.process.stdout
    }

    /// What the victim has written to its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> Vec<u8> {
        self.process.stdout.so_far()
    }

    /// Waits until the victim's output is as wanted. Says no when it has ended
    /// without that.
    #[must_use]
    pub fn wait_stdout(&self, wanted: impl Fn(&[u8]) -> bool) -> bool {
        self.process.stdout.wait_for(self.limit, wanted)
    }

    /// Waits until the call that is held has come; there is none when the
    /// victim has ended, or its limit has passed, without it.
    #[must_use]
    pub fn held(&self) -> Option<Call> {
        self.supervisor.wait_held(self.limit)
    }

    /// Lets the held call go on.
    pub fn release(&self) {
        self.supervisor.release();
    }

    /// Kills the victim.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits for the victim's end.
    ///
    /// # Panics
    /// When it has not ended within its limit; it is killed then.
    #[must_use]
    pub fn wait(mut self) -> Run {
        let ended = self.process.wait_within(self.limit);
        let status = match ended {
            Ok(Some(status)) => status,
            Ok(None) => {
                self.process.kill();
                let (stdout, stderr) = self.process.output();
                panic!(
                    "{} hung for {:?}\n{}{}",
                    self.what,
                    self.limit,
                    String::from_utf8_lossy(&stdout),
                    String::from_utf8_lossy(&stderr),
                );
            }
            Err(error) => panic!("{}: {error}", self.what),
        };
        let (stdout, stderr) = self.process.output();
        let seen = self.supervisor.finish();
        Run {
            points: seen.points,
            hit: seen.hit.map(|hit| seen.trace[hit].clone()),
            trace: seen.trace,
            stdout,
            stderr,
            status,
        }
    }
}
