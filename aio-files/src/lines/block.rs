//! The lines of a piece that holds whole ones. No I/O.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memchr;

use crate::buffers::Buffers;

/// What becomes of the ends of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Strip,
    Keep,
}

/// Whole lines in one allocation.
pub(crate) trait Block: Default + Send + 'static {
    type Line: Send + 'static;
    /// A line that is looked at where it is.
    type Lent: ?Sized;

    fn new(bytes: Vec<u8>, buffers: &Arc<Buffers>) -> Self;

    fn bytes(&self) -> &[u8];

    /// Whether a part of the bytes is a line, or where in that part it is no text.
    fn check(&self, range: Range<usize>) -> Result<(), usize>;

    /// A part that was checked, as a line.
    fn line(&self, range: Range<usize>) -> Self::Line;

    /// The same where it is.
    fn lent(&self, range: Range<usize>) -> &Self::Lent;

    /// Gives the buffer back, if it isn't shared.
    fn finish(self, buffers: &Buffers);
}

/// Text; it is checked at once, and line by line only if that has failed.
#[derive(Debug)]
pub(crate) enum Text {
    Checked(String),
    Broken(Vec<u8>),
}

impl Default for Text {
    fn default() -> Self {
        Self::Checked(String::new())
    }
}

impl Block for Text {
    type Line = String;
    type Lent = str;

    fn new(bytes: Vec<u8>, _: &Arc<Buffers>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Checked(text),
            Err(broken) => Self::Broken(broken.into_bytes()),
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Checked(text) => text.as_bytes(),
            Self::Broken(bytes) => bytes,
        }
    }

    #[inline]
    fn check(&self, range: Range<usize>) -> Result<(), usize> {
        match self {
            Self::Checked(_) => Ok(()),
            Self::Broken(bytes) => match str::from_utf8(&bytes[range]) {
                Ok(_) => Ok(()),
                Err(error) => Err(error.valid_up_to()),
            },
        }
    }

    #[inline]
    fn line(&self, range: Range<usize>) -> String {
        self.lent(range).to_owned()
    }

    #[inline]
    fn lent(&self, range: Range<usize>) -> &str {
        match self {
            Self::Checked(text) => &text[range],
            Self::Broken(bytes) => str::from_utf8(&bytes[range]).unwrap_or_default(),
        }
    }

    fn finish(self, buffers: &Buffers) {
        buffers.give_back(match self {
            Self::Checked(text) => text.into_bytes(),
            Self::Broken(bytes) => bytes,
        });
    }
}

impl Block for Bytes {
    type Line = Bytes;
    type Lent = [u8];

    fn new(bytes: Vec<u8>, buffers: &Arc<Buffers>) -> Self {
        buffers.share(bytes)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn check(&self, _: Range<usize>) -> Result<(), usize> {
        Ok(())
    }

    #[inline]
    fn line(&self, range: Range<usize>) -> Bytes {
        self.slice(range)
    }

    #[inline]
    fn lent(&self, range: Range<usize>) -> &[u8] {
        &self[range]
    }

    fn finish(self, _: &Buffers) {}
}

/// Why a line isn't given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooLong,
    /// It isn't UTF-8 at this offset of the file.
    NotUtf8(u64),
}

/// The lines of a block, one after another.
#[derive(Debug)]
pub(crate) struct LinesOf<B> {
    block: B,
    /// Where in the file the block begins.
    offset: u64,
    /// Where in the block the line before began, and where the next one does.
    began: usize,
    next: usize,
    longest: usize,
    ends: Ends,
}

impl<B: Block> LinesOf<B> {
    /// No lines yet.
    pub(crate) fn new(longest: usize, ends: Ends) -> Self {
        Self {
            block: B::default(),
            offset: 0,
            began: 0,
            next: 0,
            longest,
            ends,
        }
    }

    /// Goes on with another block.
    pub(crate) fn refill(&mut self, block: B, offset: u64) {
        self.block = block;
        self.offset = offset;
        (self.began, self.next) = (0, 0);
    }

    /// Takes the block out; the offset of the line before stays.
    pub(crate) fn empty(&mut self) -> B {
        self.offset = self.line_offset();
        (self.began, self.next) = (0, 0);
        std::mem::take(&mut self.block)
    }

    /// Notes a line that is in no block.
    pub(crate) fn elsewhere(&mut self, offset: u64) {
        self.refill(B::default(), offset);
    }

    /// Where in the file the line before began.
    pub(crate) fn line_offset(&self) -> u64 {
        self.offset + self.began as u64
    }

    /// Goes to the next line, and says where in the block it is.
    #[inline]
    pub(crate) fn advance(&mut self) -> Option<Result<Range<usize>, Fault>> {
        let bytes = self.block.bytes();
        let start = self.next;
        let rest = &bytes[start..];
        let (end, next) = match memchr(b'\n', rest) {
            Some(len) => {
                let newline = start + len;
                let returns = len > 0 && bytes[newline - 1] == b'\r';
                (newline - usize::from(returns), newline + 1)
            }
            None if rest.is_empty() => return None,
            None => (bytes.len(), bytes.len()),
        };
        (self.began, self.next) = (start, next);
        if end - start > self.longest {
            return Some(Err(Fault::TooLong));
        }
        let end = match self.ends {
            Ends::Strip => end,
            Ends::Keep => next,
        };
        Some(match self.block.check(start..end) {
            Ok(()) => Ok(start..end),
            Err(at) => Err(Fault::NotUtf8(self.line_offset() + at as u64)),
        })
    }

    /// What is there, as a line of its own.
    #[inline]
    pub(crate) fn line(&self, range: Range<usize>) -> B::Line {
        self.block.line(range)
    }

    /// What is there.
    #[inline]
    pub(crate) fn lent(&self, range: Range<usize>) -> &B::Lent {
        self.block.lent(range)
    }
}

impl<B: Block> Iterator for LinesOf<B> {
    type Item = Result<B::Line, Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let range = self.advance()?;
        Some(range.map(|range| self.line(range)))
    }
}
