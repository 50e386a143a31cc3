//! One of the things in a folder.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::errand::Errand;

/// A file, folder, link or other thing in a folder, as it was when it was listed.
#[derive(Clone, Debug)]
pub struct Entry {
    folder: Arc<Path>,
    name: OsString,
    file_type: fs::FileType,
    #[cfg(unix)]
    inode: u64,
}

impl Entry {
    /// Asks for the kind only where the listing hasn't said it.
    pub(super) fn of(folder: &Arc<Path>, entry: &fs::DirEntry) -> io::Result<Self> {
        Ok(Self {
            folder: Arc::clone(folder),
            name: entry.file_name(),
            file_type: entry.file_type()?,
            #[cfg(unix)]
            inode: std::os::unix::fs::DirEntryExt::ino(entry),
        })
    }

    /// The folder's path, as it was given, with the name.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// The name alone.
    #[doc(alias = "name")]
    pub fn file_name(&self) -> &OsStr {
        &self.name
    }

    /// Whether it is a file, a folder, a link or something else; known without
    /// asking again. A link isn't followed.
    #[doc(alias("is_file", "is_dir", "is_symlink"))]
    pub fn file_type(&self) -> fs::FileType {
        self.file_type
    }

    /// The number by which its file system knows it.
    #[cfg(unix)]
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// Gives its size, times and permissions as they are now. A link isn't followed.
    ///
    /// # Errors
    ///
    /// The system's, with the path: `NotFound` if it has been removed since.
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
    /// # let path = folder.path();
    /// # aio_files::write(path.join("x"), "Bob").await?;
    /// let mut bytes = 0;
    /// for entry in aio_files::os::read_dir(path).await? {
    ///     bytes += entry.metadata().await?.len();
    /// }
    /// assert_eq!(bytes, 3);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "stat")]
    pub async fn metadata(&self) -> io::Result<fs::Metadata> {
        Errand::reads("stat", &self.path())
            .run(|path| fs::symlink_metadata(path))
            .await
    }
}
