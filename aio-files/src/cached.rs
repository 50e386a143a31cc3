//! Reads that are answered from the page cache on the caller's thread.
//!
//! `preadv2` with `RWF_NOWAIT` never waits for a disk. It is taken only if it
//! gave everything that was asked for: kernels 5.9 and 5.10 answered short reads
//! in the middle of files, so 0, less, and every error mean that a job must be
//! asked. This is the only system call on files that a caller's thread makes.

use std::fs;

/// Whether the file system of a file answers such reads at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cached {
    #[default]
    Asked,
    /// It refused once, as tmpfs and procfs do, or nobody wants it asked.
    Refused,
}

impl Cached {
    /// True if `into` was filled with what is at `at`.
    #[cfg(target_os = "linux")]
    pub(crate) fn read(&mut self, file: &fs::File, into: &mut [u8], at: u64) -> bool {
        use rustix::io::{Errno, ReadWriteFlags, preadv2};

        if *self == Self::Refused || into.is_empty() || i64::try_from(at).is_err() {
            return false;
        }
        let wanted = into.len();
        let mut into = [std::io::IoSliceMut::new(into)];
        match preadv2(file, &mut into, at, ReadWriteFlags::NOWAIT) {
            Ok(read) => read == wanted,
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                *self = Self::Refused;
                false
            }
            Err(_) => false,
        }
    }

    /// No other system has such a read.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn read(&mut self, _: &fs::File, _: &mut [u8], _: u64) -> bool {
        false
    }
}
