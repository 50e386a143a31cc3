//! Rows of comma-separated values.
//!
//! csv's own reader holds a record of any length, and takes comments and empty
//! rows for a part of the record that follows. So its core splits and unquotes
//! here, and its records make types of what that gives.

use std::str;

use csv::{ByteRecord, StringRecord};
use csv_core::ReadRecordResult;
use serde::de::DeserializeOwned;

use super::dialect::{Dialect, Header, Lengths, Spaces};
use super::fault::Fault;
use super::parser::{Given, Step};
use super::window::{LARGE, Window};

/// How much room there is at first for the fields of a row.
const FIRST: usize = 1024;

/// Where the rows of a file are, and what they say.
#[derive(Debug)]
pub(super) struct CsvRows {
    splitter: csv_core::Reader,
    row: Row,
    /// What was unquoted of the row.
    fields: Vec<u8>,
    filled: usize,
    /// Where in it the fields end.
    ends: Vec<usize>,
    ended: usize,
    /// How many bytes the row has in the file so far.
    len: usize,
    max_len: usize,
    comment: Option<u8>,
    header: Header,
    lengths: Lengths,
    /// How many fields a row has, once that is known.
    expected: Option<usize>,
    spaces: Spaces,
    /// The memory of the row before.
    spare: Option<StringRecord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// None has begun.
    Ahead,
    Comment,
    Wanted,
    /// It is too long, which was said.
    Skipped,
}

impl CsvRows {
    pub(super) fn new(dialect: Dialect, max_len: usize) -> Self {
        let splitter = dialect.splitter();
        let expected = match &dialect.header {
            Header::Named(names) => Some(names.len()),
            Header::FirstRow | Header::None => None,
        };
        Self {
            splitter,
            row: Row::Ahead,
            fields: vec![0; FIRST],
            filled: 0,
            ends: vec![0; 32],
            ended: 0,
            len: 0,
            max_len,
            comment: dialect.comment,
            header: dialect.header,
            lengths: dialect.lengths,
            expected,
            spaces: dialect.spaces,
            spare: None,
        }
    }

    #[inline]
    pub(super) fn step<T: DeserializeOwned>(
        &mut self,
        window: &mut Window,
        batch: &mut Vec<Given<T>>,
    ) -> Step {
        loop {
            let whole = match self.row {
                Row::Ahead | Row::Comment => match self.begin(window) {
                    Begun::Row => continue,
                    Begun::Dry => return Step::Dry,
                },
                Row::Wanted | Row::Skipped => self.go_on(window),
            };
            let fault = match whole {
                Progress::Dry => return Step::Dry,
                Progress::Skipped => continue,
                Progress::TooLong => Fault::too_long(self.max_len),
                Progress::Whole => match self.take_row() {
                    Ok(None) => continue,
                    Ok(Some(row)) => {
                        let made = row.deserialize(self.names());
                        self.spare = (row.as_slice().len() <= LARGE).then_some(row);
                        match made {
                            Err(error) => self.misfit(error),
                            Ok(record) => {
                                batch.push(Given {
                                    record: Ok(record),
                                    at: window.marked(),
                                });
                                return Step::Record;
                            }
                        }
                    }
                    Err(fault) => fault,
                },
            };
            return match self.header {
                // What the fields of the others mean isn't known.
                Header::FirstRow => Step::Fatal(fault),
                Header::Named(_) | Header::None => Step::Fault(fault),
            };
        }
    }

    /// Goes to where the next row begins: past empty ones and comments.
    fn begin(&mut self, window: &mut Window) -> Begun {
        loop {
            let unread = window.unread();
            if self.row == Row::Comment {
                match memchr::memchr(b'\n', unread) {
                    Some(feed) => {
                        window.take(feed + 1, 1);
                        self.row = Row::Ahead;
                    }
                    None => {
                        let all = unread.len();
                        window.take(all, 0);
                        return Begun::Dry;
                    }
                }
                continue;
            }
            match unread.first() {
                None => return Begun::Dry,
                Some(b'\n') => {
                    window.take(1, 1);
                }
                Some(b'\r') => {
                    window.take(1, 0);
                }
                Some(first) if self.comment == Some(*first) => self.row = Row::Comment,
                Some(_) => {
                    window.mark();
                    (self.filled, self.ended, self.len) = (0, 0, 0);
                    self.row = Row::Wanted;
                    return Begun::Row;
                }
            }
        }
    }

    /// Splits what is there of the row.
    fn go_on(&mut self, window: &mut Window) -> Progress {
        loop {
            let unread = window.unread();
            if unread.is_empty() && !window.has_ended() {
                return Progress::Dry;
            }
            let (result, read, filled, ended) = self.splitter.read_record(
                unread,
                &mut self.fields[self.filled..],
                &mut self.ends[self.ended..],
            );
            // It counts the line feeds that it passes.
            window.take(read, self.splitter.line());
            self.splitter.set_line(0);
            self.len += read;
            self.filled += filled;
            self.ended += ended;
            let whole = match result {
                ReadRecordResult::Record | ReadRecordResult::End => true,
                ReadRecordResult::InputEmpty
                | ReadRecordResult::OutputFull
                | ReadRecordResult::OutputEndsFull => false,
            };
            // The byte that ends a row is the only one that doesn't count.
            let len = self.len - usize::from(whole && read > 0);
            if self.row == Row::Wanted && len > self.max_len {
                (self.filled, self.ended) = (0, 0);
                self.row = match whole {
                    true => Row::Ahead,
                    false => Row::Skipped,
                };
                return Progress::TooLong;
            }
            match (self.row, result) {
                (Row::Skipped, _) if whole => {
                    self.row = Row::Ahead;
                    return Progress::Skipped;
                }
                (Row::Skipped, _) => (self.filled, self.ended) = (0, 0),
                (_, _) if whole => {
                    self.row = Row::Ahead;
                    return Progress::Whole;
                }
                (_, ReadRecordResult::OutputFull) => {
                    let more = self.fields.len() * 2;
                    self.fields.resize(more, 0);
                }
                (_, ReadRecordResult::OutputEndsFull) => {
                    let more = self.ends.len() * 2;
                    self.ends.resize(more, 0);
                }
                (_, _) => {}
            }
        }
    }

    /// Checks a whole row and gives it, or keeps it, if it has the names.
    fn take_row(&mut self) -> Result<Option<StringRecord>, Fault> {
        if self.lengths == Lengths::Equal {
            let expected = *self.expected.get_or_insert(self.ended);
            if self.ended != expected {
                let found = self.ended;
                let says = format!("{found} fields, and the rows have {expected}");
                return Err(Fault::new(says));
            }
        }
        let mut record = self.spare.take().unwrap_or_default().into_byte_record();
        record.clear();
        self.push_fields(&mut record);
        if self.fields.len() > LARGE {
            self.fields = vec![0; FIRST];
        }
        let record = match StringRecord::from_byte_record(record) {
            Ok(record) => record,
            Err(error) => {
                let inside = error.utf8_error();
                let (field, at) = (inside.field(), inside.valid_up_to());
                let named = named(self.names(), field);
                return Err(Fault::new(format!("{named}: not UTF-8 at byte {at} of it")));
            }
        };
        if let Header::FirstRow = self.header {
            self.header = Header::Named(record);
            return Ok(None);
        }
        Ok(Some(record))
    }

    fn push_fields(&self, record: &mut ByteRecord) {
        let mut start = 0;
        for &end in &self.ends[..self.ended] {
            let field = &self.fields[start..end];
            start = end;
            record.push_field(match self.spaces {
                Spaces::Kept => field,
                Spaces::Trimmed => trimmed(field),
            });
        }
    }

    fn names(&self) -> Option<&StringRecord> {
        match &self.header {
            Header::Named(names) => Some(names),
            Header::FirstRow | Header::None => None,
        }
    }

    /// A row that is no `T`.
    fn misfit(&self, error: csv::Error) -> Fault {
        let csv::ErrorKind::Deserialize { err, .. } = error.kind() else {
            return Fault::new(error.to_string()).because(error);
        };
        let says = match err.field() {
            Some(field) => {
                let field = usize::try_from(field).unwrap_or(usize::MAX);
                format!("{}: {}", named(self.names(), field), err.kind())
            }
            None => err.to_string(),
        };
        Fault::new(says).because(err.clone())
    }
}

enum Begun {
    Row,
    Dry,
}

enum Progress {
    Whole,
    TooLong,
    Skipped,
    Dry,
}

/// Without white space around it, if it is text.
fn trimmed(field: &[u8]) -> &[u8] {
    str::from_utf8(field).map_or(field, |text| text.trim().as_bytes())
}

/// A field by its name, or by its place, counted from 1.
fn named(names: Option<&StringRecord>, field: usize) -> String {
    match names.and_then(|names| names.get(field)) {
        Some(name) => format!("field {name:?}"),
        None => format!("field {}", field + 1),
    }
}
