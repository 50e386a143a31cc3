//! Folders: created and removed.

use std::fs;
use std::io;
use std::path::Path;

use crate::errand::Errand;

/// Creates a folder, whose parent must be there.
///
/// # Errors
///
/// The system's, with the path; `AlreadyExists` if something is there.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the same
/// path. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("new");
/// aio_files::os::create_dir(&path).await?;
/// assert!(path.is_dir());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "mkdir")]
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    Errand::changes("create", path.as_ref())
        .run(|path| fs::create_dir(path))
        .await
}

/// Creates a folder and all those that it is in, as far as they aren't there.
///
/// # Errors
///
/// The system's, with the path that was given. Parents that were created stay.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the same
/// path. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a/b/c");
/// aio_files::os::create_dir_all(&path).await?;
/// aio_files::os::create_dir_all(&path).await?; // is there already: `Ok`
/// # Ok(())
/// # }
/// ```
#[doc(alias = "makedirs")]
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    Errand::changes("create", path.as_ref())
        .run(|path| fs::create_dir_all(path))
        .await
}

/// Removes an empty folder.
///
/// # Errors
///
/// The system's, with the path; `DirectoryNotEmpty` if something is in it.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the path
/// or below it. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("new");
/// # std::fs::create_dir(&path)?;
/// aio_files::os::remove_dir(&path).await?;
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "rmdir")]
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    // What goes on below decides whether it is empty.
    Errand::changes("remove", path.as_ref())
        .with_all_below()
        .run(|path| fs::remove_dir(path))
        .await
}

/// Removes an empty folder, and then those that it is in as far as they are empty.
///
/// The first that can't be removed ends it, and is no error.
///
/// # Errors
///
/// The system's, with the path, of removing the folder itself.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the path,
/// below it, or on a folder that it is in. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let cache = folder.path().join("cache");
/// # std::fs::write(folder.path().join("keeps the parent"), "")?;
/// std::fs::create_dir_all(cache.join("a/b"))?;
/// aio_files::os::remove_dirs(cache.join("a/b")).await?;
/// assert!(!cache.exists());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "removedirs")]
pub async fn remove_dirs(path: impl AsRef<Path>) -> io::Result<()> {
    Errand::changes("remove", path.as_ref())
        .with_all_below()
        .with_all_above()
        .run(|path| {
            fs::remove_dir(path)?;
            prune(path.parent());
            Ok(())
        })
        .await
}

/// Removes a folder and everything in it.
///
/// Links in it are removed, and what they lead to stays, also if somebody puts a
/// link in the place of a folder meanwhile. A path that is itself a link is
/// removed as a link.
///
/// # Errors
///
/// The system's, with the path that was given. Some of it may have been removed.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the path
/// or below it. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("cache");
/// # std::fs::create_dir_all(path.join("a/b"))?;
/// aio_files::os::remove_dir_all(&path).await?;
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "rmtree")]
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    Errand::changes("remove", path.as_ref())
        .with_all_below()
        .run(|path| fs::remove_dir_all(path))
        .await
}

/// Removes empty folders upwards, until one can't be removed.
pub(super) fn prune(folder: Option<&Path>) {
    let mut folder = folder;
    while let Some(empty) = folder
        && fs::remove_dir(empty).is_ok()
    {
        folder = empty.parent();
    }
}
