//! The lines of a file, all at once or as a stream.

mod block;
mod cutter;
mod options;
mod source;
mod stream;
#[cfg(test)]
mod tests;
mod whole;

use std::io;
use std::path::Path;

use bytes::Bytes;

use crate::lines::block::{Ends, Text};
use crate::lines::cutter::Mark;
use crate::lines::options::Options;

pub use stream::{LineBytes, Lines, Position};
pub use whole::AllLines;

/// Reads the lines of a file: `.await` gives them all, `.stream()` one after
/// another.
///
/// A line ends with LF or CRLF, which isn't part of it. One LF and at most one CR
/// before it are taken off; a CR anywhere else is content. The last line need not
/// have an end, and behind the last end there is no empty line. Text is UTF-8; a
/// byte order mark at the start is taken off.
///
/// A stream reads what is in the page cache without a hop and the rest ahead, a
/// megabyte at most, so that the size of the file doesn't matter.
///
/// It waits for what dropped files and cancelled operations still have to write
/// to that path.
///
/// # Errors
///
/// Awaited, the first that a stream would give: the system's, with the path; or
/// `InvalidData`, with the path, the line and the offset, for a line that isn't
/// UTF-8 or is longer than [`max_len`](ReadLines::max_len).
///
/// # Cancel safety
///
/// Cancel safe: what was read is dropped, and the reading stops.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// # std::fs::write(&path, "a1\nb2\r\nc3")?;
/// assert_eq!(aio_files::lines(&path).await?, ["a1", "b2", "c3"]);
///
/// let mut lines = aio_files::lines(&path).stream();
/// while let Some(line) = lines.next().await {
///     println!("{}: {}", lines.position().line, line?);
/// }
/// # Ok(())
/// # }
/// ```
#[doc(alias = "readlines")]
#[doc(alias = "readline")]
pub fn lines(path: impl AsRef<Path>) -> ReadLines {
    ReadLines {
        options: Options::new(path.as_ref()),
    }
}

/// The builder of [`lines`](crate::lines()): `.await` it, or use `.stream()`.
///
/// # Cancel safety
///
/// Cancel safe, when awaited: what was read is dropped, and the reading stops.
#[must_use = "nothing is read until it is awaited or its stream is polled"]
#[derive(Clone, Debug)]
pub struct ReadLines {
    options: Options,
}

/// The builder of [`lines`](crate::lines())`.bytes()`: `.await` it, or use
/// `.stream()`.
///
/// # Cancel safety
///
/// Cancel safe, when awaited: what was read is dropped, and the reading stops.
#[must_use = "nothing is read until it is awaited or its stream is polled"]
#[derive(Clone, Debug)]
pub struct ReadLineBytes {
    options: Options,
}

impl ReadLines {
    /// Refuses lines of more than `longest` bytes instead of 1,048,576, their
    /// ends not counted.
    ///
    /// Such a line is an error, `InvalidData`, as soon as it is seen to be too
    /// long; its rest is read and forgotten. So a file without ends of lines
    /// can't fill the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, "a\nlong\nb\n")?;
    /// let mut lines = aio_files::lines(&path).max_len(3).stream();
    /// assert_eq!(lines.next().await.unwrap()?, "a");
    /// let error = lines.next().await.unwrap().unwrap_err();
    /// assert!(error.to_string().ends_with("at line 2, byte 2: a line of more than 3 bytes"));
    /// assert_eq!(lines.next().await.unwrap()?, "b");
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_len(mut self, longest: usize) -> Self {
        self.options.longest = longest;
        self
    }

    /// Leaves the LF or CRLF at the end of each line that has one.
    pub fn keep_ends(mut self) -> Self {
        self.options.ends = Ends::Keep;
        self
    }

    /// Gives the lines as they are in the file, whatever their encoding: as
    /// parts of what was read, without an allocation for each.
    ///
    /// A byte order mark is bytes of the first line. With an encoding that has
    /// the bytes of LF and CR inside of others, such as UTF-16, lines are cut
    /// where they aren't.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, when awaited: what was read is dropped, and the reading stops.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, b"caf\xE9\n")?;
    /// let lines = aio_files::lines(&path).bytes().await?;
    /// assert_eq!(lines, [&b"caf\xE9"[..]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bytes(self) -> ReadLineBytes {
        let mut options = self.options;
        options.mark = Mark::Keep;
        ReadLineBytes { options }
    }

    /// Gives the stream. The file is opened when it is polled first.
    pub fn stream(self) -> Lines {
        Lines::new(self.options)
    }
}

impl ReadLineBytes {
    /// Refuses lines of more than `longest` bytes, as [`ReadLines::max_len`] does.
    pub fn max_len(mut self, longest: usize) -> Self {
        self.options.longest = longest;
        self
    }

    /// Leaves the LF or CRLF at the end of each line that has one.
    pub fn keep_ends(mut self) -> Self {
        self.options.ends = Ends::Keep;
        self
    }

    /// Gives the stream. The file is opened when it is polled first.
    pub fn stream(self) -> LineBytes {
        LineBytes::new(self.options)
    }
}

impl IntoFuture for ReadLines {
    type Output = io::Result<Vec<String>>;
    type IntoFuture = AllLines<String>;

    fn into_future(self) -> AllLines<String> {
        AllLines::new::<Text>(self.options)
    }
}

impl IntoFuture for ReadLineBytes {
    type Output = io::Result<Vec<Bytes>>;
    type IntoFuture = AllLines<Bytes>;

    fn into_future(self) -> AllLines<Bytes> {
        AllLines::new::<Bytes>(self.options)
    }
}
