//! The standard output or error of this process: one buffer, and at most one
//! thread that writes it, in order.

use std::io;
use std::mem;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::PathError;
use crate::offload::{self, Lane};
use crate::parting;
use crate::turnstile::{self, Ticket};

/// When it is full. One write more fits in, so that it stays together.
const FULL: usize = 64 * 1024;

pub(super) static STDOUT: Sink = Sink::new(Target::Output, Buffering::UntilFull);
pub(super) static STDERR: Sink = Sink::new(Target::Error, Buffering::None);

#[derive(Clone, Copy, Debug)]
enum Target {
    Output,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Buffering {
    UntilFull,
    /// A write is written when it is answered.
    None,
}

#[derive(Debug)]
pub(super) struct Sink {
    target: Target,
    pub(super) buffering: Buffering,
    state: Mutex<State>,
}

/// Bytes are counted from the first one that was ever accepted.
#[derive(Debug)]
struct State {
    buffer: Vec<u8>,
    accepted: u64,
    written: u64,
    /// As far as this they are to be written now.
    wanted: u64,
    writing: Writing,
    failure: Option<PathError>,
    reported: Reported,
    handles: usize,
    wakers: Vec<Waker>,
    /// What `drained` waits for, while bytes of handles that are gone are left,
    /// and how far those are.
    parting: Option<(u64, Ticket)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    No,
    UnderWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reported {
    No,
    Yes,
}

impl Sink {
    const fn new(target: Target, buffering: Buffering) -> Self {
        Self {
            target,
            buffering,
            state: Mutex::new(State {
                buffer: Vec::new(),
                accepted: 0,
                written: 0,
                wanted: 0,
                writing: Writing::No,
                failure: None,
                reported: Reported::No,
                handles: 0,
                wakers: Vec::new(),
                parting: None,
            }),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.target {
            Target::Output => "<stdout>",
            Target::Error => "<stderr>",
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs under the lock, so nothing can be half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a handle, and gives the number of bytes that were accepted before it.
    pub(super) fn attach(&self) -> u64 {
        let mut state = self.lock();
        state.handles += 1;
        state.accepted
    }

    /// Has everything written of which nobody may be left to say so.
    pub(super) fn detach(&'static self) {
        let mut state = self.lock();
        state.handles -= 1;
        if state.failure.is_none() && state.written < state.accepted {
            let all = state.accepted;
            match &mut state.parting {
                Some((until, _)) => *until = all,
                none => *none = Some((all, turnstile::begun(None))),
            }
            self.want(&mut state, all);
        }
        let unreported = state.unreported();
        drop(state);
        unreported.into_iter().for_each(parting::record);
    }

    /// Takes all of `bytes`, once there is room, and gives the number of bytes
    /// accepted by then.
    pub(super) fn poll_accept(
        &'static self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<u64>> {
        let mut state = self.lock();
        state.report()?;
        if state.buffer.len() >= FULL {
            state.wait(cx);
            let all = state.accepted;
            self.want(&mut state, all);
            return Poll::Pending;
        }
        state.buffer.extend_from_slice(bytes);
        state.accepted += bytes.len() as u64;
        let all = state.accepted;
        if self.buffering == Buffering::None || state.buffer.len() >= FULL {
            self.want(&mut state, all);
        }
        Poll::Ready(Ok(all))
    }

    /// All bytes that were accepted so far.
    pub(super) fn accepted(&self) -> u64 {
        self.lock().accepted
    }

    /// Ready when that many bytes are in the kernel.
    pub(super) fn poll_written(
        &'static self,
        cx: &mut Context<'_>,
        bytes: u64,
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        state.report()?;
        if state.written >= bytes {
            return Poll::Ready(Ok(()));
        }
        state.wait(cx);
        self.want(&mut state, bytes);
        Poll::Pending
    }

    fn want(&'static self, state: &mut State, bytes: u64) {
        state.wanted = state.wanted.max(bytes);
        if state.writing == Writing::No && state.written < state.wanted {
            state.writing = Writing::UnderWay;
            // Of its own: who reads the other end may take its time.
            offload::submit(Lane::Alone, move || self.write());
        }
    }

    /// Writes as long as something is wanted. It blocks.
    fn write(&self) {
        let mut bytes = Vec::new();
        loop {
            let mut state = self.lock();
            let is_over = state.failure.is_some();
            let written = state.written;
            let parting = state
                .parting
                .take_if(|(until, _)| is_over || *until <= written);
            if is_over || written >= state.wanted {
                state.writing = Writing::No;
                let unreported = state.unreported();
                drop(state);
                unreported.into_iter().for_each(parting::record);
                // Last, since `drained` may look for the failure then.
                drop(parting);
                return;
            }
            mem::swap(&mut bytes, &mut state.buffer);
            drop(state);
            drop(parting);
            let result = self.write_all(&bytes);
            let mut state = self.lock();
            match result {
                Ok(()) => state.written += bytes.len() as u64,
                Err(cause) => {
                    let path = Path::new(self.name()).into();
                    state.failure = Some(PathError::new("write", &path, cause));
                    state.buffer = Vec::new();
                }
            }
            bytes.clear();
            let wakers = mem::take(&mut state.wakers);
            drop(state);
            for waker in wakers {
                offload::quietly(|| waker.wake());
            }
        }
    }

    #[cfg(unix)]
    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self.target {
            Target::Output => write_all(&io::stdout(), bytes),
            Target::Error => write_all(&io::stderr(), bytes),
        }
    }

    #[cfg(not(unix))]
    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        use std::io::Write;

        match self.target {
            Target::Output => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Target::Error => io::stderr().lock().write_all(bytes),
        }
    }
}

/// Past std's buffer, which would keep what can't be written and try it again.
#[cfg(unix)]
fn write_all(to: &impl std::os::fd::AsFd, mut bytes: &[u8]) -> io::Result<()> {
    use rustix::io::Errno;

    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            // Somebody who shares the terminal or pipe has made it so.
            Err(Errno::AGAIN) => super::stand_by(to, rustix::event::PollFlags::OUT)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl State {
    /// The failure, to whoever asks: nothing is written after it.
    fn report(&mut self) -> io::Result<()> {
        match &self.failure {
            Some(failure) => {
                self.reported = Reported::Yes;
                Err(failure.clone().into_io())
            }
            None => Ok(()),
        }
    }

    /// The failure that nobody is left to be told.
    fn unreported(&mut self) -> Option<PathError> {
        if self.handles > 0 || self.reported == Reported::Yes {
            return None;
        }
        let failure = self.failure.clone()?;
        self.reported = Reported::Yes;
        Some(failure)
    }

    fn wait(&mut self, cx: &Context<'_>) {
        if !self.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
    }
}
