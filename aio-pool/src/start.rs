//! The builder of a pool.

use std::ffi::OsStr;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::blueprint::Blueprint;
use crate::engine::{Config, MOST_AHEAD, Replacement};
use crate::environment::Environment;
use crate::error::Error;
use crate::initializer::{Chosen, Initializer};
use crate::limits::Limits;
use crate::line::{Line, supervisor_died};
use crate::output::{Backlog, Output};
use crate::pool::Pool;
use crate::queue::{Full, Queue};
use crate::registry::Table;
use crate::role;
#[cfg(feature = "sandbox")]
use crate::sandbox::Sandbox;
use crate::setup::Setup;
use crate::spin::Spin;
use crate::supervisor;

mod wanted;

use wanted::Wanted;

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
        queue: None,
        initializers: Wanted::default(),
        when_full: Full::Wait,
        setup: Setup::default(),
        environment: Environment::default(),
        stdout: Output::default(),
        stderr: Output::default(),
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
    queue: Option<usize>,
    initializers: Wanted,
    when_full: Full,
    setup: Setup,
    environment: Environment,
    stdout: Output,
    stderr: Output,
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

    /// Replaces a worker by a new process when it has been given this many tasks;
    /// never by default.
    ///
    /// It is a remedy for leaks. The replacement is started first, the old one
    /// finishes what it has and exits, and no call notices. While it finishes there
    /// are two processes in its place, and never more. Each worker does up
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

    /// Lets this many calls wait for a worker; without it, any number may.
    ///
    /// A call waits from its first poll until a worker is given it.
    /// [`when_full`](Self::when_full) says what becomes of one that finds so
    /// many before it. A [`map`](Pool::map) in any case takes no more of its
    /// inputs until fewer are waiting, so one map does not keep the calls of
    /// everybody else behind a long queue.
    ///
    /// # Examples
    ///
    /// ```
    /// # aio_pool::task! { async fn double(n: u64) -> u64 { n * 2 } }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     aio_pool::init();
    /// #     run()
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use aio_pool::Full;
    ///
    /// let start = aio_pool::start().workers(1).queue(100);
    /// let pool = start.when_full(Full::Reject).await?;
    /// assert_eq!(pool.call::<double>(21).await?, 42);
    /// pool.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "queue_size")]
    pub fn queue(mut self, calls: usize) -> Self {
        self.queue = Some(calls);
        self
    }

    /// Has calls wait, or be rejected, when the [`queue`](Self::queue) is full.
    /// They wait by default.
    pub fn when_full(mut self, full: Full) -> Self {
        self.when_full = full;
        self
    }

    /// Runs this initializer with this input in each worker, before it is ready;
    /// what it makes is state that the tasks there share.
    ///
    /// May be given several times, once for each type of state; they run in that
    /// order, once in each worker process, later ones included, and all of them
    /// within [`timeout`](Self::timeout). What one spawns lives as long as the
    /// worker. One that fails or panics, or whose worker dies, keeps it from
    /// getting ready: after some more attempts that is
    /// [`Error::NeverReady`], with its name and what it said.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_pool::Context;
    ///
    /// struct Currency(String);
    ///
    /// aio_pool::initializer! {
    ///     async fn currency(name: String) -> Currency {
    ///         Currency(name)
    ///     }
    /// }
    ///
    /// aio_pool::task! {
    ///     async fn price(cx: Context, eggs: u32) -> String {
    ///         format!("{} {}", eggs * 3, cx.state::<Currency>().0)
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
    ///     let pool = aio_pool::start()
    ///         .workers(1)
    ///         .initializer::<currency>("francs".to_owned())
    ///         .await?;
    ///     assert_eq!(pool.call::<price>(4).await?, "12 francs");
    ///     pool.close().await?;
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "initargs")]
    pub fn initializer<I: Initializer>(mut self, input: I::Input) -> Self {
        self.initializers.add::<I>(&input);
        self
    }

    /// Gives the workers this variable, or this value of it.
    ///
    /// A worker has the variables that this program has when the worker is
    /// started, changed by these options in the order in which they are given.
    /// What a task starts has them from its worker.
    ///
    /// # Examples
    ///
    /// ```
    /// aio_pool::task! {
    ///     async fn variable(name: String) -> Option<String> {
    ///         std::env::var(name).ok()
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
    ///     let pool = aio_pool::start()
    ///         .workers(1)
    ///         .env("LANG", "C")
    ///         .env_each("SHARD", |place| place.to_string())
    ///         .env_remove("HOME")
    ///         .await?;
    ///     let variable = async |name: &str| pool.call::<variable>(name.to_owned()).await;
    ///     assert_eq!(variable("LANG").await?.as_deref(), Some("C"));
    ///     assert_eq!(variable("SHARD").await?.as_deref(), Some("0"));
    ///     assert_eq!(variable("HOME").await?, None);
    ///     pool.close().await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.set(name.as_ref(), value.as_ref());
        self
    }

    /// Takes this variable away from the workers.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.remove(name.as_ref());
        self
    }

    /// Takes all variables away from the workers, but for those that are given
    /// after this. A program that finds its shared libraries by one needs that.
    pub fn env_clear(mut self) -> Self {
        self.environment.clear();
        self
    }

    /// Gives each worker a value of its own: a GPU, a port, a folder.
    ///
    /// A pool of `n` workers has the places `0..n`, one worker in each; a worker
    /// that takes the place of another has its value, and where workers are
    /// [replaced](Self::recycle_after) both have it while the old one finishes. `value` is called for
    /// every place once, when the pool is started, by whoever awaits that; if it
    /// panics, the await does.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), aio_pool::Error> {
    /// let pool = aio_pool::start()
    ///     .workers(8)
    ///     .env_each("CUDA_VISIBLE_DEVICES", |place| (place % 4).to_string())
    ///     .await?;
    /// # pool.close().await
    /// # }
    /// ```
    pub fn env_each<V: AsRef<OsStr>>(
        mut self,
        name: impl AsRef<OsStr>,
        value: impl Fn(usize) -> V + Send + Sync + 'static,
    ) -> Self {
        let value = move |place| value(place).as_ref().to_owned();
        self.environment.each(name.as_ref(), value);
        self
    }

    /// Says what becomes of what the workers write to stdout; it goes where the
    /// program's own goes by default.
    pub fn stdout(mut self, output: Output) -> Self {
        self.stdout = output;
        self
    }

    /// Says what becomes of what the workers write to stderr; it goes where the
    /// program's own goes by default. The message of a panic is written there.
    pub fn stderr(mut self, output: Output) -> Self {
        self.stderr = output;
        self
    }

    /// Says whether the pool looks for something to do for some microseconds
    /// before it sleeps: [`Spin::Adaptive`] by default.
    ///
    /// An idle pool sleeps in either case.
    pub fn spin(mut self, spin: Spin) -> Self {
        self.setup.spin = spin;
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

    /// Starts the workers and waits until every one is ready. Their pids are in
    /// the order of their places.
    pub(crate) async fn launch(self, replacement: Replacement) -> Result<(Pool, Vec<u32>), Error> {
        let (depth, table) = self.check()?;
        let environments = (0..self.workers)
            .map(|place| self.environment.at(place))
            .collect::<Result<_, _>>()?;
        let queue = self
            .queue
            .map_or_else(Queue::default, |limit| Queue::of(limit, self.when_full));
        let busy = self.tasks_per_worker.saturating_add(MOST_AHEAD);
        let enough = self.workers.saturating_mul(busy);
        let chosen = self.initializers.choose(table)?;
        let (feeder, backlog) = Backlog::open();
        let reads = [self.stdout, self.stderr].contains(&Output::Lines);
        let blueprint = Blueprint {
            depth,
            environments,
            stdout: self.stdout,
            stderr: self.stderr,
            lines: reads.then(|| Arc::new(feeder)),
            setup: Setup {
                tasks_per_worker: u32::try_from(self.tasks_per_worker).unwrap_or(u32::MAX),
                initializers: Chosen::orders(&chosen),
                ..self.setup
            },
        };
        let config = Config {
            workers: self.workers,
            tasks_per_worker: self.tasks_per_worker,
            timeout: self.timeout,
            table: table.fingerprint(),
            recycle_after: self.recycle_after,
            replacement,
            initializers: chosen,
        };
        let (switchboard, started) = supervisor::start(config, blueprint)?;
        // Armed before the first await: whatever happens now, dropping this
        // handle ends the workers.
        let line = Line::new(switchboard, table, queue, enough);
        let pool = Pool::new(line, backlog);
        match started.await.unwrap_or_else(|_| Err(supervisor_died())) {
            Ok(pids) => Ok((pool, pids)),
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
            ("queue", self.queue.unwrap_or(1), usize::MAX, "at least 1"),
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
            let (pool, _) = self.launch(Replacement::Always).await?;
            Ok(pool)
        })
    }
}
