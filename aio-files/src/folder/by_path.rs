//! By the path of the folder, where folders have no descriptors.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Access, Found, Kind, Links};

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Self { path: path.into() }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Creates a file that wasn't there, for reading and writing.
    pub(crate) fn create_new(&self, name: &OsStr, _: Access) -> io::Result<fs::File> {
        fs::File::create_new(self.path.join(name))
    }

    pub(crate) fn open_no_follow(&self, name: &OsStr) -> io::Result<fs::File> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path)?.is_symlink() {
            true => Err(io::ErrorKind::InvalidInput.into()),
            false => fs::File::open(path),
        }
    }

    /// Looks at what has this name; nothing has it, or what it leads to isn't there.
    pub(crate) fn look(&self, name: &OsStr, links: Links) -> io::Result<Option<Found>> {
        let path = self.path.join(name);
        let found = match links {
            Links::Followed => fs::metadata(path),
            Links::Kept => fs::symlink_metadata(path),
        };
        match found {
            Ok(metadata) => Ok(Some(Found {
                kind: match metadata.file_type() {
                    kind if kind.is_file() => Kind::File,
                    kind if kind.is_dir() => Kind::Folder,
                    kind if kind.is_symlink() => Kind::Link,
                    _ => Kind::Special,
                },
                permissions: metadata.permissions(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives one file of the folder another name, and replaces what had it.
    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    /// The same if nothing has that name.
    pub(crate) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        rename_new(&self.path.join(from), &self.path.join(to))
    }

    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    /// The names in it for which `wanted` says yes.
    pub(crate) fn names(&self, wanted: fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if wanted(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Folders can't be synced here: the file system orders its names itself.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Renames if nothing has the new name.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    // The file has its name. That it has the old one too is less of a failure
    // than saying that it hasn't.
    drop(fs::remove_file(from));
    Ok(())
}
