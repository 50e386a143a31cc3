//! A folder that a walk is in.

use std::io;

use super::entry::{Entry, Reached};
use super::folder::{Folder, Identity, More, Scratch};
use super::names::Names;

/// A folder between the root and where the walk is.
pub(super) struct Level {
    /// `None` while it is closed, and if it can't be found again.
    pub(super) folder: Option<Folder>,
    /// Known where it is needed.
    pub(super) identity: Option<Identity>,
    pub(super) reached: Reached,
    pub(super) names: Names,
    pub(super) more: More,
    /// Why its names were not read to the end.
    pub(super) failed: Option<io::Error>,
    pub(super) number: u64,
    /// The rules before it.
    pub(super) mark: usize,
    /// Its own entry, if that comes after its contents.
    pub(super) entry: Option<Entry>,
}

impl Level {
    pub(super) fn folder(&self) -> io::Result<&Folder> {
        self.folder.as_ref().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "its folder was moved while it was walked",
            )
        })
    }

    pub(super) fn read(&mut self, scratch: &mut Scratch) {
        let Some(folder) = &mut self.folder else {
            self.more = More::None;
            return;
        };
        self.more = folder
            .read(scratch, &mut self.names)
            .unwrap_or_else(|cause| {
                self.failed = Some(cause);
                More::None
            });
    }

    pub(super) fn read_all(&mut self, scratch: &mut Scratch) {
        while self.more == More::MayCome {
            self.read(scratch);
        }
    }
}
