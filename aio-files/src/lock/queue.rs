//! All lines of this process, and the threads' work for them.
//!
//! Whoever changes a line so that its first might have the lock now pursues it,
//! on a job's thread: a newcomer at the front, a release, one who gives up. Only
//! what another process holds is tried again by the clock. So a waiter costs a
//! descriptor and no thread, and giving up is taking it out of a map.

use std::collections::HashMap;
use std::fs::{self, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::guard::FileLock;
use super::identity::{Identity, opened};
use super::line::{Line, Mode, Want};
use crate::alarm::Alarm;
use crate::descriptor;
use crate::offload::{self, Lane};

type Answer = io::Result<FileLock>;

/// One who waits, with a descriptor of its own: a lock belongs to that.
struct Waiter {
    file: fs::File,
    identity: Identity,
    want: Want,
    names: Names,
    /// How often the file was another one when it was locked.
    replaced: u16,
    reply: oneshot::Sender<Answer>,
}

/// A file that is another one so often isn't replaced: its file system invents
/// identities, and no lock can be had there.
const MOST_REPLACED: u16 = 10_000;

/// The path as it was given, and as it was meant when it was opened first.
#[derive(Clone)]
struct Names {
    given: Arc<Path>,
    absolute: Arc<Path>,
}

#[derive(Default)]
struct Lines {
    next: u64,
    by_file: HashMap<Identity, Place>,
    waiters: HashMap<u64, Waiter>,
}

#[derive(Default)]
struct Place {
    line: Line,
    /// Set while the first waits for another process.
    retry: Option<Alarm>,
}

static LINES: LazyLock<Mutex<Lines>> = LazyLock::new(Mutex::default);

fn lines() -> MutexGuard<'static, Lines> {
    // Nothing that is foreign runs under the lock, and no system call either:
    // futures are dropped on the threads of runtimes.
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in a line; dropped, it is given up.
#[derive(Debug)]
pub(super) struct Waiting {
    number: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Waiting {
    /// Opens the file and takes a place. It blocks, but not for the lock.
    pub(super) fn begin(given: &Arc<Path>, want: Want) -> io::Result<Self> {
        let names = Names {
            given: Arc::clone(given),
            absolute: std::path::absolute(given)?.into(),
        };
        let file = opened(&names.absolute)?;
        let identity = Identity::of(&file, &names.absolute)?;
        let (reply, answer) = oneshot::channel();
        let waiter = Waiter {
            file,
            identity,
            want,
            names,
            replaced: 0,
            reply,
        };
        let number = {
            let mut lines = lines();
            lines.next += 1;
            lines.next
        };
        arrive(number, waiter)
            .iter()
            .for_each(|identity| pursue(identity.clone()));
        Ok(Self { number, answer })
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        std::pin::Pin::new(&mut self.answer)
            .poll(cx)
            .map(|answer| answer.unwrap_or_else(|_| Err(offload::lost())))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Closed first: whoever has the waiter at hand sees that, or it is found here.
        self.answer.close();
        drop(self.answer.try_recv());
        let mut lines = lines();
        let Some(waiter) = lines.waiters.remove(&self.number) else {
            return;
        };
        let place = lines.by_file.get_mut(&waiter.identity);
        let others_first = place.is_some_and(|place| place.line.leave(self.number));
        drop(lines);
        offload::submit(Lane::Shared, move || {
            let Waiter { file, identity, .. } = waiter;
            drop(file);
            match others_first {
                true => pursue(identity),
                false => forget(&identity),
            }
        });
    }
}

/// A lock that this process has; whoever takes it over must release it.
#[derive(Debug)]
pub(super) struct Held {
    file: fs::File,
    identity: Identity,
    mode: Mode,
}

impl Held {
    /// Lets go, and lets those in who wait for it here. It blocks.
    pub(super) fn release(self) -> io::Result<()> {
        let Self {
            file,
            identity,
            mode,
        } = self;
        // Said in words: a copy of the descriptor that a new process has for a
        // moment would keep what a close alone lets go.
        let unlocked = file.unlock();
        let closed = descriptor::close(file);
        if let Some(place) = lines().by_file.get_mut(&identity) {
            place.line.released(mode);
        }
        pursue(identity);
        unlocked.and(closed)
    }
}

/// Puts a waiter into its line, and gives the line if that is worth a pursuit.
fn arrive(number: u64, waiter: Waiter) -> Option<Identity> {
    let (identity, want) = (waiter.identity.clone(), waiter.want);
    let mut lines = lines();
    if waiter.reply.is_closed() {
        // Not found by its future, which has gone, so it must not go in.
        drop(lines);
        return None;
    }
    lines.waiters.insert(number, waiter);
    let place = lines.by_file.entry(identity.clone()).or_default();
    place.line.arrive(number, want).then_some(identity)
}

/// Removes a line in which nothing is left.
fn forget(identity: &Identity) {
    let mut lines = lines();
    let place = lines.by_file.get(identity);
    if place.is_some_and(|place| place.line.is_over()) {
        let place = lines.by_file.remove(identity);
        drop(lines);
        drop(place);
    }
}

/// What came of an attempt.
enum Tried {
    Had,
    Refused,
    /// The path names another file by now, or none.
    Replaced,
    Failed(io::Error),
}

/// Lets in whoever can have the lock of a file, from the front. It blocks, but
/// not for a lock.
fn pursue(identity: Identity) {
    let mut left = vec![identity];
    while let Some(identity) = left.pop() {
        let begun = lines()
            .by_file
            .get_mut(&identity)
            .is_some_and(|place| place.line.begin());
        if !begun {
            continue;
        }
        let out = loop {
            attempts(&identity, &mut left);
            let mut lines = lines();
            let Some(place) = lines.by_file.get_mut(&identity) else {
                break Vec::new();
            };
            let Some(out) = place.line.end() else {
                continue;
            };
            break out
                .iter()
                .filter_map(|number| lines.waiters.remove(number))
                .collect();
        };
        for waiter in out {
            let cause = "another one has the lock, or waits for it";
            waiter.answer(Err(io::Error::new(io::ErrorKind::WouldBlock, cause)));
        }
        forget(&identity);
    }
}

/// Tries one after the other until one must wait. Those whose file was replaced
/// are in the lines of `moved` then, in the old order.
fn attempts(identity: &Identity, moved: &mut Vec<Identity>) {
    loop {
        let mut lines = lines();
        let Some(place) = lines.by_file.get_mut(identity) else {
            return;
        };
        let retry = place.retry.take();
        let next = place.line.next();
        let waiter = next.and_then(|number| lines.waiters.remove(&number).map(|it| (number, it)));
        drop(lines);
        drop(retry);
        let Some((number, waiter)) = waiter else {
            return;
        };
        if waiter.reply.is_closed() {
            continue;
        }
        match waiter.attempt() {
            Tried::Had => waiter.grant(),
            Tried::Refused => return waiter.wait(number),
            Tried::Replaced => moved.extend(waiter.reopen(number)),
            Tried::Failed(error) => waiter.answer(Err(error)),
        }
    }
}

impl Waiter {
    fn attempt(&self) -> Tried {
        let locked = match self.want.mode {
            Mode::Shared => self.file.try_lock_shared(),
            Mode::Exclusive => self.file.try_lock(),
        };
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Tried::Refused,
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {
                return Tried::Refused;
            }
            Err(TryLockError::Error(error)) => return Tried::Failed(error),
        }
        match Identity::at(&self.names.absolute) {
            Ok(now) if now == self.identity => Tried::Had,
            Ok(_) => Tried::Replaced,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Tried::Replaced,
            Err(error) => Tried::Failed(error),
        }
    }

    fn grant(self) {
        let Self {
            file,
            identity,
            want,
            names,
            reply,
            ..
        } = self;
        if let Some(place) = lines().by_file.get_mut(&identity) {
            place.line.granted(want.mode);
        }
        let held = Held {
            file,
            identity,
            mode: want.mode,
        };
        send(reply, Ok(FileLock::new(held, names.given)));
    }

    /// Goes back to the front of its line, where the clock or a release finds it.
    fn wait(self, number: u64) {
        let identity = self.identity.clone();
        let mut all = lines();
        let lines = &mut *all;
        let Some(place) = lines.by_file.get_mut(&identity) else {
            return;
        };
        if self.reply.is_closed() {
            // Its future went while it was out, and it was the first.
            place.line.begin();
            drop(all);
            return;
        }
        let pause = place.line.refused(number, self.want);
        lines.waiters.insert(number, self);
        let failed = match Alarm::after(pause, move || pursue(identity)) {
            Ok(alarm) => {
                place.retry = Some(alarm);
                return;
            }
            Err(error) => error,
        };
        // Without a clock it would wait for ever.
        place.line.leave(number);
        place.line.begin();
        let waiter = lines.waiters.remove(&number);
        drop(all);
        waiter
            .into_iter()
            .for_each(|waiter| waiter.answer(Err(io::Error::from(failed.kind()))));
    }

    /// Opens what the path names now, and takes the place there that its number
    /// gives. Gives the line if that is worth a pursuit.
    fn reopen(self, number: u64) -> Option<Identity> {
        let Self {
            file,
            want,
            names,
            replaced,
            reply,
            ..
        } = self;
        drop(file);
        let again = opened(&names.absolute)
            .and_then(|file| Ok((Identity::of(&file, &names.absolute)?, file)));
        match again {
            Ok((identity, file)) if replaced < MOST_REPLACED => arrive(
                number,
                Self {
                    file,
                    identity,
                    want,
                    names,
                    replaced: replaced + 1,
                    reply,
                },
            ),
            Ok(_) => {
                let cause = "the file is another one whenever it is locked";
                send(reply, Err(io::Error::other(cause)));
                None
            }
            Err(error) => {
                send(reply, Err(error));
                None
            }
        }
    }

    fn answer(self, answer: Answer) {
        let Self { file, reply, .. } = self;
        // Closed before it is told.
        drop(file);
        send(reply, answer);
    }
}

/// Answers. Who is woken by it may run anything, and panic.
fn send(reply: oneshot::Sender<Answer>, answer: Answer) {
    offload::quietly(|| drop(reply.send(answer)));
}
