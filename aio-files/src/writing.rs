//! How a [`File`] is written, positioned and made durable without an import.

use std::future::poll_fn;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncSeek, AsyncWrite};

use crate::file::{File, Seeking};
use crate::mode::Placement;
use crate::work::Work;

impl File {
    /// Writes once and gives the number of bytes that were taken.
    ///
    /// With a buffer that is a copy; a full buffer is first written, and waited for.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe with a buffer: the bytes were not taken. Without one, *Runs on*.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.forget_answers().await?;
        poll_fn(|cx| Pin::new(&mut *self).poll_write(cx, bytes)).await
    }

    /// Writes several slices as if they were one, and gives the number of bytes
    /// that were taken.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe with a buffer: the bytes were not taken. Without one, *Runs on*.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSlice;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// let mut file = aio_files::open(&path).write().create().await?;
    /// let parts = [IoSlice::new(b"head"), IoSlice::new(b"body")];
    /// assert_eq!(file.write_vectored(&parts).await?, 8);
    /// file.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.forget_answers().await?;
        poll_fn(|cx| Pin::new(&mut *self).poll_write_vectored(cx, slices)).await
    }

    /// Writes all of `bytes`, into the buffer as far as it has room.
    ///
    /// `Ok` means that the bytes are in the kernel or in the buffer; whether the
    /// buffer arrives is told by [`flush`](Self::flush), by the syncs and by
    /// [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a beginning of `bytes` may have been taken. What was taken
    /// is written before anything that follows.
    #[inline]
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.accept_whole(bytes) {
            true => Ok(()),
            false => self.write_all_by_jobs(bytes).await,
        }
    }

    async fn write_all_by_jobs(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.forget_answers().await?;
        let mut left = bytes;
        poll_fn(|cx| {
            while !left.is_empty() {
                let written = ready!(Pin::new(&mut *self).poll_write(cx, left))?;
                left = &left[written..];
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Hands everything that is buffered to the kernel.
    ///
    /// Other programs see it then. A power cut may still lose it: see
    /// [`sync_all`](Self::sync_all).
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Runs on: what is being written is written.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut *self).poll_flush(cx)).await
    }

    /// Moves the position and gives the new one, in bytes from the start.
    ///
    /// Buffered bytes are written first, where they were meant to be. A position
    /// past the end is allowed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a position before the start or past the largest offset,
    /// the system's for a FIFO or terminal; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Runs on: the position may have been moved.
    pub async fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        Pin::new(&mut *self).start_seek(to)?;
        poll_fn(|cx| Pin::new(&mut *self).poll_complete(cx)).await
    }

    /// Says where the next byte is read or written, in bytes from the start.
    ///
    /// That needs no hop, except in a file opened for appending: where its
    /// buffered bytes go is known once they are written, so they are written first.
    ///
    /// # Errors
    ///
    /// An earlier failed write or sync, again; of a file opened for appending,
    /// also the system's.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, but buffered bytes may have been written.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// let mut file = aio_files::open(&path).write().create().await?;
    /// file.write_all(b"12345").await?;
    /// assert_eq!(file.stream_position().await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "tell")]
    #[doc(alias = "position")]
    pub async fn stream_position(&mut self) -> io::Result<u64> {
        self.seek = Seeking::No;
        let backing = self.forget_answers().await?;
        if backing.is_dirty() && backing.placement == Placement::AtEnd {
            self.flush().await?;
        }
        Ok(self.idle()?.position)
    }

    /// Writes what is buffered and makes the file's content and metadata durable.
    ///
    /// For a new file the folder must be synced as well, or a power cut may
    /// leave it without the name.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again: after
    /// one failed sync none is answered with `Ok`.
    ///
    /// # Cancel safety
    ///
    /// Runs on.
    #[doc(alias = "fsync")]
    pub async fn sync_all(&mut self) -> io::Result<()> {
        self.perform(Work::SyncAll).await.map(drop)
    }

    /// Does what [`sync_all`](Self::sync_all) does, except for metadata that isn't
    /// needed to read the content, such as times.
    ///
    /// # Errors
    ///
    /// As [`sync_all`](Self::sync_all).
    ///
    /// # Cancel safety
    ///
    /// Runs on.
    #[doc(alias = "fdatasync")]
    pub async fn sync_data(&mut self) -> io::Result<()> {
        self.perform(Work::SyncData).await.map(drop)
    }

    /// Makes the file `len` bytes long, by cutting it or by adding zeros.
    ///
    /// Buffered bytes are written first. The position stays where it is.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Runs on.
    #[doc(alias = "truncate")]
    pub async fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.perform(Work::SetLen(len)).await.map(drop)
    }
}
