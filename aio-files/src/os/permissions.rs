//! Who may do what.

use std::fs;
use std::io;
use std::path::Path;

use crate::errand::Errand;

/// Changes the permissions of what a path leads to.
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
/// use aio_files::os;
///
/// aio_files::write(&path, "Bob").await?;
/// let mut permissions = os::metadata(&path).await?.permissions();
/// permissions.set_readonly(true);
/// os::set_permissions(&path, permissions).await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "chmod")]
pub async fn set_permissions(
    path: impl AsRef<Path>,
    permissions: fs::Permissions,
) -> io::Result<()> {
    Errand::changes("chmod", path.as_ref())
        .run(|path| fs::set_permissions(path, permissions))
        .await
}
