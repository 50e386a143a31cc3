//! How a [`File`] is read without an import.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, ReadBuf};

use crate::backing::{Backing, Work};
use crate::file::File;

impl File {
    /// Reads once into `into` and gives the number of bytes; 0 is the end.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read meanwhile is given to the next read.
    pub async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.forget_answers().await?;
        let mut into = ReadBuf::new(into);
        poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, &mut into)).await?;
        Ok(into.filled().len())
    }

    /// Appends everything up to the end to `into` and gives the number of bytes.
    ///
    /// It is one hop, however long the file is.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    /// `into` is unchanged then, and nothing is lost: what was read is given to
    /// the next read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read meanwhile is given to the next read.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"all of it")?;
    /// let mut file = aio_files::open(&path).await?;
    /// let mut bytes = Vec::new();
    /// assert_eq!(file.read_to_end(&mut bytes).await?, 9);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let backing = self.filled_to_end().await?;
        let mut bytes = backing.read.take();
        backing.position += bytes.len() as u64;
        let len = bytes.len();
        if into.is_empty() {
            *into = bytes;
        } else {
            into.append(&mut bytes);
        }
        Ok(len)
    }

    /// Appends everything up to the end to `into` and gives the number of bytes.
    ///
    /// # Errors
    ///
    /// As [`read_to_end`](Self::read_to_end); and `InvalidData`, with the path
    /// and where it is wrong, if the rest of the file isn't UTF-8. Nothing is
    /// consumed then: the bytes can still be read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read meanwhile is given to the next read.
    pub async fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        let backing = self.filled_to_end().await?;
        let text = match str::from_utf8(backing.read.waiting()) {
            Ok(text) => text,
            Err(error) => {
                let at = backing.position + error.valid_up_to() as u64;
                let cause = format!("not UTF-8 at byte {at}");
                let cause = io::Error::new(io::ErrorKind::InvalidData, cause);
                return Err(backing.named("read", cause));
            }
        };
        into.push_str(text);
        let len = text.len();
        backing.read.consume(len);
        backing.position += len as u64;
        Ok(len)
    }

    async fn filled_to_end(&mut self) -> io::Result<&mut Backing> {
        let backing = poll_fn(|cx| self.poll_ready(cx)).await?;
        let reads = backing.access.reads();
        let backing = self.rest(backing);
        if !reads {
            return Err(backing.refuse("read"));
        }
        self.perform(Work::FillToEnd).await?;
        let backing = poll_fn(|cx| self.poll_ready(cx)).await?;
        Ok(self.rest(backing))
    }
}
