//! The lines of a file as pieces that hold whole ones, read on a job's thread
//! or, from the page cache, on the consumer's.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::ahead::Source;
use crate::buffers::Buffers;
use crate::lines::block::Block;
use crate::lines::cutter::{Cutter, Mark, Piece};
use crate::read_ahead::Input;

/// What was read, as the consumer takes it.
#[derive(Debug)]
pub(crate) enum Batch<B> {
    Lines(B, u64),
    /// The line at this offset is too long.
    TooLong(u64),
    /// A part of a line, of which there is nothing to give yet.
    Part,
}

pub(crate) struct LineSource<B> {
    input: Input,
    cutter: Cutter,
    buffers: Arc<Buffers>,
    reading: Reading,
    kind: std::marker::PhantomData<fn() -> B>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Goes,
    Over,
}

impl<B: Block> LineSource<B> {
    pub(crate) fn new(
        path: Arc<Path>,
        buffers: Arc<Buffers>,
        size: usize,
        longest: usize,
        mark: Mark,
    ) -> Self {
        Self {
            input: Input::new(path),
            cutter: Cutter::new(Arc::clone(&buffers), size, longest, mark),
            buffers,
            reading: Reading::Goes,
            kind: std::marker::PhantomData,
        }
    }

    fn batch(&self, piece: Piece) -> io::Result<Batch<B>> {
        Ok(match piece {
            Piece::Lines { bytes, offset } => Batch::Lines(B::new(bytes, &self.buffers), offset),
            Piece::TooLong { offset } => Batch::TooLong(offset),
        })
    }

    fn cut(&mut self) -> Option<io::Result<Batch<B>>> {
        let piece = self.cutter.cut()?;
        Some(self.batch(piece))
    }

    fn read(&mut self) -> io::Result<usize> {
        let room = self.input.room(self.cutter.wanted())?;
        let read = self.input.read(self.cutter.room(room))?;
        self.cutter.read(read);
        Ok(read)
    }
}

impl<B: Block> Source for LineSource<B> {
    type Batch = io::Result<Batch<B>>;

    fn next_batch(&mut self) -> Option<Self::Batch> {
        if self.reading == Reading::Over {
            return None;
        }
        if let Some(batch) = self.cut() {
            return Some(batch);
        }
        match self.read() {
            Ok(0) => {
                self.reading = Reading::Over;
                let last = self.cutter.finish()?;
                Some(self.batch(last))
            }
            Ok(_) => Some(self.cut().unwrap_or(Ok(Batch::Part))),
            Err(error) => {
                self.reading = Reading::Over;
                Some(Err(error))
            }
        }
    }

    fn may_wait(&mut self) -> bool {
        self.input.may_wait()
    }

    fn is_at_hand(&mut self) -> bool {
        self.reading == Reading::Goes && self.input.is_at_hand(self.cutter.wanted())
    }

    fn batch_at_once(&mut self) -> Option<Self::Batch> {
        if let Some(batch) = self.cut() {
            return Some(batch);
        }
        let wanted = self.cutter.wanted();
        if !self.input.allows_at_once(wanted) || !self.input.read_at_once(self.cutter.room(wanted))
        {
            return None;
        }
        self.cutter.read(wanted);
        Some(self.cut().unwrap_or(Ok(Batch::Part)))
    }
}
