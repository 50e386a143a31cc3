//! An mbox taken apart into its mails, chunk after chunk.
//!
//! A mail begins behind a line `From ADDR DATE`, which is the first line of the
//! file or stands behind an empty one. The empty line belongs to the mbox and
//! not to the mail before it. Lines of a mail that would begin with `From ` were
//! given a `>` when they were written, and those that begin with `>From ` another
//! one (the format is called mboxrd): one is taken away again.
//!
//! Only places where `From ` stands are looked at, so most bytes are passed over
//! as fast as memory gives them, and a mail within one chunk is a part of that
//! chunk and no copy.

use std::mem;
use std::ops::Range;

use bytes::Bytes;
use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memrchr};

use super::envelope::{Envelope, LONGEST_LINE};
use crate::batch::Place;

/// Longer mails are skipped.
pub(crate) const LONGEST_MAIL: usize = 32 << 20;

/// A line with more `>` than these is a line like another.
const MOST_QUOTES: usize = 255;

const FROM: &[u8] = b"From ";

/// A mail as it stands in an mbox, without the line before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) envelope: Envelope,
    pub(crate) content: Bytes,
}

/// What was found in an mbox, from one place to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    /// The byte behind it.
    pub(crate) end: u64,
    /// A mail, or what is wrong with what stands there.
    pub(crate) mail: Result<Raw, String>,
}

/// Finds the mails of an mbox. However the file is cut into chunks, they are the
/// same.
#[derive(Debug)]
pub(crate) struct Splitter {
    from: Finder<'static>,
    longest: usize,
    state: State,
    /// The beginning of a line that is not decided by what is there of it.
    open: Vec<u8>,
    /// The last three bytes before what is decided next.
    last: [u8; 3],
    /// Where that is.
    here: Place,
}

#[derive(Debug)]
enum State {
    /// Before the first mail.
    Before(Silence),
    Mail {
        place: Place,
        envelope: Envelope,
        held: Held,
    },
    /// In a mail that is too long.
    TooLong { place: Place },
}

/// Whether something other than space stands before the first mail.
#[derive(Debug, PartialEq, Eq)]
enum Silence {
    Kept,
    Broken,
}

/// What there is of a mail so far.
#[derive(Debug)]
enum Held {
    PartOfChunk(Bytes),
    Copy(Vec<u8>),
}

impl Splitter {
    /// Returns a splitter at the beginning of a file, which skips mails of more
    /// bytes than `longest`.
    pub(crate) fn new(longest: usize) -> Splitter {
        Splitter {
            from: Finder::new(FROM),
            longest,
            state: State::Before(Silence::Kept),
            open: Vec::new(),
            // The first line may be that before a mail, as one behind an empty
            // line may.
            last: *b"\n\n\n",
            here: Place { line: 1, byte: 0 },
        }
    }

    /// Takes the next bytes of the file, and adds to `found` what ends in them.
    pub(crate) fn feed(&mut self, chunk: Bytes, found: &mut Vec<Entry>) {
        let block = if self.open.is_empty() {
            chunk
        } else {
            let mut block = mem::take(&mut self.open);
            block.extend_from_slice(&chunk);
            Bytes::from(block)
        };
        let decided = block.len() - self.open_bytes(&block);
        self.open = block[decided..].to_vec();
        self.scan(&block.slice(..decided), found);
    }

    /// Adds what the end of the file ends.
    pub(crate) fn finish(mut self, found: &mut Vec<Entry>) {
        let rest = Bytes::from(mem::take(&mut self.open));
        self.scan(&rest, found);
        self.end_mail(self.here.byte, found);
    }

    /// How many bytes at the end of a block are the beginning of a line that
    /// could be any kind of line still.
    fn open_bytes(&self, block: &[u8]) -> usize {
        let window = block.len().saturating_sub(FROM.len() + LONGEST_LINE + 1);
        let start = match memrchr(b'\n', &block[window..]) {
            Some(newline) => window + newline + 1,
            None if window == 0 && self.last[2] == b'\n' => 0,
            None => return 0,
        };
        let line = &block[start..];
        let quotes = line.iter().take_while(|&&byte| byte == b'>').count();
        let rest = &line[quotes..];
        let is_open = match rest.strip_prefix(FROM) {
            Some(rest) => quotes == 0 && rest.len() <= LONGEST_LINE,
            None => quotes <= MOST_QUOTES && FROM.starts_with(rest),
        };
        if is_open { line.len() } else { 0 }
    }

    /// Reads bytes whose lines are decided.
    fn scan(&mut self, block: &Bytes, found: &mut Vec<Entry>) {
        let from = self.from.clone();
        // Up to here lines are counted, and up to there bytes belong to a mail.
        let (mut counted, mut taken) = (0, 0);
        let mut next = 0;
        while let Some(hit) = from.find(&block[next..]) {
            let hit = next + hit;
            next = hit + FROM.len();
            let quotes = block[..hit]
                .iter()
                .rev()
                .take(MOST_QUOTES + 1)
                .take_while(|&&byte| byte == b'>')
                .count();
            let start = hit - quotes;
            if quotes > MOST_QUOTES || self.before(block, start)[2] != b'\n' {
                continue;
            }
            if quotes > 0 {
                self.keep(block, taken..start);
                taken = start + 1;
                continue;
            }
            if !matches!(
                self.before(block, start),
                [_, b'\n', b'\n'] | [b'\n', b'\r', b'\n']
            ) {
                continue;
            }
            let line = &block[next..];
            let end = memchr(b'\n', line).unwrap_or(line.len());
            let Some(envelope) = Envelope::of_line(&line[..end]) else {
                continue;
            };
            self.keep(block, taken..start);
            let lines = memchr_iter(b'\n', &block[counted..start]).count();
            self.here.line += lines as u64;
            counted = start;
            let place = Place {
                line: self.here.line,
                byte: self.here.byte + start as u64,
            };
            self.end_mail(place.byte, found);
            self.state = State::Mail {
                place,
                envelope,
                held: Held::PartOfChunk(Bytes::new()),
            };
            // Without an end it is the last line of the file.
            next = (next + end + 1).min(block.len());
            taken = next;
        }
        self.keep(block, taken..block.len());
        self.last = self.before(block, block.len());
        self.here.line += memchr_iter(b'\n', &block[counted..]).count() as u64;
        self.here.byte += block.len() as u64;
    }

    /// The three bytes before a place in a block.
    fn before(&self, block: &[u8], at: usize) -> [u8; 3] {
        [3, 2, 1].map(|back| match at.checked_sub(back) {
            Some(at) => block[at],
            None => self.last[3 + at - back],
        })
    }

    /// Takes a part of a block as belonging to what it stands in.
    fn keep(&mut self, block: &Bytes, part: Range<usize>) {
        match &mut self.state {
            State::Before(Silence::Broken) | State::TooLong { .. } => {}
            State::Before(silence) => {
                if !block[part].trim_ascii().is_empty() {
                    *silence = Silence::Broken;
                }
            }
            State::Mail { place, held, .. } => {
                if part.len() > self.longest - held.len() {
                    self.state = State::TooLong { place: *place };
                } else {
                    held.add(block, part);
                }
            }
        }
    }

    /// Adds what ends here.
    fn end_mail(&mut self, end: u64, found: &mut Vec<Entry>) {
        let state = mem::replace(&mut self.state, State::Before(Silence::Kept));
        let (place, mail) = match state {
            State::Before(Silence::Kept) => return,
            State::Before(Silence::Broken) => (
                Place { line: 1, byte: 0 },
                Err(format!("{end} bytes before the first line `From …`")),
            ),
            State::Mail {
                place,
                envelope,
                held,
            } => {
                let content = held.without_empty_line();
                (place, Ok(Raw { envelope, content }))
            }
            State::TooLong { place } => {
                let most = self.longest >> 20;
                (place, Err(format!("longer than {most} MiB")))
            }
        };
        found.push(Entry { place, end, mail });
    }
}

impl Held {
    fn len(&self) -> usize {
        match self {
            Held::PartOfChunk(bytes) => bytes.len(),
            Held::Copy(bytes) => bytes.len(),
        }
    }

    fn add(&mut self, block: &Bytes, part: Range<usize>) {
        match self {
            _ if part.is_empty() => {}
            Held::PartOfChunk(first) if first.is_empty() => *first = block.slice(part),
            Held::PartOfChunk(first) => {
                let more = &block[part];
                let mut copy = Vec::with_capacity(2 * (first.len() + more.len()));
                copy.extend_from_slice(first);
                copy.extend_from_slice(more);
                *self = Held::Copy(copy);
            }
            Held::Copy(bytes) => bytes.extend_from_slice(&block[part]),
        }
    }

    /// All of it but the empty line at its end, if there is one.
    fn without_empty_line(self) -> Bytes {
        let mut bytes = match self {
            Held::PartOfChunk(bytes) => bytes,
            Held::Copy(bytes) => Bytes::from(bytes),
        };
        let rest = match bytes.strip_suffix(b"\n") {
            Some(rest) => rest.strip_suffix(b"\r").unwrap_or(rest),
            None => return bytes,
        };
        if rest.is_empty() || rest.ends_with(b"\n") {
            let length = rest.len();
            bytes.truncate(length);
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
