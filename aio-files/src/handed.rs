//! A descriptor on its way between std and us.

use std::fs;

use crate::offload::{self, Lane};

/// Closed on a job's thread, wherever it is dropped.
#[derive(Debug)]
pub(crate) struct Handed(Option<fs::File>);

impl Handed {
    pub(crate) fn new(file: fs::File) -> Self {
        Self(Some(file))
    }

    /// Gives the descriptor to whoever closes it from now on.
    pub(crate) fn into_file(mut self) -> Option<fs::File> {
        self.0.take()
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            offload::submit(Lane::Shared, move || drop(file));
        }
    }
}
