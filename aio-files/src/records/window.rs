//! The bytes of a file that were read and not yet taken, and where they stand.

use std::io;

use crate::lines::Position;
use crate::read_ahead::CHUNK;

/// What is asked for at first, so that a small file costs little.
const FIRST: usize = 16 * 1024;

/// From here on memory is spared, also if that costs time.
pub(super) const LARGE: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A part of a file that moves on.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Of the byte at `start`.
    at: Position,
    /// Of the record that was begun last.
    mark: Position,
    beginning: Beginning,
    ended: bool,
}

/// Whether the file may still begin with a byte order mark.
#[derive(Debug, PartialEq, Eq)]
enum Beginning {
    Ahead,
    Passed,
}

impl Window {
    pub(super) fn new() -> Self {
        let at = Position { line: 1, offset: 0 };
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            at,
            mark: at,
            beginning: Beginning::Ahead,
            ended: false,
        }
    }

    /// Says where the first byte is, before anything is read. A byte order mark
    /// is one at the very start only.
    pub(super) fn begin_at(&mut self, at: Position) {
        (self.at, self.mark) = (at, at);
        if at.offset > 0 {
            self.beginning = Beginning::Passed;
        }
    }

    /// What was read and not yet taken.
    pub(super) fn unread(&self) -> &[u8] {
        match self.beginning {
            Beginning::Passed => &self.bytes[self.start..self.end],
            // Nobody takes anything before it is known what the first bytes are.
            Beginning::Ahead => &[],
        }
    }

    /// True when nothing will come behind what is unread.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Notes that a record begins here.
    pub(super) fn mark(&mut self) {
        self.mark = self.at;
    }

    /// Where the record begins that was begun last.
    pub(super) fn marked(&self) -> Position {
        self.mark
    }

    /// Where the unread bytes begin.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    /// Takes bytes; the caller knows how many line feeds are among them.
    pub(super) fn take(&mut self, count: usize, lines: u64) -> &[u8] {
        let start = self.start;
        self.start += count;
        self.at.offset += count as u64;
        self.at.line += lines;
        &self.bytes[start..self.start]
    }

    /// Reads once more, which blocks.
    pub(super) fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        self.make_room();
        let most = self.bytes.len().min(self.end + CHUNK);
        let read = read(&mut self.bytes[self.end..most])?;
        self.end += read;
        self.ended = read == 0;
        self.pass_byte_order_mark();
        Ok(())
    }

    /// Reads just so much, if `read` says that it could.
    pub(super) fn fill_with(
        &mut self,
        amount: usize,
        read: impl FnOnce(&mut [u8]) -> bool,
    ) -> bool {
        self.make_room();
        if self.bytes.len() - self.end < amount {
            self.bytes.resize(self.end + amount, 0);
        }
        let done = read(&mut self.bytes[self.end..self.end + amount]);
        if done {
            self.end += amount;
            self.pass_byte_order_mark();
        }
        done
    }

    /// Gives back what a large record needed, if that has been taken: it may be
    /// long until more is read.
    pub(super) fn shrink(&mut self) {
        if self.bytes.len() > LARGE && self.end - self.start < CHUNK {
            self.make_room();
        }
    }

    fn make_room(&mut self) {
        let full = self.end == self.bytes.len();
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let len = self.bytes.len();
        if len > LARGE && self.end < CHUNK {
            // The record that needed so much has been taken.
            self.bytes.truncate(LARGE);
            self.bytes.shrink_to_fit();
        } else if len >= LARGE {
            // Half as much again, and not before it is needed: all of it counts.
            if len - self.end < CHUNK {
                self.bytes.reserve_exact(len / 2);
                self.bytes.resize(len + len / 2, 0);
            }
        } else if (full && len < CHUNK) || self.end > len / 2 {
            // Either much comes at once, or one record needs more than half of it.
            self.bytes.resize((len * 2).max(FIRST), 0);
        }
    }

    fn pass_byte_order_mark(&mut self) {
        if self.beginning == Beginning::Passed {
            return;
        }
        let first = &self.bytes[self.start..self.end];
        let marked = first.starts_with(BYTE_ORDER_MARK);
        if marked || self.ended || !BYTE_ORDER_MARK.starts_with(first) {
            self.beginning = Beginning::Passed;
        }
        if marked {
            self.take(BYTE_ORDER_MARK.len(), 0);
        }
    }
}
