//! How written bytes are kept, and handed to the kernel.

use std::io::{self, IoSlice, Seek, Write};

use super::{Backing, MOST};
use crate::descriptor::{self, Reach};
use crate::error::PathError;
use crate::mode::Placement;
use crate::work::Outcome;

impl Backing {
    /// Takes all of `bytes` if the buffer has room for them and nothing else is
    /// to be done; false if not. It doesn't block.
    #[inline]
    pub(crate) fn accept_whole(&mut self, bytes: &[u8]) -> bool {
        let has_room = bytes.len() <= self.size.saturating_sub(self.written.len());
        if !has_room || !self.access.writes() || self.failure.is_some() {
            return false;
        }
        self.keep(bytes);
        true
    }

    /// Takes as many bytes as there is room for; none if it must be flushed
    /// first. It doesn't block.
    pub(crate) fn accept(&mut self, slices: &[IoSlice<'_>]) -> usize {
        let mut room = match self.size {
            0 if self.written.is_empty() => MOST,
            size => size.saturating_sub(self.written.len()),
        };
        let mut accepted = 0;
        for slice in slices {
            let slice = &slice[..slice.len().min(room)];
            self.keep(slice);
            room -= slice.len();
            accepted += slice.len();
        }
        accepted
    }

    #[inline]
    fn keep(&mut self, bytes: &[u8]) {
        // What was answered to a future that is gone: the end may move now.
        if self.outcome.is_some() {
            self.outcome = None;
        }
        if self.reach == Reach::Positioned {
            self.read.clear();
        }
        self.written.extend_from_slice(bytes);
        self.position += bytes.len() as u64;
    }

    /// Hands bytes to the kernel that never were in the buffer, which is empty.
    pub(crate) fn write_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.keep(bytes);
        self.flush()?;
        self.forget_direct();
        Ok(())
    }

    /// Hands the written bytes to the kernel.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        if self.written.is_empty() {
            return Ok(());
        }
        let written = std::mem::take(&mut self.written);
        if let Err(error) = self.flush_bytes(&written) {
            return Err(self.fail(PathError::new("write", &self.path, error)));
        }
        self.seen_len = self.seen_len.max(self.position);
        if self.size == 0 {
            self.direct = written;
        } else {
            // The allocation stays for the next bytes.
            self.written = written;
            self.written.clear();
        }
        Ok(())
    }

    fn flush_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let position = self.position;
        let mut file = self.file()?;
        match (self.reach, self.placement) {
            (Reach::Positioned, Placement::AtPosition) => {
                descriptor::write_all_at(file, bytes, position - bytes.len() as u64)
            }
            (Reach::Positioned, Placement::AtEnd) => {
                // The kernel chooses the place, and its cursor says which it was.
                file.write_all(bytes)?;
                self.position = file.stream_position()?;
                Ok(())
            }
            (Reach::InOrder, _) => file.write_all(bytes),
        }
    }

    pub(super) fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<Outcome> {
        let written = self
            .file()
            .and_then(|file| descriptor::write_all_at(file, bytes, at));
        if let Err(error) = written {
            return Err(self.fail(PathError::new("write", &self.path, error)));
        }
        // What was read ahead may have been overwritten.
        self.read.clear();
        self.seen_len = self.seen_len.max(at + bytes.len() as u64);
        Ok(Outcome::Done)
    }

    /// The length of an unbuffered write that is done, if it was of these bytes.
    ///
    /// A poll can't say whose it is. If the write of the poll before was
    /// cancelled and this is another one, its bytes differ and it begins anew;
    /// if they are the same bytes, they are there.
    pub(crate) fn take_direct(&mut self, slices: &[IoSlice<'_>]) -> Option<usize> {
        let direct = std::mem::take(&mut self.direct);
        let mut left = &direct[..];
        for slice in slices {
            let (same, rest) = left.split_at(left.len().min(slice.len()));
            if !slice.starts_with(same) {
                return None;
            }
            left = rest;
        }
        (!direct.is_empty() && left.is_empty()).then_some(direct.len())
    }

    pub(crate) fn forget_direct(&mut self) {
        self.direct.clear();
    }

    pub(crate) fn is_buffered(&self) -> bool {
        self.size > 0
    }

    /// True if there are bytes that the kernel hasn't got.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.written.is_empty() && self.failure.is_none()
    }
}
