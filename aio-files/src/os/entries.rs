//! What is in a folder.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_core::{FusedStream, Stream};

use super::entry::Entry;
use super::listing::Listing;
use crate::ahead::Ahead;
use crate::errand::Errand;
use crate::error::PathError;
use crate::fairness::Fairness;
use crate::turnstile::Claim;

/// How many batches wait for a reader that is slow.
const DEPTH: usize = 2;

/// Lists a folder: `.await` gives all entries, `.stream()` one after another.
///
/// The order is the system's, and `.` and `..` aren't among them. What is created
/// or removed meanwhile is there or not, and while that goes on some file systems,
/// such as Linux's tmpfs, give other entries twice.
///
/// # Cancel safety
///
/// Cancel safe: nothing is changed, and no descriptor is left.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// aio_files::write(path.join("x"), "Bob").await?;
/// let entries = aio_files::os::read_dir(path).await?;
/// assert_eq!(entries[0].file_name(), "x");
/// assert!(entries[0].file_type().is_file());
///
/// let mut entries = aio_files::os::read_dir(path).stream();
/// while let Some(entry) = entries.next().await {
///     println!("{}", entry?.path().display());
/// }
/// # Ok(())
/// # }
/// ```
#[doc(alias("scandir", "iterdir"))]
pub fn read_dir(path: impl AsRef<Path>) -> ReadDir {
    ReadDir {
        folder: path.as_ref().into(),
    }
}

/// Gives the names of what is in a folder, in the system's order.
///
/// `.` and `..` aren't among them.
///
/// # Errors
///
/// The system's, with the folder's path.
///
/// # Cancel safety
///
/// Cancel safe: nothing is changed, and no descriptor is left.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// aio_files::write(path.join("x"), "Bob").await?;
/// assert_eq!(aio_files::os::list_dir(path).await?, ["x"]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "listdir")]
pub async fn list_dir(path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
    Errand::reads("list", path.as_ref())
        .run(|path| {
            fs::read_dir(path)?
                .map(|entry| Ok(entry?.file_name()))
                .collect()
        })
        .await
}

/// The builder of [`read_dir`]: `.await` it, or use [`stream`](Self::stream).
///
/// # Cancel safety
///
/// Cancel safe, when awaited: nothing is changed, and no descriptor is left.
#[derive(Clone, Debug)]
#[must_use = "nothing is listed until it is awaited or streamed"]
pub struct ReadDir {
    folder: Arc<Path>,
}

impl ReadDir {
    /// Gives the entries one after another, read ahead in batches.
    ///
    /// See [`Entries`].
    pub fn stream(self) -> Entries {
        let claims = vec![Claim::on(&self.folder)];
        Entries {
            ahead: Ahead::new(Listing::new(Arc::clone(&self.folder)), DEPTH, claims),
            batch: Vec::new().into_iter(),
            folder: self.folder,
            fairness: Fairness::default(),
            over: false,
        }
    }

    async fn run(self) -> io::Result<Vec<Entry>> {
        let folder = Arc::clone(&self.folder);
        Errand::reads("list", &self.folder)
            .run(move |_| {
                let mut listing = Listing::new(folder);
                let mut entries = Vec::new();
                while let Some(batch) = listing.batch() {
                    entries.reserve(batch.len());
                    for entry in batch {
                        entries.push(entry?);
                    }
                }
                Ok(entries)
            })
            .await
    }
}

impl IntoFuture for ReadDir {
    type Output = io::Result<Vec<Entry>>;
    type IntoFuture = ReadDirFuture;

    fn into_future(self) -> ReadDirFuture {
        ReadDirFuture {
            running: Box::pin(self.run()),
        }
    }
}

/// The future of `read_dir(…).await`.
#[must_use = "futures do nothing unless awaited"]
pub struct ReadDirFuture {
    running: Pin<Box<dyn Future<Output = io::Result<Vec<Entry>>> + Send + Sync>>,
}

impl Future for ReadDirFuture {
    type Output = io::Result<Vec<Entry>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.running.as_mut().poll(cx)
    }
}

impl fmt::Debug for ReadDirFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDirFuture").finish_non_exhaustive()
    }
}

/// What is in a folder, one after another; made by [`ReadDir::stream`].
///
/// The folder is opened at the first poll. A thread reads up to 512 entries at
/// once, or as many as come within 2 ms, and is at most three batches ahead, so
/// memory stays flat however many there are.
///
/// An error of the folder, which it names, is the last item. Where the file system
/// doesn't say what kind an entry is, and asking for it fails, the error names the
/// entry, and the stream goes on.
///
/// # Cancel safety
///
/// Cancel safe: `next` that is dropped has taken no entry. Dropping the stream
/// closes the folder, after the batch that is being read.
#[must_use = "a stream does nothing until it is polled"]
pub struct Entries {
    ahead: Ahead<Listing>,
    batch: vec::IntoIter<io::Result<Entry>>,
    folder: Arc<Path>,
    fairness: Fairness,
    over: bool,
}

impl Entries {
    /// Gives the next entry; `None` at the end.
    ///
    /// # Errors
    ///
    /// The system's, with the folder's path.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an entry leaves the stream only when it is returned.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path();
    /// let mut entries = aio_files::os::read_dir(path).stream();
    /// assert!(entries.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<io::Result<Entry>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Entries {
    type Item = io::Result<Entry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        // Entries that wait are always ready: other tasks must have their turn.
        ready!(this.fairness.poll_pay(cx));
        loop {
            if let Some(entry) = this.batch.next() {
                this.fairness.large_item();
                return Poll::Ready(Some(entry));
            }
            let Poll::Ready(batch) = this.ahead.poll_next(cx) else {
                this.fairness.paused();
                return Poll::Pending;
            };
            match batch {
                Some(Ok(batch)) => this.batch = batch.into_iter(),
                Some(Err(lost)) => {
                    this.over = true;
                    let error = PathError::new("list", &this.folder, lost).into_io();
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.over = true;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.over {
            true => (0, Some(0)),
            false => (self.batch.len(), None),
        }
    }
}

impl FusedStream for Entries {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("folder", &self.folder)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
