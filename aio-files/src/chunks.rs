//! A file as a stream of chunks.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::FusedStream;

use crate::ahead::{Ahead, Source};
use crate::buffers::Buffers;
use crate::error::PathError;
use crate::fairness::Fairness;
use crate::read_ahead::{CHUNK, Input, depth_for};
use crate::turnstile::Claim;

/// Reads a file as a stream of chunks of 256 KiB.
///
/// What is in the page cache is read without a hop; what isn't is read ahead, a
/// megabyte at most. It is for files that are larger than one likes to hold in
/// memory: to hash, to send or to copy them.
///
/// It waits for what dropped files and cancelled operations still have to write
/// to that path.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// # std::fs::write(&path, vec![1; 600_000])?;
/// let mut chunks = aio_files::chunks(&path).stream();
/// let mut sum = 0;
/// while let Some(chunk) = chunks.next().await {
///     sum += chunk?.iter().map(|&byte| u64::from(byte)).sum::<u64>();
/// }
/// assert_eq!(sum, 600_000);
/// # Ok(())
/// # }
/// ```
pub fn chunks(path: impl AsRef<Path>) -> ReadChunks {
    ReadChunks {
        path: path.as_ref().into(),
        size: CHUNK,
    }
}

/// The builder of [`chunks`](crate::chunks()): use [`stream`](Self::stream).
///
/// It can't be awaited: that would be [`read`](crate::read).
#[must_use = "nothing is read until its stream is polled"]
#[derive(Clone, Debug)]
pub struct ReadChunks {
    path: Arc<Path>,
    size: usize,
}

impl ReadChunks {
    /// Gives each chunk `size` bytes instead of 262,144; 0 is 1.
    ///
    /// Small chunks are parts of one that was read in one go. Four chunks are
    /// read ahead where that is no more than a megabyte, else fewer, but one.
    pub fn size(mut self, size: usize) -> Self {
        self.size = size.max(1);
        self
    }

    /// Gives the stream. The file is opened when it is polled first.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, "in three")?;
    /// let mut chunks = aio_files::chunks(&path).size(3).stream();
    /// assert_eq!(chunks.next().await.transpose()?.unwrap(), "in ");
    /// assert_eq!(chunks.next().await.transpose()?.unwrap(), "thr");
    /// assert_eq!(chunks.next().await.transpose()?.unwrap(), "ee");
    /// assert!(chunks.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(self) -> Chunks {
        let Self { path, size } = self;
        // Whole chunks, as many as make a block that is worth a system call.
        let block = size * (CHUNK / size).max(1);
        let source = BlockSource {
            input: Input::new(Arc::clone(&path)),
            block,
            buffers: Buffers::new(block),
            failure: None,
        };
        let claims = vec![Claim::on(&path)];
        Chunks {
            ahead: Ahead::new(source, depth_for(block), claims),
            path,
            size,
            block: Bytes::new(),
            fairness: Fairness::default(),
            end: End::Ahead,
        }
    }
}

/// The stream of [`chunks`](crate::chunks()).
///
/// Each chunk of a file has the size that was asked for, but for the last, which
/// is what is left. A FIFO or a device gives what is there. No chunk is empty.
///
/// A chunk is shared memory: cloning and slicing it copies nothing. The stream
/// uses its memory again when the last part of it has been dropped.
///
/// An error of the opening or of the reading is an item, and ends the stream; it
/// has the path and the offset. A file that grows or shrinks meanwhile is read
/// to the end that it has then.
///
/// Dropping it closes the file on another thread. A read of a FIFO that is under
/// way keeps a thread until the FIFO's other end gives something or goes.
pub struct Chunks {
    ahead: Ahead<BlockSource>,
    path: Arc<Path>,
    size: usize,
    /// What is left of the block that was read.
    block: Bytes,
    fairness: Fairness,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ahead,
    Reached,
}

impl Chunks {
    /// Gives the next chunk, or `None` at the end.
    ///
    /// # Errors
    ///
    /// The system's, with the path and the offset; it is the last item.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what is read meanwhile is given by the next call.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Chunks {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            ready!(this.fairness.poll_pay(cx));
            if !this.block.is_empty() {
                this.fairness.item();
                let chunk = this.size.min(this.block.len());
                return Poll::Ready(Some(Ok(this.block.split_to(chunk))));
            }
            if this.end == End::Reached {
                return Poll::Ready(None);
            }
            let Poll::Ready(block) = this.ahead.poll_next(cx) else {
                this.fairness.paused();
                return Poll::Pending;
            };
            match block {
                Some(Ok(Ok(block))) => {
                    this.fairness.bytes(block.len());
                    this.block = block;
                }
                Some(Ok(Err(error))) => {
                    this.end = End::Reached;
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Err(lost)) => {
                    this.end = End::Reached;
                    let error = PathError::new("read", &this.path, lost).into_io();
                    return Poll::Ready(Some(Err(error)));
                }
                None => this.end = End::Reached,
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let there = self.block.len().div_ceil(self.size);
        match self.end {
            End::Ahead => (there, None),
            End::Reached => (there, Some(there)),
        }
    }
}

impl FusedStream for Chunks {
    fn is_terminated(&self) -> bool {
        self.end == End::Reached && self.block.is_empty()
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks")
            .field("path", &self.path)
            .field("size", &self.size)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Reads blocks of whole chunks.
struct BlockSource {
    input: Input,
    block: usize,
    buffers: Arc<Buffers>,
    /// What has failed behind the bytes that were given.
    failure: Option<io::Error>,
}

impl Source for BlockSource {
    type Batch = io::Result<Bytes>;

    fn next_batch(&mut self) -> Option<io::Result<Bytes>> {
        if let Some(failure) = self.failure.take() {
            return Some(Err(failure));
        }
        let mut room = match self.input.room(self.block) {
            Ok(room) => room,
            Err(error) => return Some(Err(error)),
        };
        let mut buffer = self.buffers.take(room);
        let mut filled = 0;
        loop {
            let (read, result) = self.input.read_full(&mut buffer[filled..room]);
            filled += read;
            self.failure = result.err();
            if filled == self.block || filled < room || self.input.may_wait() {
                break;
            }
            // It is longer than it said when it was opened.
            room = room.saturating_mul(2).max(CHUNK).min(self.block);
            buffer.resize(room.max(buffer.len()), 0);
        }
        buffer.truncate(filled);
        match (filled, self.failure.take()) {
            (0, failure) => failure.map(Err),
            (_, failure) => {
                self.failure = failure;
                Some(Ok(self.buffers.share(buffer)))
            }
        }
    }

    fn may_wait(&mut self) -> bool {
        self.input.may_wait()
    }

    fn is_at_hand(&mut self) -> bool {
        self.input.is_at_hand(self.block)
    }

    fn batch_at_once(&mut self) -> Option<io::Result<Bytes>> {
        if !self.input.allows_at_once(self.block) {
            return None;
        }
        let mut buffer = self.buffers.take(self.block);
        buffer.truncate(self.block);
        if self.input.read_at_once(&mut buffer) {
            return Some(Ok(self.buffers.share(buffer)));
        }
        self.buffers.give_back(buffer);
        None
    }
}
