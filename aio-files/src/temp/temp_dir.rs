use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::mem;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::place::Place;
use crate::errand::Errand;
use crate::error::PathError;
use crate::offload::{self, Lane};
use crate::parting::Unheard;
use crate::turnstile::{self, Claim, Effect};

/// Creates a folder that goes with its guard, and with it all that is in it.
///
/// `.await` gives a [`TempDir`]; `.with(async |dir| …)` removes it on the way out
/// and says whether it is gone. Only this user may look into it.
///
/// # Cancel safety
///
/// Rolls back: a folder that was created is removed.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let dir = aio_files::temp_dir().prefix("build-").await?;
/// aio_files::write(dir.path().join("x"), "scratch").await?;
/// dir.close().await?; // it is gone, and `x` too
/// # Ok(())
/// # }
/// ```
#[doc(alias = "TemporaryDirectory")]
#[doc(alias = "mkdtemp")]
pub fn temp_dir() -> CreateTempDir {
    CreateTempDir {
        place: Place::default(),
    }
}

/// The builder of [`temp_dir`]: `.await` it, or use `.with(…)`.
///
/// # Cancel safety
///
/// Rolls back, when awaited: a folder that was created is removed.
#[must_use = "nothing is created until it is awaited or used by `with`"]
#[derive(Clone, Debug)]
pub struct CreateTempDir {
    place: Place,
}

impl CreateTempDir {
    /// Creates it in this folder instead of the system's for such things.
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

    /// Creates a folder, runs `body` with it, and removes it.
    ///
    /// The body's error wins over that of the removal. A panic of the body
    /// removes the folder too.
    ///
    /// # Errors
    ///
    /// Those of the creation, of the body, and of [`TempDir::close`].
    ///
    /// # Cancel safety
    ///
    /// Rolls back: the body is dropped where it is, and the folder is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let there = aio_files::temp_dir()
    ///     .with(async |dir| -> std::io::Result<_> {
    ///         aio_files::write(dir.path().join("x"), "scratch").await?;
    ///         Ok(dir.path().to_owned())
    ///     })
    ///     .await?;
    /// assert!(!there.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut TempDir) -> Result<T, E>,
        E: From<io::Error>,
    {
        let mut folder = self.await?;
        let result = body(&mut folder).await;
        let closed = folder.close().await;
        let value = result?;
        closed?;
        Ok(value)
    }

    async fn run(self) -> io::Result<TempDir> {
        let place = self.place;
        let folder = place.folder();
        Errand::reads("create in", &folder)
            .run_accounted(TempDir::end_here, move |folder| {
                let mut folders = fs::DirBuilder::new();
                #[cfg(unix)]
                std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
                let ((), path) = place.make(folder, |path| folders.create(path))?;
                Ok(TempDir {
                    path,
                    end: End::Removed,
                })
            })
            .await
    }
}

impl IntoFuture for CreateTempDir {
    type Output = io::Result<TempDir>;
    type IntoFuture = CreateTempDirFuture;

    fn into_future(self) -> CreateTempDirFuture {
        CreateTempDirFuture {
            running: Box::pin(self.run()),
        }
    }
}

/// The future of `temp_dir().await`.
#[must_use = "futures do nothing unless awaited"]
pub struct CreateTempDirFuture {
    running: Pin<Box<dyn Future<Output = io::Result<TempDir>> + Send + Sync>>,
}

impl Future for CreateTempDirFuture {
    type Output = io::Result<TempDir>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.running.as_mut().poll(cx)
    }
}

impl fmt::Debug for CreateTempDirFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateTempDirFuture")
            .finish_non_exhaustive()
    }
}

/// A folder that goes with this guard, whoever has put what into it.
///
/// What has begun below it through this crate, and what files dropped there have
/// to write, is over before it is removed. Links in it are removed, and never
/// followed.
#[derive(Debug)]
#[must_use = "dropping it removes the folder: use `keep` for one that stays"]
pub struct TempDir {
    path: Arc<Path>,
    end: End,
}

/// What becomes of the folder when its guard is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Removed,
    /// It stays, or somebody sees to it already.
    Left,
}

impl TempDir {
    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder and all that is in it, and says whether it is gone.
    ///
    /// # Errors
    ///
    /// The system's, with the path of the folder, and a part of it may be left;
    /// `NotFound` if somebody else has removed it.
    ///
    /// # Cancel safety
    ///
    /// Runs on: the folder is removed, and an error goes to
    /// [`drained`](crate::drained).
    pub async fn close(mut self) -> io::Result<()> {
        self.end = End::Left;
        let (reply, answer) = oneshot::channel();
        remove_in_turn(Arc::clone(&self.path), |removed| {
            drop(reply.send(Unheard::new(removed)));
        });
        match answer.await {
            Ok(answer) => answer.hear(),
            Err(_) => Err(PathError::new("remove", &self.path, offload::lost()).into_io()),
        }
    }

    /// Removes it on a job's thread, when nobody has had it.
    fn end_here(mut self) {
        self.end = End::Left;
        drop(Unheard::new(remove(&self.path)));
    }

    /// Lets the folder stay, and gives its path.
    pub fn keep(mut self) -> PathBuf {
        self.end = End::Left;
        self.path.to_path_buf()
    }
}

impl AsRef<Path> for TempDir {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempDir {
    /// Hands the removal over, and never waits.
    fn drop(&mut self) {
        if mem::replace(&mut self.end, End::Left) == End::Removed {
            remove_in_turn(Arc::clone(&self.path), |removed| match removed {
                // Who has taken it away has done what was to be done.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => drop(Unheard::new(removed)),
            });
        }
    }
}

/// Removes it when everything below is over; not by an errand, which is not run
/// when nobody waits for its answer.
fn remove_in_turn(path: Arc<Path>, tell: impl FnOnce(io::Result<()>) + Send + 'static) {
    let claims = vec![Claim::below(&path)];
    turnstile::enter(claims, Effect::Changes, move |ticket| {
        offload::submit(Lane::Shared, move || {
            tell(remove(&path));
            // Only now, so that `drained` knows what nobody else was told.
            drop(ticket);
        });
    });
}

fn remove(path: &Arc<Path>) -> io::Result<()> {
    fs::remove_dir_all(path).map_err(|cause| PathError::new("remove", path, cause).into_io())
}
