//! The streams of lines.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::FusedStream;

use crate::ahead::Ahead;
use crate::buffers::Buffers;
use crate::error::PathError;
use crate::fairness::Fairness;
use crate::lines::block::{Block, Fault, LinesOf, Text};
use crate::lines::options::Options;
use crate::lines::source::{Batch, LineSource};
use crate::read_ahead::{CHUNK, depth_for};
use crate::turnstile::Claim;

/// Where a line begins in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Position {
    /// The number of the line, the first being 1; 0 before the first. Lines are
    /// counted by their LF, so that a file which ends them with a lone CR is one.
    pub line: u64,
    /// How many bytes of the file are before it.
    pub offset: u64,
}

/// The stream of [`lines`](crate::lines()), as text.
///
/// A line that isn't UTF-8 or is too long is an error of its own, and the next
/// item is the line behind it. An error of the opening or of the reading ends
/// the stream; a beginning of a line that was read by then isn't given. Which
/// error it is says its kind: `InvalidData` is one of a line.
///
/// A file that grows or shrinks meanwhile is read to the end that it has then.
///
/// Dropping it closes the file on another thread. A read of a FIFO that is under
/// way keeps a thread until the FIFO's other end gives something or goes.
pub struct Lines {
    running: Running<Text>,
}

/// The stream of [`lines`](crate::lines())`.bytes()`.
///
/// An item is a part of what was read, which nothing is copied for, and keeps it
/// in memory: 256 KiB for one line, if it is the only one that is kept, or about
/// twice the longest line where that is more. All else
/// is as for [`Lines`], but for UTF-8, which isn't asked for.
pub struct LineBytes {
    running: Running<Bytes>,
}

impl Lines {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            running: Running::new(options),
        }
    }

    /// Gives the next line, or `None` at the end.
    ///
    /// # Errors
    ///
    /// `InvalidData`, with the path, the line and the offset, for a line that is
    /// too long or isn't UTF-8; the next call gives the line behind it. The
    /// system's, with the path and the offset, as the last item.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what is read meanwhile is given by the next call.
    #[inline]
    pub async fn next(&mut self) -> Option<io::Result<String>> {
        poll_fn(|cx| self.running.poll_next(cx)).await
    }

    /// Lends the next line, or gives `None` at the end: no allocation, no count of
    /// references, and so the fastest way through a file.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what is read meanwhile is given by the next call.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, "Bob\nAlice\n")?;
    /// let mut lines = aio_files::lines(&path).stream();
    /// let mut longest = 0;
    /// while let Some(line) = lines.next_ref().await {
    ///     longest = longest.max(line?.len());
    /// }
    /// assert_eq!(longest, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub async fn next_ref(&mut self) -> Option<io::Result<&str>> {
        let next = poll_fn(|cx| self.running.poll_advance(cx)).await?;
        Some(next.map(|range| self.running.lines.lent(range)))
    }

    /// Where the item that was given last begins: a line, or one that was too
    /// long or isn't UTF-8.
    #[inline]
    pub fn position(&self) -> Position {
        self.running.position()
    }
}

impl LineBytes {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            running: Running::new(options),
        }
    }

    /// Gives the next line, or `None` at the end.
    ///
    /// # Errors
    ///
    /// `InvalidData`, with the path, the line and the offset, for a line that is
    /// too long; the next call gives the line behind it. The system's, with the
    /// path and the offset, as the last item.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what is read meanwhile is given by the next call.
    #[inline]
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|cx| self.running.poll_next(cx)).await
    }

    /// Lends the next line, or gives `None` at the end: no allocation, no count of
    /// references, and so the fastest way through a file.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what is read meanwhile is given by the next call.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, "Bob\nAlice\n")?;
    /// let mut lines = aio_files::lines(&path).bytes().stream();
    /// let mut longest = 0;
    /// while let Some(line) = lines.next_ref().await {
    ///     longest = longest.max(line?.len());
    /// }
    /// assert_eq!(longest, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub async fn next_ref(&mut self) -> Option<io::Result<&[u8]>> {
        let next = poll_fn(|cx| self.running.poll_advance(cx)).await?;
        Some(next.map(|range| self.running.lines.lent(range)))
    }

    /// Where the item that was given last begins: a line, or one that was too long.
    #[inline]
    pub fn position(&self) -> Position {
        self.running.position()
    }
}

impl Stream for Lines {
    type Item = io::Result<String>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.running.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.running.size_hint()
    }
}

impl Stream for LineBytes {
    type Item = io::Result<Bytes>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.running.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.running.size_hint()
    }
}

impl FusedStream for Lines {
    fn is_terminated(&self) -> bool {
        self.running.end == End::Given
    }
}

impl FusedStream for LineBytes {
    fn is_terminated(&self) -> bool {
        self.running.end == End::Given
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.running.describe(f.debug_struct("Lines"))
    }
}

impl fmt::Debug for LineBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.running.describe(f.debug_struct("LineBytes"))
    }
}

/// What both streams are.
struct Running<B: Block> {
    lines: LinesOf<B>,
    /// The number of the item that was given last.
    line: u64,
    fairness: Fairness,
    end: End,
    ahead: Ahead<LineSource<B>>,
    buffers: Arc<Buffers>,
    path: Arc<Path>,
    longest: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ahead,
    /// An error was the last item.
    Next,
    Given,
}

impl<B: Block> Running<B> {
    fn new(options: Options) -> Self {
        let buffers = Buffers::new(CHUNK);
        let source = options.source(Arc::clone(&buffers));
        Self {
            lines: LinesOf::new(options.longest, options.ends),
            line: 0,
            fairness: Fairness::default(),
            end: End::Ahead,
            ahead: Ahead::new(source, depth_for(CHUNK), vec![Claim::on(&options.path)]),
            buffers,
            longest: options.longest,
            path: options.path,
        }
    }

    #[inline]
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<B::Line>>> {
        let next = ready!(self.poll_advance(cx));
        Poll::Ready(next.map(|range| range.map(|range| self.lines.line(range))))
    }

    /// Goes to the next line, and says where in the block it is.
    #[inline]
    fn poll_advance(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Range<usize>>>> {
        ready!(self.fairness.poll_pay(cx));
        match self.lines.advance() {
            Some(range) => Poll::Ready(Some(self.counted(range))),
            None => self.poll_beyond(cx),
        }
    }

    #[inline]
    fn counted(&mut self, range: Result<Range<usize>, Fault>) -> io::Result<Range<usize>> {
        match range {
            Ok(range) => {
                self.fairness.item();
                self.line += 1;
                Ok(range)
            }
            Err(fault) => Err(self.fault(fault)),
        }
    }

    /// The next line, which isn't in memory yet.
    #[cold]
    #[inline(never)]
    fn poll_beyond(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Range<usize>>>> {
        loop {
            ready!(self.fairness.poll_pay(cx));
            if let Some(range) = self.lines.advance() {
                return Poll::Ready(Some(self.counted(range)));
            }
            // Before the next is read, so that it is read into the same memory.
            self.lines.empty().finish(&self.buffers);
            if self.end != End::Ahead {
                self.end = End::Given;
                return Poll::Ready(None);
            }
            let Poll::Ready(batch) = self.ahead.poll_next(cx) else {
                self.fairness.paused();
                return Poll::Pending;
            };
            match batch {
                Some(Ok(Ok(batch))) => {
                    // What a batch has cost doesn't depend on what is in it.
                    self.fairness.bytes(CHUNK);
                    match batch {
                        Batch::Lines(block, offset) => self.lines.refill(block, offset),
                        Batch::TooLong(offset) => {
                            self.lines.elsewhere(offset);
                            return Poll::Ready(Some(Err(self.fault(Fault::TooLong))));
                        }
                        Batch::Part => {}
                    }
                }
                Some(Ok(Err(error))) => {
                    self.end = End::Next;
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Err(lost)) => {
                    self.end = End::Next;
                    let error = PathError::new("read", &self.path, lost).into_io();
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.end = End::Next,
            }
        }
    }

    #[cold]
    fn fault(&mut self, fault: Fault) -> io::Error {
        self.fairness.item();
        self.line += 1;
        fault.named(&self.path, self.position(), self.longest)
    }

    #[inline]
    fn position(&self) -> Position {
        Position {
            line: self.line,
            offset: self.lines.line_offset(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.end {
            End::Ahead => (0, None),
            End::Next | End::Given => (0, Some(0)),
        }
    }

    fn describe(&self, mut f: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        f.field("path", &self.path)
            .field("position", &self.position())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Fault {
    /// The error of the line at this position.
    pub(crate) fn named(self, path: &Arc<Path>, at: Position, longest: usize) -> io::Error {
        let (offset, what) = match self {
            Self::TooLong => (at.offset, format!("a line of more than {longest} bytes")),
            Self::NotUtf8(offset) => (offset, "not UTF-8".to_owned()),
        };
        let cause = io::Error::new(io::ErrorKind::InvalidData, what);
        PathError::new("read", path, cause)
            .at_line(at.line, offset)
            .into_io()
    }
}
