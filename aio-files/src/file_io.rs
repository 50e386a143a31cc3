//! The I/O traits of tokio for [`File`].
//!
//! A poll can't say whose it is: the future of the poll before may be gone. So
//! each of these looks at what the file holds now and goes on from there, which
//! is right for either.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use crate::backing::{Backing, Outcome, Work, moved};
use crate::descriptor::Reach;
use crate::error::PathError;
use crate::file::{File, Seeking};

/// What a file without a buffer reads for a caller that wants to see a buffer.
const UNBUFFERED_FILL: usize = 16 * 1024;

impl File {
    /// Fills the read buffer if it is empty, for a caller that wants `wanted` bytes.
    fn poll_filled(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<io::Result<&mut Backing>> {
        self.seek = Seeking::No;
        loop {
            let mut backing = ready!(self.poll_ready(cx))?;
            if !backing.access.reads() {
                let refused = backing.refuse("read");
                self.rest(backing);
                return Poll::Ready(Err(refused));
            }
            backing.forget_direct();
            if !backing.read.waiting().is_empty() {
                return Poll::Ready(Ok(self.rest(backing)));
            }
            match backing.outcome.take() {
                // The end, or an error, of the fill that was waited for.
                Some(Ok(Outcome::Filled(0))) => return Poll::Ready(Ok(self.rest(backing))),
                // Of another operation, whose future is gone, it would be a riddle.
                Some(Err(error)) if PathError::of(&error).is_some_and(PathError::is_read) => {
                    self.rest(backing);
                    return Poll::Ready(Err(error));
                }
                _ => {
                    let amount = backing.next_fill(wanted);
                    self.start(backing, Work::Fill(amount));
                }
            }
        }
    }
}

impl AsyncBufRead for File {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let backing = ready!(self.get_mut().poll_filled(cx, UNBUFFERED_FILL))?;
        Poll::Ready(Ok(backing.read.waiting()))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().consume_read(amount);
    }
}

impl AsyncRead for File {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let backing = ready!(self.get_mut().poll_filled(cx, into.remaining()))?;
        let waiting = backing.read.waiting();
        let amount = waiting.len().min(into.remaining());
        into.put_slice(&waiting[..amount]);
        backing.read.consume(amount);
        backing.position += amount as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for File {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.seek = Seeking::No;
        loop {
            let mut backing = ready!(this.poll_ready(cx))?;
            if !backing.access.writes() {
                let refused = backing.refuse("write");
                this.rest(backing);
                return Poll::Ready(Err(refused));
            }
            if bytes.is_empty() {
                this.rest(backing);
                return Poll::Ready(Ok(0));
            }
            if let Some(written) = backing.take_direct(bytes) {
                this.rest(backing);
                return Poll::Ready(Ok(written));
            }
            let accepted = backing.accept(bytes);
            if accepted > 0 && backing.is_buffered() {
                this.rest(backing);
                return Poll::Ready(Ok(accepted));
            }
            this.start(backing, Work::Flush);
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.seek = Seeking::No;
        loop {
            let mut backing = ready!(this.poll_ready(cx))?;
            backing.forget_direct();
            if !backing.is_dirty() {
                this.rest(backing);
                return Poll::Ready(Ok(()));
            }
            this.start(backing, Work::Flush);
        }
    }

    /// Flushes. The file stays open: `File::close` closes, and reports.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn start_seek(self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        self.get_mut().seek = Seeking::Asked(to);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        loop {
            let mut backing = ready!(this.poll_ready(cx))?;
            backing.forget_direct();
            let here = backing.reach == Reach::Positioned && !backing.is_dirty();
            match this.seek {
                Seeking::No => {
                    let position = backing.position;
                    this.rest(backing);
                    return Poll::Ready(Ok(position));
                }
                // Nothing to write and nothing to ask the kernel: no hop.
                Seeking::Asked(to @ (SeekFrom::Start(_) | SeekFrom::Current(_))) if here => {
                    this.seek = Seeking::No;
                    let position = moved(backing.position, to)
                        .inspect(|&position| backing.move_to(position))
                        .map_err(|error| backing.named("seek", error));
                    this.rest(backing);
                    return Poll::Ready(position);
                }
                Seeking::Asked(to) => {
                    this.seek = Seeking::Sent;
                    this.start(backing, Work::Seek(to));
                }
                Seeking::Sent => {
                    this.seek = Seeking::No;
                    let outcome = backing.outcome.take();
                    let position = backing.position;
                    this.rest(backing);
                    return Poll::Ready(
                        outcome.map_or(Ok(position), |outcome| outcome.map(|_| position)),
                    );
                }
            }
        }
    }
}
