//! How a [`File`] is read without an import.

use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::backing::Backing;
use crate::file::File;
use crate::file_io::{Here, UNBUFFERED_FILL};
use crate::work::Work;

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
    #[doc(alias = "readinto")]
    pub async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.forget_answers().await?;
        let mut into = ReadBuf::new(into);
        poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, &mut into)).await?;
        Ok(into.filled().len())
    }

    /// Reads once into several buffers, one after the other, and gives the number
    /// of bytes; 0 is the end.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read meanwhile is given to the next read.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSliceMut;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"headbody")?;
    /// let (mut head, mut body) = ([0; 4], [0; 8]);
    /// let mut file = aio_files::open(&path).await?;
    /// let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
    /// assert_eq!(file.read_vectored(&mut parts).await?, 8);
    /// assert_eq!((&head, &body[..4]), (b"head", &b"body"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_vectored(&mut self, into: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.forget_answers().await?;
        let wanted = into.iter().map(|slice| slice.len()).sum();
        if wanted == 0 {
            return Ok(0);
        }
        poll_fn(|cx| {
            self.poll_filled(cx, 0, wanted, Here::in_buffer)
                .map_ok(drop)
        })
        .await?;
        let backing = self.idle()?;
        let mut read = 0;
        for slice in into {
            let waiting = &backing.read.waiting()[read..];
            let amount = waiting.len().min(slice.len());
            slice[..amount].copy_from_slice(&waiting[..amount]);
            read += amount;
        }
        backing.consume(read);
        Ok(read)
    }

    /// Fills all of `into` and gives its length.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof`, with the path, if the file ends before that; else as
    /// [`read`](Self::read). What was read until then has been consumed.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a beginning may have been consumed.
    /// [`read_exact_at`](Self::read_exact_at) is.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"headbody")?;
    /// let mut file = aio_files::open(&path).await?;
    /// let mut head = [0; 4];
    /// file.read_exact(&mut head).await?;
    /// assert_eq!(&head, b"head");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_exact(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.forget_answers().await?;
        let len = into.len();
        let mut into = ReadBuf::new(into);
        while into.remaining() > 0 {
            let before = into.remaining();
            poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, &mut into)).await?;
            if into.remaining() == before {
                return Err(self.idle()?.named("read", ends_early()));
            }
        }
        Ok(len)
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
    #[doc(alias = "readall")]
    pub async fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let backing = self.filled_to_end().await?;
        let mut bytes = backing.take_waiting();
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
        let len = append_text(backing, usize::MAX, into)?;
        // The buffer, which is empty, and as long as the text.
        drop(backing.take_waiting());
        Ok(len)
    }

    async fn filled_to_end(&mut self) -> io::Result<&mut Backing> {
        let backing = self.forget_answers().await?;
        if !backing.access.reads() {
            return Err(backing.refuse("read"));
        }
        self.perform(Work::FillToEnd).await?;
        self.idle()
    }

    /// Gives the bytes that wait in the buffer, without consuming them; reads
    /// once if there are none. None at all is the end.
    ///
    /// It is Python's `peek`. [`consume`](Self::consume) says how many were used.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
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
    /// # std::fs::write(&path, b"magic")?;
    /// let mut file = aio_files::open(&path).await?;
    /// assert!(file.fill_buf().await?.starts_with(b"mag"));
    /// file.consume(3);
    /// assert_eq!(file.fill_buf().await?, b"ic");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "peek")]
    pub async fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.forget_answers().await?;
        poll_fn(|cx| Pin::new(&mut *self).poll_fill_buf(cx).map_ok(drop)).await?;
        Ok(self.idle()?.read.waiting())
    }

    /// Consumes bytes that [`fill_buf`](Self::fill_buf) has given: at most as many.
    pub fn consume(&mut self, amount: usize) {
        AsyncBufRead::consume(Pin::new(self), amount);
    }

    /// Appends everything up to and including the next `delimiter` to `into`, or
    /// up to the end, and gives the number of bytes; 0 is the end.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read). `into` is unchanged then, and nothing is consumed.
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
    /// # std::fs::write(&path, b"one;two")?;
    /// let mut file = aio_files::open(&path).await?;
    /// let mut field = Vec::new();
    /// assert_eq!(file.read_until(b';', &mut field).await?, 4);
    /// assert_eq!(field, b"one;");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_until(&mut self, delimiter: u8, into: &mut Vec<u8>) -> io::Result<usize> {
        let len = self.filled_until(delimiter).await?;
        let backing = self.idle()?;
        into.extend_from_slice(&backing.read.waiting()[..len]);
        backing.consume(len);
        Ok(len)
    }

    /// Appends the next line to `into`, with its line feed if it has one, and
    /// gives the number of bytes; 0 is the end.
    ///
    /// A line has no limit here; tokio's `AsyncReadExt::take` sets one.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); and `InvalidData`, with the path and where it is
    /// wrong, if the line isn't UTF-8. `into` is unchanged then, and nothing is
    /// consumed: [`read_until`](Self::read_until) can read it.
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
    /// # std::fs::write(&path, "one\ntwo")?;
    /// let mut file = aio_files::open(&path).await?;
    /// let mut line = String::new();
    /// assert_eq!(file.read_line(&mut line).await?, 4);
    /// assert_eq!(line, "one\n");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "readline")]
    pub async fn read_line(&mut self, into: &mut String) -> io::Result<usize> {
        let len = self.filled_until(b'\n').await?;
        append_text(self.idle()?, len, into)
    }

    /// Sees to it that a delimiter waits in the buffer, or all there is, and says
    /// how many bytes that are.
    async fn filled_until(&mut self, delimiter: u8) -> io::Result<usize> {
        self.forget_answers().await?;
        let mut searched = 0;
        poll_fn(|cx| {
            let mut reads = 0;
            loop {
                ready!(self.poll_filled(cx, searched, UNBUFFERED_FILL, Here::in_buffer))?;
                let waiting = self.idle()?.read.waiting();
                if let Some(found) = memchr::memchr(delimiter, &waiting[searched..]) {
                    return Poll::Ready(Ok(searched + found + 1));
                }
                if waiting.len() == searched {
                    return Poll::Ready(Ok(searched));
                }
                searched = waiting.len();
                reads += 1;
                if reads > 1 {
                    // A long line: others may run before the rest of it.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Appends the first `most` bytes that wait, and consumes them if they are text.
fn append_text(backing: &mut Backing, most: usize, into: &mut String) -> io::Result<usize> {
    let waiting = backing.read.waiting();
    let len = waiting.len().min(most);
    match str::from_utf8(&waiting[..len]) {
        Ok(text) => into.push_str(text),
        Err(error) => {
            let at = backing.position + error.valid_up_to() as u64;
            let cause = format!("not UTF-8 at byte {at}");
            let cause = io::Error::new(io::ErrorKind::InvalidData, cause);
            return Err(backing.named("read", cause));
        }
    }
    backing.consume(len);
    Ok(len)
}

pub(crate) fn ends_early() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the file ends before the buffer is full",
    )
}
