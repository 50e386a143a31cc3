//! A worker process as the parent holds it: started, awaited, killed, reaped.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

use super::outlet::{Outlets, Pipes};
use crate::blueprint::Blueprint;
use crate::error::Exit;
use crate::handover::{self, Nonce};
use crate::marks::Marks;
use crate::role::worker_argument;

/// A worker process. Dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The worker leads a process group of its own, so that a Ctrl-C is the
    /// parent's to decide and what a task started can be ended with it.
    group: Pid,
    /// The worker itself, whatever group it has moved to.
    pidfd: OwnedFd,
    reaped: bool,
}

/// Readable once the process has ended.
#[derive(Debug)]
pub(crate) struct Ended(AsyncFd<OwnedFd>);

impl Ended {
    #[expect(
        unsafe_code,
        reason = "tokio cannot say in its types that this kind of descriptor is owned"
    )]
    fn watch(pidfd: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` is open, answers `as_raw_fd` with the same
        // number always, and is closed by nobody else; it moves in here.
        let watched = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE)? };
        Ok(Self(watched))
    }

    /// Waits until the process has ended; it is still to be reaped then.
    pub(crate) async fn wait(&self) {
        // An error means that there is no reactor any more: then the process
        // is dropped, which kills and reaps it, right after this.
        let _ = self.0.readable().await;
    }
}

/// A worker that has just been started.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) process: Process,
    pub(crate) ended: Ended,
    /// Our end of its socket.
    pub(crate) socket: UnixStream,
    /// How far it has begun.
    pub(crate) marks: Marks,
    /// What reads its output.
    pub(crate) outlets: Outlets,
}

impl Process {
    /// Starts this executable again, with one end of a socket as its stdin.
    ///
    /// `/proc/self/exe` is this very file, even if another was put in its place
    /// since. Nothing here may add a `pre_exec`: without one std uses
    /// `posix_spawn`, which costs the same whatever the size of this process. An
    /// environment, pipes and a process group are fine with it.
    pub(crate) fn spawn(blueprint: &Blueprint, place: usize) -> io::Result<Spawned> {
        let nonce = Nonce::random()?;
        let (marks, page) = Marks::create()?;
        let (ours, theirs) = StdUnixStream::pair()?;
        handover::send(&ours, nonce, page.as_fd())?;
        ours.set_nonblocking(true)?;
        let ours = UnixStream::from_std(ours)?;

        let mut command = Command::new("/proc/self/exe");
        command
            .arg(worker_argument(blueprint.depth, &nonce.word()))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .process_group(0);
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        blueprint.dress(&mut command, place);
        let pipes = Pipes::lay(&mut command, blueprint)?;
        let child = command.spawn()?;
        // The command still owns the worker's ends of the socket and the pipes:
        // kept alive, it would keep the end of each stream from ever coming.
        drop(command);

        let group = Pid::from_child(&child);
        // The process is not reaped yet, so its number is still its own.
        let pidfd = match rustix::process::pidfd_open(group, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(error) => {
                abandon(child, group);
                return Err(error.into());
            }
        };
        let process = Self {
            child,
            group,
            pidfd,
            reaped: false,
        };
        let ended = Ended::watch(process.pidfd.try_clone()?)?;
        let outlets = pipes.read(process.pid(), blueprint)?;
        Ok(Spawned {
            process,
            ended,
            socket: ours,
            marks,
            outlets,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the worker and everything in its process group.
    pub(crate) fn kill(&self) {
        if !self.reaped {
            // It may have ended by itself; that is what was wanted.
            let _ = rustix::process::kill_process_group(self.group, Signal::KILL);
            // A task may have moved the worker to another group.
            let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
    }

    /// Takes the exit status of a process that has ended. The group is killed
    /// first: until it is reaped, the number cannot belong to anyone else.
    pub(crate) fn reap(mut self) -> Exit {
        self.kill();
        self.wait()
    }

    fn wait(&mut self) -> Exit {
        self.reaped = true;
        match self.child.wait() {
            Ok(status) => status
                .code()
                .map(Exit::Code)
                .or_else(|| status.signal().map(Exit::Signal))
                .unwrap_or(Exit::Unknown),
            Err(_) => Exit::Unknown,
        }
    }
}

/// Ends a process that nobody will hold.
fn abandon(mut child: Child, group: Pid) {
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            self.wait();
        }
    }
}
