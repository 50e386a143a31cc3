//! The builder of a pool.

use std::num::NonZero;
use std::pin::Pin;
use std::time::Duration;

use crate::engine::Config;
use crate::error::Error;
use crate::limits::Limits;
use crate::line::{Line, supervisor_died};
use crate::pool::Pool;
use crate::registry::Table;
use crate::role;
#[cfg(feature = "sandbox")]
use crate::sandbox::Sandbox;
use crate::setup::Setup;
use crate::supervisor;

/// More processes than any machine runs well: such a number is a mistake.
const MAX_WORKERS: usize = 1024;

/// Returns the builder of a pool: one worker for each CPU, 16 tasks at a time
/// in each, unless told otherwise.
///
/// Awaited, it is a [`Pool`] whose every worker is ready. The other door is
/// [`.with`](Start::with).
///
/// # Errors
///
/// [`Error::NotInitialised`] and [`Error::TooDeep`] before anything is started;
/// [`Error::NeverReady`] if a worker does not get ready, with the reason;
/// [`Error::InvalidOption`] and [`Error::DuplicateTask`].
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
///     let sum = aio_pool::start()
///         .workers(2)
///         .with(async |pool| -> Result<_, aio_pool::TaskError<aio_pool::Never>> {
///             Ok(pool.call::<double>(20).await? + pool.call::<double>(1).await?)
///         })
///         .await?;
///     assert_eq!(sum, 42);
///     Ok(())
/// }
/// ```
#[doc(alias = "Pool")]
pub fn start() -> Start {
    Start {
        workers: std::thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(MAX_WORKERS),
        tasks_per_worker: 16,
        timeout: Duration::from_secs(30),
        recycle_after: None,
        setup: Setup::default(),
    }
}

/// A pool to be started. Made by [`start`].
///
/// # Cancel safety
///
/// *Rolls back*: dropped before it is ready, it kills and reaps what it started.
#[derive(Debug, Clone)]
#[must_use = "nothing is started until this is awaited or entered with `.with`"]
pub struct Start {
    workers: usize,
    tasks_per_worker: usize,
    timeout: Duration,
    recycle_after: Option<u64>,
    setup: Setup,
}

impl Start {
    /// Has this many worker processes, at most 1024; as many as there are CPUs by
    /// default.
    #[doc(alias = "processes")]
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Runs up to this many tasks at a time in each worker, 16 by default.
    ///
    /// They share one thread, as tasks of a runtime do, so this is for tasks
    /// that wait; 1 is right for tasks that compute. They share a fate as well: a
    /// crash costs everything that its worker was running, so 1 is right, too,
    /// for tasks that may crash.
    #[doc(alias = "childconcurrency")]
    pub fn tasks_per_worker(mut self, tasks: usize) -> Self {
        self.tasks_per_worker = tasks;
        self
    }

    /// Replaces a worker by a new process when it has run this many tasks; never
    /// by default.
    ///
    /// It is a remedy for leaks. The replacement is started first, the old one
    /// finishes what it has and exits, and no call notices. Each worker does up
    /// to a tenth fewer, so that those which were started together are not
    /// replaced together. A process costs milliseconds: a few hundred tasks are
    /// few.
    #[doc(alias = "maxtasksperchild")]
    #[doc(alias = "max_tasks_per_child")]
    pub fn recycle_after(mut self, tasks: u64) -> Self {
        self.recycle_after = Some(tasks);
        self
    }

    /// Gives each worker, these and later ones, this long to be ready; 30
    /// seconds by default. It takes milliseconds, unless `main` does something
    /// long before [`init`](crate::init).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Holds each worker to these [`Limits`]; to none by default.
    ///
    /// One that is higher than what this program is held to is
    /// [`Error::NeverReady`].
    #[doc(alias = "setrlimit")]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.setup.limits = limits.into_ceilings();
        self
    }

    /// Shuts each worker into this [`Sandbox`] before it runs a task.
    ///
    /// Where the kernel cannot, it is [`Error::NeverReady`].
    #[cfg(feature = "sandbox")]
    pub fn sandbox(mut self, sandbox: Sandbox) -> Self {
        self.setup.cage = Some(sandbox.into_cage());
        self
    }

    /// Starts the pool, runs `body` with it, and leaves no process behind.
    ///
    /// If `body` returns `Ok` the pool is [closed](Pool::close), if `Err` it is
    /// [terminated](Pool::terminate); either is finished when this returns. A
    /// panic, or dropping this future, kills the workers in the background.
    ///
    /// # Errors
    ///
    /// Whatever `body` returns; the errors of starting; those of closing, if
    /// `body` had none.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: the workers are killed and reaped, and calls are cancelled.
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
    /// aio_pool::start()
    ///     .workers(1)
    ///     .with(async |_pool| -> Result<(), aio_pool::Error> { Ok(()) })
    ///     .await
    /// # }
    /// ```
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut Pool) -> Result<T, E>,
    {
        let mut pool = self.await?;
        match body(&mut pool).await {
            Ok(value) => {
                pool.close().await?;
                Ok(value)
            }
            Err(error) => {
                pool.terminate().await;
                Err(error)
            }
        }
    }

    fn check(&self) -> Result<(u32, &'static Table), Error> {
        let depth = role::depth_of_workers()?;
        for (option, value, most, requirement) in [
            ("workers", self.workers, MAX_WORKERS, "between 1 and 1024"),
            (
                "tasks_per_worker",
                self.tasks_per_worker,
                usize::MAX,
                "at least 1",
            ),
            (
                "recycle_after",
                self.recycle_after
                    .map_or(1, |tasks| usize::try_from(tasks).unwrap_or(usize::MAX)),
                usize::MAX,
                "at least 1",
            ),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::InvalidOption {
                    option,
                    requirement,
                });
            }
        }
        self.setup.check()?;
        Ok((depth, Table::of_this_program()?))
    }
}

impl IntoFuture for Start {
    type Output = Result<Pool, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Starts the workers and waits until every one is ready.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (depth, table) = self.check()?;
            let config = Config {
                workers: self.workers,
                tasks_per_worker: self.tasks_per_worker,
                timeout: self.timeout,
                table: table.fingerprint(),
                depth,
                recycle_after: self.recycle_after,
                setup: Setup {
                    tasks_per_worker: u32::try_from(self.tasks_per_worker).unwrap_or(u32::MAX),
                    ..self.setup
                },
            };
            let (switchboard, started) = supervisor::start(config)?;
            // Armed before the first await: whatever happens now, dropping
            // this handle ends the workers.
            let pool = Pool::new(Line::new(switchboard, table));
            match started.await.unwrap_or_else(|_| Err(supervisor_died())) {
                Ok(()) => Ok(pool),
                Err(error) => {
                    pool.terminate().await;
                    Err(error)
                }
            }
        })
    }
}
