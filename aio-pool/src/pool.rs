//! The handle: calls go in through it, and its two ways to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::call::Call;
use crate::error::Error;
use crate::registry::Table;
use crate::supervisor::Command;
use crate::task::Task;
use crate::wire::CallId;

/// Worker processes, waiting for calls. Made by [`start`](crate::start).
///
/// Clones are handles to the same pool. Dropping the last one kills the
/// workers, as [`terminate`](Self::terminate) does; a thread of the pool reaps
/// them, whatever becomes of the runtime. Calls in flight do not keep the pool
/// alive: they end with [`TaskError::Cancelled`](crate::TaskError::Cancelled).
#[doc(alias = "ProcessPoolExecutor")]
#[derive(Debug, Clone)]
#[must_use = "dropping the last handle of a pool kills its workers"]
pub struct Pool {
    handle: Arc<Handle>,
}

/// Alive as long as a handle is.
#[derive(Debug)]
struct Handle {
    line: Arc<Line>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The supervisor has ended already: there is nothing to kill.
        let _ = self.line.commands.send(Command::Terminate(None));
    }
}

/// The line to the supervisor, which calls in flight keep too.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) table: &'static Table,
    next_call: AtomicU64,
}

impl Line {
    pub(crate) fn number_a_call(&self) -> CallId {
        self.next_call.fetch_add(1, Ordering::Relaxed)
    }
}

impl Pool {
    pub(crate) fn new(commands: mpsc::UnboundedSender<Command>, table: &'static Table) -> Self {
        let line = Arc::new(Line {
            commands,
            table,
            next_call: AtomicU64::new(0),
        });
        Self {
            handle: Arc::new(Handle { line }),
        }
    }

    /// Returns a call of the task `T`, which runs in a worker once awaited.
    ///
    /// A task of several parameters takes a tuple.
    ///
    /// # Examples
    ///
    /// ```
    /// aio_pool::task! {
    ///     async fn own_pid() -> u32 {
    ///         std::process::id()
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     aio_pool::init();
    ///     run()
    /// }
    ///
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn run() -> Result<(), Box<dyn std::error::Error>> {
    ///     let pool = aio_pool::start().workers(1).await?;
    ///     assert_ne!(pool.call::<own_pid>(()).await?, std::process::id());
    ///     pool.close().await?;
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "apply")]
    #[doc(alias = "submit")]
    pub fn call<T: Task>(&self, input: T::Input) -> Call<T> {
        Call::new(Arc::clone(&self.handle.line), input)
    }

    /// Answers every call that was made, ends the workers and reaps them.
    ///
    /// Later calls, through any handle, fail with [`Error::Closed`]; closing
    /// again is fine. When this returns, no process and no descriptor of the
    /// pool is left.
    ///
    /// # Errors
    ///
    /// [`Error::Unwilling`] if a worker had to be killed, because a cancelled
    /// task did not come to an await or something stopped the process. It is
    /// gone all the same.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: once polled, the pool closes whether or not anyone waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), aio_pool::Error> {
    /// #     aio_pool::init();
    /// #     run()
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn run() -> Result<(), aio_pool::Error> {
    /// let pool = aio_pool::start().workers(2).await?;
    /// pool.close().await?;
    /// pool.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "join")]
    #[doc(alias = "shutdown")]
    pub async fn close(&self) -> Result<(), Error> {
        let (finished, wait) = oneshot::channel();
        match self.handle.line.commands.send(Command::Close(finished)) {
            Ok(()) => wait.await.unwrap_or_else(|_| Err(supervisor_died())),
            Err(_) => Ok(()),
        }
    }

    /// Kills the workers and reaps them. Calls in flight, of any handle, end
    /// with [`TaskError::Cancelled`](crate::TaskError::Cancelled).
    ///
    /// When this returns, no process and no descriptor of the pool is left. It
    /// also cuts short a [`close`](Self::close) that is under way.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: once polled, the workers are killed and reaped whether or not
    /// anyone waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), aio_pool::Error> {
    /// #     aio_pool::init();
    /// #     run()
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn run() -> Result<(), aio_pool::Error> {
    /// let pool = aio_pool::start().workers(2).await?;
    /// pool.terminate().await;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "kill_workers")]
    pub async fn terminate(&self) {
        let (finished, wait) = oneshot::channel();
        let command = Command::Terminate(Some(finished));
        if self.handle.line.commands.send(command).is_ok() {
            // An error means that the supervisor died; its end killed them.
            let _ = wait.await;
        }
    }
}

/// The error of everyone whom the supervisor left without an answer.
pub(crate) fn supervisor_died() -> Error {
    Error::Supervisor {
        reason: "it panicked; its message is on stderr".to_owned(),
    }
}
