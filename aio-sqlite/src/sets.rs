//! Many sets of parameters on their way to the worker, all of them in two
//! vectors.
//!
//! A set costs no allocation of its own, and nothing that the worker would have
//! to free for the thread that made it: short texts and blobs stand behind each
//! other in one buffer.

use std::fmt;

use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use crate::error::{Error, Result};

/// A text or blob longer than this crosses as it is: copying it would cost
/// more than its allocation.
const SHORT: usize = 1 << 10;

/// Parameters that bind themselves, since they are not by position.
pub(crate) trait Bind: Send + fmt::Debug {
    fn bind(&self, sql: &str, statement: &mut Statement<'_>) -> Result<()>;
}

#[derive(Debug)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Span),
    Blob(Span),
    Long(Box<Value>),
    /// The only cell of its set.
    Odd(Box<dyn Bind>),
}

/// Where a short text or blob stands in the bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        &bytes[start..start + self.len as usize]
    }
}

/// Sets of parameters, in order.
#[derive(Debug, Default)]
pub struct Sets {
    cells: Vec<Cell>,
    bytes: Vec<u8>,
    /// Where the cells of each set end.
    ends: Vec<usize>,
    /// What stands in neither vector, in bytes.
    aside: usize,
}

impl Sets {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// What the sets take in memory, in bytes, about.
    pub(crate) fn size(&self) -> usize {
        self.cells.len() * size_of::<Cell>() + self.bytes.len() + self.aside
    }

    fn span(&mut self, bytes: &[u8]) -> Option<Span> {
        if bytes.len() > SHORT {
            return None;
        }
        let start = u32::try_from(self.bytes.len()).ok()?;
        let len = u32::try_from(bytes.len()).ok()?;
        self.bytes.extend_from_slice(bytes);
        Some(Span { start, len })
    }

    fn long(&mut self, value: Value, size: usize) {
        self.aside += size;
        self.cells.push(Cell::Long(Box::new(value)));
    }

    /// Adds NULL to the set that is being put together.
    pub(crate) fn null(&mut self) {
        self.cells.push(Cell::Null);
    }

    /// Adds a text to the set that is being put together.
    pub(crate) fn text(&mut self, text: &str) {
        match self.span(text.as_bytes()) {
            Some(span) => self.cells.push(Cell::Text(span)),
            None => self.long(Value::Text(text.to_owned()), text.len()),
        }
    }

    /// Adds a blob to the set that is being put together.
    pub(crate) fn blob(&mut self, blob: &[u8]) {
        match self.span(blob) {
            Some(span) => self.cells.push(Cell::Blob(span)),
            None => self.long(Value::Blob(blob.to_owned()), blob.len()),
        }
    }

    /// Adds a value to the set that is being put together.
    pub(crate) fn value(&mut self, value: Value) {
        match value {
            Value::Null => self.null(),
            Value::Integer(number) => self.cells.push(Cell::Integer(number)),
            Value::Real(number) => self.cells.push(Cell::Real(number)),
            Value::Text(text) if text.len() <= SHORT => self.text(&text),
            Value::Blob(blob) if blob.len() <= SHORT => self.blob(&blob),
            Value::Text(text) => {
                let size = text.len();
                self.long(Value::Text(text), size);
            }
            Value::Blob(blob) => {
                let size = blob.len();
                self.long(Value::Blob(blob), size);
            }
        }
    }

    /// Says that the set is complete.
    pub(crate) fn end_set(&mut self) {
        self.ends.push(self.cells.len());
    }

    /// Takes back the values of a set that can't be completed, and says how
    /// many there were.
    pub(crate) fn drop_half_set(&mut self) -> usize {
        let complete = self.ends.last().copied().unwrap_or(0);
        let dropped = self.cells.len() - complete;
        self.cells.truncate(complete);
        dropped
    }

    /// Adds a set that binds itself.
    pub(crate) fn odd(&mut self, set: impl Bind + 'static, size: usize) {
        self.aside += size;
        self.cells.push(Cell::Odd(Box::new(set)));
        self.end_set();
    }

    /// The sets, in order.
    pub(crate) fn each(&self) -> impl Iterator<Item = Set<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |&end| Set {
            cells: &self.cells[std::mem::replace(&mut start, end)..end],
            bytes: &self.bytes,
        })
    }
}

/// One set of parameters.
pub(crate) struct Set<'s> {
    cells: &'s [Cell],
    bytes: &'s [u8],
}

impl Set<'_> {
    /// Binds the parameters to a statement that has so many, each exactly once.
    pub(crate) fn bind(
        &self,
        sql: &str,
        statement: &mut Statement<'_>,
        expected: usize,
    ) -> Result<()> {
        if let [Cell::Odd(set)] = self.cells {
            return set.bind(sql, statement);
        }
        if self.cells.len() != expected {
            return Err(wrong_count(sql, self.cells.len(), expected));
        }
        for (index, cell) in self.cells.iter().enumerate() {
            let value = match cell {
                Cell::Null | Cell::Odd(_) => ValueRef::Null,
                Cell::Integer(number) => ValueRef::Integer(*number),
                Cell::Real(number) => ValueRef::Real(*number),
                Cell::Text(span) => ValueRef::Text(span.of(self.bytes)),
                Cell::Blob(span) => ValueRef::Blob(span.of(self.bytes)),
                Cell::Long(value) => ValueRef::from(&**value),
            };
            statement
                .raw_bind_parameter(index + 1, ToSqlOutput::Borrowed(value))
                .map_err(|source| Error::sqlite(sql, source))?;
        }
        Ok(())
    }
}

/// Says that a statement has another number of parameters.
pub(crate) fn wrong_count(sql: &str, given: usize, expected: usize) -> Error {
    Error::parameter(sql, format!("{given} parameters for {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_as_they_went_in() {
        let long = "x".repeat(SHORT + 1);
        let values = [
            Value::Null,
            Value::Integer(-7),
            Value::Real(0.5),
            Value::Text(String::new()),
            Value::Text("Zoë".into()),
            Value::Text(long.clone()),
            Value::Blob(vec![]),
            Value::Blob(vec![0, 255]),
            Value::Blob(long.clone().into_bytes()),
        ];
        let mut sets = Sets::default();
        for value in &values {
            sets.value(value.clone());
            sets.end_set();
        }
        sets.text("half of a set");
        assert_eq!(sets.drop_half_set(), 1);
        assert_eq!(sets.len(), values.len());
        assert!(sets.size() > 2 * SHORT);

        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let mut statement = connection.prepare("SELECT ?1").unwrap();
        for (set, value) in sets.each().zip(&values) {
            set.bind("SELECT ?1", &mut statement, 1).unwrap();
            let mut rows = statement.raw_query();
            let row = rows.next().unwrap().unwrap();
            assert_eq!(&row.get::<_, Value>(0).unwrap(), value);
        }
    }
}
