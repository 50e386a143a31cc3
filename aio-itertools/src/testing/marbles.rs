use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use tokio::time::{Instant, Sleep, sleep_until};

use super::notation::{self, Mark, Marks, Wrong};
use super::{TICK, after, start, whole_milliseconds};
use crate::size_hint::SizeHint;

/// Gives the characters of a marble string, each at its instant.
///
/// The notation is [this module's](crate::testing). The first tick begins when the
/// stream is polled first. What is due while nobody polls is given later, in order.
///
/// # Panics
///
/// If the string is none, with the column of what is wrong; a `#` is wrong here, as
/// it needs [`try_marbles`]. When it is polled, if tokio's clock isn't paused.
///
/// # Examples
///
/// ```
/// use aio_itertools::testing::{TICK, marbles};
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let start = Instant::now();
/// let mut letters = marbles("--a-(bc)|");
/// assert_eq!(letters.next().await, Some('a'));
/// assert_eq!(start.elapsed(), 2 * TICK);
/// assert_eq!(letters.next().await, Some('b'));
/// assert_eq!(letters.next().await, Some('c'));
/// assert_eq!(letters.next().await, None);
/// assert_eq!(start.elapsed(), 3 * TICK);
/// # }
/// ```
#[track_caller]
pub fn marbles(text: &str) -> Marbles {
    let marbles = try_marbles(text);
    if let Some(column) = text.chars().position(|character| character == '#') {
        refuse(
            text,
            &Wrong {
                column: column + 1,
                character: '#',
                why: "an error needs `try_marbles`",
            },
        );
    }
    Marbles { marbles }
}

/// Gives the characters of a marble string, each at its instant, and an error for each `#`.
///
/// It is [`marbles`] for tests of what happens to errors. An error doesn't end the
/// stream, `|` does.
///
/// # Panics
///
/// If the string is none, with the column of what is wrong. When it is polled, if
/// tokio's clock isn't paused.
///
/// # Examples
///
/// ```
/// use aio_itertools::testing::{Failure, try_marbles};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut letters = try_marbles("a-#|");
/// assert_eq!(letters.next().await, Some(Ok('a')));
/// assert_eq!(letters.next().await, Some(Err(Failure)));
/// assert_eq!(letters.next().await, None);
/// # }
/// ```
#[track_caller]
pub fn try_marbles(text: &str) -> TryMarbles {
    match notation::read(text) {
        Ok(marks) => TryMarbles {
            marks,
            tick: TICK,
            start: None,
            sleep: None,
            done: false,
        },
        Err(wrong) => refuse(text, &wrong),
    }
}

#[track_caller]
fn refuse(text: &str, wrong: &Wrong) -> ! {
    let Wrong {
        column,
        character,
        why,
    } = wrong;
    panic!("the marbles {text:?} are wrong at column {column}, `{character}`: {why}");
}

/// The stream of [`marbles`].
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | none |
/// | memory | the marks of the string |
/// | fairness | the string is finite |
/// | fused | yes |
/// | size_hint | exact |
/// | errors | none |
/// | runtime | tokio, with its clock paused |
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Marbles {
    marbles: TryMarbles,
}

impl Marbles {
    /// Lets a `-` last this long instead of [`TICK`].
    ///
    /// # Panics
    ///
    /// If it isn't a whole number of milliseconds, at least two.
    #[track_caller]
    pub fn tick(self, tick: Duration) -> Self {
        Self {
            marbles: self.marbles.tick(tick),
        }
    }

    /// Gives the next character when it is due, or `None` at the end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a mark is taken from the string only when it is returned.
    pub async fn next(&mut self) -> Option<char> {
        crate::next(self).await
    }
}

impl Stream for Marbles {
    type Item = char;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<char>> {
        let item = ready!(Pin::new(&mut self.marbles).poll_next(cx));
        // There is no error among them: `marbles` has seen to that.
        Poll::Ready(item.and_then(Result::ok))
    }

    fn size_hint(&self) -> SizeHint {
        self.marbles.size_hint()
    }
}

impl FusedStream for Marbles {
    fn is_terminated(&self) -> bool {
        self.marbles.is_terminated()
    }
}

/// The stream of [`try_marbles`].
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | none |
/// | memory | the marks of the string |
/// | fairness | the string is finite |
/// | fused | yes |
/// | size_hint | exact |
/// | errors | one for each `#`; the stream goes on |
/// | runtime | tokio, with its clock paused |
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct TryMarbles {
    marks: Marks,
    tick: Duration,
    /// The instant of the first poll.
    start: Option<Instant>,
    /// Boxed, so that the stream can be moved.
    sleep: Option<Pin<Box<Sleep>>>,
    done: bool,
}

impl TryMarbles {
    /// Lets a `-` last this long instead of [`TICK`].
    ///
    /// # Panics
    ///
    /// If it isn't a whole number of milliseconds, at least two.
    #[track_caller]
    pub fn tick(self, tick: Duration) -> Self {
        Self {
            tick: whole_milliseconds(tick),
            ..self
        }
    }

    /// Gives the next character or error when it is due, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Failure`] for a `#` in the string.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a mark is taken from the string only when it is returned.
    pub async fn next(&mut self) -> Option<Result<char, Failure>> {
        crate::next(self).await
    }

    /// Is ready at an instant; never, if there is none.
    fn poll_until(&mut self, due: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        match due {
            None => Poll::Pending,
            Some(due) if due <= Instant::now() => Poll::Ready(()),
            Some(due) => {
                let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
                if sleep.deadline() != due {
                    sleep.as_mut().reset(due);
                }
                sleep.as_mut().poll(cx)
            }
        }
    }
}

impl Stream for TryMarbles {
    type Item = Result<char, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        let start = *this.start.get_or_insert_with(|| start("a marble string"));
        let Some(&(ticks, mark)) = this.marks.front() else {
            return Poll::Pending;
        };
        ready!(this.poll_until(after(start, this.tick, ticks), cx));
        this.marks.pop_front();
        Poll::Ready(match mark {
            Mark::Item(character) => Some(Ok(character)),
            Mark::Failure => Some(Err(Failure)),
            Mark::End => {
                this.done = true;
                None
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        let ends = self.marks.iter().any(|(_, mark)| *mark == Mark::End);
        let items = self.marks.len() - usize::from(ends);
        (items, Some(items))
    }
}

impl FusedStream for TryMarbles {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

/// The error that a `#` in [`try_marbles`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a `#` among the marbles")
    }
}

impl Error for Failure {}
