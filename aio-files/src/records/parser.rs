//! From bytes to batches of records, whatever the format.

use std::io;
use std::marker::PhantomData;
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::csv_rows::CsvRows;
use super::fault::Fault;
use super::json_lines::JsonLines;
use super::window::Window;
use crate::error::PathError;
use crate::lines::Position;

/// About how many bytes the values of a batch take, what they point to aside.
const BATCH: usize = 512 * 1024;

/// How many records a batch has, at most.
const MOST: usize = 1024;
/// The same where the consumer takes each batch before the next is made: what
/// it drops is allocated again while the processor's caches have it.
const MOST_AT_ONCE: usize = 6;

/// How records are told apart.
#[derive(Debug)]
pub(super) enum Format {
    JsonLines(JsonLines),
    // It is large, and there is one for a file.
    CsvRows(Box<CsvRows>),
}

/// What a format made of the bytes that are there.
pub(super) enum Step {
    /// It is in the batch: a large type is moved as seldom as can be.
    Record,
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

    /// Says where the first byte is, before anything is read.
    pub(super) fn begin_at(&mut self, at: Position) {
        self.window.begin_at(at);
    }

    /// The last item: what can't be read has no records.
    pub(super) fn end_by(&mut self, error: io::Error) -> Given<T> {
        self.over = true;
        Given {
            record: Err(error),
            at: self.window.at(),
        }
    }

    /// Where the next bytes are.
    pub(super) fn at(&self) -> Position {
        self.window.at()
    }

    /// The records that have come; if there are none, it reads once, which blocks.
    /// `None` is the end. An empty batch isn't: a file may be long that has no
    /// records, and who has gone meanwhile is noticed between two batches.
    pub(super) fn batch(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Option<Vec<Given<T>>>> {
        let mut batch = self.parsed(MOST);
        if batch.is_empty() && !self.is_over() {
            self.window.fill(read)?;
            batch = self.parsed(MOST);
        }
        let ends = batch.is_empty() && self.is_over();
        Ok((!ends).then_some(batch))
    }

    /// True when nothing more is read.
    fn is_over(&self) -> bool {
        self.over || self.window.has_ended()
    }

    /// The same without blocking: nothing, if what comes next can't be had so.
    pub(super) fn batch_at_once(
        &mut self,
        amount: usize,
        read: impl FnOnce(&mut [u8]) -> bool,
    ) -> Vec<Given<T>> {
        let batch = self.parsed(MOST_AT_ONCE);
        if batch.is_empty() && !self.over && self.window.fill_with(amount, read) {
            return self.parsed(MOST_AT_ONCE);
        }
        batch
    }

    /// The records of which all bytes are here, but not too many.
    fn parsed(&mut self, most: usize) -> Vec<Given<T>> {
        if self.over || self.window.unread().is_empty() && !self.window.has_ended() {
            return Vec::new();
        }
        let most = (BATCH / size_of::<Given<T>>()).clamp(1, most);
        let mut batch = Vec::with_capacity(most);
        // A panic is that of a type's own code. The record was taken before, so
        // the next one can be read.
        let parse = || self.parse(&mut batch, most);
        if catch_unwind(AssertUnwindSafe(parse)).is_err() {
            batch.push(self.wrong(Fault::panicked()));
        }
        self.window.shrink();
        batch
    }

    fn parse(&mut self, batch: &mut Vec<Given<T>>, most: usize) {
        while batch.len() < most && !self.over {
            let step = match &mut self.format {
                Format::JsonLines(lines) => lines.step(&mut self.window, batch),
                Format::CsvRows(rows) => rows.step(&mut self.window, batch),
            };
            match step {
                Step::Record => {}
                Step::Fault(fault) => batch.push(self.wrong(fault)),
                Step::Fatal(fault) => {
                    self.over = true;
                    batch.push(self.wrong(fault));
                }
                Step::Dry => return,
            }
        }
    }

    #[cold]
    fn wrong(&self, fault: Fault) -> Given<T> {
        let at = self.window.marked();
        let cause = io::Error::new(fault.kind, fault);
        let error = PathError::new("read", &self.path, cause);
        Given {
            record: Err(error.at_line(at.line, at.offset).into_io()),
            at,
        }
    }
}
