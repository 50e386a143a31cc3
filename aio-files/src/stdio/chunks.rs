//! The chunks of the standard input.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::FusedStream;

use super::input;
use super::intake::{End, Intake};

/// The builder of [`Stdin::chunks`](super::Stdin::chunks): use
/// [`stream`](Self::stream).
///
/// It can't be awaited: that would be
/// [`read_to_end`](super::Stdin::read_to_end).
#[must_use = "nothing is read until its stream is polled"]
#[derive(Clone, Debug)]
pub struct ReadStdinChunks {
    size: usize,
}

impl ReadStdinChunks {
    pub(super) fn new() -> Self {
        Self { size: usize::MAX }
    }

    /// Gives at most `size` bytes at once instead of all that is there; 0 is 1.
    pub fn size(mut self, size: usize) -> Self {
        self.size = size.max(1);
        self
    }

    /// Gives the stream. Nothing is read before it is polled.
    pub fn stream(self) -> StdinChunks {
        StdinChunks {
            size: self.size,
            is: Is::Open,
        }
    }
}

/// The standard input, a chunk after another.
///
/// A chunk is what is there, and never empty: what a pipe has given is given on
/// at once. An error of the reading ends the stream. Dropped at any time, it
/// takes nothing with it that it hasn't given.
#[must_use = "streams do nothing unless polled"]
pub struct StdinChunks {
    size: usize,
    is: Is,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Open,
    Ended,
}

impl StdinChunks {
    /// Gives the next chunk, or `None` at the end.
    ///
    /// # Errors
    ///
    /// The system's, of `read <stdin>`, as the last item.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what comes meanwhile is given by the next call.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.is == Is::Ended {
            return Poll::Ready(None);
        }
        let size = self.size;
        let chunk = ready!(input::poll_take(cx, |intake, end| chunk(intake, size, end)));
        let item = chunk.transpose();
        if !matches!(item, Some(Ok(_))) {
            self.is = Is::Ended;
        }
        Poll::Ready(item)
    }
}

/// What is there; `None` in it is the end, which is told by it.
fn chunk(intake: &mut Intake, size: usize, end: &mut End) -> Option<Option<Bytes>> {
    let there = intake.waiting().len();
    if there == 0 {
        return (mem::replace(end, End::Ahead) == End::Met).then_some(None);
    }
    if there <= size {
        return Some(Some(intake.take().into()));
    }
    let chunk = Bytes::copy_from_slice(&intake.waiting()[..size]);
    intake.consume(size);
    Some(Some(chunk))
}

impl Stream for StdinChunks {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_chunk(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.is {
            Is::Open => (0, None),
            Is::Ended => (0, Some(0)),
        }
    }
}

impl FusedStream for StdinChunks {
    fn is_terminated(&self) -> bool {
        self.is == Is::Ended
    }
}

impl fmt::Debug for StdinChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdinChunks")
            .field("size", &self.size)
            .field("is", &self.is)
            .finish()
    }
}
