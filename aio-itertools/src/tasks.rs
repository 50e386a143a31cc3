//! Tasks of tokio that somebody owns: dropped, they are aborted.
//!
//! All that starts tasks starts them here, but for task groups: their tasks
//! belong to the group, whoever holds one of them.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::size_hint::SizeHint;

/// The runtime that this thread is in; `what` wants to start a task on it.
#[track_caller]
pub(crate) fn runtime(what: &str) -> Handle {
    match Handle::try_current() {
        Ok(runtime) => runtime,
        Err(_) => panic!("{what} starts tasks, so it needs a tokio runtime around it"),
    }
}

/// Gives the output of a task, or goes on with its panic.
///
/// A task that nobody aborted is cancelled only when its runtime shuts down.
/// Nothing will ever come from it then, and waiting for it would hang.
pub(crate) fn output<T>(outcome: Result<T, JoinError>, what: &str) -> T {
    match outcome {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => shut_down(what),
        },
    }
}

/// Panics because what `what` waits for is gone.
pub(crate) fn shut_down(what: &str) -> ! {
    panic!("the runtime that {what} had its tasks on was shut down")
}

/// A future that runs on a tokio task of its own, and gives what that gives.
///
/// Dropping it aborts the task: the task ends at its next `await`, and nobody
/// waits for that. It is what `.spawned()` makes of each future.
///
/// # Cancel safety
///
/// Not cancel safe: dropping it aborts the task, and its output is lost.
#[must_use = "dropping it aborts the task"]
pub struct OwnedTask<T> {
    handle: JoinHandle<T>,
}

impl<T: Send + 'static> OwnedTask<T> {
    pub(crate) fn spawn<F>(runtime: &Handle, future: F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        Self {
            handle: runtime.spawn(future),
        }
    }
}

impl<T> OwnedTask<T> {
    /// Lets the task run at most to its next await.
    pub(crate) fn abort(&self) {
        self.handle.abort();
    }

    /// Ready when the future of the task is dropped: with its output, or with its
    /// panic, or because it was aborted.
    pub(crate) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<T> Future for OwnedTask<T> {
    type Output = T;

    /// # Panics
    ///
    /// With the panic of the task, and if its runtime has shut down before its end.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.poll_outcome(cx)
            .map(|outcome| output(outcome, SPAWNED))
    }
}

impl<T> Drop for OwnedTask<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl<T> fmt::Debug for OwnedTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedTask")
            .field("id", &self.handle.id())
            .field("finished", &self.handle.is_finished())
            .finish()
    }
}

/// What a panic calls the methods that make an [`OwnedTask`] of each future.
const SPAWNED: &str = "`.spawned()`";

/// Futures of an iterator, each spawned when it is taken.
#[derive(Clone)]
#[must_use = "iterators are lazy"]
pub struct SpawnEach<I> {
    futures: I,
}

impl<I> SpawnEach<I> {
    pub(crate) fn new(futures: I) -> Self {
        Self { futures }
    }
}

impl<I> Iterator for SpawnEach<I>
where
    I: Iterator,
    I::Item: IntoFuture,
    <I::Item as IntoFuture>::IntoFuture: Send + 'static,
    <I::Item as IntoFuture>::Output: Send + 'static,
{
    type Item = OwnedTask<<I::Item as IntoFuture>::Output>;

    fn next(&mut self) -> Option<Self::Item> {
        // Before a future is taken that would have nowhere to go.
        let runtime = runtime(SPAWNED);
        let future = self.futures.next()?;
        Some(OwnedTask::spawn(&runtime, future.into_future()))
    }

    fn size_hint(&self) -> SizeHint {
        self.futures.size_hint()
    }
}

impl<I> fmt::Debug for SpawnEach<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnEach").finish_non_exhaustive()
    }
}
