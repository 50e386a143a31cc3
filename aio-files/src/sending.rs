//! Bytes of one file that are written to another, in one hop.

use std::io;

use crate::backing::Backing;
use crate::descriptor::{self, uninterrupted};
use crate::error::PathError;
use crate::file::File;
use crate::work::{Outcome, Source, Work};

/// How much is in memory at once.
const CHUNK: usize = 256 * 1024;

impl File {
    /// Writes `len` bytes of `source`, from `offset` on, and gives how many there
    /// were: fewer if `source` ends before.
    ///
    /// It is one hop, and holds 256 KiB at a time. They are written where this
    /// file's position is, which moves; that of `source` doesn't.
    ///
    /// # Errors
    ///
    /// The system's, with the path of the file that it is about; what was written
    /// before stays, and the position is behind it. A failed write is told again
    /// by every later call, as always. A FIFO can't be the source.
    ///
    /// # Cancel safety
    ///
    /// Runs on: once it has begun, all of it is written before anything that
    /// follows on this file.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    /// # std::fs::write(&from, "one two three")?;
    /// let mut source = aio_files::open(&from).await?;
    /// let mut file = aio_files::open(&to).write().create().await?;
    /// assert_eq!(file.send_from(&mut source, 4, 100).await?, 9);
    /// file.close().await?;
    /// assert_eq!(std::fs::read(&to)?, b"two three");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "sendfile")]
    pub async fn send_from(&mut self, source: &mut File, offset: u64, len: u64) -> io::Result<u64> {
        let backing = self.forget_answers().await?;
        if !backing.access.writes() {
            return Err(backing.refuse("write"));
        }
        let file = match source.perform(Work::Duplicate).await? {
            Outcome::Descriptor(file) => file,
            other => return Err(other.unexpected()),
        };
        let path = source.shared_path().clone();
        let from = Source { file, path, offset };
        match self.perform(Work::Send { from, len }).await? {
            Outcome::Sent(sent) => Ok(sent),
            other => Err(other.unexpected()),
        }
    }
}

impl Backing {
    /// Writes bytes of another file. Nothing is in the buffer.
    pub(crate) fn send(&mut self, from: Source, len: u64) -> io::Result<u64> {
        let Source { file, path, offset } = from;
        let Some(file) = file.into_file() else {
            return Err(self.refuse("use"));
        };
        let mut sent = 0;
        let mut chunk = vec![0; CHUNK.min(usize::try_from(len).unwrap_or(CHUNK))];
        while sent < len {
            let room = chunk
                .len()
                .min(usize::try_from(len - sent).unwrap_or(CHUNK));
            let (into, at) = (&mut chunk[..room], offset.saturating_add(sent));
            let read = uninterrupted(|| descriptor::read_at(&file, into, at));
            let read = read.map_err(|error| PathError::new("read", &path, error).into_io())?;
            if read == 0 {
                break;
            }
            self.write_now(&chunk[..read])?;
            sent += read as u64;
        }
        Ok(sent)
    }
}
