//! Names: moved and removed.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::folders::prune;
use crate::errand::Errand;

/// Removes a file or a link; the file goes when its last name and its last user do.
///
/// # Errors
///
/// The system's, with the path.
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
/// # let path = folder.path().join("x");
/// aio_files::write(&path, "Bob").await?;
/// aio_files::os::remove_file(&path).await?;
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
#[doc(alias("unlink", "remove"))]
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    Errand::changes("remove", path.as_ref())
        .run(|path| fs::remove_file(path))
        .await
}

/// Gives a file or a folder another name, in the place of what has that name.
///
/// Whoever looks meanwhile finds one or the other, and never nothing. A folder
/// replaces only an empty folder, and both names must be on one file system. A
/// power cut may undo it.
///
/// # Errors
///
/// The system's, with both paths; `CrossesDevices` if they are on two file systems.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on both paths
/// or below them. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (old, new) = (folder.path().join("old"), folder.path().join("new"));
/// aio_files::write(&old, "Bob").await?;
/// aio_files::os::rename(&old, &new).await?;
/// assert_eq!(aio_files::read(&new).await?, b"Bob");
/// # Ok(())
/// # }
/// ```
#[doc(alias("replace", "move"))]
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let target: Arc<Path> = to.as_ref().into();
    Errand::changes("rename", from.as_ref())
        .to(to.as_ref())
        .with_all_below()
        .run(move |from| fs::rename(from, target))
        .await
}

/// Renames, creates the folders that the new name needs, and removes those that
/// the old name leaves empty.
///
/// # Errors
///
/// The system's, with both paths. Folders that were created stay. An old folder
/// that can't be removed is no error.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on both paths,
/// below them, or on the folders that they are in. Cancelled earlier, it never
/// happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let inbox = folder.path().join("inbox");
/// # let archive = folder.path().join("archive");
/// # std::fs::create_dir_all(inbox.join("2026"))?;
/// aio_files::write(inbox.join("2026/x"), "Bob").await?;
/// aio_files::os::renames(inbox.join("2026/x"), archive.join("2026/x")).await?;
/// assert!(archive.join("2026/x").exists() && !inbox.exists());
/// # Ok(())
/// # }
/// ```
pub async fn renames(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let target: Arc<Path> = to.as_ref().into();
    Errand::changes("rename", from.as_ref())
        .to(to.as_ref())
        .with_all_below()
        .with_all_above()
        .run(move |from| {
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::rename(from, target)?;
            prune(from.parent());
            Ok(())
        })
        .await
}
