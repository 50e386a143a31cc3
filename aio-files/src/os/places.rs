//! Where a path is.

use std::env;
use std::fs;
use std::io;
use std::path::{self, Path, PathBuf};

use crate::errand::Errand;

/// Gives the absolute path without `..` and links that a path leads to.
///
/// Something must be there.
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
/// let here = aio_files::os::canonicalize(".").await?;
/// assert!(here.is_absolute());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "realpath")]
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    Errand::reads("resolve", path.as_ref())
        .run(|path| fs::canonicalize(path))
        .await
}

/// Makes a path absolute, without looking whether anything is there.
///
/// Links aren't followed, and `..` stays, since it may lead out of a link.
///
/// # Errors
///
/// The system's, with the path: there is no current folder any more. And
/// `InvalidInput` if the path is empty.
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
/// let path = aio_files::os::absolute("some/file").await?;
/// assert!(path.is_absolute() && path.ends_with("some/file"));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "abspath")]
pub async fn absolute(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    Errand::reads("resolve", path.as_ref())
        .out_of_order()
        .run(|path| path::absolute(path))
        .await
}

/// Gives the current folder of the process, where relative paths start.
///
/// # Errors
///
/// The system's, with the path `.`: it has been removed, or may not be seen.
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
/// assert_eq!(aio_files::os::current_dir().await?, std::env::current_dir()?);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "getcwd")]
pub async fn current_dir() -> io::Result<PathBuf> {
    Errand::reads("resolve", Path::new("."))
        .out_of_order()
        .run(|_| env::current_dir())
        .await
}
