//! The standard input of this process: one buffer, and at most one read.
//!
//! Bytes belong to the process until somebody takes them, all that an operation
//! wants at once. So a future that is dropped, or forgotten, takes nothing with
//! it; what it had asked for is there for whoever comes next.

use std::io::{self, Read};
use std::mem;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::intake::{End, Intake};
use crate::error::PathError;
use crate::offload::{self, Lane};

/// How much is read at once: what a pipe holds.
const FILL: usize = 64 * 1024;

struct State {
    /// `None` while one has it to look at.
    intake: Option<Box<Intake>>,
    /// What comes meanwhile.
    arrived: Vec<u8>,
    end: End,
    failed: Option<io::Error>,
    reading: Reading,
    wakers: Vec<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    No,
    UnderWay,
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(|| {
    Mutex::new(State {
        intake: Some(Box::default()),
        arrived: Vec::new(),
        end: End::Ahead,
        failed: None,
        reading: Reading::No,
        wakers: Vec::new(),
    })
});

fn state() -> MutexGuard<'static, State> {
    // Nothing foreign runs under the lock, so nothing can be half done.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a file has its path for.
pub(crate) fn name() -> Arc<Path> {
    static NAME: LazyLock<Arc<Path>> = LazyLock::new(|| Path::new("<stdin>").into());
    Arc::clone(&NAME)
}

pub(super) fn named(cause: io::Error) -> PathError {
    PathError::new("read", &name(), cause)
}

/// Lets `take` take what it wants, once that is there; `None` asks for more.
pub(super) fn poll_take<T>(
    cx: &mut Context<'_>,
    mut take: impl FnMut(&mut Intake, &mut End) -> Option<T>,
) -> Poll<io::Result<T>> {
    let mut state = state();
    let State { intake, end, .. } = &mut *state;
    if let Some(intake) = intake {
        if let Some(taken) = take(intake, end) {
            return Poll::Ready(Ok(taken));
        }
        if let Some(error) = state.failed.take() {
            drop(state);
            return Poll::Ready(Err(named(error).into_io()));
        }
    }
    state.wait(cx);
    state.demand();
    Poll::Pending
}

/// Reads once; 0 is the end.
pub(crate) fn poll_read(cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
    poll_take(cx, |intake, end| {
        let waiting = intake.waiting();
        if waiting.is_empty() {
            return (mem::replace(end, End::Ahead) == End::Met).then_some(0);
        }
        let amount = waiting.len().min(into.len());
        into[..amount].copy_from_slice(&waiting[..amount]);
        intake.consume(amount);
        Some(amount)
    })
}

/// Where the next byte is, or the end, once there is one.
#[cfg(feature = "records")]
pub(crate) fn poll_position(cx: &mut Context<'_>) -> Poll<io::Result<crate::lines::Position>> {
    poll_take(cx, |intake, end| {
        let is_there = !intake.waiting().is_empty() || *end == End::Met;
        let place = intake.place();
        is_there.then_some(crate::lines::Position {
            line: place.line,
            offset: place.offset,
        })
    })
}

/// Takes everything out, to look at; others wait until it is given back.
pub(super) fn poll_borrow(cx: &mut Context<'_>) -> Poll<io::Result<Box<Intake>>> {
    let mut state = state();
    let is_there = match &state.intake {
        Some(intake) => !intake.waiting().is_empty() || state.end == End::Met,
        None => false,
    };
    if is_there && let Some(intake) = state.intake.take() {
        if intake.waiting().is_empty() {
            state.end = End::Ahead;
        }
        return Poll::Ready(Ok(intake));
    }
    if state.intake.is_some()
        && let Some(error) = state.failed.take()
    {
        return Poll::Ready(Err(named(error).into_io()));
    }
    state.wait(cx);
    state.demand();
    Poll::Pending
}

pub(super) fn give_back(mut intake: Box<Intake>) {
    let mut state = state();
    intake.push(&mem::take(&mut state.arrived));
    state.intake = Some(intake);
    let wakers = mem::take(&mut state.wakers);
    drop(state);
    wake(wakers);
}

impl State {
    fn wait(&mut self, cx: &Context<'_>) {
        if !self.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
    }

    /// Reads once, unless that is under way, or the one who has the buffer may
    /// give back what is wanted.
    fn demand(&mut self) {
        if self.reading == Reading::No && self.intake.is_some() {
            self.reading = Reading::UnderWay;
            // Of its own: a terminal or a pipe may give nothing for days.
            offload::submit(Lane::Alone, fill);
        }
    }
}

fn fill() {
    let mut bytes = vec![0; FILL];
    let read = read(&mut bytes);
    let mut state = state();
    state.reading = Reading::No;
    match read {
        Ok(0) => state.end = End::Met,
        Ok(amount) => match &mut state.intake {
            Some(intake) => intake.push(&bytes[..amount]),
            None => state.arrived.extend_from_slice(&bytes[..amount]),
        },
        Err(error) => state.failed = Some(error),
    }
    let wakers = mem::take(&mut state.wakers);
    drop(state);
    wake(wakers);
}

/// Through std's buffer, in which there may be bytes that std has read.
fn read(into: &mut [u8]) -> io::Result<usize> {
    let mut stdin = io::stdin();
    loop {
        match stdin.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Somebody who shares the terminal or pipe has made it so.
            #[cfg(unix)]
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                super::stand_by(&stdin, rustix::event::PollFlags::IN)?;
            }
            read => return read,
        }
    }
}

/// Without a lock: who is woken may run anything, and panic.
fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        offload::quietly(|| waker.wake());
    }
}
