//! What the builders of lines are told.

use std::path::Path;
use std::sync::Arc;

use crate::buffers::Buffers;
use crate::lines::block::{Block, Ends};
use crate::lines::cutter::Mark;
use crate::lines::source::LineSource;
use crate::read_ahead::CHUNK;

/// The longest line, unless told otherwise.
const LONGEST: usize = 1024 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) path: Arc<Path>,
    pub(crate) longest: usize,
    pub(crate) ends: Ends,
    pub(crate) mark: Mark,
}

impl Options {
    /// For text.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            longest: LONGEST,
            ends: Ends::Strip,
            mark: Mark::Strip,
        }
    }

    pub(crate) fn source<B: Block>(&self, buffers: Arc<Buffers>) -> LineSource<B> {
        let path = Arc::clone(&self.path);
        LineSource::new(path, buffers, CHUNK, self.longest, self.mark)
    }
}
