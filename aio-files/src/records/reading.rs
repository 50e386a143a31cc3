//! A file of records as a source that runs ahead.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::parser::{Format, Given, Parser};
use crate::ahead::Source;
use crate::read_ahead::Input;

/// How much is read on the consumer's thread at once, if it is cached.
const AT_ONCE: usize = 64 * 1024;

/// The file, and what is parsed of it.
#[derive(Debug)]
pub(super) struct Reading<T> {
    input: Input,
    parser: Parser<T>,
}

/// What came together.
pub(super) struct Batch<T> {
    pub(super) given: Vec<Given<T>>,
    /// How many bytes the consumer's thread has parsed for it.
    pub(super) parsed_here: u64,
}

impl<T> Batch<T> {
    /// What another thread has parsed, or nobody.
    pub(super) fn of(given: Vec<Given<T>>) -> Self {
        Self {
            given,
            parsed_here: 0,
        }
    }
}

impl<T: DeserializeOwned> Reading<T> {
    pub(super) fn new(path: Arc<Path>, format: Format) -> Self {
        Self {
            input: Input::new(Arc::clone(&path)),
            parser: Parser::new(path, format),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Source for Reading<T> {
    type Batch = Batch<T>;

    fn next_batch(&mut self) -> Option<Batch<T>> {
        let given = match self.parser.batch(|into| self.input.read(into)) {
            Ok(given) => given?,
            Err(error) => vec![self.parser.end_by(error)],
        };
        Some(Batch::of(given))
    }

    fn may_wait(&mut self) -> bool {
        self.input.may_wait()
    }

    fn is_at_hand(&mut self) -> bool {
        self.input.is_at_hand(AT_ONCE)
    }

    fn batch_at_once(&mut self) -> Option<Batch<T>> {
        if !self.input.allows_at_once(AT_ONCE) {
            return None;
        }
        let before = self.parser.at().offset;
        let read = |into: &mut [u8]| self.input.read_at_once(into);
        let given = self.parser.batch_at_once(AT_ONCE, read);
        (!given.is_empty()).then(|| Batch {
            given,
            parsed_here: self.parser.at().offset - before,
        })
    }
}
