use std::fmt;
use std::io;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::MAX_LEN;
use super::csv_rows::CsvRows;
use super::dialect::{Dialect, Header, Lengths, Spaces};
use super::origin::Origin;
use super::parser::Format;
use super::stream::{AllRecords, Records};

/// The builder of [`records(…).csv()`](super::ReadRecords::csv): `.await` it, or use
/// `.stream()`.
///
/// Rows are split and unquoted, and types are made of them, as by the crate
/// csv: a struct or a map takes fields by the names in the first row, a tuple
/// or a `Vec` by their place; an empty field is the `None` of an `Option`.
/// Rows end with LF, CRLF or CR, and the last needs no end; empty rows and a
/// byte order mark are passed over. The file must be UTF-8. Quotes are never an
/// error: one that isn't closed takes the file up to the next one, or to
/// [`max_len`](ReadCsv::max_len), into its field.
///
/// # Errors
///
/// Awaited, the first of: the system's, with the path; and `InvalidData` of a
/// row that is no `T`, that has not as many fields as the first row, or is too
/// long, with its line and byte.
///
/// # Cancel safety
///
/// Cancel safe, when awaited: what was read is dropped.
#[must_use = "nothing is read until it is awaited or streamed"]
pub struct ReadCsv<T> {
    origin: Origin,
    dialect: Dialect,
    max_len: usize,
    reads: PhantomData<fn() -> T>,
}

impl<T> ReadCsv<T> {
    pub(super) fn new(origin: Origin, dialect: Dialect) -> Self {
        Self {
            origin,
            dialect,
            max_len: MAX_LEN,
            reads: PhantomData,
        }
    }

    /// Splits rows at this byte instead of at commas.
    #[doc(alias = "separator")]
    pub fn delimiter(mut self, byte: u8) -> Self {
        self.dialect.delimiter = byte;
        self
    }

    /// Takes this byte for the quote instead of `"`.
    pub fn quote(mut self, byte: u8) -> Self {
        self.dialect.quote = byte;
        self
    }

    /// Takes this byte before a quote for its escape, as well as a doubled quote.
    pub fn escape(mut self, byte: u8) -> Self {
        self.dialect.escape = Some(byte);
        self
    }

    /// Passes over lines that begin with this byte.
    pub fn comment(mut self, byte: u8) -> Self {
        self.dialect.comment = Some(byte);
        self
    }

    /// Takes the first row for a record: `T` takes fields by their place.
    pub fn no_header(mut self) -> Self {
        self.dialect.header = Header::None;
        self
    }

    /// Takes the first row for a record, and these for the names of the fields.
    #[doc(alias = "fieldnames")]
    pub fn names(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.dialect.header = Header::Named(names.into_iter().collect());
        self
    }

    /// Lets rows have any number of fields: those that are missing must have a
    /// default, those that are left over are passed over.
    pub fn flexible(mut self) -> Self {
        self.dialect.lengths = Lengths::Any;
        self
    }

    /// Removes white space around fields and names, also within quotes.
    pub fn trim(mut self) -> Self {
        self.dialect.spaces = Spaces::Trimmed;
        self
    }

    /// Takes a row of more than `bytes` for an error, instead of 1,048,576; quotes
    /// count, and its end doesn't. Such a row is not held in memory.
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }
}

impl<T: DeserializeOwned + Send + 'static> ReadCsv<T> {
    /// Returns the records one after another, read ahead.
    ///
    /// See [`Records`].
    pub fn stream(self) -> Records<T> {
        let rows = CsvRows::new(self.dialect, self.max_len);
        Records::new(self.origin, Format::CsvRows(Box::new(rows)))
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for ReadCsv<T> {
    type Output = io::Result<Vec<T>>;
    type IntoFuture = AllRecords<T>;

    fn into_future(self) -> AllRecords<T> {
        AllRecords::new(self.stream())
    }
}

impl<T> fmt::Debug for ReadCsv<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadCsv")
            .field("origin", &self.origin)
            .field("dialect", &self.dialect)
            .field("max_len", &self.max_len)
            .finish()
    }
}
