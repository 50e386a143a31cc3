//! The handle: calls go in through it, and its two ways to end.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::call::Call;
use crate::engine::{Finished, HungUp};
use crate::error::Error;
use crate::line::{Line, supervisor_died};
use crate::map::Map;
use crate::output::{Backlog, Lines};
use crate::streams::{StreamCall, StreamTask};
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
    backlog: Arc<Backlog>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The supervisor has ended already: there is nothing to kill.
        let _ = self.line.terminate(None);
    }
}

impl Pool {
    pub(crate) fn new(line: Line, backlog: Arc<Backlog>) -> Self {
        let line = Arc::new(line);
        Self {
            handle: Arc::new(Handle { line, backlog }),
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

    /// Returns the task `T` mapped over inputs: each is a call, and they run in
    /// all workers at once.
    ///
    /// Awaited it gives the outputs, in the order of the inputs.
    /// [`.stream`](Map::stream) gives each as it comes and takes inputs as there
    /// is room, so that any number of them takes little memory. A task of
    /// several parameters takes tuples.
    ///
    /// # Errors
    ///
    /// Awaiting it gives the first [`TaskError`](crate::TaskError) that comes
    /// from any call, and cancels the others; in the stream each input has an
    /// outcome of its own.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropping it cancels what is in flight, as dropping a
    /// [`call`](Self::call) does.
    ///
    /// # Panics
    ///
    /// Awaiting it panics if the iterator of inputs does.
    ///
    /// # Examples
    ///
    /// ```
    /// aio_pool::task! {
    ///     async fn square(n: u64) -> u64 {
    ///         n * n
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
    ///     let pool = aio_pool::start().workers(2).await?;
    ///     assert_eq!(pool.map::<square>(1..=4).await?, [1, 4, 9, 16]);
    ///     pool.close().await?;
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "starmap")]
    #[doc(alias = "imap")]
    #[doc(alias = "imap_unordered")]
    pub fn map<'i, T: Task>(
        &self,
        inputs: impl IntoIterator<Item = T::Input, IntoIter: Send + 'i>,
    ) -> Map<'i, T> {
        Map::new(Arc::clone(&self.handle.line), Box::new(inputs.into_iter()))
    }

    /// Returns a call of the stream task `T`: awaited, it is all items; its door
    /// [`.stream()`](StreamCall::stream) yields them as they come.
    ///
    /// # Errors
    ///
    /// A [`TaskError`](crate::TaskError): the task's own error, or what kept it
    /// from going on.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropping the call takes it off the queue, or drops the task's
    /// stream in its worker, for which it has two seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_core::Stream;
    ///
    /// aio_pool::task! {
    ///     fn words(text: String) -> impl Stream<Item = String> {
    ///         let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
    ///         futures_util::stream::iter(words)
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
    ///     let words = pool.stream::<words>("one and one".to_owned()).await?;
    ///     assert_eq!(words, ["one", "and", "one"]);
    ///     pool.close().await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// A stream task is no [`Task`], so it cannot be called as one, nor a task
    /// as a stream:
    ///
    /// ```compile_fail,E0277
    /// aio_pool::task! { async fn nothing() {} }
    ///
    /// fn stream(pool: &aio_pool::Pool) {
    ///     let _ = pool.stream::<nothing>(());
    /// }
    /// # fn main() {}
    /// ```
    #[doc(alias = "imap")]
    pub fn stream<T: StreamTask>(&self, input: T::Input) -> StreamCall<T> {
        StreamCall::new(Arc::clone(&self.handle.line), input)
    }

    /// Returns the stream of what the workers print, if they were started with
    /// [`Output::Lines`](crate::workers::Output::Lines); else it is over at once.
    ///
    /// It is like a pipe, with room for 1,024 lines and 1 MiB. As long as a `Lines`
    /// is there and does not read, a worker that prints more waits, and nothing
    /// is lost; so read it in a task of its own, since neither a call nor
    /// [`close`](Self::close) ends while its worker waits so, and drop it rather
    /// than keep it.
    /// While there is none, a worker never waits: the newest lines are kept for
    /// the next reader, and [`Lines::missed`] counts the others.
    ///
    /// Each line is given out once: several streams of a pool share its lines. A
    /// line may come later than the answer of the task that wrote it. What a
    /// worker wrote before it died comes, and then the stream ends, when the pool
    /// has ended. What left the worker's process group and writes on after its
    /// death is not heard.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_pool::workers::{Output, Source};
    ///
    /// aio_pool::task! {
    ///     async fn greet(name: String) {
    ///         println!("hello, {name}");
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
    ///     let pool = aio_pool::start().workers(1).stdout(Output::Lines).await?;
    ///     let mut lines = pool.lines();
    ///     let reading = tokio::spawn(async move {
    ///         let mut said = Vec::new();
    ///         while let Some(line) = lines.next().await {
    ///             assert_eq!(line.source, Source::Stdout);
    ///             said.push(line.text);
    ///         }
    ///         said
    ///     });
    ///     pool.call::<greet>("moon".to_owned()).await?;
    ///     pool.close().await?;
    ///     assert_eq!(reading.await?, ["hello, moon"]);
    ///     Ok(())
    /// }
    /// ```
    pub fn lines(&self) -> Lines {
        Lines::of(&self.handle.backlog)
    }

    /// Returns the process ids of the workers, in the order of their
    /// [places](crate::Context::place).
    ///
    /// It is for logs, and for who looks at them with other tools. A worker that
    /// is about to be replaced is not among them, nor one whose successor is
    /// still to be started, so there may be fewer than workers were asked for;
    /// once the pool has ended there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// # aio_pool::task! { async fn own_pid() -> u32 { std::process::id() } }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     aio_pool::init();
    /// #     run()
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = aio_pool::start().workers(2).await?;
    /// let pids = pool.pids();
    /// assert_eq!(pids.len(), 2);
    /// assert!(pids.contains(&pool.call::<own_pid>(()).await?));
    /// pool.close().await?;
    /// assert!(pool.pids().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn pids(&self) -> Vec<u32> {
        self.handle.line.pids()
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
        let (finished, wait) = oneshot::channel();
        match self.begin_close(finished) {
            Ok(()) => wait.await.unwrap_or_else(|_| Err(supervisor_died())),
            Err(HungUp) => Ok(()),
        }
    }

    /// Closes the pool, and has that told when it is done.
    pub(crate) fn begin_close(&self, finished: Finished) -> Result<(), HungUp> {
        self.handle.line.close(finished)
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
