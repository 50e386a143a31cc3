use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::sink::{Buffering, Sink};

/// The standard output or error: see [`stdout`](crate::stdio::stdout()) and
/// [`stderr`](crate::stdio::stderr()).
///
/// It has tokio's `AsyncWrite`; the methods here need no import. All handles of
/// a stream write into the one buffer of the process.
///
/// A failed write is reported by every later call of every handle: what was
/// buffered is lost, and nothing that comes after it may pretend otherwise.
#[must_use = "dropping it writes what is buffered, but can't report an error: use `flush`"]
pub struct Output {
    sink: &'static Sink,
    /// What a flush of this handle waits for: all that was written before its
    /// last write, and that.
    mine: u64,
}

impl Output {
    pub(super) fn new(sink: &'static Sink) -> Self {
        let mine = sink.attach();
        Self { sink, mine }
    }

    /// Writes all of `bytes`, which stay together whoever writes beside it.
    ///
    /// On the standard output, `Ok` means that they are in the kernel or in the
    /// buffer; [`flush`](Self::flush) tells whether that arrived. On the standard
    /// error it means that they are in the kernel.
    ///
    /// # Errors
    ///
    /// The system's, of `write <stdout>` or `write <stderr>`, such as
    /// `BrokenPipe` if nobody reads any more; again by every later call.
    ///
    /// # Cancel safety
    ///
    /// Runs on: either nothing was taken, or all of it, and then it is written.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        poll_fn(|cx| self.poll_accept(cx, bytes)).await?;
        match self.sink.buffering {
            Buffering::UntilFull => Ok(()),
            Buffering::None => {
                let mine = self.mine;
                poll_fn(|cx| self.sink.poll_written(cx, mine)).await
            }
        }
    }

    /// Hands everything that was written so far, by any handle, to the kernel.
    ///
    /// # Errors
    ///
    /// The system's, of `write <stdout>` or `write <stderr>`; again by every later
    /// call.
    ///
    /// # Cancel safety
    ///
    /// Runs on: what is being written is written.
    pub async fn flush(&mut self) -> io::Result<()> {
        let mut all = None;
        poll_fn(|cx| {
            let all = *all.get_or_insert_with(|| self.sink.accepted());
            self.sink.poll_written(cx, all)
        })
        .await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<()>> {
        self.mine = ready!(self.sink.poll_accept(cx, bytes))?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.get_mut().poll_accept(cx, bytes))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A poll can't say whose it is, so this looks at the last write and not
        // at the first poll.
        self.sink.poll_written(cx, self.mine)
    }

    /// Flushes. The stream stays open.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.sink.detach();
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("to", &self.sink.name())
            .finish_non_exhaustive()
    }
}
