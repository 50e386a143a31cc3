//! What is still on its way to the kernel when nobody holds it any more.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::error::PathError;
use crate::turnstile;

/// The failures that are kept for [`drained`]; older ones make room.
const MOST: usize = 64;

static FAILURES: Mutex<VecDeque<PathError>> = Mutex::new(VecDeque::new());

/// Keeps the failure of a file that was dropped before anybody was told.
pub(crate) fn record(failure: PathError) {
    let mut failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
    if failures.len() == MOST {
        failures.pop_front();
    }
    failures.push_back(failure);
}

/// The answer of work that runs on when its future is gone: an error that nobody
/// hears is kept for [`drained`].
#[derive(Debug)]
pub(crate) struct Unheard(Option<io::Result<()>>);

impl Unheard {
    pub(crate) fn new(answer: io::Result<()>) -> Self {
        Self(Some(answer))
    }

    pub(crate) fn hear(mut self) -> io::Result<()> {
        self.0.take().unwrap_or(Ok(()))
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        if let Some(Err(error)) = &self.0
            && let Some(failure) = PathError::of(error)
        {
            record(failure.clone());
        }
    }
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
    let (reply, over) = oneshot::channel();
    turnstile::after_all(move |_| reply.send(()).unwrap_or(()));
    // The reply is sent by the last of them, whatever becomes of it.
    drop(over.await);
    let failure = FAILURES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front();
    match failure {
        Some(failure) => Err(failure.into_io()),
        None => Ok(()),
    }
}
