//! The I/O traits of tokio for [`File`].
//!
//! A poll can't say whose it is: the future of the poll before may be gone. So
//! each of these looks at what the file holds now and goes on from there, which
//! is right for either.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use crate::backing::{Backing, moved};
use crate::budget::{AT_ONCE, poll_spend};
use crate::descriptor::Reach;
use crate::error::PathError;
use crate::file::{File, Seeking};
use crate::work::{Outcome, Work};

/// What a file without a buffer reads for a caller that wants to see a buffer.
pub(crate) const UNBUFFERED_FILL: usize = 16 * 1024;

/// Where a read on the caller's thread has put its bytes, and how many.
pub(crate) enum Here {
    Nowhere,
    Buffer(usize),
    Caller(usize),
}

impl Here {
    /// Fills the buffer.
    pub(crate) fn in_buffer(backing: &mut Backing, amount: usize) -> Self {
        backing
            .fill_here(amount)
            .map_or(Self::Nowhere, Self::Buffer)
    }
}

impl File {
    /// Sees to it that more than `known` bytes wait in the read buffer, unless
    /// they are the last, for a caller that wants `wanted` more.
    ///
    /// `here` may read on the caller's thread. True if it has given the bytes to
    /// the caller, past the buffer.
    pub(crate) fn poll_filled(
        &mut self,
        cx: &mut Context<'_>,
        known: usize,
        wanted: usize,
        here: impl FnOnce(&mut Backing, usize) -> Here,
    ) -> Poll<io::Result<bool>> {
        self.seek = Seeking::No;
        let mut here = Some(here);
        let mut amount = None;
        loop {
            let backing = ready!(self.poll_ready(cx))?;
            if !backing.access.reads() {
                return Poll::Ready(Err(backing.refuse("read")));
            }
            backing.forget_direct();
            if backing.read.waiting().len() > known {
                return Poll::Ready(Ok(false));
            }
            match backing.outcome.take() {
                // The end, or an error, of the fill that was waited for.
                Some(Ok(Outcome::Filled(0))) => return Poll::Ready(Ok(false)),
                // Of another operation, whose future is gone, it would be a riddle.
                Some(Err(error)) if PathError::of(&error).is_some_and(PathError::is_read) => {
                    return Poll::Ready(Err(error));
                }
                _ => {}
            }
            if backing.reads_here()
                && let Some(here) = here.take()
            {
                let read = || {
                    let amount = *amount.insert(backing.next_fill(wanted));
                    match here(backing, amount) {
                        Here::Nowhere => None,
                        Here::Buffer(filled) => Some((filled, false)),
                        Here::Caller(filled) => Some((filled, true)),
                    }
                };
                if let Some(given) = ready!(poll_spend(cx, read)) {
                    return Poll::Ready(Ok(given));
                }
            }
            let amount = amount.unwrap_or_else(|| backing.next_fill(wanted));
            self.start(Work::Fill(amount));
        }
    }

    /// Takes bytes into the buffer, or hands them to the kernel if there is none.
    fn poll_write_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.seek = Seeking::No;
        loop {
            let backing = ready!(self.poll_ready(cx))?;
            if !backing.access.writes() {
                return Poll::Ready(Err(backing.refuse("write")));
            }
            if slices.iter().all(|slice| slice.is_empty()) {
                return Poll::Ready(Ok(0));
            }
            if let Some(written) = backing.take_direct(slices) {
                return Poll::Ready(Ok(written));
            }
            let accepted = backing.accept(slices);
            if accepted > 0 && backing.is_buffered() {
                return Poll::Ready(Ok(accepted));
            }
            self.start(Work::Flush);
        }
    }
}

impl AsyncBufRead for File {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_filled(cx, 0, UNBUFFERED_FILL, Here::in_buffer))?;
        Poll::Ready(Ok(this.idle()?.read.waiting()))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        // A caller that consumes has just been given the bytes, so it is idle.
        if let Ok(backing) = self.get_mut().idle() {
            backing.consume(amount);
        }
    }
}

impl AsyncRead for File {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wanted = into.remaining();
        if wanted == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = self.get_mut();
        let fill = |backing: &mut Backing, amount| {
            if !backing.is_wide(wanted) {
                return Here::in_buffer(backing, amount);
            }
            // The buffer would only be in the way.
            match backing.read_here(into.initialize_unfilled_to(wanted.min(AT_ONCE))) {
                Some(read) => {
                    into.advance(read);
                    Here::Caller(read)
                }
                None => Here::Nowhere,
            }
        };
        if !ready!(this.poll_filled(cx, 0, wanted, fill))? {
            let backing = this.idle()?;
            let waiting = backing.read.waiting();
            let amount = waiting.len().min(into.remaining());
            into.put_slice(&waiting[..amount]);
            backing.consume(amount);
        }
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
        match !bytes.is_empty() && this.accept_whole(bytes) {
            true => Poll::Ready(Ok(bytes.len())),
            false => this.poll_write_slices(cx, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_slices(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.seek = Seeking::No;
        loop {
            let backing = ready!(this.poll_ready(cx))?;
            backing.forget_direct();
            if !backing.is_dirty() {
                return Poll::Ready(Ok(()));
            }
            this.start(Work::Flush);
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
            let seek = this.seek;
            let backing = ready!(this.poll_ready(cx))?;
            backing.forget_direct();
            let here = backing.reach == Reach::Positioned && !backing.is_dirty();
            match seek {
                Seeking::No => return Poll::Ready(Ok(backing.position)),
                // Nothing to write and nothing to ask the kernel: no hop.
                Seeking::Asked(to @ (SeekFrom::Start(_) | SeekFrom::Current(_))) if here => {
                    let position = moved(backing.position, to)
                        .inspect(|&position| backing.move_to(position))
                        .map_err(|error| backing.named("seek", error));
                    this.seek = Seeking::No;
                    return Poll::Ready(position);
                }
                Seeking::Asked(to) => {
                    this.start(Work::Seek(to));
                    this.seek = Seeking::Sent;
                }
                Seeking::Sent => {
                    let outcome = backing.outcome.take();
                    let position = backing.position;
                    this.seek = Seeking::No;
                    return Poll::Ready(
                        outcome.map_or(Ok(position), |outcome| outcome.map(|_| position)),
                    );
                }
            }
        }
    }
}
