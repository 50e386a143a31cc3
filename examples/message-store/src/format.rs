//! The formats of files: what reads messages from them and writes them there.

pub mod csv;
pub mod jsonl;
pub mod mbox;
mod record;

use std::path::Path;
use std::pin::Pin;

use aio_files::replace::AtomicFile;
use aio_itertools::Stream;
use async_trait::async_trait;
use clap::ValueEnum;

use crate::batch::Batch;
use crate::error::Result;
use crate::message::Message;
use crate::source::Source;
use crate::store::Listing;
use csv::Csv;
use jsonl::Jsonl;
use mbox::{Mbox, Verbosity};

/// The formats that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Mails one after another, each behind a line `From …`
    Mbox,
    /// A JSON object a line
    Jsonl,
    /// Comma-separated values, of which the first row names the columns
    Csv,
}

impl Kind {
    /// Returns the format that a file's name tells.
    pub fn of_name(path: &Path) -> Option<Kind> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "mbox" => Some(Kind::Mbox),
            "jsonl" | "ndjson" => Some(Kind::Jsonl),
            "csv" => Some(Kind::Csv),
            _ => None,
        }
    }

    /// Returns the format that a file's first bytes tell.
    pub fn of_content(start: &[u8]) -> Option<Kind> {
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        let start = start.trim_ascii_start();
        let line = start.split(|&byte| byte == b'\n').next()?;
        // Other lines have commas too; a header says what we look for.
        let is_header = || line.split(|&byte| byte == b',').any(csv::is_needed);
        if start.starts_with(b"{") {
            Some(Kind::Jsonl)
        } else if line.starts_with(b"From ") {
            Some(Kind::Mbox)
        } else if is_header() {
            Some(Kind::Csv)
        } else {
            None
        }
    }
}

/// A way to keep messages in a file.
#[async_trait]
pub trait Format: Send + Sync {
    /// Reads the messages of a source, in their order.
    ///
    /// # Errors
    ///
    /// Of the stream: [`Error::File`](crate::Error::File) where the source can't
    /// be read any further, which is its end. A message that can't be read is no
    /// error: the batch says so.
    fn read(&self, source: Source) -> Batches;

    /// Writes messages, and returns how many they were.
    ///
    /// # Errors
    ///
    /// Those of reading the messages, and
    /// [`Error::File`](crate::Error::File) where the file can't be written.
    ///
    /// # Cancel safety
    ///
    /// *Not cancel safe*: a part of them may be written.
    async fn write(&self, messages: Listing<Message>, file: &mut AtomicFile) -> Result<u64>;
}

/// Every format, ready for use.
#[derive(Debug)]
pub struct Formats {
    mbox: Mbox,
    jsonl: Jsonl,
    csv: Csv,
}

impl Formats {
    /// Returns all of them.
    pub fn new(verbosity: Verbosity) -> Formats {
        Formats {
            mbox: Mbox::new(verbosity),
            jsonl: Jsonl,
            csv: Csv,
        }
    }

    /// Returns the one of a kind.
    pub fn of(&self, kind: Kind) -> &dyn Format {
        match kind {
            Kind::Mbox => &self.mbox,
            Kind::Jsonl => &self.jsonl,
            Kind::Csv => &self.csv,
        }
    }
}

/// What a format reads, batch after batch.
pub type Batches = Pin<Box<dyn Stream<Item = Result<Batch>> + Send>>;
