//! The steps that make a temporary file the target, in one job. All of it blocks.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::rights::Rights;
use super::staging::is_a_folder;
use crate::backing::Backing;
use crate::error::PathError;
use crate::folder::{Folder, Found, Kind, Links};
use crate::temporary::Temporary;
use crate::work::Work;

/// What becomes of a file that has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clobber {
    Replaces,
    Refuses,
}

/// What is to be done to the target. Errors name `path`, as the caller gave it.
pub(super) struct Commit {
    pub(super) path: Arc<Path>,
    pub(super) target: Arc<Path>,
    pub(super) clobber: Clobber,
    pub(super) rights: Rights,
}

impl Commit {
    /// Writes and syncs the file, renames it, and syncs the folder.
    ///
    /// What fails before the rename leaves the old content and no temporary
    /// file: that goes with the backing.
    pub(super) fn run(&self, mut backing: Backing) -> io::Result<()> {
        let replacing = |cause| self.named("replace", cause);
        backing.done(Work::Flush)?;
        let name = self.target.file_name().unwrap_or_default();

        let (file, folder, _) = parts(&backing).map_err(replacing)?;
        let there = folder.look(name, Links::Kept).map_err(replacing)?;
        refuse(there.as_ref(), self.clobber).map_err(replacing)?;
        // Before the sync, which makes them durable too.
        self.rights
            .give(file, folder, name, there.as_ref())
            .map_err(|cause| self.named("chmod", cause))?;
        backing.done(Work::SyncAll)?;

        let (file, folder, temporary) = parts(&backing).map_err(replacing)?;
        let from = temporary.path().file_name().unwrap_or_default();
        match self.clobber {
            Clobber::Replaces => folder.rename(from, name),
            Clobber::Refuses => folder.rename_new(from, name),
        }
        .map_err(replacing)?;
        temporary.switch().say();
        // Who locks it from now on, locks the target.
        drop(file.unlock());
        folder.sync().map_err(|cause| {
            PathError::new("sync folder of", &self.path, cause)
                .with_note("the new content is in place, but a power cut may undo that")
                .into_io()
        })
    }

    fn named(&self, verb: &'static str, cause: io::Error) -> io::Error {
        PathError::new(verb, &self.path, cause).into_io()
    }
}

/// Says no to a name that a file can't take.
pub(super) fn refuse(there: Option<&Found>, clobber: Clobber) -> io::Result<()> {
    match there.map(|found| found.kind) {
        None => Ok(()),
        Some(_) if clobber == Clobber::Refuses => Err(exists()),
        Some(Kind::File | Kind::Link) => Ok(()),
        Some(Kind::Folder) => Err(is_a_folder()),
        // Else `/dev/null` would be a file from now on.
        Some(Kind::Special) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a FIFO, a device or a socket, and no file to be replaced",
        )),
    }
}

fn parts(backing: &Backing) -> io::Result<(&fs::File, &Folder, &Temporary)> {
    let temporary = backing.temporary.as_ref();
    match temporary.and_then(|temporary| Some((temporary, temporary.folder()?))) {
        Some((temporary, folder)) => Ok((backing.file()?, folder, temporary)),
        None => Err(io::Error::other(
            "the file was exchanged for one that replaces nothing",
        )),
    }
}

fn exists() -> io::Error {
    #[cfg(unix)]
    return rustix::io::Errno::EXIST.into();
    #[cfg(not(unix))]
    io::ErrorKind::AlreadyExists.into()
}
