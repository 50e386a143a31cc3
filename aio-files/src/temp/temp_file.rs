use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::place::Place;
use crate::backing::{Backing, Manner, Origin};
use crate::cached::Cached;
use crate::errand::Errand;
use crate::file::File;
use crate::folder::rename_new;
use crate::like_a_file::like_a_file;
use crate::mode::{Access, Placement};
use crate::open::BUFFER;
use crate::parting::Unheard;
use crate::temporary::{Stays, Temporary};
use crate::work::Work;

/// Creates a file that goes with its guard.
///
/// `.await` gives a [`TempFile`]; `.with(async |file| …)` removes the file on the
/// way out and says whether it is gone. Only this user may open it.
///
/// # Cancel safety
///
/// Rolls back: a file that was created is removed.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut file = aio_files::temp_file().suffix(".csv").await?;
/// file.write_all(b"name,age\n").await?;
/// file.close().await?; // it is gone
/// # Ok(())
/// # }
/// ```
#[doc(alias = "NamedTemporaryFile")]
pub fn temp_file() -> CreateTempFile {
    CreateTempFile {
        place: Place::default(),
        buffer: BUFFER,
    }
}

/// The builder of [`temp_file`]: `.await` it, or use `.with(…)`.
///
/// # Cancel safety
///
/// Rolls back, when awaited: a file that was created is removed.
#[must_use = "nothing is created until it is awaited or used by `with`"]
#[derive(Clone, Debug)]
pub struct CreateTempFile {
    place: Place,
    buffer: usize,
}

impl CreateTempFile {
    /// Creates the file in this folder instead of the system's for such files.
    pub fn in_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.place.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Begins the name with this instead of `.tmp`; random letters follow.
    pub fn prefix(mut self, prefix: impl AsRef<OsStr>) -> Self {
        self.place.prefix = prefix.as_ref().to_owned();
        self
    }

    /// Ends the name with this.
    pub fn suffix(mut self, suffix: impl AsRef<OsStr>) -> Self {
        self.place.suffix = suffix.as_ref().to_owned();
        self
    }

    /// Gives each of the two buffers `size` bytes instead of 262,144; 0 is no buffer.
    pub fn buffer(mut self, size: usize) -> Self {
        self.buffer = size;
        self
    }

    /// Creates a file, runs `body` with it, and removes it.
    ///
    /// The body's error wins over that of the removal. A panic of the body
    /// removes the file too.
    ///
    /// # Errors
    ///
    /// Those of the creation, of the body, and of [`TempFile::close`].
    ///
    /// # Cancel safety
    ///
    /// Rolls back: the body is dropped where it is, and the file is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let len = aio_files::temp_file()
    ///     .with(async |file| -> std::io::Result<_> {
    ///         file.write_all(b"scratch").await?;
    ///         Ok(file.metadata().await?.len())
    ///     })
    ///     .await?;
    /// assert_eq!(len, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut TempFile) -> Result<T, E>,
        E: From<io::Error>,
    {
        let mut file = self.await?;
        let result = body(&mut file).await;
        let closed = file.close().await;
        let value = result?;
        closed?;
        Ok(value)
    }

    async fn run(self) -> io::Result<TempFile> {
        let Self { place, buffer } = self;
        let folder = place.folder();
        Errand::reads("create in", &folder)
            .run_accounted(
                |made: TempFile| made.file.end_here(),
                move |folder| create(&place, folder, buffer),
            )
            .await
    }
}

/// Blocks.
fn create(place: &Place, folder: &Path, buffer: usize) -> io::Result<TempFile> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let (file, path) = place.make(folder, |path| options.open(path))?;
    let temporary = Temporary::at(Arc::clone(&path));
    let stays = temporary.switch();
    let manner = Manner {
        access: Access::ReadWrite,
        placement: Placement::AtPosition,
        buffer,
        cached: Cached::Asked,
    };
    let parting = Arc::default();
    let mut backing = Backing::new(
        file,
        Arc::clone(&path),
        manner,
        Origin::Opened,
        Arc::clone(&parting),
    )?;
    backing.temporary = Some(temporary);
    Ok(TempFile {
        file: File::new(backing, path, parting),
        stays,
    })
}

impl IntoFuture for CreateTempFile {
    type Output = io::Result<TempFile>;
    type IntoFuture = CreateTempFileFuture;

    fn into_future(self) -> CreateTempFileFuture {
        CreateTempFileFuture {
            running: Box::pin(self.run()),
        }
    }
}

/// The future of `temp_file().await`.
#[must_use = "futures do nothing unless awaited"]
pub struct CreateTempFileFuture {
    running: Pin<Box<dyn Future<Output = io::Result<TempFile>> + Send + Sync>>,
}

impl Future for CreateTempFileFuture {
    type Output = io::Result<TempFile>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.running.as_mut().poll(cx)
    }
}

impl fmt::Debug for CreateTempFileFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateTempFileFuture")
            .finish_non_exhaustive()
    }
}

/// A [`File`], open for reading and writing, that goes with this guard.
#[derive(Debug)]
#[must_use = "dropping it removes the file: use `keep` or `persist` for one that stays"]
pub struct TempFile {
    file: File,
    stays: Stays,
}

impl TempFile {
    /// The absolute path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Removes the file and says whether it is gone. What is buffered goes too.
    ///
    /// # Errors
    ///
    /// The system's, with the path; `NotFound` if somebody else has removed it.
    ///
    /// # Cancel safety
    ///
    /// Runs on: the file is removed.
    pub async fn close(self) -> io::Result<()> {
        let path = Arc::clone(self.file.shared_path());
        let backing = self.file.into_backing().await?;
        Errand::reads("remove", &path)
            .run_accounted(drop, move |_| Ok(Unheard::new(backing.remove())))
            .await?
            .hear()
    }

    /// Lets the file stay where it is: gives it, as any other file, and its path.
    pub fn keep(self) -> (File, PathBuf) {
        self.stays.say();
        let path = self.path().to_owned();
        (self.file, path)
    }

    /// Lets the file stay, under another name, and replaces what has that name.
    ///
    /// What is buffered is written first. The name must be on the same file
    /// system: create the file [there](CreateTempFile::in_dir). It stays private
    /// to this user, and a power cut may undo it; [`replace`](fn@crate::replace)
    /// is for files of which neither holds.
    ///
    /// # Errors
    ///
    /// The system's, with both paths, such as `CrossesDevices`; an earlier
    /// failed write or sync, again. The file is removed then.
    ///
    /// # Cancel safety
    ///
    /// Runs on: the file gets its name once that has begun, and is removed if
    /// it is cancelled earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// let mut file = aio_files::temp_file().in_dir(folder).await?;
    /// file.write_all(b"downloaded").await?;
    /// let file = file.persist(folder.join("x")).await?;
    /// assert_eq!(std::fs::read(folder.join("x"))?, b"downloaded");
    /// file.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn persist(self, path: impl AsRef<Path>) -> io::Result<File> {
        self.rename(path.as_ref().into(), |from, to| fs::rename(from, to))
            .await
    }

    /// Does what [`persist`](Self::persist) does if nothing has that name.
    ///
    /// # Errors
    ///
    /// As `persist`, and `AlreadyExists`. The file is removed then.
    ///
    /// # Cancel safety
    ///
    /// Runs on: the file gets its name once that has begun, and is removed if
    /// it is cancelled earlier.
    pub async fn persist_new(self, path: impl AsRef<Path>) -> io::Result<File> {
        self.rename(path.as_ref().into(), rename_new).await
    }

    async fn rename(
        self,
        to: Arc<Path>,
        rename: fn(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<File> {
        let from = Arc::clone(self.file.shared_path());
        let mut backing = self.file.into_backing().await?;
        Errand::changes("persist", &from)
            .to(&to)
            .run_accounted(File::end_here, move |from| {
                backing.done(Work::Flush)?;
                rename(from, &to)?;
                let parting = backing.stays_as(Arc::clone(&to));
                Ok(File::new(*backing, to, parting))
            })
            .await
    }
}

impl Deref for TempFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl DerefMut for TempFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.file
    }
}

like_a_file!(TempFile);
