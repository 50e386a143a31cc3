//! By a descriptor of the folder.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::{Access, Found, Kind, Links};

#[derive(Debug)]
pub(crate) struct Folder {
    handle: OwnedFd,
}

impl Folder {
    /// Opens it for reading, since only then it can be synced.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))?;
        Ok(Self { handle })
    }

    /// Creates a file that wasn't there, for reading and writing.
    pub(crate) fn create_new(&self, name: &OsStr, access: Access) -> io::Result<fs::File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = match access {
            Access::Private => Mode::RUSR | Mode::WUSR,
            Access::Usual => Mode::from_raw_mode(0o666),
        };
        let file = retry_on_intr(|| rustix::fs::openat(&self.handle, name, flags, mode))?;
        Ok(file.into())
    }

    /// Opens what has this name for reading, without waiting at a FIFO and
    /// without following a link.
    pub(crate) fn open_no_follow(&self, name: &OsStr) -> io::Result<fs::File> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = retry_on_intr(|| rustix::fs::openat(&self.handle, name, flags, Mode::empty()))?;
        Ok(file.into())
    }

    /// Looks at what has this name; nothing has it, or what it leads to isn't there.
    pub(crate) fn look(&self, name: &OsStr, links: Links) -> io::Result<Option<Found>> {
        let flags = match links {
            Links::Followed => AtFlags::empty(),
            Links::Kept => AtFlags::SYMLINK_NOFOLLOW,
        };
        match retry_on_intr(|| rustix::fs::statat(&self.handle, name, flags)) {
            Ok(stat) => Ok(Some(found(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives one file of the folder another name, and replaces what had it.
    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let (handle, to) = (&self.handle, to);
        Ok(retry_on_intr(|| {
            rustix::fs::renameat(handle, from, handle, to)
        })?)
    }

    /// The same if nothing has that name.
    pub(crate) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        rename_new_at(&self.handle, from.as_ref(), to.as_ref())
    }

    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        let removed = retry_on_intr(|| rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()));
        Ok(removed?)
    }

    /// The names in it for which `wanted` says yes.
    pub(crate) fn names(&self, wanted: fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let name = OsString::from_vec(entry?.file_name().to_bytes().to_vec());
            if wanted(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Makes the names in it durable, where the file system can.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match retry_on_intr(|| rustix::fs::fsync(&self.handle)) {
            // There is no such thing here, and so nothing that could fail.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Renames if nothing has the new name.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    rename_new_at(CWD, from, to)
}

fn rename_new_at(folder: impl std::os::fd::AsFd, from: &Path, to: &Path) -> io::Result<()> {
    let folder = folder.as_fd();
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        match retry_on_intr(|| rustix::fs::renameat_with(folder, from, folder, to, flags)) {
            // Not every file system can, and not every kernel.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return Ok(done?),
        }
    }
    retry_on_intr(|| rustix::fs::linkat(folder, from, folder, to, AtFlags::empty()))?;
    match retry_on_intr(|| rustix::fs::unlinkat(folder, from, AtFlags::empty())) {
        // The file has its name. That it has the old one too is less of a
        // failure than saying that it hasn't.
        Ok(()) | Err(_) => Ok(()),
    }
}

fn found(stat: &Stat) -> Found {
    #[allow(clippy::useless_conversion, reason = "it has 16 bits on macOS")]
    let mode = u32::from(Mode::from_raw_mode(stat.st_mode).bits());
    Found {
        kind: match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Special,
        },
        permissions: fs::Permissions::from_mode(mode),
        owner: rustix::fs::Uid::from_raw(stat.st_uid),
        group: rustix::fs::Gid::from_raw(stat.st_gid),
    }
}
