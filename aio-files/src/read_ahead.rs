//! A file that is read from its start to its end, for streams.
//!
//! Its methods block, but for one: what is in the page cache can be read on the
//! consumer's thread.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::cached::Cached;
use crate::descriptor::{self, Reach, reach_of, uninterrupted};
use crate::error::PathError;

/// How much a stream reads at once, unless told otherwise.
pub(crate) const CHUNK: usize = 256 * 1024;

/// The most that is read on the consumer's thread at once.
const MOST_AT_ONCE: usize = 1024 * 1024;

/// The most that room is made for where a file doesn't say how long it is.
const UNSEEN: usize = 1024 * 1024;

/// How many batches may wait: a megabyte of them, but one at least and four at most.
pub(crate) fn depth_for(chunk: usize) -> usize {
    (4 * CHUNK / chunk.max(1)).clamp(1, 4)
}

/// How many times in a row what comes next must have been cached before the
/// consumer's thread tries again, after it was wrong once.
const WARY: u32 = 8;

#[derive(Debug)]
pub(crate) struct Input {
    path: Arc<Path>,
    place: Place,
    at: u64,
}

#[derive(Debug)]
enum Place {
    Unopened,
    Open(Opened),
    /// At its end, or failed, and closed.
    Closed,
}

#[derive(Debug)]
struct Opened {
    file: fs::File,
    reach: Reach,
    cached: Cached,
    /// As it was when the file was opened.
    len: u64,
    wary: u32,
}

impl Input {
    pub(crate) fn new(path: Arc<Path>) -> Self {
        Self {
            path,
            place: Place::Unopened,
            at: 0,
        }
    }

    /// True if it stands still until another process does something.
    pub(crate) fn may_wait(&self) -> bool {
        match &self.place {
            Place::Unopened => {
                let metadata = fs::metadata(&self.path);
                metadata.is_ok_and(|metadata| reach_of(&metadata) == Reach::InOrder)
            }
            Place::Open(opened) => opened.reach == Reach::InOrder,
            Place::Closed => false,
        }
    }

    /// How much of `amount` to make room for: a byte more than what seems to be
    /// left, so that a small file needs a small buffer and its end is met.
    pub(crate) fn room(&mut self, amount: usize) -> io::Result<usize> {
        self.open()?;
        let Place::Open(opened) = &self.place else {
            return Ok(0);
        };
        // Files of length 0 may have content: those of procfs.
        if opened.reach == Reach::InOrder || opened.len <= self.at {
            return Ok(amount.min(UNSEEN));
        }
        let left = usize::try_from(opened.len - self.at).unwrap_or(usize::MAX);
        Ok(amount.min(left.saturating_add(1)))
    }

    /// True if the consumer's thread may try to read that much at once. The end
    /// is left to a job, which has to look for it anyway.
    pub(crate) fn allows_at_once(&self, amount: usize) -> bool {
        let Place::Open(opened) = &self.place else {
            return false;
        };
        (1..=MOST_AT_ONCE).contains(&amount)
            && opened.reach == Reach::Positioned
            && opened.len.saturating_sub(self.at) >= amount as u64
    }

    /// Reads once; 0 is the end, and closes the file, as an error does.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.open()?;
        let Place::Open(opened) = &mut self.place else {
            return Ok(0);
        };
        let read = uninterrupted(|| match opened.reach {
            Reach::Positioned => descriptor::read_at(&opened.file, into, self.at),
            Reach::InOrder => opened.file.read(into),
        });
        match read {
            Ok(0) => {
                self.place = Place::Closed;
                Ok(0)
            }
            Ok(read) => {
                self.at += read as u64;
                Ok(read)
            }
            Err(error) => {
                self.place = Place::Closed;
                let error = PathError::new("read", &self.path, error);
                Err(error.at_byte(self.at).into_io())
            }
        }
    }

    /// Reads until `into` is full or the end is met, where no other process is
    /// waited for; else once.
    pub(crate) fn read_full(&mut self, into: &mut [u8]) -> (usize, io::Result<()>) {
        let mut filled = 0;
        while filled < into.len() {
            match self.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => return (filled, Err(error)),
            }
            if self.may_wait() {
                break;
            }
        }
        (filled, Ok(()))
    }

    /// Whether the next `amount` bytes seem to be in the page cache.
    pub(crate) fn is_at_hand(&mut self, amount: usize) -> bool {
        if !self.allows_at_once(amount) {
            return false;
        }
        let Place::Open(opened) = &mut self.place else {
            return false;
        };
        // A disk that is read in sequence isn't that far ahead by itself.
        let last = self.at + amount as u64 - 1;
        let seems = opened.cached.read(&opened.file, &mut [0], last);
        if !seems {
            return false;
        }
        opened.wary = opened.wary.saturating_sub(1);
        opened.wary == 0
    }

    /// True if all of `into` was read from the page cache. It doesn't block.
    pub(crate) fn read_at_once(&mut self, into: &mut [u8]) -> bool {
        let Place::Open(opened) = &mut self.place else {
            return false;
        };
        let read = opened.cached.read(&opened.file, into, self.at);
        if read {
            self.at += into.len() as u64;
        } else {
            opened.wary = WARY;
        }
        read
    }

    fn open(&mut self) -> io::Result<()> {
        if !matches!(self.place, Place::Unopened) {
            return Ok(());
        }
        // Whatever fails here fails once.
        self.place = Place::Closed;
        let named = |error| PathError::new("open", &self.path, error).into_io();
        let file = fs::File::open(&self.path).map_err(named)?;
        let metadata = file.metadata().map_err(named)?;
        self.place = Place::Open(Opened {
            reach: reach_of(&metadata),
            file,
            cached: Cached::default(),
            len: metadata.len(),
            wary: 0,
        });
        Ok(())
    }
}
