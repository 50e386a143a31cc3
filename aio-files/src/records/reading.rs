//! A file of records as a source that runs ahead.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::parser::{Format, Given, Parser};
use crate::ahead::Source;
use crate::descriptor::{Reach, reach_of};
use crate::error::PathError;

/// The file, and what is parsed of it.
pub(super) struct Reading<T> {
    input: Input,
    parser: Parser<T>,
}

enum Input {
    /// It is opened by the job that reads it.
    Unopened,
    Open(fs::File, Reach),
    Over,
}

impl<T: DeserializeOwned> Reading<T> {
    pub(super) fn new(path: Arc<Path>, format: Format) -> Self {
        Self {
            input: Input::Unopened,
            parser: Parser::new(path, format),
        }
    }

    fn batch(&mut self) -> io::Result<Vec<Given<T>>> {
        if let Input::Unopened = self.input {
            let file = fs::File::open(self.parser.path())?;
            let reach = reach_of(&file.metadata()?);
            self.input = Input::Open(file, reach);
        }
        match &mut self.input {
            Input::Open(file, _) => self.parser.batch(file),
            Input::Unopened | Input::Over => Ok(Vec::new()),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Source for Reading<T> {
    type Batch = Vec<Given<T>>;

    fn next_batch(&mut self) -> Option<Vec<Given<T>>> {
        match self.batch() {
            Ok(batch) if batch.is_empty() => None,
            Ok(batch) => Some(batch),
            Err(cause) => {
                // Closed: what a failing disk would give next is no record.
                self.input = Input::Over;
                Some(vec![Given {
                    record: Err(PathError::new("read", self.parser.path(), cause).into_io()),
                    at: self.parser.at(),
                }])
            }
        }
    }

    fn may_wait(&mut self) -> bool {
        let reach = match &self.input {
            Input::Unopened => fs::metadata(self.parser.path())
                .map(|metadata| reach_of(&metadata))
                .ok(),
            Input::Open(_, reach) => Some(*reach),
            Input::Over => None,
        };
        reach == Some(Reach::InOrder)
    }
}
