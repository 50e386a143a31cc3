//! What is at a path.

use std::fs;
use std::io;
use std::path::Path;

use crate::errand::Errand;

/// Gives the size, times, permissions and kind of what a path leads to.
///
/// Links are followed.
///
/// # Errors
///
/// The system's, with the path.
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
/// # let path = folder.path().join("x");
/// aio_files::write(&path, "Bob").await?;
/// assert_eq!(aio_files::os::metadata(&path).await?.len(), 3);
/// # Ok(())
/// # }
/// ```
#[doc(alias("stat", "getsize", "getmtime", "getatime", "getctime"))]
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<fs::Metadata> {
    Errand::reads("stat", path.as_ref())
        .run(|path| fs::metadata(path))
        .await
}

/// Gives the size, times, permissions and kind of what is at a path.
///
/// A link is not followed: it is the link's own.
///
/// # Errors
///
/// The system's, with the path.
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
/// # let path = folder.path().join("x");
/// # #[cfg(unix)] {
/// use aio_files::os;
///
/// os::symlink("nowhere", &path).await?;
/// assert!(os::symlink_metadata(&path).await?.is_symlink());
/// # }
/// # Ok(())
/// # }
/// ```
#[doc(alias = "lstat")]
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<fs::Metadata> {
    Errand::reads("stat", path.as_ref())
        .run(|path| fs::symlink_metadata(path))
        .await
}

/// Says whether a path leads to something.
///
/// A link to nowhere doesn't. What can't be looked at is an error and not a
/// `false`: a `false` may be acted on.
///
/// # Errors
///
/// The system's, with the path, except that there is no such file.
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
/// assert!(!aio_files::os::exists("/nowhere/x").await?);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "try_exists")]
pub async fn exists(path: impl AsRef<Path>) -> io::Result<bool> {
    Errand::reads("stat", path.as_ref())
        .run(|path| fs::exists(path))
        .await
}

/// Says whether a path leads to a regular file.
///
/// # Errors
///
/// The system's, with the path, except that there is no such file.
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
/// assert!(!aio_files::os::is_file("/").await?);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "isfile")]
pub async fn is_file(path: impl AsRef<Path>) -> io::Result<bool> {
    Errand::reads("stat", path.as_ref())
        .run(|path| found(fs::metadata(path), fs::Metadata::is_file))
        .await
}

/// Says whether a path leads to a folder.
///
/// # Errors
///
/// The system's, with the path, except that there is no such file.
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
/// assert!(aio_files::os::is_dir("/").await?);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "isdir")]
pub async fn is_dir(path: impl AsRef<Path>) -> io::Result<bool> {
    Errand::reads("stat", path.as_ref())
        .run(|path| found(fs::metadata(path), fs::Metadata::is_dir))
        .await
}

/// Says whether a symbolic link is at a path, wherever it leads to.
///
/// # Errors
///
/// The system's, with the path, except that there is no such file.
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
/// assert!(!aio_files::os::is_symlink("/").await?);
/// # Ok(())
/// # }
/// ```
#[doc(alias("islink", "is_link"))]
pub async fn is_symlink(path: impl AsRef<Path>) -> io::Result<bool> {
    Errand::reads("stat", path.as_ref())
        .run(|path| found(fs::symlink_metadata(path), fs::Metadata::is_symlink))
        .await
}

/// What there is not, is none of the kinds.
fn found(
    metadata: io::Result<fs::Metadata>,
    is: impl Fn(&fs::Metadata) -> bool,
) -> io::Result<bool> {
    match metadata {
        Ok(metadata) => Ok(is(&metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
