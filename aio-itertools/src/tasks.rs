//! Tasks of tokio that somebody owns: dropped, they are aborted.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

/// The runtime that this thread is in; `what` wants to start a task on it.
#[track_caller]
pub(crate) fn runtime(what: &str) -> Handle {
    match Handle::try_current() {
        Ok(runtime) => runtime,
        Err(_) => panic!("{what} starts tasks, so it needs a tokio runtime around it"),
    }
}

/// What became of a task: its output, or that it panicked or was cancelled.
pub(crate) type Outcome<T> = Result<T, JoinError>;

/// Gives the output of a task, or goes on with its panic.
///
/// A task that nobody aborted is cancelled only when its runtime shuts down.
/// Nothing will ever come from it then, and waiting for it would hang.
pub(crate) fn output<T>(outcome: Outcome<T>, what: &str) -> T {
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

/// A task that is aborted when this is dropped, and whose outcome is awaited.
pub(crate) struct OwnedTask<T> {
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
}

impl<T> Future for OwnedTask<T> {
    type Output = Outcome<T>;

    /// Ready when the future of the task is dropped, whether it ended or was aborted.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        let outcome = ready!(Pin::new(&mut self.handle).poll(cx));
        Poll::Ready(outcome)
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
            .field("finished", &self.handle.is_finished())
            .finish_non_exhaustive()
    }
}
