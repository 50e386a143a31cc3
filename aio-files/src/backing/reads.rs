//! How a file's bytes come out of the kernel.

use std::io::{self, Read};
use std::ops::Range;

use super::{Backing, MOST, closed};
use crate::budget::AT_ONCE;
use crate::cached::Cached;
use crate::descriptor::{self, Reach, uninterrupted};
use crate::mode::Placement;

/// Here the second copy begins to cost more than a system call.
const WIDE: usize = 32 * 1024;

impl Backing {
    /// True if the page cache may be asked on the caller's thread. What is
    /// buffered must be written before anything is read, which only a job does.
    pub(crate) fn reads_here(&self) -> bool {
        self.cached == Cached::Asked
            && self.reach == Reach::Positioned
            && self.placement == Placement::AtPosition
            && self.written.is_empty()
    }

    /// How many of `amount` bytes at `at` one may ask of the page cache: none at
    /// what was last known as the end, about which only a job may speak.
    fn within(&self, at: u64, amount: usize) -> usize {
        let left = self.seen_len.saturating_sub(at);
        amount
            .min(AT_ONCE)
            .min(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Fills `into` from the page cache; true if all of it was there. It runs on
    /// the caller's thread.
    pub(crate) fn read_at_here(&mut self, into: &mut [u8], at: u64) -> bool {
        self.within(at, into.len()) == into.len() && self.ask_cache(into, at)
    }

    /// Reads at the position, past the buffer, as much of `into` as is thought to
    /// be in the file; gives the number of bytes. It runs on the caller's thread.
    pub(crate) fn read_here(&mut self, into: &mut [u8]) -> Option<usize> {
        let amount = self.within(self.position, into.len());
        let position = self.position;
        self.ask_cache(&mut into[..amount], position)
            .then(|| self.position += amount as u64)
            .map(|()| amount)
    }

    /// Fills the buffer behind what waits; gives the number of bytes. It runs on
    /// the caller's thread.
    pub(crate) fn fill_here(&mut self, amount: usize) -> Option<usize> {
        let at = self.position + self.read.waiting().len() as u64;
        let amount = self.within(at, amount);
        let file = self.file.as_ref()?;
        let cached = &mut self.cached;
        let filled = self.read.fill(amount, |into| {
            Ok(match cached.read(file, into, at) {
                true => amount,
                false => 0,
            })
        });
        filled.ok().filter(|&filled| filled > 0)
    }

    fn ask_cache(&mut self, into: &mut [u8], at: u64) -> bool {
        match &self.file {
            Some(file) => self.cached.read(file, into, at),
            None => false,
        }
    }

    /// Forgets bytes that waited and have been given to the caller. It doesn't block.
    pub(crate) fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.read.waiting().len());
        self.read.consume(amount);
        self.position += amount as u64;
    }

    /// Takes everything that waits. It doesn't block.
    pub(crate) fn take_waiting(&mut self) -> Vec<u8> {
        let bytes = self.read.take();
        self.position += bytes.len() as u64;
        bytes
    }

    /// How much to read for a caller that wants `wanted` bytes. It doesn't block.
    pub(crate) fn next_fill(&mut self, wanted: usize) -> usize {
        match self.size {
            0 => wanted.clamp(1, MOST),
            size => self.read.next_fill(wanted.min(MOST), size.min(MOST)),
        }
    }

    /// True if a read of this many bytes from the page cache gains nothing from
    /// the buffer, which would only copy them once more.
    pub(crate) fn is_wide(&self, wanted: usize) -> bool {
        wanted >= self.size.min(WIDE)
    }

    pub(super) fn fill(&mut self, amount: usize) -> io::Result<usize> {
        let at = self.position + self.read.waiting().len() as u64;
        let (file, reach) = (self.file.as_ref().ok_or_else(closed)?, self.reach);
        let read = self.read.fill(amount, |into| match reach {
            Reach::Positioned => uninterrupted(|| descriptor::read_at(file, into, at)),
            Reach::InOrder => uninterrupted(|| (&*file).read(into)),
        })?;
        if reach == Reach::Positioned {
            let end = at + read as u64;
            if read < amount {
                self.seen_len = end;
            } else if end > self.seen_len {
                // It has grown: the next reads need not come here.
                self.seen_len = file.metadata()?.len().max(end);
            }
        }
        Ok(read)
    }

    pub(super) fn fill_to_end(&mut self) -> io::Result<usize> {
        // One more than what seems to be left, so that the end is met at once.
        let len = self.stat()?.len();
        let seems = usize::try_from(len.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let mut amount = seems.saturating_add(1).clamp(8 * 1024, MOST);
        let mut filled = 0;
        loop {
            match self.fill(amount)? {
                0 => return Ok(filled),
                more => filled += more,
            }
            amount = (amount * 2).min(MOST);
        }
    }

    pub(super) fn read_ranges(&mut self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        ranges.iter().map(|range| self.read_range(range)).collect()
    }

    /// Reads a range as far as the file goes.
    fn read_range(&self, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let file = self.file()?;
        let mut bytes = Vec::new();
        loop {
            let filled = bytes.len();
            let at = range.start + filled as u64;
            // Not all of it at once: a range may be much longer than the file.
            let left = usize::try_from(range.end.saturating_sub(at)).unwrap_or(usize::MAX);
            if left == 0 {
                return Ok(bytes);
            }
            bytes.resize(filled + left.min(MOST), 0);
            let read = uninterrupted(|| descriptor::read_at(file, &mut bytes[filled..], at))?;
            bytes.truncate(filled + read);
            if read == 0 {
                return Ok(bytes);
            }
        }
    }
}
