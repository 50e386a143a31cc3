//! The lines of the standard input.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::FusedStream;

use super::input::{self, named};
use super::intake::{End, Ends, Intake, Mark, Place, Rules, Taken};

/// The longest line, unless told otherwise.
const LONGEST: usize = 1024 * 1024;

/// What a line is given as: `String`, or `Bytes` for any encoding.
pub trait Line: sealed::Form {}

impl Line for String {}
impl Line for Bytes {}

mod sealed {
    use super::Bytes;

    pub trait Form: Sized + Send + Unpin + 'static {
        /// The line in this form.
        ///
        /// # Errors
        ///
        /// Where in the line it is wrong.
        fn form(line: Vec<u8>) -> Result<Self, usize>;
    }

    impl Form for String {
        fn form(line: Vec<u8>) -> Result<Self, usize> {
            String::from_utf8(line).map_err(|error| error.utf8_error().valid_up_to())
        }
    }

    impl Form for Bytes {
        fn form(line: Vec<u8>) -> Result<Self, usize> {
            Ok(line.into())
        }
    }
}

/// A line as what is wanted of it.
pub(super) fn formed<T: Line>(line: Vec<u8>, place: Place) -> io::Result<T> {
    T::form(line).map_err(|at| {
        let offset = place.offset + at as u64;
        wrong(Place { offset, ..place }, "not UTF-8")
    })
}

fn wrong(at: Place, what: impl Into<String>) -> io::Error {
    let cause = io::Error::new(io::ErrorKind::InvalidData, what.into());
    named(cause).at_line(at.line, at.offset).into_io()
}

/// The builder of [`Stdin::lines`](super::Stdin::lines): `.await` it for all
/// lines, or use `.stream()`.
///
/// A line ends with LF or CRLF, which isn't part of it; a CR anywhere else is
/// content. The last line need not have an end, and behind the last end there is
/// no empty line. Text is UTF-8; a byte order mark at the start is taken off.
///
/// # Cancel safety
///
/// Cancel safe, when awaited: what was read is given to whoever reads next.
#[must_use = "nothing is read until it is awaited or its stream is polled"]
pub struct ReadStdinLines<T = String> {
    rules: Rules,
    form: PhantomData<fn() -> T>,
}

impl ReadStdinLines {
    pub(super) fn new() -> Self {
        Self {
            rules: Rules {
                longest: LONGEST,
                ends: Ends::Strip,
                mark: Mark::Strip,
            },
            form: PhantomData,
        }
    }

    /// Gives the lines as they come, whatever their encoding. A byte order mark
    /// is bytes of the first line.
    pub fn bytes(self) -> ReadStdinLines<Bytes> {
        let mark = Mark::Keep;
        ReadStdinLines {
            rules: Rules { mark, ..self.rules },
            form: PhantomData,
        }
    }
}

impl<T: Line> ReadStdinLines<T> {
    /// Refuses lines of more than `longest` bytes instead of 1,048,576, their
    /// ends not counted.
    ///
    /// Such a line is an error, `InvalidData`, as soon as it is seen to be too
    /// long; its rest is read and forgotten.
    pub fn max_len(mut self, longest: usize) -> Self {
        self.rules.longest = longest;
        self
    }

    /// Leaves the LF or CRLF at the end of each line that has one.
    pub fn keep_ends(mut self) -> Self {
        self.rules.ends = Ends::Keep;
        self
    }

    /// Gives the stream. Nothing is read before it is polled.
    pub fn stream(self) -> StdinLines<T> {
        StdinLines {
            rules: self.rules,
            is: Is::Open,
            form: PhantomData,
        }
    }
}

impl<T: Line> IntoFuture for ReadStdinLines<T> {
    type Output = io::Result<Vec<T>>;
    type IntoFuture = AllStdinLines<T>;

    fn into_future(self) -> AllStdinLines<T> {
        AllStdinLines {
            rules: self.rules,
            form: PhantomData,
        }
    }
}

impl<T> fmt::Debug for ReadStdinLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadStdinLines")
            .field("rules", &self.rules)
            .finish()
    }
}

/// The future of `stdin().lines().await`.
///
/// It takes the lines when the end is there, all at once. A line that can't be
/// given is the answer, and those behind it stay.
#[must_use = "futures do nothing unless awaited"]
pub struct AllStdinLines<T> {
    rules: Rules,
    form: PhantomData<fn() -> T>,
}

impl<T: Line> Future for AllStdinLines<T> {
    type Output = io::Result<Vec<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let rules = self.rules;
        input::poll_take(cx, |intake, end| {
            if *end == End::Ahead {
                return None;
            }
            let mut all = Vec::new();
            loop {
                match rules.item(intake.take_line(rules, end)?) {
                    Some(Ok(line)) => all.push(line),
                    Some(Err(error)) => return Some(Err(error)),
                    None => return Some(Ok(all)),
                }
            }
        })
        .map(|taken| taken.and_then(|lines| lines))
    }
}

impl<T> fmt::Debug for AllStdinLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllStdinLines").finish_non_exhaustive()
    }
}

impl Rules {
    fn item<T: Line>(self, taken: Taken) -> Option<io::Result<T>> {
        match taken {
            Taken::Line(line, place) => Some(formed(line, place)),
            Taken::TooLong(place) => {
                let what = format!("a line of more than {} bytes", self.longest);
                Some(Err(wrong(place, what)))
            }
            Taken::End => None,
        }
    }
}

/// The lines of the standard input, one after another.
///
/// A line that isn't UTF-8 or is too long is an error of its own, `InvalidData`,
/// and the next item is the line behind it. An error of the reading ends the
/// stream. Dropped at any time, it takes nothing with it that it hasn't given.
#[must_use = "streams do nothing unless polled"]
pub struct StdinLines<T = String> {
    rules: Rules,
    is: Is,
    form: PhantomData<fn() -> T>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Open,
    Ended,
}

impl<T: Line> StdinLines<T> {
    /// Gives the next line, or `None` at the end.
    ///
    /// # Errors
    ///
    /// `InvalidData`, with the line's number and its offset, for one that is too
    /// long or isn't UTF-8; the system's, of `read <stdin>`, as the last item.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a line that comes meanwhile is given by the next call.
    pub async fn next(&mut self) -> Option<io::Result<T>> {
        poll_fn(|cx| self.poll_line(cx)).await
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<T>>> {
        if self.is == Is::Ended {
            return Poll::Ready(None);
        }
        let rules = self.rules;
        let take = |intake: &mut Intake, end: &mut End| intake.take_line(rules, end);
        let item = match ready!(input::poll_take(cx, take)) {
            Ok(taken) => rules.item(taken),
            Err(error) => {
                self.is = Is::Ended;
                Some(Err(error))
            }
        };
        if item.is_none() {
            self.is = Is::Ended;
        }
        Poll::Ready(item)
    }
}

impl<T: Line> Stream for StdinLines<T> {
    type Item = io::Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_line(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.is {
            Is::Open => (0, None),
            Is::Ended => (0, Some(0)),
        }
    }
}

impl<T: Line> FusedStream for StdinLines<T> {
    fn is_terminated(&self) -> bool {
        self.is == Is::Ended
    }
}

impl<T> fmt::Debug for StdinLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdinLines")
            .field("rules", &self.rules)
            .field("is", &self.is)
            .finish()
    }
}
