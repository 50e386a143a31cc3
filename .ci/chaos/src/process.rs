//! A child process whose output is gathered while it runs.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::clock::lock;

/// A child that is killed and reaped when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) stdout: Gathered,
    stderr: Gathered,
}

/// What a process has written into a pipe so far.
#[derive(Debug)]
pub(crate) struct Gathered {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    over: bool,
}

impl Process {
    /// Spawns it, and drops the command: what its `pre_exec` holds is closed here.
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().map(Gathered::from);
        let stderr = child.stderr.take().map(Gathered::from);
        Ok(Self {
            child,
            stdout: stdout.ok_or(io::ErrorKind::BrokenPipe)?,
            stderr: stderr.ok_or(io::ErrorKind::BrokenPipe)?,
        })
    }

    pub(crate) fn kill(&mut self) {
        // It fails only when the child has been reaped.
        self.child.kill().ok();
    }

    /// Waits for the end, and says nothing if it has not come within the limit.
    pub(crate) fn wait_within(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let pid = Pid::from_child(&self.child);
        let ended = pidfd_open(pid, PidfdFlags::empty())?;
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&left)) {
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(0) => return Ok(None),
                Ok(_) => return self.child.wait().map(Some),
            }
        }
    }

    /// All that it wrote to its standard output and error; call it after the end.
    pub(crate) fn output(&mut self) -> (Vec<u8>, Vec<u8>) {
        (self.stdout.all(), self.stderr.all())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Gathered {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let mut part = [0; 16 * 1024];
            loop {
                let read = match pipe.read(&mut part) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    outcome => outcome.unwrap_or(0),
                };
                let mut written = lock(&ours.written);
                written.bytes.extend(&part[..read]);
                written.over = read == 0;
                ours.changed.notify_all();
                if read == 0 {
                    break;
                }
            }
        });
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// What has been read so far.
    pub(crate) fn so_far(&self) -> Vec<u8> {
        lock(&self.shared.written).bytes.clone()
    }

    /// Says whether the process has closed it, as one that ends does.
    pub(crate) fn is_over(&self) -> bool {
        lock(&self.shared.written).over
    }

    /// Waits until something has been read that is wanted. Says no when the
    /// pipe has ended or the limit has passed without it.
    pub(crate) fn wait_for(&self, limit: Duration, wanted: impl Fn(&[u8]) -> bool) -> bool {
        let (written, _) = self
            .shared
            .changed
            .wait_timeout_while(lock(&self.shared.written), limit, |written| {
                !written.over && !wanted(&written.bytes)
            })
            .unwrap_or_else(PoisonError::into_inner);
        wanted(&written.bytes)
    }

    fn all(&mut self) -> Vec<u8> {
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
        std::mem::take(&mut lock(&self.shared.written).bytes)
    }
}
