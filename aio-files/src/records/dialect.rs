//! What the options of CSV decide.

use csv::StringRecord;

/// How a CSV file is written.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) escape: Option<u8>,
    pub(super) comment: Option<u8>,
    pub(super) header: Header,
    pub(super) lengths: Lengths,
    pub(super) spaces: Spaces,
}

/// Where the names of the fields are.
#[derive(Clone, Debug)]
pub(super) enum Header {
    /// In the first row.
    FirstRow,
    /// Here, and the first row is a record.
    Named(StringRecord),
    /// Nowhere: fields are known by their place.
    None,
}

/// How many fields a record may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lengths {
    /// As many as the first row.
    Equal,
    Any,
}

/// What becomes of spaces around a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spaces {
    Kept,
    Trimmed,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: b'"',
            escape: None,
            comment: None,
            header: Header::FirstRow,
            lengths: Lengths::Equal,
            spaces: Spaces::Kept,
        }
    }
}

impl Dialect {
    /// Comments and empty rows are none of its business: where a record begins
    /// must be known before it.
    pub(super) fn splitter(&self) -> csv_core::Reader {
        let mut reader = csv_core::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .quote(self.quote)
            .escape(self.escape)
            .build();
        // It would pass a byte order mark at its first call; the one of the file
        // has been passed already, and another is a part of a field.
        reader.read_record(b"\n", &mut [0], &mut [0]);
        reader.set_line(0);
        reader
    }
}
