//! Files that are replaced in one step: readers and crashes meet the old content
//! or the new one, and never a part.
//!
//! [`replace`](fn@crate::replace) gives an [`AtomicFile`], which is written like
//! any other file, and takes the target's name when it is committed. Until then
//! it is a temporary file beside the target, of a name such as
//! `.aio-files-0123456789abcdef0123456789abcdef.tmp`. A process that dies leaves
//! it behind; [`sweep`] takes away what nobody holds any more.
//!
//! # What a replaced file is
//!
//! It is another file under the same name. It keeps the permissions of the one
//! before, and owner and group as far as this process may give files away: who
//! it can't give the file to gets no rights by it. Extended attributes and
//! access lists are not kept, and hard links go on showing the old content.
//!
//! The path's last name is what is replaced. If it is a link, the link is; with
//! [`Replace::follow_link`] it stays, and the file that it leads to is replaced.
//!
//! Locks of `flock` are on the file and not on its name: who locks a file that is
//! replaced should lock another one beside it.

mod atomic_file;
mod commit;
mod names;
mod rights;
mod staging;
mod sweep;

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pub use atomic_file::AtomicFile;
pub use sweep::sweep;

use crate::errand::Errand;
use crate::file::File;
use crate::open::BUFFER;
use commit::Clobber;
use rights::Rights;
use staging::{Links, Staging};

/// Replaces the content of a file in one step, or creates the file.
///
/// `.await` gives an [`AtomicFile`] to write and to [`commit`](AtomicFile::commit);
/// `.with(async |out| …)` commits when the body gives `Ok`, and else leaves the
/// old content. See the [module](mod@crate::replace) for what a replaced file is.
///
/// # Cancel safety
///
/// Rolls back: a temporary file that was created is removed.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("settings");
/// aio_files::replace(&path)
///     .with(async |out| -> std::io::Result<_> { out.write_all(b"volume = 11\n").await })
///     .await?;
/// assert_eq!(aio_files::read_to_string(&path).await?, "volume = 11\n");
/// # Ok(())
/// # }
/// ```
pub fn replace(path: impl AsRef<Path>) -> Replace {
    Replace {
        path: path.as_ref().into(),
        links: Links::Replaced,
        clobber: Clobber::Replaces,
        permissions: None,
        buffer: BUFFER,
    }
}

/// The builder of [`replace`](fn@crate::replace): `.await` it, or use `.with(…)`.
///
/// # Cancel safety
///
/// Rolls back, when awaited: a temporary file that was created is removed.
#[must_use = "nothing is replaced until it is awaited or used by `with`"]
#[derive(Clone)]
pub struct Replace {
    path: Arc<Path>,
    links: Links,
    clobber: Clobber,
    permissions: Option<Permissions>,
    buffer: usize,
}

impl Replace {
    /// Fails with `AlreadyExists` if something has the name already, or has it
    /// by the time of the commit: of many that try, one succeeds.
    pub fn no_clobber(mut self) -> Self {
        self.clobber = Clobber::Refuses;
        self
    }

    /// Replaces the file that a link leads to, and leaves the link.
    ///
    /// The link is followed when the file is opened, to its end. Without this
    /// the link itself is replaced by a file.
    pub fn follow_link(mut self) -> Self {
        self.links = Links::Followed;
        self
    }

    /// Gives the file exactly these permissions, instead of those of the file
    /// before it or, for a new one, the usual ones.
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = Some(permissions);
        self
    }

    /// Gives each of the two buffers `size` bytes instead of 262,144; 0 is no buffer.
    pub fn buffer(mut self, size: usize) -> Self {
        self.buffer = size;
        self
    }

    /// Opens a file, runs `body` with it, and commits if it gives `Ok`.
    ///
    /// If it gives an error, the temporary file is removed, and what has the name
    /// keeps it. So it is if the body panics.
    ///
    /// # Errors
    ///
    /// Those of the opening, of the body, and of [`AtomicFile::commit`].
    ///
    /// # Cancel safety
    ///
    /// Rolls back: the body is dropped where it is, and the temporary file is
    /// removed. Only a commit that has begun is carried to its end.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, "old")?;
    /// let failed = aio_files::replace(&path)
    ///     .with(async |out| -> std::io::Result<()> {
    ///         out.write_all(b"half of the n").await?;
    ///         Err(std::io::Error::other("changed my mind"))
    ///     })
    ///     .await;
    /// assert!(failed.is_err());
    /// assert_eq!(std::fs::read(&path)?, b"old");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut AtomicFile) -> Result<T, E>,
        E: From<io::Error>,
    {
        let mut file = self.await?;
        match body(&mut file).await {
            Ok(value) => {
                file.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // Of the two errors this is the first and the one that matters.
                drop(file.abandon().await);
                Err(error)
            }
        }
    }

    async fn run(self) -> io::Result<AtomicFile> {
        let staging = Staging {
            path: Arc::clone(&self.path),
            links: self.links,
            clobber: self.clobber,
            buffer: self.buffer,
        };
        // It looks at the target, so whatever is under way there is over before.
        let (file, target) = Errand::reads("replace", &self.path)
            .run_accounted(|(file, _)| File::end_here(file), move |_| staging.begin())
            .await?;
        let rights = match self.permissions {
            Some(permissions) => Rights::Given(permissions),
            None => Rights::Kept,
        };
        Ok(AtomicFile::new(file, target, self.clobber, rights))
    }
}

impl IntoFuture for Replace {
    type Output = io::Result<AtomicFile>;
    type IntoFuture = ReplaceFuture;

    fn into_future(self) -> ReplaceFuture {
        ReplaceFuture {
            running: Box::pin(self.run()),
        }
    }
}

impl fmt::Debug for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replace")
            .field("path", &self.path)
            .field("links", &self.links)
            .field("clobber", &self.clobber)
            .field("permissions", &self.permissions)
            .field("buffer", &self.buffer)
            .finish()
    }
}

/// The future of `replace(…).await`.
#[must_use = "futures do nothing unless awaited"]
pub struct ReplaceFuture {
    running: Pin<Box<dyn Future<Output = io::Result<AtomicFile>> + Send + Sync>>,
}

impl Future for ReplaceFuture {
    type Output = io::Result<AtomicFile>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.running.as_mut().poll(cx)
    }
}

impl fmt::Debug for ReplaceFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplaceFuture").finish_non_exhaustive()
    }
}
