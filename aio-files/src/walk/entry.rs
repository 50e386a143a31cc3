//! What a walk finds.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::Links;
use crate::errand::Errand;

/// A file, a folder or something else that a walk has found.
///
/// What it says without `.await` it knows from the folder's list, which costs
/// nothing; [`metadata`](Self::metadata) asks the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(super) path: PathBuf,
    pub(super) depth: usize,
    pub(super) file_type: FileType,
    pub(super) reached: Reached,
    /// Its inode.
    pub(super) number: u64,
    /// Which folder is left out if the consumer skips here, by its number in the walk.
    pub(super) folder: u64,
    pub(super) skips: Skips,
}

/// By which name an entry was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Directly,
    /// Through a link, which was followed.
    ByLink,
}

impl Reached {
    /// What becomes of a link where a folder is that was reached so: one that was
    /// none when it was seen is refused.
    pub(super) fn links(self) -> Links {
        match self {
            Self::Directly => Links::Refused,
            Self::ByLink => Links::Followed,
        }
    }
}

/// What of an entry's surroundings is left out if the consumer skips there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skips {
    /// What is in it: a folder that is entered next.
    Contents,
    /// The rest of the folder that it is in.
    Siblings,
}

impl Entry {
    /// The path: that of the root as it was given, and the names below it. There
    /// the root is without the slashes and dots that may be at its end.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path, without a copy.
    pub fn into_path(self) -> PathBuf {
        self.path
    }

    /// The last name of the path; the whole of it where it has none, as `/` and `..`.
    pub fn file_name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(self.path.as_os_str())
    }

    /// How many names lie between the root, which has 0, and this.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// What it is: for a link, [`FileType::Symlink`], unless links are followed.
    pub fn file_type(&self) -> FileType {
        self.file_type
    }

    /// True of a folder.
    pub fn is_dir(&self) -> bool {
        self.file_type.is_dir()
    }

    /// True of a regular file.
    pub fn is_file(&self) -> bool {
        self.file_type.is_file()
    }

    /// True if its path is that of a link, also of one that was followed.
    #[doc(alias = "is_link")]
    pub fn path_is_symlink(&self) -> bool {
        self.file_type.is_symlink() || self.reached == Reached::ByLink
    }

    /// The inode, which is free as well. It says little without the device, which
    /// [`metadata`](Self::metadata) has.
    pub fn ino(&self) -> u64 {
        self.number
    }

    /// Asks the system for size, times and owner, in one hop: of the target where a
    /// link was followed, and otherwise of the link itself.
    ///
    /// For thousands of entries, asking for many at once costs less.
    ///
    /// # Errors
    ///
    /// The system's, with the path: `NotFound` if the entry has gone since it was
    /// found, `InvalidFilename` if its path is longer than the system takes.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("x"), [0; 10])?;
    /// let mut bytes = 0;
    /// let mut entries = aio_files::walk(folder.path()).stream();
    /// while let Some(entry) = entries.next().await {
    ///     let entry = entry?;
    ///     if entry.is_file() {
    ///         bytes += entry.metadata().await?.len();
    ///     }
    /// }
    /// assert_eq!(bytes, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn metadata(&self) -> io::Result<fs::Metadata> {
        let reached = self.reached;
        Errand::reads("stat", &self.path)
            .run(move |path| match reached {
                Reached::ByLink => fs::metadata(path),
                Reached::Directly => fs::symlink_metadata(path),
            })
            .await
    }
}

/// What an entry is, as its folder's list says.
///
/// std's type of this name can't be made outside of std.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileType {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link that wasn't followed.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket of the local system.
    Socket,
    /// A device that is read and written in order, such as a terminal.
    CharDevice,
    /// A device that is addressed, such as a disk.
    BlockDevice,
    /// What the system has no name for.
    Unknown,
}

impl FileType {
    /// True of [`FileType::Dir`].
    pub fn is_dir(self) -> bool {
        self == Self::Dir
    }

    /// True of [`FileType::File`].
    pub fn is_file(self) -> bool {
        self == Self::File
    }

    /// True of [`FileType::Symlink`].
    pub fn is_symlink(self) -> bool {
        self == Self::Symlink
    }
}
