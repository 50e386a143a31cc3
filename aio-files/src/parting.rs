//! What is still on its way to the kernel when nobody holds it any more.
//!
//! Every dropped file with bytes to write, and every opening that creates or
//! truncates, has a ticket until its job is done. Tickets are numbered in the
//! order of the calls; an operation on a path waits for the earlier tickets of
//! that path, and `drained` for all earlier ones.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::error::PathError;

/// The failures that are kept for [`drained`]; older ones make room.
const FAILURES: usize = 64;

struct Registry {
    next: u64,
    tickets: BTreeMap<u64, Option<Arc<Path>>>,
    waiting: Vec<Waker>,
    failures: VecDeque<PathError>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    next: 0,
    tickets: BTreeMap::new(),
    waiting: Vec::new(),
    failures: VecDeque::new(),
});

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in the line of a path, left when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
}

impl Ticket {
    /// Takes the next place; `None` is a file that no other opening waits for.
    pub(crate) fn take(line: Option<Arc<Path>>) -> Self {
        let mut registry = registry();
        let number = registry.next;
        registry.next += 1;
        registry.tickets.insert(number, line);
        Self { number }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut registry = registry();
        registry.tickets.remove(&self.number);
        let waiting = std::mem::take(&mut registry.waiting);
        drop(registry);
        // Woken without the lock: a waker may run anything.
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Keeps the failure of a file that was dropped before anybody was told.
pub(crate) fn record(failure: PathError) {
    let mut registry = registry();
    if registry.failures.len() == FAILURES {
        registry.failures.pop_front();
    }
    registry.failures.push_back(failure);
}

/// Waits until the tickets of `line` from before `ticket` are back; without a
/// ticket those from before the first poll.
pub(crate) async fn turn(line: &Path, ticket: Option<&Ticket>) {
    let before = ticket.map_or_else(|| registry().next, |ticket| ticket.number);
    wait(before, |of| of == Some(line)).await;
}

async fn wait(before: u64, concerns: impl Fn(Option<&Path>) -> bool) {
    poll_fn(|cx| {
        // Cloned and dropped without the lock, like it is woken.
        let waker = cx.waker().clone();
        let mut registry = registry();
        let mut earlier = registry.tickets.range(..before);
        if !earlier.any(|(_, of)| concerns(of.as_deref())) {
            drop(registry);
            return Poll::Ready(());
        }
        if !registry.waiting.iter().any(|there| there.will_wake(&waker)) {
            registry.waiting.push(waker);
        }
        Poll::Pending
    })
    .await;
}

/// Resolves when everything that dropped files had in their buffers is in the kernel.
///
/// It waits for the files that were dropped before its first poll, and for what
/// cancelled operations have begun. Use it before returning from `main`, or
/// before something else reads a file that was only dropped.
///
/// # Errors
///
/// A write of a dropped file that failed, with its path, when nobody had been
/// told. Each is given to one call, the oldest first, so that none is answered
/// with `Ok` for ever; more than 64 are not kept.
///
/// # Cancel safety
///
/// Cancel safe: the writing goes on, and an error stays for the next call.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// let mut file = aio_files::open(&path).write().create().await?;
/// file.write_all(b"not closed").await?;
/// drop(file);
/// aio_files::drained().await?;
/// assert_eq!(std::fs::read(&path)?, b"not closed");
/// # Ok(())
/// # }
/// ```
pub async fn drained() -> io::Result<()> {
    let before = registry().next;
    wait(before, |_| true).await;
    match registry().failures.pop_front() {
        Some(failure) => Err(failure.into_io()),
        None => Ok(()),
    }
}

/// The name under which a path waits in line: absolute, and nothing looked up.
pub(crate) fn line_of(path: &Path) -> Arc<Path> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut line = PathBuf::new();
    for component in absolute.components() {
        // `a/../b` and `b` are one line even where `a` is a link: that only
        // waits for more than it must.
        if component == Component::ParentDir {
            line.pop();
        } else {
            line.push(component);
        }
    }
    line.into()
}
