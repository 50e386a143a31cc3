//! Where records come from.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use super::parser::Format;
use super::reading::{Batch, Reading};
use super::standard_input::StandardInput;
use crate::ahead::Ahead;
use crate::error::PathError;
use crate::read_ahead::{CHUNK, depth_for};
use crate::stdio;
use crate::turnstile::Claim;

/// A file, or the standard input.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    File(Arc<Path>),
    StandardInput,
}

impl Origin {
    /// What it is called in errors.
    pub(super) fn path(&self) -> Arc<Path> {
        match self {
            Origin::File(path) => Arc::clone(path),
            Origin::StandardInput => stdio::name(),
        }
    }
}

/// What gives the batches.
pub(super) enum Feed<T: DeserializeOwned + Send + 'static> {
    /// A job, which runs ahead.
    Ahead(Ahead<Reading<T>>),
    /// Whoever polls: what isn't wanted yet is left to others.
    StandardInput(Box<StandardInput<T>>),
}

impl<T: DeserializeOwned + Send + 'static> Feed<T> {
    pub(super) fn new(origin: Origin, format: Format) -> Self {
        let path = match origin {
            Origin::File(path) => path,
            Origin::StandardInput => {
                return Self::StandardInput(Box::new(StandardInput::new(format)));
            }
        };
        let claims = vec![Claim::on(&path)];
        let reading = Reading::new(path, format);
        Self::Ahead(Ahead::new(reading, depth_for(CHUNK), claims))
    }

    /// The next batch, `None` at the end; an error once if its job panicked.
    pub(super) fn poll_next(
        &mut self,
        path: &Arc<Path>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Batch<T>>>> {
        match self {
            Self::Ahead(ahead) => ahead.poll_next(cx).map_err(|lost| {
                let lost = PathError::new("read", path, lost);
                lost.into_io()
            }),
            Self::StandardInput(input) => input.poll_batch(cx).map(|batch| batch.map(Ok)),
        }
    }
}
