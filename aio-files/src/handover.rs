//! A [`File`] and a descriptor of std become each other.

use std::fs;
use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::backing::{Backing, Manner, Origin};
use crate::cached::Cached;
use crate::descriptor;
use crate::errand::Errand;
use crate::file::File;
use crate::handed::Handed;
use crate::open::BUFFER;
use crate::turnstile::Ticket;
use crate::work::{Outcome, Work};

impl File {
    /// Makes a file of an open one of std, at the position where that is.
    ///
    /// The path is what errors name and what the order of operations goes by; it
    /// isn't opened. Both buffers have 262,144 bytes.
    ///
    /// # Errors
    ///
    /// The system's, with the path. The descriptor is closed then.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the descriptor is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"from std")?;
    /// let mut file = aio_files::File::from_std(std::fs::File::open(&path)?, &path).await?;
    /// let mut text = String::new();
    /// file.read_to_string(&mut text).await?;
    /// assert_eq!(text, "from std");
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std(
        file: fs::File,
        path: impl AsRef<Path>,
    ) -> impl Future<Output = io::Result<Self>> + Send {
        // Not in the future: it may be dropped before it is polled, and closing
        // the descriptor is not for the thread that does that.
        let file = Handed::new(file);
        let path: Arc<Path> = path.as_ref().into();
        async move {
            let parting = Arc::new(OnceLock::new());
            let (name, share) = (Arc::clone(&path), Arc::clone(&parting));
            let backing = Errand::reads("open", &path)
                .run_even_at_a_fifo(move |_| adopt(file, name, share))
                .await?;
            Ok(Self::new(backing, path, parting))
        }
    }

    /// Gives a second file of the same opening.
    ///
    /// Buffered bytes are written first. The new file starts where this one is,
    /// with a position and buffers of its own; bytes of a FIFO that this one has
    /// read ahead stay here. It is closed on its own. A failed sync of one is the
    /// answer of every later sync of the other, since the kernel tells only once.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Runs on: buffered bytes are written. No descriptor is left.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"xy")?;
    /// let mut one = aio_files::open(&path).await?;
    /// let mut two = one.try_clone().await?;
    /// let mut byte = [0];
    /// two.read_exact_at(&mut byte, 1).await?;
    /// one.read_exact(&mut byte).await?;
    /// assert_eq!(&byte, b"x");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "dup")]
    pub async fn try_clone(&mut self) -> io::Result<Self> {
        let file = match self.perform(Work::Duplicate).await? {
            Outcome::Descriptor(file) => file,
            other => return Err(other.unexpected()),
        };
        let path = Arc::clone(self.shared_path());
        let backing = self.idle()?;
        let Some(file) = file.into_file() else {
            return Err(backing.refuse("hand over"));
        };
        let parting = Arc::new(OnceLock::new());
        let twin = backing.twin(file, Arc::clone(&parting));
        Ok(Self::new(twin, path, parting))
    }

    /// Writes what is buffered and gives the file to std, at the same position.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again;
    /// `InvalidInput` for a FIFO or terminal of which bytes were read ahead that
    /// nobody has asked for. The file is closed then.
    ///
    /// # Cancel safety
    ///
    /// Runs on: buffered bytes are written, and the file is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// let mut file = aio_files::open(&path).write().create().await?;
    /// file.write_all(b"ours, ").await?;
    /// file.into_std().await?.write_all(b"and std's")?;
    /// assert_eq!(std::fs::read(&path)?, b"ours, and std's");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "detach")]
    pub async fn into_std(mut self) -> io::Result<fs::File> {
        let file = match self.perform(Work::Release).await? {
            Outcome::Descriptor(file) => file,
            other => return Err(other.unexpected()),
        };
        let given = match file.into_file() {
            Some(file) => Ok(file),
            None => Err(self.idle()?.refuse("hand over")),
        };
        self.end();
        given
    }

    /// Writes what is buffered and lends the descriptor, for calls that this crate
    /// doesn't have.
    ///
    /// The kernel's cursor is at the file's position then, and what was read ahead
    /// is forgotten. The file doesn't notice if the cursor is moved.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Runs on: buffered bytes are written.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// let mut file = aio_files::open(&path).write().create().await?;
    /// file.write_all(b"12345").await?;
    /// let copy = file.as_fd().await?.try_clone_to_owned()?;
    /// assert_eq!(std::fs::File::from(copy).metadata()?.len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(unix)]
    #[doc(alias = "fileno")]
    #[doc(alias = "as_raw_fd")]
    pub async fn as_fd(&mut self) -> io::Result<BorrowedFd<'_>> {
        self.perform(Work::Align).await?;
        // It can't be closed while it is lent: whatever would do that needs the
        // file, which is lent as well.
        Ok(self.idle()?.file()?.as_fd())
    }
}

/// Asks the kernel what has been opened. It blocks.
fn adopt(file: Handed, path: Arc<Path>, parting: Arc<OnceLock<Ticket>>) -> io::Result<Backing> {
    let Some(file) = file.into_file() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let (access, placement) = descriptor::opened_for(&file)?;
    let manner = Manner {
        access,
        placement,
        buffer: BUFFER,
        cached: Cached::Asked,
    };
    Backing::new(file, path, manner, Origin::Adopted, parting)
}
