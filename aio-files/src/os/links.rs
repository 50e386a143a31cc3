//! Links: made and read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::errand::Errand;

/// Gives a file a further name, which must be free and on the same file system.
///
/// # Errors
///
/// The system's, with both paths.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the link's
/// path. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (x, y) = (folder.path().join("x"), folder.path().join("y"));
/// aio_files::write(&x, "Bob").await?;
/// aio_files::os::hard_link(&x, &y).await?;
/// assert_eq!(aio_files::read(&y).await?, b"Bob");
/// # Ok(())
/// # }
/// ```
pub async fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let at: Arc<Path> = link.as_ref().into();
    Errand::reads_and_changes("link", original.as_ref(), link.as_ref())
        .run(move |original| fs::hard_link(original, at))
        .await
}

/// Makes a symbolic link that leads to `original`, which need not be there.
///
/// If `original` is relative, it starts at the folder that the link is in.
///
/// # Errors
///
/// The system's, with both paths; `AlreadyExists` if something has the link's path.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the link's
/// path. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (x, link) = (folder.path().join("x"), folder.path().join("link"));
/// aio_files::write(&x, "Bob").await?;
/// aio_files::os::symlink("x", &link).await?;
/// assert_eq!(aio_files::read(&link).await?, b"Bob");
/// # Ok(())
/// # }
/// ```
#[cfg(unix)]
pub async fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    use crate::error::PathError;

    let original: Arc<Path> = original.as_ref().into();
    // It is the link that is made; the original is only written into it.
    Errand::changes("symlink", link.as_ref())
        .run(move |link| {
            std::os::unix::fs::symlink(&original, link).map_err(|cause| {
                PathError::new("symlink", &original, cause)
                    .and_to(&link.into())
                    .into_io()
            })
        })
        .await
}

/// Gives the path that a symbolic link leads to, as it is written in it.
///
/// # Errors
///
/// The system's, with the path; `InvalidInput` if it is no link.
///
/// # Cancel safety
///
/// Cancel safe: nothing is changed.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let link = folder.path().join("link");
/// # #[cfg(unix)] {
/// aio_files::os::symlink("../x", &link).await?;
/// assert_eq!(aio_files::os::read_link(&link).await?, std::path::Path::new("../x"));
/// # }
/// # Ok(())
/// # }
/// ```
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    Errand::reads("readlink", path.as_ref())
        .run(|path| fs::read_link(path))
        .await
}
