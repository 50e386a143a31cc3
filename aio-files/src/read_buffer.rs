//! Bytes that were read and not asked for yet.

use std::io;

/// The least and the first amount that is read ahead: small files stay cheap.
const FIRST_FILL: usize = 16 * 1024;

/// A buffer that is filled at its end and emptied at its start.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    data: Vec<u8>,
    start: usize,
    end: usize,
    /// How much the next fill reads; it grows while reading goes on in sequence.
    ramp: usize,
}

impl ReadBuffer {
    /// The bytes that wait.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.data[self.start..self.end]
    }

    /// Forgets the first `amount` bytes that wait.
    pub(crate) fn consume(&mut self, amount: usize) {
        self.start = (self.start + amount).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Forgets everything that waits: the position has changed.
    #[inline]
    pub(crate) fn clear(&mut self) {
        (self.start, self.end, self.ramp) = (0, 0, 0);
    }

    /// Takes everything that waits.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut data = std::mem::take(&mut self.data);
        data.truncate(self.end);
        data.drain(..self.start);
        self.clear();
        data
    }

    /// How much to read for a caller that wants `wanted`, with a buffer of `size`.
    pub(crate) fn next_fill(&mut self, wanted: usize, size: usize) -> usize {
        let ahead = self.ramp.max(FIRST_FILL).min(size);
        self.ramp = ahead.saturating_mul(4);
        ahead.max(wanted)
    }

    /// Reads once, up to `amount` bytes, behind those that wait.
    pub(crate) fn fill(
        &mut self,
        amount: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.make_room(amount);
        let read = read(&mut self.data[self.end..self.end + amount])?;
        self.end += read;
        Ok(read)
    }

    fn make_room(&mut self, amount: usize) {
        if self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.data.len() < self.end + amount {
            self.data.resize(self.end + amount, 0);
        }
    }
}
