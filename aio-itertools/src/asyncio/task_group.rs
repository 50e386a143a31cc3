use std::fmt;
use std::future::{Ready, poll_fn, ready};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crate::limit::Limit;

use self::members::{Failures, Members};

mod error;
mod group_task;
mod members;

pub use error::GroupError;
pub use group_task::{GroupTask, NoValue};

/// Opens a group of tasks that end together: none outlives it.
///
/// It is asyncio's `TaskGroup` and the nursery of Trio. Tasks run on their own,
/// so they go on while the body awaits something else. The first failure, of a
/// task or of the body, cancels the rest; everything is waited for, and all
/// errors come back together. A task that opens a group of its own is waited for
/// with that group, unless it is cancelled: see [`with`](OpenTaskGroup::with).
///
/// `.with(async |group| …)` is the scope, `.await` gives the guard
/// [`TaskGroup`], to be joined by hand. `.limit(n)` lets at most `n` tasks run
/// at once. Nothing has happened before one of the doors is used.
///
/// # Cancel safety
///
/// Cancel safe: opening a group waits for nothing. What dropping the scope does
/// is said at [`with`](OpenTaskGroup::with).
///
/// # Examples
///
/// ```
/// use aio_itertools::{asyncio::GroupError, task_group};
/// use std::error::Error;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
/// let sum = task_group()
///     .limit(2)
///     .with(async |group| -> Result<_, Box<dyn Error + Send + Sync>> {
///         let words = ["1", "2", "3"]
///             .map(|word| group.spawn(async move { Ok(word.parse::<i32>()?) }));
///         let mut sum = 0;
///         for word in words {
///             sum += word.await?;
///         }
///         Ok(sum)
///     })
///     .await
///     .map_err(GroupError::into_first)?;
/// assert_eq!(sum, 6);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "TaskGroup")]
#[doc(alias = "nursery")]
#[doc(alias = "scope")]
pub fn task_group<E>() -> OpenTaskGroup<E> {
    OpenTaskGroup {
        limit: usize::MAX,
        errors: PhantomData,
    }
}

/// The builder of [`task_group`](crate::task_group()): open it with
/// [`with`](Self::with), or `.await` it for the guard [`TaskGroup`].
///
/// # Cancel safety
///
/// Cancel safe when awaited: it is ready at once.
#[must_use = "a task group is opened by `.with(…)` or `.await`"]
pub struct OpenTaskGroup<E> {
    limit: usize,
    errors: PhantomData<fn() -> E>,
}

impl<E> OpenTaskGroup<E> {
    /// Lets at most `limit` tasks of the group run at once; the default is all of them.
    ///
    /// `spawn` doesn't wait: a task for which there is no room starts later, in
    /// the order of the calls. So don't let a task wait for one that is spawned
    /// after it: with a limit that one may never have its turn.
    ///
    /// # Panics
    ///
    /// If `limit` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let group = aio_itertools::task_group::<std::io::Error>().limit(8).await;
    /// for page in 1..=100 {
    ///     group.spawn(async move { Ok(page) });
    /// }
    /// group.join().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn limit(self, limit: impl Limit) -> Self {
        Self {
            limit: limit.at_least_one("the limit").get(),
            ..self
        }
    }

    fn open(self) -> TaskGroup<E> {
        TaskGroup {
            members: Members::new(self.limit),
            number: 0,
        }
    }
}

impl<E: Send + 'static> OpenTaskGroup<E> {
    /// Runs `body` with the group, waits until every task has ended, and gives
    /// what the body returned.
    ///
    /// When a task fails the others are cancelled, and so is the body: it is
    /// dropped at the await where it is. When the body fails the tasks are
    /// cancelled. In both cases all are waited for. Cancelled is what runs at
    /// most to its next await; a task that never awaits is waited for as it is.
    ///
    /// Inside `tokio::spawn` the compiler takes only an error type without any
    /// lifetime, not even that of `&'static str` or the one that every
    /// `Box<dyn Error + Send + Sync>` has. It says then that an implementation of
    /// `AsyncFnOnce` is not general enough. An enum or a struct of one's own,
    /// which may hold such a box, is taken, and so is the guard by `.await`.
    ///
    /// # Errors
    ///
    /// All errors of the body and the tasks: see [`GroupError`]. A task that was
    /// cancelled isn't an error.
    ///
    /// # Panics
    ///
    /// With the first panic of the body or a task, after the rest was cancelled
    /// and waited for; errors are lost by that. If the runtime of the tasks was
    /// shut down under them. And if the body moved its guard to another task, which
    /// joined it and was given the failure by which the body was dropped.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropped, it drops the body where it is and cancels every
    /// task, without waiting for them. None goes past its next await. So it is for
    /// a group inside a task of another group, when that cancels its tasks: the
    /// outer group waits for its own tasks and not for those of the inner one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let outcome = aio_itertools::task_group()
    ///     .with(async |group| -> io::Result<()> {
    ///         group.spawn(std::future::pending::<io::Result<()>>());
    ///         group.spawn(async { Err::<(), _>(io::Error::other("no route")) });
    ///         std::future::pending().await
    ///     })
    ///     .await;
    /// // The task that fails ends the endless one and the endless body.
    /// assert_eq!(outcome.unwrap_err().into_first().to_string(), "no route");
    /// # }
    /// ```
    pub async fn with<T, F>(self, body: F) -> Result<T, GroupError<E>>
    where
        F: AsyncFnOnce(&mut TaskGroup<E>) -> Result<T, E>,
    {
        let scope = self.open();
        // What the body does to its guard, moving it away included, leaves ours alone.
        let mut lent = TaskGroup {
            members: Arc::clone(&scope.members),
            number: 1,
        };
        let mut running = pin!(Some(async { body(&mut lent).await }));
        let outcome = poll_fn(|cx| {
            // A failure goes first: the body must not act on what is cancelled.
            if scope.members.poll_failed(scope.number, cx).is_ready() {
                return Poll::Ready(None);
            }
            let polled = catch_unwind(AssertUnwindSafe(|| match running.as_mut().as_pin_mut() {
                Some(body) => body.poll(cx).map(Some),
                None => Poll::Ready(None),
            }));
            match polled {
                Ok(polled) => polled.map(|outcome| outcome.map(Ok)),
                Err(panic) => Poll::Ready(Some(Err(panic))),
            }
        })
        .await;
        // What failed before the body did may be the cause of its error.
        let earlier = scope.members.errors();
        let dropped = catch_unwind(AssertUnwindSafe(|| running.set(None)));

        let (mut value, mut error, mut panic) = (None, None, dropped.err());
        match outcome {
            Some(Ok(Ok(returned))) => value = Some(returned),
            Some(Ok(Err(failed))) => error = Some(failed),
            Some(Err(first)) => panic = Some(first),
            None => {}
        }
        if value.is_none() || panic.is_some() {
            scope.members.cancel();
        }
        let mut failures = scope.ended().await;
        if let Some(panic) = panic.or(failures.panic) {
            resume_unwind(panic);
        }
        if let Some(error) = error {
            let place = earlier.min(failures.errors.len());
            failures.errors.insert(place, error);
        }
        match GroupError::new(failures.errors) {
            Some(error) => Err(error),
            None => {
                Ok(value.expect("the body joined its guard elsewhere, and the failure is there"))
            }
        }
    }
}

/// Opens the group and gives its guard.
impl<E> IntoFuture for OpenTaskGroup<E> {
    type Output = TaskGroup<E>;
    type IntoFuture = Ready<TaskGroup<E>>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.open())
    }
}

impl<E> Clone for OpenTaskGroup<E> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<E> fmt::Debug for OpenTaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTaskGroup")
            .field("limit", &self.limit)
            .finish()
    }
}

/// The guard of a group of tasks: it spawns them, and none outlives it for long.
///
/// [`join`](Self::join) waits for all of them, [`cancel`](Self::cancel) stops
/// them. The first task that fails cancels the others at once, whoever waits.
///
/// Dropped, it cancels them all without waiting: each runs at most to its next
/// await, and those without room never start.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let group = aio_itertools::task_group::<Infallible>().await;
/// let answer = group.spawn(async { Ok(42) });
/// group.join().await?;
/// assert_eq!(answer.await?, 42);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a task group cancels its tasks"]
pub struct TaskGroup<E> {
    members: Arc<Members<E>>,
    /// Which of the group's guards this is.
    number: usize,
}

impl<E> TaskGroup<E> {
    /// Gives a handle by which tasks spawn further tasks of the group.
    ///
    /// A crawler needs it: each page that is fetched spawns those it links to.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{asyncio::Spawner, task_group};
    ///
    /// fn visit(depth: u32, spawner: &Spawner<std::io::Error>) {
    ///     let deeper = spawner.clone();
    ///     spawner.spawn(async move {
    ///         for _ in 0..depth {
    ///             visit(depth - 1, &deeper);
    ///         }
    ///         Ok(())
    ///     });
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let group = task_group().limit(4).await;
    /// visit(3, &group.spawner());
    /// group.join().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawner(&self) -> Spawner<E> {
        Spawner {
            members: Arc::clone(&self.members),
        }
    }

    /// Waits until every task has ended.
    ///
    /// # Errors
    ///
    /// All errors of the tasks, in the order in which they failed.
    ///
    /// # Panics
    ///
    /// With the first panic of a task, after the rest was cancelled and waited
    /// for; errors are lost by that. And if the runtime of the tasks was shut
    /// down under them.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropped, it cancels the tasks, as dropping the group does.
    pub async fn join(self) -> Result<(), GroupError<E>> {
        let failures = self.ended().await;
        if let Some(panic) = failures.panic {
            resume_unwind(panic);
        }
        GroupError::new(failures.errors).map_or(Ok(()), Err)
    }

    /// Cancels the tasks and waits until each has ended, at its next await at most.
    ///
    /// # Errors
    ///
    /// The errors of tasks that had failed before, or failed on the way to that await.
    ///
    /// # Panics
    ///
    /// With the first panic of a task.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropped, it doesn't wait any more. The tasks were
    /// cancelled at its first poll or are by the drop.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{asyncio::NoValue, task_group};
    /// use std::{convert::Infallible, future::pending};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let group = task_group().await;
    /// let endless = group.spawn(pending::<Result<(), Infallible>>());
    /// group.cancel().await?;
    /// assert_eq!(endless.await, Err(NoValue::Cancelled));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cancel(self) -> Result<(), GroupError<E>> {
        self.members.cancel();
        self.join().await
    }

    async fn ended(&self) -> Failures<E> {
        poll_fn(|cx| self.members.poll_ended(self.number, cx)).await
    }
}

impl<E: Send + 'static> TaskGroup<E> {
    /// Starts a task of the group, at once or when there is room, and never waits.
    ///
    /// What it gives is awaited for the task's value, or dropped: the task goes
    /// on. After the first failure, and once the group is cancelled or has ended,
    /// no task starts any more: `future` is dropped and is said to be cancelled.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Runs on: dropping what it gives loses the task's value only.
    #[track_caller]
    #[doc(alias = "create_task")]
    #[doc(alias = "start_soon")]
    pub fn spawn<T, F>(&self, future: F) -> GroupTask<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.members.spawn(future)
    }
}

impl<E> Drop for TaskGroup<E> {
    fn drop(&mut self) {
        self.members.cancel();
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (running, waiting) = self.members.counts();
        f.debug_struct("TaskGroup")
            .field("running", &running)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}

/// Spawns tasks of a group from within its tasks: see [`TaskGroup::spawner`].
///
/// It doesn't keep the group open. After the group's end it starts nothing.
pub struct Spawner<E> {
    members: Arc<Members<E>>,
}

impl<E: Send + 'static> Spawner<E> {
    /// Starts a task of the group, as [`TaskGroup::spawn`] does.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Runs on: dropping what it gives loses the task's value only.
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> GroupTask<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.members.spawn(future)
    }
}

impl<E> Clone for Spawner<E> {
    fn clone(&self) -> Self {
        Self {
            members: Arc::clone(&self.members),
        }
    }
}

impl<E> fmt::Debug for Spawner<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (running, waiting) = self.members.counts();
        f.debug_struct("Spawner")
            .field("running", &running)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}
