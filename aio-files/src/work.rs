//! What a job does for a file, and what it has to say.

use std::fs;
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::handed::Handed;

/// What a job does, always after the written bytes have been flushed.
#[derive(Debug)]
pub(crate) enum Work {
    Flush,
    /// Reads once, this much.
    Fill(usize),
    FillToEnd,
    /// Reads each of these as far as the file goes, apart from the position.
    ReadRanges(Vec<Range<u64>>),
    /// Writes all of it there, apart from the position.
    WriteAt {
        bytes: Vec<u8>,
        at: u64,
    },
    /// Writes bytes of another file where the position is.
    Send {
        from: Source,
        len: u64,
    },
    Seek(SeekFrom),
    SetLen(u64),
    SyncAll,
    SyncData,
    Metadata,
    /// Sets the kernel's cursor to the position, for somebody who uses that.
    Align,
    /// The same, and a second descriptor of the same opening.
    Duplicate,
    /// The same, and the descriptor is given away.
    Release,
    Close,
}

/// What a job has to say, apart from how its file has changed.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// Bytes read; zero is the end.
    Filled(usize),
    /// What was read of each range.
    Pieces(Vec<Vec<u8>>),
    /// How many bytes of another file were written.
    Sent(u64),
    Metadata(Box<fs::Metadata>),
    Descriptor(Handed),
}

/// Where bytes come from that another file has.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) file: Handed,
    pub(crate) path: Arc<Path>,
    pub(crate) offset: u64,
}

impl Outcome {
    /// The error of whoever is given another's outcome, which would be our mistake.
    pub(crate) fn unexpected(self) -> io::Error {
        io::Error::other(format!("a job answered something else: {self:?}"))
    }
}
