use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::chunks::ReadStdinChunks;
use super::input::{self, named};
use super::intake::{End, Ends, Intake, Mark, Rules, Taken};
use super::lines::{ReadStdinLines, formed};

/// The standard input: see [`stdin`](crate::stdio::stdin()).
///
/// It has tokio's `AsyncRead` and `AsyncBufRead`. The methods here need no
/// import, and take what they want at once when it is there: also if several
/// read, no line is given in two parts. Tokio's `read_line` and `lines` take a
/// line in parts, as they come, and a cancelled one may keep a part.
pub struct Stdin {
    /// What was shown by `poll_fill_buf` and isn't consumed.
    shown: Option<Box<Intake>>,
}

impl Stdin {
    pub(super) fn new() -> Self {
        Self { shown: None }
    }

    /// Reads once into `into` and gives the number of bytes; 0 is the end.
    ///
    /// # Errors
    ///
    /// The system's, of `read <stdin>`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what is read meanwhile is given to whoever reads next.
    pub async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut into = ReadBuf::new(into);
        poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, &mut into)).await?;
        Ok(into.filled().len())
    }

    /// Appends the next line with its end to `into` and gives its length in
    /// bytes; 0 is the end.
    ///
    /// # Errors
    ///
    /// The system's, of `read <stdin>`; and `InvalidData`, with the line and
    /// where it is wrong, for a line that isn't UTF-8: `into` is unchanged, and
    /// the next call gives the line behind it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a line whose end isn't there yet stays whole.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut answer = String::new();
    /// if aio_files::stdio::stdin().read_line(&mut answer).await? > 0 {
    ///     println!("{}", answer.trim_end());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "readline")]
    pub async fn read_line(&mut self, into: &mut String) -> io::Result<usize> {
        self.give_back();
        let rules = Rules {
            longest: usize::MAX,
            ends: Ends::Keep,
            mark: Mark::Keep,
        };
        let taken = poll_fn(|cx| input::poll_take(cx, |intake, end| intake.take_line(rules, end)));
        match taken.await? {
            Taken::Line(line, place) => {
                let line: String = formed(line, place)?;
                into.push_str(&line);
                Ok(line.len())
            }
            Taken::TooLong(_) | Taken::End => Ok(0),
        }
    }

    /// Appends everything up to the end to `into` and gives the number of bytes.
    ///
    /// # Errors
    ///
    /// The system's, of `read <stdin>`. What was read is there for the next read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read is given to whoever reads next.
    pub async fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        self.give_back();
        let mut all = poll_fn(|cx| input::poll_take(cx, all)).await?;
        let len = all.len();
        if into.is_empty() {
            *into = all;
        } else {
            into.append(&mut all);
        }
        Ok(len)
    }

    /// Appends everything up to the end to `into` and gives the number of bytes.
    ///
    /// # Errors
    ///
    /// As [`read_to_end`](Self::read_to_end); and `InvalidData`, with where it is
    /// wrong, if it isn't UTF-8. `into` is unchanged then, and so is the input:
    /// the bytes can still be read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read is given to whoever reads next.
    pub async fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        self.give_back();
        let mut text = |intake: &mut Intake, end: &mut End| {
            if *end == End::Ahead {
                return None;
            }
            let checked = str::from_utf8(intake.waiting());
            if let Err(error) = checked {
                return Some(Err(error.valid_up_to()));
            }
            let all = all(intake, end)?;
            into.push_str(&String::from_utf8_lossy(&all));
            Some(Ok(all.len()))
        };
        let taken = poll_fn(|cx| input::poll_take(cx, &mut text)).await?;
        taken.map_err(|at| {
            let cause = format!("not UTF-8 at byte {at} of the rest");
            named(io::Error::new(io::ErrorKind::InvalidData, cause)).into_io()
        })
    }

    /// Gives what comes next without taking it, `at_least` bytes of it; fewer are
    /// all up to the end.
    ///
    /// What is there besides is given too. It tells what an input is before
    /// somebody is chosen to read it: nobody who reads misses a byte.
    ///
    /// # Errors
    ///
    /// The system's, of `read <stdin>`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what is read meanwhile is given to whoever reads next.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stdin = aio_files::stdio::stdin();
    /// if stdin.peek(2).await?.starts_with(b"\x1f\x8b") {
    ///     eprintln!("it is compressed");
    /// }
    /// let mut all = Vec::new();
    /// stdin.read_to_end(&mut all).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn peek(&mut self, at_least: usize) -> io::Result<Vec<u8>> {
        self.give_back();
        // The end stays where it is, for whoever reads.
        let shown = |intake: &mut Intake, end: &mut End| {
            let waiting = intake.waiting();
            (waiting.len() >= at_least || *end == End::Met).then(|| waiting.to_vec())
        };
        poll_fn(|cx| input::poll_take(cx, shown)).await
    }

    /// Gives the bytes as they come, whatever they are: use `.stream()`.
    ///
    /// It is for what is longer than one likes to hold in memory.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut chunks = aio_files::stdio::stdin().chunks().stream();
    /// let mut len = 0;
    /// while let Some(chunk) = chunks.next().await {
    ///     len += chunk?.len();
    /// }
    /// println!("{len} bytes");
    /// # Ok(())
    /// # }
    /// ```
    pub fn chunks(self) -> ReadStdinChunks {
        ReadStdinChunks::new()
    }

    /// Gives the lines: `.await` them all, or use `.stream()`.
    ///
    /// The rules are those of the lines of files: see [`ReadStdinLines`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read is given to whoever reads next.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut lines = aio_files::stdio::stdin().lines().stream();
    /// while let Some(line) = lines.next().await {
    ///     println!("{}", line?.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "readlines")]
    pub fn lines(self) -> ReadStdinLines {
        ReadStdinLines::new()
    }

    fn give_back(&mut self) {
        self.shown.take().into_iter().for_each(input::give_back);
    }
}

/// All of it, once the end is met, which is told by it.
fn all(intake: &mut Intake, end: &mut End) -> Option<Vec<u8>> {
    if *end == End::Ahead {
        return None;
    }
    *end = End::Ahead;
    Some(intake.take())
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().give_back();
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let unfilled = into.initialize_unfilled();
        let amount = ready!(input::poll_read(cx, unfilled))?;
        into.advance(amount);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Stdin {
    /// Shows what waits, which others can't read until this one consumes some of
    /// it, reads otherwise, or is dropped.
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        this.give_back();
        let intake = ready!(input::poll_borrow(cx))?;
        if intake.waiting().is_empty() {
            // At the end there is nothing to consume, which others would wait for.
            input::give_back(intake);
            return Poll::Ready(Ok(&[]));
        }
        Poll::Ready(Ok(this.shown.insert(intake).waiting()))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        if let Some(intake) = &mut this.shown {
            intake.consume(amount);
        }
        this.give_back();
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").finish_non_exhaustive()
    }
}
