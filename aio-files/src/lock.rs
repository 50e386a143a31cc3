//! Locks that several processes and tasks agree upon: `flock` on Linux, without
//! a thread that waits in it.

mod guard;
mod identity;
mod line;
mod queue;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;

pub use guard::FileLock;

use crate::alarm::Alarm;
use crate::errand::Errand;
use crate::error::PathError;
use line::{Mode, Patience, Want};
use queue::Waiting;

/// Locks a file: alone, unless [`shared`](Lock::shared) is used.
///
/// `.await` gives the [`FileLock`]; `.with(async |lock| …)` runs a body under the
/// lock. The lock is *advisory*: it holds off those who lock the same file, in
/// this process and in others (`flock(1)`, std's `File::lock`), and nobody else.
/// It goes with its process, however that ends.
///
/// The file is created if it isn't there, opened as it is otherwise, and neither
/// emptied nor removed. A file beside what is protected, such as `index.lock`, is
/// the usual choice; what is replaced by renaming must not be its own lock. If
/// the file is removed or replaced while one waits, its successor is locked.
///
/// In this process they have it in the order of their first polls; shared ones
/// that follow each other have it together. What another process holds is tried
/// again after 1 ms, and then at doubled intervals up to 50 ms: between processes
/// there is no order. Each that waits has a descriptor, and none has a thread.
///
/// A second exclusive lock waits for the first even in the same task: that is a
/// deadlock, and [`timeout`](Lock::timeout) or [`try_now`](Lock::try_now) end it.
///
/// # Cancel safety
///
/// Runs on: the file may have been created. The lock is never had by one who is
/// gone: it goes to the next.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("index.lock");
/// let lock = aio_files::lock(&path).timeout(Duration::from_secs(5)).await?;
/// // … nobody else is at work here …
/// lock.release().await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "flock")]
pub fn lock(path: impl AsRef<Path>) -> Lock {
    Lock {
        path: path.as_ref().into(),
        want: Want {
            mode: Mode::Exclusive,
            patience: Patience::Waits,
        },
        timeout: None,
    }
}

/// The builder of [`lock`](crate::lock()): `.await` it, or use `.with(…)`.
///
/// # Cancel safety
///
/// Runs on, when awaited: the file may have been created. The lock is never had
/// by one who is gone: it goes to the next. A future that is leaked instead, or
/// never polled again, keeps its place, and then the lock, as a leaked guard does.
#[must_use = "nothing is locked until it is awaited or used by `with`"]
#[derive(Clone)]
pub struct Lock {
    path: Arc<Path>,
    want: Want,
    timeout: Option<Duration>,
}

impl Lock {
    /// Locks together with other shared ones, against exclusive ones.
    pub fn shared(mut self) -> Self {
        self.want.mode = Mode::Shared;
        self
    }

    /// Locks alone. It is the default.
    pub fn exclusive(mut self) -> Self {
        self.want.mode = Mode::Exclusive;
        self
    }

    /// Gives up after this time, which runs from the first poll to the answer,
    /// with the opening of the file in it.
    ///
    /// The error's kind is `TimedOut`, and it names the path.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("index.lock");
    /// let held = aio_files::lock(&path).await?;
    /// let late = aio_files::lock(&path).timeout(Duration::from_millis(10)).await;
    /// assert_eq!(late.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// held.release().await
    /// # }
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Fails with `WouldBlock` if somebody has the lock, or waits for it here.
    #[doc(alias = "try_lock")]
    pub fn try_now(mut self) -> Self {
        self.want.patience = Patience::None;
        self
    }

    /// Locks the file, runs `body`, and releases the lock.
    ///
    /// The body's error wins over the release's. A panic of the body drops the
    /// lock, which releases it.
    ///
    /// # Errors
    ///
    /// Those of the locking, of the body, and of [`FileLock::release`].
    ///
    /// # Cancel safety
    ///
    /// Runs on: the body is dropped where it is, and then the lock is released.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (path, count) = (folder.path().join("count.lock"), folder.path().join("count"));
    /// # std::fs::write(&count, "41")?;
    /// aio_files::lock(&path)
    ///     .with(async |_| -> std::io::Result<_> {
    ///         let n: u32 = aio_files::read_to_string(&count).await?.parse().unwrap_or(0);
    ///         aio_files::write(&count, (n + 1).to_string()).await
    ///     })
    ///     .await?;
    /// assert_eq!(std::fs::read_to_string(&count)?, "42");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut FileLock) -> Result<T, E>,
        E: From<io::Error>,
    {
        let mut lock = self.await?;
        let result = body(&mut lock).await;
        let released = lock.release().await;
        let value = result?;
        released?;
        Ok(value)
    }

    async fn run(self) -> io::Result<FileLock> {
        let path = Arc::clone(&self.path);
        let named = |cause| PathError::new("lock", &path, cause).into_io();
        let Some(limit) = self.timeout else {
            return self.wait().await;
        };
        let (ring, mut rung) = oneshot::channel();
        let _alarm = Alarm::after(limit, move || ring.send(()).unwrap_or(())).map_err(named)?;
        let mut had = std::pin::pin!(self.wait());
        poll_fn(|cx| {
            // What is there in time counts, whoever is asked first.
            if let Poll::Ready(had) = had.as_mut().poll(cx) {
                return Poll::Ready(had);
            }
            let _ = ready!(Pin::new(&mut rung).poll(cx));
            let cause = format!("not had within {limit:?}");
            Poll::Ready(Err(named(io::Error::new(io::ErrorKind::TimedOut, cause))))
        })
        .await
    }

    async fn wait(self) -> io::Result<FileLock> {
        let Self { path, want, .. } = self;
        let given = Arc::clone(&path);
        // It takes its place in the line within its turn, so that the one order
        // is the other.
        let mut waiting = Errand::changes("lock", &path)
            .run(move |_| Waiting::begin(&given, want))
            .await?;
        poll_fn(|cx| waiting.poll(cx))
            .await
            .map_err(|cause| PathError::new("lock", &path, cause).into_io())
    }
}

impl IntoFuture for Lock {
    type Output = io::Result<FileLock>;
    type IntoFuture = LockFuture;

    fn into_future(self) -> LockFuture {
        LockFuture {
            running: Box::pin(self.run()),
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("path", &self.path)
            .field("want", &self.want)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// The future of `lock(…).await`.
#[must_use = "futures do nothing unless awaited"]
pub struct LockFuture {
    running: Pin<Box<dyn Future<Output = io::Result<FileLock>> + Send + Sync>>,
}

impl Future for LockFuture {
    type Output = io::Result<FileLock>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.running.as_mut().poll(cx)
    }
}

impl fmt::Debug for LockFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockFuture").finish_non_exhaustive()
    }
}
