//! Opening a file: the builder and its future.

use std::fmt;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use crate::backing::{Backing, Manner, Origin};
use crate::cached::Cached;
use crate::errand::Errand;
use crate::error::PathError;
use crate::file::File;
use crate::mode::{Access, Content, Creation, Mode, Placement};
use crate::turnstile::Ticket;

/// The size of each buffer of a file, in bytes, unless told otherwise.
pub(crate) const BUFFER: usize = 256 * 1024;

/// Opens a file: for reading, unless an option says otherwise.
///
/// `.await` gives the [`File`]; `.with(async |file| …)` gives what the body gives,
/// and closes the file on the way out, which reports what a drop can't.
///
/// # Cancel safety
///
/// Runs on: a file may have been created or truncated. No descriptor is left.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("log");
/// let mut log = aio_files::open(&path).append().create().await?;
/// log.write_all(b"started\n").await?;
/// log.close().await?;
/// # Ok(())
/// # }
/// ```
pub fn open(path: impl AsRef<Path>) -> Open {
    Open {
        path: path.as_ref().into(),
        mode: Mode::READ,
        invalid: None,
        buffer: BUFFER,
        cached: Cached::Asked,
    }
}

/// The builder of [`open`](crate::open()): `.await` it, or use `.with(…)`.
///
/// # Cancel safety
///
/// Runs on, when awaited: a file may have been created or truncated. No
/// descriptor is left.
#[must_use = "nothing is opened until it is awaited or used by `with`"]
#[derive(Clone)]
pub struct Open {
    path: Arc<Path>,
    mode: Mode,
    /// A mode string that can't be: told when it is awaited, since builders don't fail.
    invalid: Option<String>,
    buffer: usize,
    cached: Cached,
}

impl Open {
    /// For reading and writing, from the start, without truncating. The file must be there.
    pub fn read_write(mut self) -> Self {
        self.mode.access = Access::ReadWrite;
        self
    }

    /// For writing alone, from the start, without truncating. The file must be there.
    pub fn write(mut self) -> Self {
        self.mode.access = Access::Write;
        self
    }

    /// For writing at the end, whoever else writes there; with
    /// [`read_write`](Self::read_write) for reading as well.
    ///
    /// The position is at the end at first, as in Python. The file must be there
    /// unless [`create`](Self::create) is used.
    pub fn append(mut self) -> Self {
        if self.mode.access == Access::Read {
            self.mode.access = Access::Write;
        }
        self.mode.placement = Placement::AtEnd;
        self
    }

    /// Creates the file if it isn't there. It must be opened for writing.
    pub fn create(mut self) -> Self {
        self.mode.creation = Creation::Create;
        self
    }

    /// Creates the file, and fails with `AlreadyExists` if it is there.
    pub fn create_new(mut self) -> Self {
        self.mode.creation = Creation::CreateNew;
        self
    }

    /// Empties the file if it is there. It must be opened for writing, not appending.
    pub fn truncate(mut self) -> Self {
        self.mode.content = Content::Truncate;
        self
    }

    /// Opens as Python does for this mode string; replaces the options before it.
    ///
    /// | mode | is |
    /// |---|---|
    /// | `"r"` | the default: reading; the file must be there |
    /// | `"r+"` | `.read_write()` |
    /// | `"w"`, `"w+"` | `.write()` or `.read_write()`, `.create().truncate()` |
    /// | `"a"`, `"a+"` | `.append()`, `+` with `.read_write()`, and `.create()` |
    /// | `"x"`, `"x+"` | `.write()` or `.read_write()`, `.create_new()` |
    ///
    /// A `b` or a `t`, anywhere, is accepted and changes nothing: a file gives
    /// bytes, and [`File::read_to_string`] makes text of them. Any other string
    /// is an error of the opening, `InvalidInput`, that names it.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let error = aio_files::open("notes").mode("rw").await.unwrap_err();
    /// assert!(error.to_string().starts_with(r#"open notes: invalid mode "rw""#));
    /// # }
    /// ```
    pub fn mode(mut self, mode: &str) -> Self {
        match Mode::parse(mode) {
            Ok(parsed) => {
                self.mode = parsed;
                self.invalid = None;
            }
            Err(_) => self.invalid = Some(mode.to_owned()),
        }
        self
    }

    /// Gives each of the two buffers `size` bytes instead of 262,144; 0 is no buffer.
    ///
    /// A buffer is allocated when it is first used, and grows to its size with
    /// use. Without one every write is a hop of its own, and one system call as
    /// far as it fits into 2 MiB; and so is every read of what isn't cached.
    #[doc(alias = "buffering")]
    pub fn buffer(mut self, size: usize) -> Self {
        self.buffer = size;
        self
    }

    /// Reads by another thread, also what is in the page cache.
    ///
    /// Otherwise what is there is copied on the caller's thread, at most 256 KiB
    /// a poll, which takes less time than a hop. Use this on a thread that must
    /// not spend even that, or to compare.
    pub fn no_cached_reads(mut self) -> Self {
        self.cached = Cached::Refused;
        self
    }

    /// Opens the file, runs `body` with it, and closes it.
    ///
    /// It is Python's `async with`: there is no way around the close, and what the
    /// close says isn't lost. The body's error wins over the close's. A panic of
    /// the body drops the file, which writes what is buffered.
    ///
    /// # Errors
    ///
    /// Those of the opening, of the body, and of [`File::close`].
    ///
    /// # Cancel safety
    ///
    /// Runs on: the body is dropped where it is, and then the file is; what it had
    /// written is written.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// aio_files::open(&path)
    ///     .mode("w")
    ///     .with(async |file| -> std::io::Result<_> { file.write_all(b"all or an error").await })
    ///     .await?;
    /// assert_eq!(std::fs::read(&path)?, b"all or an error");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut File) -> Result<T, E>,
        E: From<io::Error>,
    {
        let mut file = self.await?;
        let result = body(&mut file).await;
        let closed = file.close().await;
        let value = result?;
        closed?;
        Ok(value)
    }

    async fn run(self) -> io::Result<File> {
        let Self {
            path,
            mode,
            invalid,
            buffer,
            cached,
        } = self;
        if let Some(invalid) = invalid {
            let cause = Mode::parse(&invalid).err().map_or_else(
                || io::Error::from(io::ErrorKind::InvalidInput),
                io::Error::from,
            );
            return Err(PathError::new("open", &path, cause).into_io());
        }
        // Whoever creates or truncates has a place in the order itself, so that a
        // cancelled one can't empty the file after somebody has filled it.
        let errand = match mode.changes() {
            true => Errand::changes("open", &path),
            false => Errand::reads("open", &path),
        };
        let parting = Arc::new(OnceLock::new());
        let opening = Opening {
            path: Arc::clone(&path),
            mode,
            buffer,
            cached,
            parting: Arc::clone(&parting),
        };
        let backing = errand.run_even_at_a_fifo(move |_| opening.open()).await?;
        Ok(File::new(backing, path, parting))
    }
}

impl IntoFuture for Open {
    type Output = io::Result<File>;
    type IntoFuture = OpenFuture;

    fn into_future(self) -> OpenFuture {
        OpenFuture {
            running: Box::pin(self.run()),
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("path", &self.path)
            .field("mode", &self.mode)
            .field("invalid", &self.invalid)
            .field("buffer", &self.buffer)
            .field("cached", &self.cached)
            .finish()
    }
}

/// The future of `open(…).await`.
#[must_use = "futures do nothing unless awaited"]
pub struct OpenFuture {
    running: Pin<Box<dyn Future<Output = io::Result<File>> + Send + Sync>>,
}

impl Future for OpenFuture {
    type Output = io::Result<File>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<File>> {
        self.running.as_mut().poll(cx)
    }
}

impl fmt::Debug for OpenFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFuture").finish_non_exhaustive()
    }
}

/// What a job needs for opening; its methods block.
struct Opening {
    path: Arc<Path>,
    mode: Mode,
    buffer: usize,
    cached: Cached,
    parting: Arc<OnceLock<Ticket>>,
}

impl Opening {
    fn open(&self) -> io::Result<Backing> {
        let file = self.mode.options().open(&self.path)?;
        let manner = Manner {
            access: self.mode.access,
            placement: self.mode.placement,
            buffer: self.buffer,
            cached: self.cached,
        };
        let (path, parting) = (Arc::clone(&self.path), Arc::clone(&self.parting));
        Backing::new(file, path, manner, Origin::Opened, parting)
    }
}
