//! What this process may do with a path.
#![cfg(unix)]

use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, accessat};

use crate::errand::Errand;

/// What one wants to do with a file; see [`access`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Find something there.
    #[doc(alias = "F_OK")]
    Exists,
    /// Read the file, or list the folder.
    #[doc(alias = "R_OK")]
    Read,
    /// Write the file, or create and remove in the folder.
    #[doc(alias = "W_OK")]
    Write,
    /// Run the program, or go through the folder.
    #[doc(alias = "X_OK")]
    Execute,
}

/// Says whether the kernel would let this process do something with a file.
///
/// It is asked for the real user, as Python's `os.access` does. An answer may be
/// outdated when it comes: to use a file, open it and look at the error.
///
/// # Errors
///
/// The system's, with the path, except those that say no: the file isn't there,
/// or isn't permitted, or is on a file system that is read only.
///
/// # Cancel safety
///
/// Cancel safe: nothing is changed.
///
/// # Examples
///
/// ```
/// use aio_files::os::{self, Access};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// aio_files::write(&path, "Bob").await?;
/// assert!(os::access(&path, Access::Read).await?);
/// assert!(!os::access(&path, Access::Execute).await?);
/// # Ok(())
/// # }
/// ```
pub async fn access(path: impl AsRef<Path>, wanted: Access) -> io::Result<bool> {
    use rustix::fs::Access as Asked;
    use rustix::io::Errno;

    let asked = match wanted {
        Access::Exists => Asked::EXISTS,
        Access::Read => Asked::READ_OK,
        Access::Write => Asked::WRITE_OK,
        Access::Execute => Asked::EXEC_OK,
    };
    Errand::reads("access", path.as_ref())
        .run(
            move |path| match accessat(CWD, path, asked, AtFlags::empty()) {
                Ok(()) => Ok(true),
                Err(Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::TXTBSY | Errno::NOENT) => {
                    Ok(false)
                }
                Err(error) => Err(error.into()),
            },
        )
        .await
}
