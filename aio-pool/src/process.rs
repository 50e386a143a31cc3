//! One task in a process of its own, held by a guard.

use std::fmt;
use std::pin::Pin;
use std::task::Poll;

use tokio::sync::oneshot;

use crate::call::Answer;
use crate::engine::Replacement;
use crate::error::{Error, TaskError};
use crate::output::Lines;
use crate::pool::Pool;
use crate::start::{Start, start};
use crate::task::Task;

/// Returns the builder of a process that runs the task `T` once.
///
/// Awaited, it is a [`Process`]: a guard that knows its pid, can be killed, and
/// is joined for the task's output. The other door is [`.with`](Spawn::with).
/// [`Start::process`] takes the options of a pool as well.
///
/// For more than a few tasks a [`Pool`] is cheaper: it starts no process for
/// each.
///
/// # Errors
///
/// Those of [`start`](crate::start()); and [`Error::Encode`] and
/// [`Error::UnknownTask`].
///
/// # Cancel safety
///
/// *Rolls back*: dropped before it is ready, it kills and reaps what it started.
///
/// # Examples
///
/// ```
/// aio_pool::task! {
///     async fn double(n: u64) -> u64 {
///         n * 2
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
///     let process = aio_pool::process::<double>(21).await?;
///     assert_ne!(process.pid(), std::process::id());
///     assert_eq!(process.join().await?, 42);
///     Ok(())
/// }
/// ```
#[doc(alias = "Worker")]
pub fn process<T: Task>(input: T::Input) -> Spawn<T> {
    start().process(input)
}

/// A process to be started. Made by [`process`](crate::process()) and
/// [`Start::process`].
///
/// # Cancel safety
///
/// *Rolls back*: dropped before it is ready, it kills and reaps what it started.
#[must_use = "nothing is started until this is awaited or entered with `.with`"]
pub struct Spawn<T: Task> {
    start: Start,
    input: T::Input,
}

impl Start {
    /// Returns the builder of a process that runs the task `T` once, started with
    /// these options; how many workers and tasks there are is not one of them.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped before it is ready, it kills and reaps what it
    /// started.
    ///
    /// # Examples
    ///
    /// ```
    /// aio_pool::task! {
    ///     async fn shard() -> Option<String> {
    ///         std::env::var("SHARD").ok()
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
    ///     let start = aio_pool::start().env("SHARD", "7");
    ///     let shard = start.process::<shard>(()).await?.join().await?;
    ///     assert_eq!(shard.as_deref(), Some("7"));
    ///     Ok(())
    /// }
    /// ```
    pub fn process<T: Task>(self, input: T::Input) -> Spawn<T> {
        let start = self.workers(1).tasks_per_worker(1);
        Spawn { start, input }
    }
}

impl<T: Task> fmt::Debug for Spawn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawn")
            .field("task", &T::NAME)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

impl<T: Task> Spawn<T> {
    /// Starts the process, runs `body` beside it, and leaves no process behind.
    ///
    /// If `body` returns `Ok` the process is [joined](Process::join) for the
    /// output of its task, if `Err` it is [killed](Process::kill). A panic, or
    /// dropping this future, kills it in the background.
    ///
    /// # Errors
    ///
    /// Whatever `body` returns; the errors of starting; those of joining, if
    /// `body` had none.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: the process is killed and reaped.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_pool::{Never, TaskError};
    ///
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
    ///     let mut pid = 0;
    ///     let said = aio_pool::process::<own_pid>(())
    ///         .with(async |process| -> Result<(), TaskError<Never>> {
    ///             pid = process.pid();
    ///             Ok(())
    ///         })
    ///         .await?;
    ///     assert_eq!(said, pid);
    ///     Ok(())
    /// }
    /// ```
    pub async fn with<E, F>(self, body: F) -> Result<T::Output, E>
    where
        E: From<TaskError<T::Error>>,
        F: AsyncFnOnce(&mut Process<T>) -> Result<(), E>,
    {
        let mut process = self.await.map_err(TaskError::Pool)?;
        match body(&mut process).await {
            Ok(()) => Ok(process.join().await?),
            Err(error) => {
                process.kill().await;
                Err(error)
            }
        }
    }
}

impl<T: Task> IntoFuture for Spawn<T> {
    type Output = Result<Process<T>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Starts the process, and gives it its task when it is ready.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (pool, pids) = self.start.launch(Replacement::Never).await?;
            let mut answer = pool.call::<T>(self.input).into_future();
            // A call is made by its first poll. Whoever polls it next is woken.
            let first = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut answer).poll(cx)));
            let task = match first.await {
                Poll::Pending => Given::Running(answer),
                Poll::Ready(Err(TaskError::Pool(error))) => {
                    pool.terminate().await;
                    return Err(error);
                }
                Poll::Ready(outcome) => Given::Over(outcome),
            };
            // Its only call is made: it ends by itself when that is over.
            let (finished, ended) = oneshot::channel();
            let _ = pool.begin_close(finished);
            Ok(Process {
                pool,
                pid: pids.first().copied().unwrap_or_default(),
                task,
                ended,
            })
        })
    }
}

/// A process that runs one task, and ends with it. Made by
/// [`process`](crate::process()).
///
/// Dropping it kills the process, and what its task started in its process
/// group; a thread reaps it in the background.
#[must_use = "dropping a process kills it"]
pub struct Process<T: Task> {
    /// A pool of its own, closed already.
    pool: Pool,
    pid: u32,
    task: Given<T>,
    /// Told when the process is reaped.
    ended: oneshot::Receiver<Result<(), Error>>,
}

/// What has become of the task.
enum Given<T: Task> {
    Running(Answer<T>),
    Over(Result<T::Output, TaskError<T::Error>>),
}

impl<T: Task> fmt::Debug for Process<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("task", &T::NAME)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

impl<T: Task> Process<T> {
    /// Its process id. Once the process has ended the number may be another's.
    #[doc(alias = "ident")]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Says whether the process is still there: it has not been reaped yet.
    #[doc(alias = "is_alive")]
    pub fn is_running(&self) -> bool {
        self.ended.is_empty()
    }

    /// Returns the stream of what the process prints, as
    /// [`Pool::lines`](crate::Pool::lines) does.
    pub fn lines(&self) -> Lines {
        self.pool.lines()
    }

    /// Waits for the end of the task and of the process, and returns the task's
    /// output.
    ///
    /// # Errors
    ///
    /// As a [`Call`](crate::Call): the task's own error, or what kept the task
    /// from answering; [`TaskError::WorkerLost`] if the process died first. Once
    /// the task has answered, that is the outcome, however the process ends.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: the process is killed, and reaped in the background.
    ///
    /// # Examples
    ///
    /// See [`process`](crate::process()).
    #[doc(alias = "exitcode")]
    pub async fn join(self) -> Result<T::Output, TaskError<T::Error>> {
        let outcome = match self.task {
            Given::Running(answer) => answer.await,
            Given::Over(outcome) => outcome,
        };
        // Whether it had to be killed in the end does not change the outcome.
        let _ = self.ended.await;
        outcome
    }

    /// Kills the process, and what its task started in its process group.
    ///
    /// When this returns, the process is reaped and no descriptor of it is left.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: once polled, the process is killed and reaped whether or not
    /// anyone waits.
    ///
    /// # Examples
    ///
    /// ```
    /// aio_pool::task! {
    ///     async fn wait() {
    ///         std::future::pending().await
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
    ///     let process = aio_pool::process::<wait>(()).await?;
    ///     assert!(process.is_running());
    ///     process.kill().await;
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "terminate")]
    pub async fn kill(self) {
        self.pool.terminate().await;
    }
}
