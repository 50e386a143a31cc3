//! From bytes to batches of records, whatever the format.

use std::io::{self, Read};
use std::marker::PhantomData;
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::Position;
use super::csv_rows::CsvRows;
use super::json_lines::JsonLines;
use super::record_error::{Fault, RecordError};
use super::window::Window;
use crate::error::PathError;

/// About how many bytes the values of a batch take, what they point to aside.
const BATCH: usize = 512 * 1024;

/// How records are told apart.
#[derive(Debug)]
pub(super) enum Format {
    JsonLines(JsonLines),
    // It is large, and there is one for a file.
    CsvRows(Box<CsvRows>),
}

/// What a format made of the bytes that are there.
pub(super) enum Step<T> {
    Record(T),
    /// The record that the window has marked is none.
    Fault(Fault),
    /// The same, and without this one no other can be read.
    Fatal(Fault),
    /// More bytes are needed; there are none if the file has ended.
    Dry,
}

/// A record, or what is wrong with it, and where it begins.
#[derive(Debug)]
pub(super) struct Given<T> {
    pub(super) record: io::Result<T>,
    pub(super) at: Position,
}

/// Blocks on a reader and gives what its records are.
#[derive(Debug)]
pub(super) struct Parser<T> {
    path: Arc<Path>,
    window: Window,
    format: Format,
    over: bool,
    gives: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Parser<T> {
    pub(super) fn new(path: Arc<Path>, format: Format) -> Self {
        Self {
            path,
            window: Window::new(),
            format,
            over: false,
            gives: PhantomData,
        }
    }

    /// The file, for errors.
    pub(super) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Where the next bytes are.
    pub(super) fn at(&self) -> Position {
        self.window.at()
    }

    /// The records that have come; it waits for more bytes only if there are none.
    /// An empty batch is the end.
    pub(super) fn batch(&mut self, reader: &mut impl Read) -> io::Result<Vec<Given<T>>> {
        let most = (BATCH / size_of::<Given<T>>()).clamp(16, 1024);
        let mut batch = Vec::with_capacity(most);
        loop {
            // A panic is that of a type's own code. The record was taken before,
            // so the next one can be read.
            let parse = || self.parse(&mut batch, most);
            if catch_unwind(AssertUnwindSafe(parse)).is_err() {
                batch.push(self.wrong(Fault::panicked()));
            }
            if !batch.is_empty() || self.over || self.window.has_ended() {
                return Ok(batch);
            }
            self.window.fill(reader)?;
        }
    }

    fn parse(&mut self, batch: &mut Vec<Given<T>>, most: usize) {
        while batch.len() < most && !self.over {
            let step = match &mut self.format {
                Format::JsonLines(lines) => lines.step(&mut self.window),
                Format::CsvRows(rows) => rows.step(&mut self.window),
            };
            batch.push(match step {
                Step::Record(record) => Given {
                    record: Ok(record),
                    at: self.window.marked(),
                },
                Step::Fault(fault) => self.wrong(fault),
                Step::Fatal(fault) => {
                    self.over = true;
                    self.wrong(fault)
                }
                Step::Dry => return,
            });
        }
    }

    #[cold]
    fn wrong(&self, fault: Fault) -> Given<T> {
        let at = self.window.marked();
        let cause = io::Error::new(fault.kind, RecordError::new(at, fault));
        Given {
            record: Err(PathError::new("read", &self.path, cause).into_io()),
            at,
        }
    }
}
