use std::fmt;
use std::io;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::MAX_LEN;
use super::json_lines::JsonLines;
use super::origin::Origin;
use super::parser::Format;
use super::stream::{AllRecords, Records};

/// The builder of [`records(…).jsonl()`](super::ReadRecords::jsonl): `.await` it, or use
/// `.stream()`.
///
/// A line is a JSON value. Lines that are empty, or white, are passed over; a
/// line may end with CRLF, and the last needs no end; a byte order mark is
/// passed over. The file must be UTF-8.
///
/// # Errors
///
/// Awaited, the first of: the system's, with the path; `InvalidData` of a line
/// that is no `T`, with its line and byte; and
/// `UnexpectedEof` of a last line that has no end and is the beginning of a
/// value, which is what a writer leaves that was killed, or isn't done.
///
/// # Cancel safety
///
/// Cancel safe, when awaited: what was read is dropped.
#[must_use = "nothing is read until it is awaited or streamed"]
pub struct ReadJsonl<T> {
    origin: Origin,
    max_len: usize,
    reads: PhantomData<fn() -> T>,
}

impl<T> ReadJsonl<T> {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            max_len: MAX_LEN,
            reads: PhantomData,
        }
    }

    /// Takes a line of more than `bytes` for an error, instead of 1,048,576; its
    /// end doesn't count. Such a line is not held in memory.
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }
}

impl<T: DeserializeOwned + Send + 'static> ReadJsonl<T> {
    /// Returns the records one after another, read ahead.
    ///
    /// See [`Records`].
    pub fn stream(self) -> Records<T> {
        let format = Format::JsonLines(JsonLines::new(self.max_len));
        Records::new(self.origin, format)
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for ReadJsonl<T> {
    type Output = io::Result<Vec<T>>;
    type IntoFuture = AllRecords<T>;

    fn into_future(self) -> AllRecords<T> {
        AllRecords::new(self.stream())
    }
}

impl<T> fmt::Debug for ReadJsonl<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadJsonl")
            .field("origin", &self.origin)
            .field("max_len", &self.max_len)
            .finish()
    }
}
