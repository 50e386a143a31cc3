//! The handle: calls go in through it, and its two ways to end.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::call::Call;
use crate::engine::HungUp;
use crate::error::Error;
use crate::line::{Line, supervisor_died};
use crate::task::Task;

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
        let _ = self.line.terminate(None);
    }
}

impl Pool {
    pub(crate) fn new(line: Line) -> Self {
        let line = Arc::new(line);
        Self {
            handle: Arc::new(Handle { line }),
        }
    }

    /// Returns a call of the task `T`, which runs in a worker once awaited.
    ///
    /// A task of several parameters takes a tuple.
    ///
    /// # Errors
    ///
    /// Awaiting it gives a [`TaskError`](crate::TaskError): the task's own
    /// error, or what kept the task from answering.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropping the call takes it off the queue, or drops the task
    /// in its worker at the task's next await, for which it has two seconds.
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
    /// gone all the same. [`Error::Terminated`] if another handle terminated the
    /// pool before every call was answered.
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
        match self.handle.line.close() {
            Ok(wait) => wait.await.unwrap_or_else(|_| Err(supervisor_died())),
            Err(HungUp) => Ok(()),
        }
    }

    /// Kills the workers and reaps them. Calls in flight, of any handle, end
    /// with [`TaskError::Cancelled`](crate::TaskError::Cancelled).
    ///
    /// When this returns, no process and no descriptor of the pool is left, and
    /// what its tasks started is killed with it, unless it left its worker's
    /// process group (`setsid`, as daemons do). It
    /// also cuts short a [`close`](Self::close) that is under way, which fails.
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
        if self.handle.line.terminate(Some(finished)).is_ok() {
            // An error means that the supervisor died; its end killed them.
            let _ = wait.await;
        }
    }
}
