//! Rows on their way from the worker: many of them in one buffer.
//!
//! A row costs no allocation of its own. Numbers stand in the cell, texts and
//! blobs behind each other in one buffer, and both vectors go back to the
//! worker when their reader is done with them.

use std::sync::Arc;

use rusqlite::types::ValueRef;

use crate::columns::Columns;
use crate::error::Error;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Span),
    Blob(Span),
}

/// Where a text or blob stands in the chunk's bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    start: u32,
    len: u32,
}

/// The two vectors of a chunk, without the rows: worth keeping.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Buffers {
    cells: Vec<Cell>,
    bytes: Vec<u8>,
}

impl Buffers {
    /// Room for a few rows. It is made by whoever reads the rows and thus frees
    /// it: memory that one thread takes and another gives back, at every call,
    /// has the two wait for each other.
    pub(crate) fn for_a_few_rows() -> Buffers {
        Buffers {
            cells: Vec::with_capacity(8),
            bytes: Vec::with_capacity(128),
        }
    }
}

/// Some rows of one result.
#[derive(Debug, PartialEq)]
pub(crate) struct Chunk {
    columns: Arc<Columns>,
    buffers: Buffers,
    rows: usize,
}

impl Chunk {
    pub(crate) fn new(columns: Arc<Columns>, mut buffers: Buffers) -> Chunk {
        buffers.cells.clear();
        buffers.bytes.clear();
        Chunk {
            columns,
            buffers,
            rows: 0,
        }
    }

    /// Empties the chunk, for rows of other columns.
    pub(crate) fn start_over(&mut self, columns: Arc<Columns>) {
        let buffers = std::mem::take(&mut self.buffers);
        *self = Chunk::new(columns, buffers);
    }

    pub(crate) fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// What the rows take in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.buffers.bytes.len() + self.buffers.cells.len() * size_of::<Cell>()
    }

    pub(crate) fn into_buffers(self) -> Buffers {
        self.buffers
    }

    #[inline]
    fn span(&mut self, bytes: &[u8]) -> Result<Span, Error> {
        let start = self.buffers.bytes.len();
        match (u32::try_from(start), u32::try_from(bytes.len())) {
            (Ok(start), Ok(len)) => {
                self.buffers.bytes.extend_from_slice(bytes);
                Ok(Span { start, len })
            }
            // SQLite's own limit is 2 GiB a value; only a row of several such
            // values comes here.
            _ => Err(Error::column(
                self.buffers.cells.len() % self.columns.len().max(1),
                "the row is larger than 4 GiB",
            )),
        }
    }

    /// Takes back the values of a row that was not read to its end.
    pub(crate) fn drop_half_row(&mut self) {
        self.buffers.cells.truncate(self.rows * self.columns.len());
    }

    /// Adds the next value of the row that is being read. Out of line, the value
    /// would be written in parts and read as a whole, which a processor does
    /// slowly: a third of the time that a row took.
    #[inline(always)]
    pub(crate) fn push(&mut self, value: ValueRef<'_>) -> Result<(), Error> {
        let cell = match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(bytes) => Cell::Text(self.span(bytes)?),
            ValueRef::Blob(bytes) => Cell::Blob(self.span(bytes)?),
        };
        self.buffers.cells.push(cell);
        Ok(())
    }

    /// Says that all values of a row are there.
    pub(crate) fn end_row(&mut self) {
        self.rows += 1;
    }

    #[inline]
    pub(crate) fn value(&self, row: usize, column: usize) -> Option<ValueRef<'_>> {
        if column >= self.columns.len() {
            return None;
        }
        let cell = self.buffers.cells.get(row * self.columns.len() + column)?;
        let bytes = |span: Span| {
            let start = span.start as usize;
            &self.buffers.bytes[start..start + span.len as usize]
        };
        Some(match *cell {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(number),
            Cell::Real(number) => ValueRef::Real(number),
            Cell::Text(span) => ValueRef::Text(bytes(span)),
            Cell::Blob(span) => ValueRef::Blob(bytes(span)),
        })
    }
}

/// All rows of a result, in order.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    /// Most results fit one, which then needs no list.
    first: Option<Chunk>,
    rest: Vec<Chunk>,
}

impl Chunks {
    pub(crate) fn push(&mut self, chunk: Chunk) {
        match self.first {
            None => self.first = Some(chunk),
            Some(_) => self.rest.push(chunk),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.first
            .iter()
            .chain(&self.rest)
            .map(|chunk| chunk.rows())
            .sum()
    }
}

impl IntoIterator for Chunks {
    type Item = Chunk;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Chunk>, std::vec::IntoIter<Chunk>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}
