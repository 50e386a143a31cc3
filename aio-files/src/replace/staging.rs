//! The temporary file beside the target. All of it blocks.

use std::fs;
use std::io;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use super::commit::{Clobber, refuse};
use super::names;
use crate::backing::{Backing, Manner, Origin};
use crate::cached::Cached;
use crate::file::File;
use crate::folder::{self, Access, Folder};
use crate::mode::{self, Placement};
use crate::temporary::Temporary;

/// What becomes of a link that has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    Replaced,
    Followed,
}

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;

/// What a job needs to begin a replacement.
pub(super) struct Staging {
    pub(super) path: Arc<Path>,
    pub(super) links: Links,
    pub(super) clobber: Clobber,
    pub(super) buffer: usize,
}

impl Staging {
    /// Creates the temporary file. Gives it, under the target's name for errors,
    /// and where the target is.
    pub(super) fn begin(&self) -> io::Result<(File, Arc<Path>)> {
        let target = self.target()?;
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(is_a_folder());
        };
        let folder = Folder::open(parent)?;
        // Told now and not only by the commit, when all has been written.
        let there = folder.look(name, folder::Links::Kept)?;
        refuse(there.as_ref(), self.clobber)?;

        let (file, temporary) = create(folder, parent)?;
        let manner = Manner {
            access: mode::Access::ReadWrite,
            placement: Placement::AtPosition,
            buffer: self.buffer,
            cached: Cached::Asked,
        };
        let parting = Arc::default();
        let mut backing = Backing::new(
            file,
            Arc::clone(&self.path),
            manner,
            Origin::Opened,
            Arc::clone(&parting),
        )?;
        backing.temporary = Some(temporary);
        let file = File::new(backing, Arc::clone(&self.path), parting);
        Ok((file, target.into()))
    }

    /// The absolute path whose last name is replaced.
    fn target(&self) -> io::Result<PathBuf> {
        if ends_in_separator(&self.path) {
            return Err(is_a_folder());
        }
        let mut target = path::absolute(&self.path)?;
        if self.links == Links::Replaced {
            return Ok(target);
        }
        for _ in 0..=MOST_LINKS {
            let to = match fs::read_link(&target) {
                Ok(to) => to,
                // No link, or nothing: that is where it ends.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::InvalidInput | io::ErrorKind::NotFound
                    ) =>
                {
                    return Ok(target);
                }
                Err(error) => return Err(error),
            };
            if ends_in_separator(&to) {
                return Err(is_a_folder());
            }
            target.pop();
            target.push(to);
        }
        Err(too_many_links())
    }
}

/// Creates a file that nobody else has, can open, or takes for abandoned.
fn create(folder: Folder, parent: &Path) -> io::Result<(fs::File, Temporary)> {
    let mut folder = folder;
    loop {
        let name = names::fresh();
        let file = match folder.create_new(&name, Access::Private) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            file => file?,
        };
        let temporary = Temporary::inside(folder, parent.join(&name).into());
        // Where the file system has no locks, a sweep can't take one either, and
        // leaves the file alone. Else one may have been there before us.
        let held = !matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock));
        if held && is_linked(&file)? {
            return Ok((file, temporary));
        }
        drop(temporary);
        folder = Folder::open(parent)?;
    }
}

/// Finds out what permissions a new file has here: the program's mask can't be
/// asked for without changing it, and the folder may have rules of its own.
pub(super) fn usual_permissions(folder: &Folder) -> io::Result<fs::Permissions> {
    let name = names::fresh();
    let file = folder.create_new(&name, Access::Usual)?;
    let metadata = file.metadata();
    match folder.remove(&name) {
        // Nobody holds it, so a sweep may take it.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(metadata?.permissions())
}

#[cfg(unix)]
fn is_linked(file: &fs::File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    Ok(file.metadata()?.nlink() > 0)
}

#[cfg(not(unix))]
fn is_linked(_: &fs::File) -> io::Result<bool> {
    // An open file can't be removed here.
    Ok(true)
}

/// True of `x/`, which only a folder can be.
fn ends_in_separator(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|&last| path::is_separator(char::from(last)))
}

/// The error of a path that can't be a file.
pub(super) fn is_a_folder() -> io::Error {
    #[cfg(unix)]
    return rustix::io::Errno::ISDIR.into();
    #[cfg(not(unix))]
    io::ErrorKind::IsADirectory.into()
}

fn too_many_links() -> io::Error {
    #[cfg(unix)]
    return rustix::io::Errno::LOOP.into();
    #[cfg(not(unix))]
    io::Error::other("too many links")
}
