use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::queue::Held;
use crate::error::PathError;
use crate::offload::{self, Lane};

/// A lock that is held: see [`lock`](crate::lock()).
///
/// Finish it with [`release`](Self::release), after which the lock is free, or
/// drop it, which lets go soon after: on another thread, since no runtime's
/// thread should have to close a file.
#[must_use = "dropping it releases the lock at once"]
pub struct FileLock {
    /// `None` once it is released.
    held: Option<Held>,
    path: Arc<Path>,
}

impl FileLock {
    pub(super) fn new(held: Held, path: Arc<Path>) -> Self {
        Self {
            held: Some(held),
            path,
        }
    }

    /// The path of the lock file, as it was given to [`lock`](crate::lock()).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Releases the lock; whoever waits for it in this process has it next.
    ///
    /// The lock file stays: removing it would let two others lock two files of
    /// the same name.
    ///
    /// # Errors
    ///
    /// The system's, of the unlocking and of the close, with the path. The lock
    /// is released in any case.
    ///
    /// # Cancel safety
    ///
    /// Runs on: the lock is released, only the answer is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("index.lock");
    /// let lock = aio_files::lock(&path).await?;
    /// lock.release().await?;
    /// // Nobody has it any more.
    /// aio_files::lock(&path).try_now().await?.release().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn release(mut self) -> io::Result<()> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        let (reply, answer) = oneshot::channel();
        offload::submit(Lane::Shared, move || drop(reply.send(held.release())));
        let answer = answer.await.unwrap_or_else(|_| Err(offload::lost()));
        answer.map_err(|cause| PathError::new("unlock", &self.path, cause).into_io())
    }
}

impl Drop for FileLock {
    /// Hands the lock over to be released, and never waits.
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            // Closing the descriptor frees it whatever the answers are.
            offload::submit(Lane::Shared, move || drop(held.release()));
        }
    }
}

impl fmt::Debug for FileLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLock")
            .field("path", &self.path)
            .field("released", &self.held.is_none())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::TryLockError;
    use std::sync::Mutex;
    use std::sync::mpsc;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    /// More than there are shared threads.
    const JOBS: usize = 100;

    /// A job that none of the threads gets to, until the sender is dropped.
    fn keep_all_threads_busy() -> mpsc::Sender<()> {
        let (go_on, told) = mpsc::channel::<()>();
        let told = Arc::new(Mutex::new(told));
        for _ in 0..JOBS {
            let told = Arc::clone(&told);
            offload::submit(Lane::Shared, move || {
                told.lock().unwrap().recv().unwrap_or(());
            });
        }
        go_on
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let end = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            if let std::task::Poll::Ready(output) = future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                return output;
            }
            assert!(std::time::Instant::now() < end, "hung");
            std::thread::yield_now();
        }
    }

    #[test]
    fn dropping_it_leaves_the_system_calls_to_other_threads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let held = block_on(crate::lock(&path).into_future()).unwrap();
        let mut waiting = Box::pin(crate::lock(&path).into_future());
        block_on(async {
            // Pending, and in the line as soon as one behind it is refused.
            let poll = waiting
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll.is_pending());
            crate::lock(&path).try_now().await.unwrap_err();
        });
        let open = || {
            std::fs::read_dir("/proc/self/fd")
                .unwrap()
                .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
                .filter(|target| *target == path)
                .count()
        };
        assert_eq!(open(), 2);

        let go_on = keep_all_threads_busy();
        drop(waiting);
        drop(held);
        // Nothing has been unlocked or closed: that is for those threads to do.
        assert_eq!(open(), 2);
        let another = std::fs::File::open(&path).unwrap();
        assert!(matches!(another.try_lock(), Err(TryLockError::WouldBlock)));
        drop(go_on);
        another.lock().unwrap();
        drop(another);
        block_on(std::future::poll_fn(|_| match open() {
            0 => std::task::Poll::Ready(()),
            _ => std::task::Poll::Pending,
        }));
    }
}
