//! Reads and writes of a [`File`] that leave its position alone.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::task::{Poll, ready};

use bytes::Bytes;

use crate::backing::{MOST, out_of_range};
use crate::budget::{AT_ONCE, poll_spend};
use crate::descriptor::Reach;
use crate::error::PathError;
use crate::file::{File, Seeking};
use crate::mode::Placement;
use crate::ranges::Merged;
use crate::reading::ends_early;
use crate::work::{Outcome, Work};

impl File {
    /// Reads what is at `offset` into `into` and gives the number of bytes: less
    /// than `into` has room for only where the file ends.
    ///
    /// It doesn't use the position, nor the read buffer. What this file has
    /// written is seen, since buffered bytes are written first.
    ///
    /// # Errors
    ///
    /// The system's, with the path; `NotSeekable` for a FIFO or terminal, where
    /// bytes have no offset; `InvalidInput` for an offset that no file has; an
    /// earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a beginning of `into` may have been filled.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"0123456789")?;
    /// let mut file = aio_files::open(&path).await?;
    /// let mut three = [0; 3];
    /// assert_eq!(file.read_at(&mut three, 8).await?, 2);
    /// assert_eq!(&three[..2], b"89");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "pread")]
    pub async fn read_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.addressed("read", offset, into.len())?;
        self.seek = Seeking::No;
        let mut filled = 0;
        let mut asked = 0;
        poll_fn(|cx| {
            let mut here = 0;
            loop {
                let backing = ready!(self.poll_ready(cx))?;
                if !backing.access.reads() {
                    return Poll::Ready(Err(backing.refuse("read")));
                }
                if asked > 0 {
                    let bytes = one_piece(backing.outcome.take())?;
                    into[filled..filled + bytes.len()].copy_from_slice(&bytes);
                    filled += bytes.len();
                    if bytes.len() < asked {
                        return Poll::Ready(Ok(filled));
                    }
                    asked = 0;
                    continue;
                }
                let (left, at) = (into.len() - filled, offset + filled as u64);
                if left == 0 {
                    return Poll::Ready(Ok(filled));
                }
                if backing.reads_here() {
                    let piece = left.min(AT_ONCE);
                    if here + piece > AT_ONCE {
                        // A long read: others may run before the rest of it.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    let piece = &mut into[filled..filled + piece];
                    let read = || {
                        let read = backing.read_at_here(piece, at);
                        read.then_some((piece.len(), piece.len()))
                    };
                    if let Some(read) = ready!(poll_spend(cx, read)) {
                        filled += read;
                        here += read;
                        continue;
                    }
                }
                asked = left.min(MOST);
                let end = at + asked as u64;
                self.start(Work::ReadRanges(vec![Range { start: at, end }]));
            }
        })
        .await
    }

    /// Fills all of `into` with what is at `offset`.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof`, with the path, if the file ends before that; else as
    /// [`read_at`](Self::read_at).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a beginning of `into` may have been filled.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"0123456789")?;
    /// let mut file = aio_files::open(&path).await?;
    /// let mut three = [0; 3];
    /// file.read_exact_at(&mut three, 5).await?;
    /// assert_eq!(&three, b"567");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_exact_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<()> {
        match self.read_at(into, offset).await? {
            read if read == into.len() => Ok(()),
            _ => Err(self.idle()?.named("read", ends_early())),
        }
    }

    /// Reads many ranges at once and gives the bytes of each, in their order.
    ///
    /// Ranges that touch, overlap or nearly touch are read in one system call,
    /// and all of them in one hop, or none. A range that goes past the end gives
    /// what there is. The bytes of neighbours share their memory.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Self::read_at); `InvalidInput` for a range that ends before
    /// it starts.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"0123456789")?;
    /// let mut file = aio_files::open(&path).await?;
    /// let parts = file.read_ranges(&[6..9, 0..2, 8..20]).await?;
    /// assert_eq!(parts, [&b"678"[..], b"01", b"89"]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_ranges(&mut self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        for range in ranges {
            self.addressed("read", range.start, 0)?;
            if range.end < range.start {
                let cause = format!("{range:?} ends before it starts");
                let cause = io::Error::new(io::ErrorKind::InvalidInput, cause);
                return Err(PathError::new("read", self.shared_path(), cause).into_io());
            }
        }
        let backing = self.forget_answers().await?;
        if !backing.access.reads() {
            return Err(backing.refuse("read"));
        }
        let merged = Merged::of(ranges);
        let mut pieces = self.pieces_here(&merged).await?;
        let left = &merged.pieces()[pieces.len()..];
        if !left.is_empty() {
            match self.perform(Work::ReadRanges(left.to_vec())).await? {
                Outcome::Pieces(read) => pieces.extend(read),
                other => return Err(other.unexpected()),
            }
        }
        Ok(merged.cut(ranges, pieces))
    }

    /// Reads the first pieces that are in the page cache, if they aren't long.
    async fn pieces_here(&mut self, merged: &Merged) -> io::Result<Vec<Vec<u8>>> {
        let mut pieces = Vec::with_capacity(merged.pieces().len());
        let mut left = AT_ONCE;
        for range in merged.pieces() {
            let backing = self.idle()?;
            let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            if !backing.reads_here() || len > left {
                break;
            }
            let read = poll_fn(|cx| {
                poll_spend(cx, || {
                    let mut piece = vec![0; len];
                    let read = backing.read_at_here(&mut piece, range.start);
                    read.then_some((len, piece))
                })
            });
            let Some(piece) = read.await else { break };
            pieces.push(piece);
            left -= len;
        }
        Ok(pieces)
    }

    /// Writes `bytes` at `offset` and gives how many: all of them, up to 2 MiB.
    ///
    /// It doesn't use the position, nor the buffer: `Ok` says that the kernel has
    /// them. What was written to the buffer before is written first.
    ///
    /// # Errors
    ///
    /// The system's, with the path, which every later call reports again; nothing
    /// else may be true of the file's content then. `InvalidInput` for a file that
    /// was opened for appending, whose bytes go to the end whatever the offset,
    /// and for an offset that no file has; `NotSeekable` for a FIFO or terminal;
    /// an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Runs on: once begun, it is written, before whatever follows.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"0123456789")?;
    /// let mut file = aio_files::open(&path).write().await?;
    /// file.write_all_at(b"four", 4).await?;
    /// file.close().await?;
    /// assert_eq!(std::fs::read(&path)?, b"0123four89");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "pwrite")]
    pub async fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.addressed("write", offset, bytes.len())?;
        if self.placement() == Placement::AtEnd {
            let cause = "a file opened for appending is written at its end alone";
            let cause = io::Error::new(io::ErrorKind::InvalidInput, cause);
            return Err(PathError::new("write", self.shared_path(), cause).into_io());
        }
        let backing = self.forget_answers().await?;
        if !backing.access.writes() {
            return Err(backing.refuse("write"));
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        let bytes = bytes[..bytes.len().min(MOST)].to_vec();
        let written = bytes.len();
        let work = Work::WriteAt { bytes, at: offset };
        self.perform(work).await.map(|_| written)
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a beginning of `bytes` may have been written. Up to 2 MiB
    /// are written as a whole, or not at all.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// let mut file = aio_files::open(&path).write().create().await?;
    /// file.write_all_at(b"second", 6).await?;
    /// file.write_all_at(b"first ", 0).await?;
    /// file.close().await?;
    /// assert_eq!(std::fs::read(&path)?, b"first second");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut written = 0;
        loop {
            let at = offset.saturating_add(written as u64);
            written += self.write_at(&bytes[written..], at).await?;
            if written == bytes.len() {
                return Ok(());
            }
        }
    }

    /// Refuses an offset where bytes have none, and one that no file has.
    fn addressed(&mut self, verb: &'static str, offset: u64, len: usize) -> io::Result<()> {
        // Not behind a FIFO that stands still: it would be refused after that.
        if let Some(backing) = self.at_rest() {
            backing.report()?;
        }
        let cause = match self.reach() {
            Reach::InOrder => not_seekable(),
            Reach::Positioned => match offset.checked_add(len as u64).map(i64::try_from) {
                Some(Ok(_)) => return Ok(()),
                _ => out_of_range(),
            },
        };
        Err(PathError::new(verb, self.shared_path(), cause).into_io())
    }
}

fn one_piece(outcome: Option<io::Result<Outcome>>) -> io::Result<Vec<u8>> {
    match outcome.transpose()? {
        Some(Outcome::Pieces(mut pieces)) if pieces.len() == 1 => Ok(pieces.remove(0)),
        other => Err(other.unwrap_or(Outcome::Done).unexpected()),
    }
}

#[cfg(unix)]
fn not_seekable() -> io::Error {
    rustix::io::Errno::SPIPE.into()
}

#[cfg(not(unix))]
fn not_seekable() -> io::Error {
    io::ErrorKind::NotSeekable.into()
}
