//! Reads what a worker prints, until the worker is dead and what it wrote is
//! read; or until its pipe has no other end, whichever comes first.

use std::io::PipeReader;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::blueprint::Blueprint;
use crate::output::{Cutter, Feeder, Line, Output, Source};

const READ_AT_ONCE: usize = 16 << 10;

/// So much is read of a dead worker's pipe at most. A pipe that nobody enlarged
/// holds less; more can only come from something that the worker left behind.
const LAST_READ: usize = 1 << 20;

/// The reading ends of the pipes that a command was given.
#[derive(Debug)]
pub(super) struct Pipes {
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
}

impl Pipes {
    /// Gives the command a pipe for each output that is to be read.
    pub(super) fn lay(command: &mut Command, blueprint: &Blueprint) -> std::io::Result<Self> {
        let mut pipes = Self {
            stdout: None,
            stderr: None,
        };
        if blueprint.stdout == Output::Lines {
            let (reader, writer) = std::io::pipe()?;
            command.stdout(Stdio::from(writer));
            pipes.stdout = Some(reader);
        }
        if blueprint.stderr == Output::Lines {
            let (reader, writer) = std::io::pipe()?;
            command.stderr(Stdio::from(writer));
            pipes.stderr = Some(reader);
        }
        Ok(pipes)
    }

    /// Starts to read them.
    pub(super) fn read(self, pid: u32, blueprint: &Blueprint) -> std::io::Result<Outlets> {
        let open = |pipe: Option<PipeReader>, source| {
            pipe.zip(blueprint.lines.clone())
                .map(|(pipe, lines)| Outlet::open(pipe, pid, source, lines))
                .transpose()
        };
        Ok(Outlets {
            stdout: open(self.stdout, Source::Stdout)?,
            stderr: open(self.stderr, Source::Stderr)?,
        })
    }
}

/// What reads the output of one worker.
#[derive(Debug)]
pub(super) struct Outlets {
    stdout: Option<Outlet>,
    stderr: Option<Outlet>,
}

impl Outlets {
    /// Reads the rest of what a dead worker wrote, and returns the end of what
    /// it wrote to stderr. It waits for nobody.
    pub(super) async fn last_words(self) -> Option<String> {
        if let Some(stdout) = self.stdout {
            stdout.last_words().await;
        }
        self.stderr?.last_words().await
    }
}

#[derive(Debug)]
struct Outlet {
    /// Told, or dropped, when the worker is dead.
    death: oneshot::Sender<()>,
    reading: JoinHandle<Option<String>>,
}

impl Outlet {
    fn open(
        pipe: PipeReader,
        pid: u32,
        source: Source,
        lines: Arc<Feeder>,
    ) -> std::io::Result<Self> {
        let (death, dead) = oneshot::channel();
        let reading = Reading {
            pipe: Receiver::from_owned_fd(OwnedFd::from(pipe))?,
            pid,
            source,
            lines,
            cutter: Cutter::default(),
        };
        Ok(Self {
            death,
            reading: tokio::spawn(reading.until(dead)),
        })
    }

    async fn last_words(self) -> Option<String> {
        drop(self.death);
        self.reading.await.ok().flatten()
    }
}

struct Reading {
    pipe: Receiver,
    pid: u32,
    source: Source,
    lines: Arc<Feeder>,
    cutter: Cutter,
}

impl Reading {
    async fn until(mut self, mut dead: oneshot::Receiver<()>) -> Option<String> {
        tokio::select! {
            biased;
            _ = &mut dead => self.read_the_rest(),
            () = self.read_while_there_is_room() => {}
        }
        while let Some(text) = self.cutter.line() {
            self.push(text);
        }
        if let Some(text) = self.cutter.rest() {
            self.push(text);
        }
        self.cutter.last_words()
    }

    /// Reads to the end of the pipe. Cut short, it has lost nothing: what it has
    /// taken from the pipe is in the cutter.
    async fn read_while_there_is_room(&mut self) {
        let mut piece = vec![0; READ_AT_ONCE];
        loop {
            self.lines.room().await;
            if let Some(text) = self.cutter.line() {
                self.push(text);
                continue;
            }
            if self.pipe.readable().await.is_err() {
                return;
            }
            match self.pipe.try_read(&mut piece) {
                Ok(0) => return,
                Ok(count) => self.cutter.add(&piece[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Reads what is there without asking the reactor, which may not have
    /// looked since it was written. Who still holds the other end is not waited
    /// for: it may be something that the worker left behind.
    fn read_the_rest(&mut self) {
        let mut piece = vec![0; READ_AT_ONCE];
        let mut read = 0;
        while read < LAST_READ {
            match rustix::io::read(&self.pipe, piece.as_mut_slice()) {
                Ok(0) => return,
                Ok(count) => {
                    read += count;
                    self.cutter.add(&piece[..count]);
                    while let Some(text) = self.cutter.line() {
                        self.push(text);
                    }
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn push(&self, text: String) {
        let (pid, source) = (self.pid, self.source);
        self.lines.push(Line { pid, source, text });
    }
}
