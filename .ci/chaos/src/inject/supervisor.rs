//! The thread that sees every counted call of a victim, and decides about it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal};

use super::calls::{self, Entry, Kind, Subject};
use super::listener::{Handover, Listener, Notice, Reply};
use super::trace::{Call, Fate};
use super::victim_memory::Stopped;
use super::{Errno, Span};
use crate::clock::lock;

/// What to do to the victim, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    Kill(usize),
    Fail(usize, Errno, Span),
    Hold(usize),
    Short(usize),
    Tear(usize),
}

/// Whether syncs are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syncs {
    Made,
    Feigned,
}

/// What is known of the victim so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) trace: Vec<Call>,
    pub(super) points: usize,
    /// Where in the trace the first call is that the fault met.
    pub(super) hit: Option<usize>,
    clock: u64,
    held: Option<Held>,
    /// No call comes any more.
    pub(super) over: bool,
    failure: Option<String>,
}

/// A call that waits for the test.
#[derive(Debug)]
struct Held {
    listener: Listener,
    id: u64,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// The test's side of the thread.
#[derive(Debug)]
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts before the victim does: a child whose exec fails already writes.
    pub(super) fn start(handover: Handover, fault: Fault, syncs: Syncs) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let watch = Watch {
            shared: Arc::clone(&shared),
            fault,
            syncs,
        };
        let thread = std::thread::Builder::new()
            .name("chaos-inject".into())
            .spawn(move || watch.run(handover))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Waits until the fault has met a call. It has met none if the victim ends
    /// before, or the limit passes.
    pub(super) fn wait_held(&self, limit: Duration) -> Option<Call> {
        let (seen, _) = self
            .shared
            .changed
            .wait_timeout_while(lock(&self.shared.seen), limit, |seen| {
                seen.hit.is_none() && !seen.over
            })
            .unwrap_or_else(PoisonError::into_inner);
        seen.hit.map(|hit| seen.trace[hit].clone())
    }

    pub(super) fn release(&self) {
        if let Some(held) = lock(&self.shared.seen).held.take() {
            held.listener.answer(held.id, Reply::GoOn);
        }
    }

    /// What has been seen; call it when the victim has been waited for.
    pub(super) fn finish(mut self) -> Seen {
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
        let seen = std::mem::take(&mut *lock(&self.shared.seen));
        if let Some(failure) = &seen.failure {
            panic!("the injector failed: {failure}");
        }
        seen
    }
}

/// The thread's side.
struct Watch {
    shared: Arc<Shared>,
    fault: Fault,
    syncs: Syncs,
}

/// The process that a thread belongs to: a descriptor of it stays right when the number is used again.
struct Process {
    pidfd: OwnedFd,
}

impl Watch {
    fn run(self, handover: Handover) {
        let outcome = self.calls(handover);
        let mut seen = lock(&self.shared.seen);
        seen.over = true;
        // Who waits for a held call waits no more, and who reads of it must see the end.
        seen.failure = outcome.err().map(|error| error.to_string());
        self.shared.changed.notify_all();
    }

    fn calls(&self, handover: Handover) -> io::Result<()> {
        let Some(listener) = handover.receive()? else {
            return Ok(());
        };
        // By thread: a victim may have started another process, with descriptors
        // of its own.
        let mut processes = HashMap::new();
        while let Some(notice) = listener.next()? {
            let process = processes
                .entry(notice.pid)
                .or_insert_with(|| Process::of(&notice));
            if let Some(reply) = self.decide(&listener, &notice, process.as_ref()) {
                listener.answer(notice.id, reply);
            }
        }
        Ok(())
    }

    /// Decides about one call. No reply means that it comes later, or never.
    fn decide(
        &self,
        listener: &Listener,
        notice: &Notice,
        process: Option<&Process>,
    ) -> Option<Reply> {
        let stopped = Stopped::at(notice);
        let Some((entry, mut call)) = counted(notice, &stopped) else {
            return Some(Reply::GoOn);
        };
        let mut seen = lock(&self.shared.seen);
        seen.clock += 1;
        call.begun = seen.clock;
        if call.kind != Kind::Output {
            seen.points += 1;
            call.point = Some(seen.points);
        }
        let met = call.point.is_some_and(|point| self.fault.meets(point));
        let held = met && matches!(self.fault, Fault::Hold(_));
        call.fate = match self.fault {
            Fault::Kill(_) if met => Fate::Killed,
            Fault::Tear(_) if met => {
                half_a_write(entry, &stopped, process, &call);
                Fate::Killed
            }
            Fault::Short(_) if met => {
                half_a_write(entry, &stopped, process, &call).map_or(Fate::Made, Fate::Short)
            }
            Fault::Fail(_, errno, _) if met => Fate::Injected(errno),
            // When it is released the kernel makes it, whatever it is.
            _ if held => Fate::Made,
            _ if call.kind == Kind::Sync && self.syncs == Syncs::Feigned => Fate::Feigned,
            _ if makes_itself(entry) => Fate::Begun,
            _ => Fate::Made,
        };
        let fate = call.fate;
        if matches!(fate, Fate::Injected(_) | Fate::Feigned | Fate::Short(_)) {
            call.ended = Some(call.begun);
        }
        let index = seen.trace.len();
        seen.trace.push(call);
        if met && seen.hit.is_none() {
            seen.hit = Some(index);
            seen.held = held.then(|| Held {
                listener: listener.clone(),
                id: notice.id,
            });
            self.shared.changed.notify_all();
        }
        drop(seen);
        match fate {
            _ if held => None,
            Fate::Killed => {
                if let Some(process) = process {
                    process.kill();
                }
                None
            }
            Fate::Injected(errno) => Some(Reply::Fail(errno)),
            Fate::Short(bytes) => Some(Reply::Value(bytes as i64)),
            Fate::Feigned => Some(Reply::Value(0)),
            Fate::Begun => {
                let descriptor = stopped.descriptor(0);
                let Some(file) = process.and_then(|process| process.descriptor(descriptor)) else {
                    // The kernel says what is wrong with the descriptor.
                    lock(&self.shared.seen).trace[index].fate = Fate::Made;
                    return Some(Reply::GoOn);
                };
                self.sync(listener.clone(), notice.id, entry, file, index);
                None
            }
            _ => Some(Reply::GoOn),
        }
    }

    /// Makes a sync for the victim, so that its end is seen. On a thread of its
    /// own: what the victim does meanwhile must be seen in its true order.
    fn sync(&self, listener: Listener, id: u64, entry: &Entry, file: OwnedFd, index: usize) {
        let shared = Arc::clone(&self.shared);
        let data_only = entry.number == libc::SYS_fdatasync;
        std::thread::spawn(move || {
            let outcome = match data_only {
                true => rustix::fs::fdatasync(&file),
                false => rustix::fs::fsync(&file),
            };
            drop(file);
            {
                let mut seen = lock(&shared.seen);
                seen.clock += 1;
                let clock = seen.clock;
                // Whoever has taken the trace away does not wait for this one.
                if let Some(call) = seen.trace.get_mut(index) {
                    call.ended = Some(clock);
                    call.fate = outcome.map_or_else(Fate::Failed, |()| Fate::Done);
                }
            }
            listener.answer(id, outcome.map_or_else(Reply::Fail, |()| Reply::Value(0)));
        });
    }
}

impl Fault {
    fn meets(self, point: usize) -> bool {
        match self {
            Fault::None => false,
            Fault::Fail(from, _, Span::ForEver) => point >= from,
            Fault::Kill(at)
            | Fault::Hold(at)
            | Fault::Short(at)
            | Fault::Tear(at)
            | Fault::Fail(at, _, Span::Once) => point == at,
        }
    }
}

/// Writes the first half of a write in the victim's place, and says how much
/// that was. Only a write that has two halves can be cut.
fn half_a_write(
    entry: &Entry,
    stopped: &Stopped<'_>,
    process: Option<&Process>,
    call: &Call,
) -> Option<usize> {
    let Subject::Fd(argument) = entry.subject else {
        return None;
    };
    let half = call.bytes.get(..call.bytes.len() / 2)?;
    if half.is_empty() {
        return None;
    }
    let file = process?.descriptor(stopped.descriptor(argument))?;
    match call.at {
        // `pwritev2` writes at the file's own position when it is told none.
        None | Some(u64::MAX) => rustix::io::write(file, half),
        Some(offset) => rustix::io::pwrite(file, half, offset),
    }
    .ok()
}

fn makes_itself(entry: &Entry) -> bool {
    [libc::SYS_fsync, libc::SYS_fdatasync].contains(&entry.number)
}

/// What the call is, if it counts: its number, and what becomes of it, are still open.
fn counted(notice: &Notice, stopped: &Stopped<'_>) -> Option<(&'static Entry, Call)> {
    let entry = calls::find(notice.data.nr.into())?;
    let kind = match (entry.kind, entry.subject) {
        (Kind::Write, Subject::Fd(argument)) => match stopped.descriptor(argument) {
            1 | 2 => Kind::Output,
            descriptor if stopped.is_regular(descriptor) => Kind::Write,
            _ => return None,
        },
        (Kind::Create, _) if entry.number == libc::SYS_openat2 => {
            let changes = stopped.pointed_flags() & calls::CHANGING != 0;
            changes.then_some(Kind::Create)?
        }
        (kind, _) => kind,
    };
    let (path, to) = stopped.paths(entry.subject);
    if kind != Kind::Output && is_no_disk(&path) {
        return None;
    }
    let (bytes, len) = stopped.bytes(entry);
    let call = Call {
        name: entry.name,
        kind,
        point: None,
        thread: notice.pid,
        path,
        to,
        at: stopped.offset(entry),
        len,
        bytes,
        begun: 0,
        ended: None,
        fate: Fate::Made,
    };
    Some((entry, call))
}

/// Says whether a path is the kernel's own, or a device, which holds no file.
fn is_no_disk(path: &Path) -> bool {
    path.starts_with("/proc")
        || path.starts_with("/sys")
        || (path.starts_with("/dev")
            && fs::metadata(path).is_ok_and(|file| !file.is_file() && !file.is_dir()))
}

impl Process {
    fn of(notice: &Notice) -> Option<Self> {
        let pid = Pid::from_raw(Stopped::at(notice).process()?)?;
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
        Some(Self { pidfd })
    }

    fn kill(&self) {
        // It fails only when the victim has already ended.
        rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL).ok();
    }

    fn descriptor(&self, number: i32) -> Option<OwnedFd> {
        rustix::process::pidfd_getfd(self.pidfd.as_fd(), number, PidfdGetfdFlags::empty()).ok()
    }
}
