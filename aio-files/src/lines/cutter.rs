//! Bytes as they are read, cut into pieces of whole lines. No I/O.
//!
//! The beginning of a line whose end hasn't been read moves to the front of the
//! next buffer, and what follows is read behind it. So no line is ever in two
//! buffers, and whoever looks for lines in a piece need not know of any other.

use std::sync::Arc;

use memchr::{memchr, memrchr};

use crate::buffers::Buffers;

/// The mark that some programs put at the start of a text in UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// What becomes of a byte order mark at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Strip,
    Keep,
}

/// Something that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Whole lines with their ends; the last line of all may have none.
    Lines { bytes: Vec<u8>, offset: u64 },
    /// A line that is longer than the longest. Its rest will be skipped.
    TooLong { offset: u64 },
}

#[derive(Debug)]
pub(crate) struct Cutter {
    buffers: Arc<Buffers>,
    /// How much is read at once.
    size: usize,
    longest: usize,
    /// A beginning of a line, and room behind it.
    buffer: Vec<u8>,
    filled: usize,
    /// As far as this there is no end of a line.
    searched: usize,
    /// Where in the file the buffer begins.
    offset: u64,
    inside: Inside,
    mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Line,
    /// The rest of a line that was too long.
    TooLong,
}

impl Cutter {
    pub(crate) fn new(buffers: Arc<Buffers>, size: usize, longest: usize, mark: Mark) -> Self {
        Self {
            buffers,
            size,
            longest,
            buffer: Vec::new(),
            filled: 0,
            searched: 0,
            offset: 0,
            inside: Inside::Line,
            mark,
        }
    }

    /// How much to read next.
    pub(crate) fn wanted(&self) -> usize {
        match self.filled {
            // Into a buffer that goes round.
            filled if filled <= self.size / 2 => self.size - filled,
            _ => self.size,
        }
    }

    /// Where to read it to.
    pub(crate) fn room(&mut self, amount: usize) -> &mut [u8] {
        let len = self.filled + amount;
        if self.buffer.capacity() == 0 {
            self.buffer = self.buffers.take(len);
        } else if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
        &mut self.buffer[self.filled..len]
    }

    /// That much has been read into the room.
    pub(crate) fn read(&mut self, amount: usize) {
        self.filled += amount;
    }

    /// The next piece of what was read; `None` if more must be read.
    pub(crate) fn cut(&mut self) -> Option<Piece> {
        if self.mark == Mark::Strip && !self.strip_mark() {
            return None;
        }
        if self.inside == Inside::TooLong {
            let end = memchr(b'\n', &self.buffer[self.searched..self.filled]);
            let Some(end) = end else {
                self.forget(self.filled);
                return None;
            };
            self.forget(self.searched + end + 1);
            self.inside = Inside::Line;
        }
        let unsearched = &self.buffer[self.searched..self.filled];
        if let Some(end) = memrchr(b'\n', unsearched) {
            return Some(self.lines(self.searched + end + 1));
        }
        self.searched = self.filled;
        if self.is_too_long() {
            let offset = self.offset;
            self.inside = Inside::TooLong;
            self.forget(self.filled);
            return Some(Piece::TooLong { offset });
        }
        None
    }

    /// The last line of all, if it has no end. Nothing more can be read, and
    /// `cut` has given `None`.
    pub(crate) fn finish(&mut self) -> Option<Piece> {
        // Less than a mark is no mark.
        self.mark = Mark::Keep;
        match self.cut() {
            Some(piece) => Some(piece),
            None if self.filled > 0 => Some(self.lines(self.filled)),
            None => None,
        }
    }

    /// False if more must be read to see whether there is a mark.
    fn strip_mark(&mut self) -> bool {
        let start = &self.buffer[..self.filled.min(MARK.len())];
        if !MARK.starts_with(start) {
            self.mark = Mark::Keep;
        } else if start.len() == MARK.len() {
            self.forget(MARK.len());
            self.mark = Mark::Keep;
        }
        self.mark == Mark::Keep
    }

    /// True if what is there of a line is too long whatever follows.
    fn is_too_long(&self) -> bool {
        let mut len = self.filled;
        // It may belong to the end.
        if len > 0 && self.buffer[len - 1] == b'\r' {
            len -= 1;
        }
        len > self.longest
    }

    /// Takes what is before `end` out, and keeps what is behind it.
    fn lines(&mut self, end: usize) -> Piece {
        let rest = &self.buffer[end..self.filled];
        let next = match rest.is_empty() {
            true => Vec::new(),
            false => {
                let mut next = self.buffers.take(rest.len());
                next[..rest.len()].copy_from_slice(rest);
                next
            }
        };
        let mut bytes = std::mem::replace(&mut self.buffer, next);
        bytes.truncate(end);
        let offset = self.offset;
        self.offset += end as u64;
        self.filled -= end;
        self.searched = 0;
        Piece::Lines { bytes, offset }
    }

    /// Forgets what is before `end`.
    fn forget(&mut self, end: usize) {
        self.buffer.copy_within(end..self.filled, 0);
        self.offset += end as u64;
        self.filled -= end;
        self.searched = 0;
        if self.filled == 0 && self.buffer.capacity() / 2 > self.size {
            // It has grown to the longest line.
            self.buffer = Vec::new();
        }
    }

    /// How much memory it holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.buffer.capacity()
    }
}
