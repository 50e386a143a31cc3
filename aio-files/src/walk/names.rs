//! The names of a folder that have been read and not yet been looked at.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::entry::FileType;

/// The names lie one behind the other, so that a folder of thousands costs two
/// allocations.
#[derive(Debug, Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    found: Vec<Found>,
    next: usize,
}

/// A name, and what the folder says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    start: usize,
    len: usize,
    pub(super) file_type: FileType,
    pub(super) number: u64,
}

impl Names {
    /// Every name but those of the folder itself and of the one above.
    pub(super) fn push(&mut self, name: &[u8], file_type: FileType, number: u64) {
        if matches!(name, b"." | b"..") {
            return;
        }
        self.found.push(Found {
            start: self.bytes.len(),
            len: name.len(),
            file_type,
            number,
        });
        self.bytes.extend_from_slice(name);
    }

    pub(super) fn next(&mut self) -> Option<Found> {
        let found = self.found.get(self.next).copied();
        self.next += usize::from(found.is_some());
        found
    }

    /// The name of what `next` has given since the last `clear`.
    pub(super) fn name(&self, found: Found) -> &OsStr {
        OsStr::from_bytes(&self.bytes[found.start..found.start + found.len])
    }

    pub(super) fn are_left(&self) -> bool {
        self.next < self.found.len()
    }

    /// Sorts what hasn't been given, by the bytes of the names.
    pub(super) fn sort(&mut self) {
        let bytes = &self.bytes;
        let name = |found: &Found| &bytes[found.start..found.start + found.len];
        self.found[self.next..].sort_unstable_by(|one, other| name(one).cmp(name(other)));
    }

    /// Forgets all names, and keeps their room for others unless it is large.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.found.clear();
        self.next = 0;
        self.bytes.shrink_to(64 * 1024);
        self.found.shrink_to(2048);
    }
}
