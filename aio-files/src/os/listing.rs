//! A folder that is read a batch at a time, on a job's thread.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::entry::Entry;
use crate::ahead::Source;
use crate::error::PathError;

/// A batch has at most so many entries.
const BATCH: usize = 512;

/// A batch takes at most so long, on a file system that is slow.
const PATIENCE: Duration = Duration::from_millis(2);

/// Between how many entries the clock is looked at.
const GLANCE: usize = 32;

/// The entries of a folder that are still to come.
pub(super) struct Listing {
    folder: Arc<Path>,
    state: State,
}

enum State {
    Unopened,
    Open(fs::ReadDir),
    Over,
}

impl Listing {
    pub(super) fn new(folder: Arc<Path>) -> Self {
        Self {
            folder,
            state: State::Unopened,
        }
    }

    /// The next entries, or an error, which is the last; `None` is the end. It blocks.
    pub(super) fn batch(&mut self) -> Option<Vec<io::Result<Entry>>> {
        let mut batch = Vec::new();
        if let Err(cause) = self.fill(&mut batch) {
            self.state = State::Over;
            let error = PathError::new("list", &self.folder, cause).into_io();
            batch.push(Err(error));
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn fill(&mut self, batch: &mut Vec<io::Result<Entry>>) -> io::Result<()> {
        if let State::Unopened = self.state {
            self.state = State::Open(fs::read_dir(&self.folder)?);
        }
        let State::Open(reader) = &mut self.state else {
            return Ok(());
        };
        let until = Instant::now() + PATIENCE;
        for entry in reader {
            let entry = entry?;
            match Entry::of(&self.folder, &entry) {
                Ok(entry) => batch.push(Ok(entry)),
                // Its kind had to be asked for, and it is there no more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => {
                    let error = PathError::new("stat", &entry.path().into(), cause);
                    batch.push(Err(error.into_io()));
                }
            }
            let is_time_to_look = !batch.is_empty() && batch.len().is_multiple_of(GLANCE);
            if batch.len() >= BATCH || (is_time_to_look && Instant::now() >= until) {
                return Ok(());
            }
        }
        // Closed now, and not when the last entry has been taken.
        self.state = State::Over;
        Ok(())
    }
}

impl Source for Listing {
    type Batch = Vec<io::Result<Entry>>;

    fn next_batch(&mut self) -> Option<Self::Batch> {
        self.batch()
    }
}
