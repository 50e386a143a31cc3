use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::notation::is_item;
use super::{TICK, after, start, whole_milliseconds};
use crate::budget::Pace;

/// Draws a stream as a marble string, to be compared with the expected one.
///
/// It is the way back from [`marbles`](crate::testing::marbles()): what comes at one
/// instant stands in parentheses if it is more than one item, and an item that isn't
/// written as one letter or digit in brackets, as in `a-[12]-|`. It is awaited, and
/// ends where the stream ends: see [`until`](Timeline::until) for one that doesn't.
///
/// # Panics
///
/// When it is awaited: if tokio's clock isn't paused, and if something comes between
/// two ticks, which the notation can't say. A millisecond after a tick counts as at
/// the tick, because tokio's timers may be as late as that.
///
/// # Cancel safety
///
/// Not cancel safe: what was drawn and the stream are dropped.
///
/// # Examples
///
/// ```
/// use aio_itertools::testing::{marbles, timeline};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// assert_eq!(timeline(marbles("a--b(cd)-|")).await, "a--(bcd)-|");
/// # }
/// ```
pub fn timeline<S>(stream: S) -> Timeline<S>
where
    S: Stream,
    S::Item: fmt::Display,
{
    Timeline::new(stream, |item| written(&item))
}

/// Draws a stream of results as a marble string, with a `#` for each error.
///
/// It is [`timeline()`] for what [`try_marbles`](crate::testing::try_marbles()) gives.
///
/// # Panics
///
/// As [`timeline()`] does.
///
/// # Cancel safety
///
/// Not cancel safe: what was drawn and the stream are dropped.
///
/// # Examples
///
/// ```
/// use aio_itertools::testing::{try_marbles, try_timeline};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// assert_eq!(try_timeline(try_marbles("a-#b-|")).await, "a-(#b)-|");
/// # }
/// ```
pub fn try_timeline<S, T, E>(stream: S) -> Timeline<S>
where
    S: Stream<Item = Result<T, E>>,
    T: fmt::Display,
{
    Timeline::new(stream, |item| match item {
        Ok(item) => written(&item),
        Err(_) => "#".to_owned(),
    })
}

fn written(item: &impl fmt::Display) -> String {
    let text = item.to_string();
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) if is_item(only) => text,
        _ => format!("[{text}]"),
    }
}

/// The builder of [`timeline()`] and [`try_timeline`]: `.await` it.
///
/// # Cancel safety
///
/// Not cancel safe: what was drawn and the stream are dropped.
#[must_use = "nothing runs until it is awaited"]
pub struct Timeline<S: Stream> {
    stream: S,
    write: fn(S::Item) -> String,
    tick: Duration,
    until: Option<u32>,
}

impl<S: Stream> Timeline<S> {
    fn new(stream: S, write: fn(S::Item) -> String) -> Self {
        Self {
            stream,
            write,
            tick: TICK,
            until: None,
        }
    }

    /// Draws one `-` for this long instead of [`TICK`].
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

    /// Stops after so many ticks: what comes at that instant or later isn't drawn.
    ///
    /// It is for streams that don't end. One that gives items for ever at one instant
    /// lets no time pass, and so never comes to it.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::testing::{marbles, timeline};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// assert_eq!(timeline(marbles("a--b")).until(5).await, "a--b---");
    /// # }
    /// ```
    pub fn until(self, ticks: u32) -> Self {
        Self {
            until: Some(ticks),
            ..self
        }
    }
}

impl<S: Stream> IntoFuture for Timeline<S> {
    type Output = String;
    type IntoFuture = TimelineFuture<S>;

    fn into_future(self) -> TimelineFuture<S> {
        TimelineFuture {
            stream: self.stream,
            write: self.write,
            tick: self.tick,
            until: self.until,
            began: None,
            drawing: Drawing::default(),
            pace: Pace::new(),
        }
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Timeline<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline")
            .field("stream", &self.stream)
            .field("tick", &self.tick)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Timeline`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was drawn and the stream are dropped.
    #[must_use = "futures do nothing unless polled"]
    pub struct TimelineFuture<S: Stream> {
        #[pin]
        stream: S,
        write: fn(S::Item) -> String,
        tick: Duration,
        until: Option<u32>,
        began: Option<Began>,
        drawing: Drawing,
        pace: Pace,
    }
}

/// Set at the first poll.
struct Began {
    at: Instant,
    /// Boxed, so that it needs no pinning of its own.
    limit: Option<Pin<Box<Sleep>>>,
}

impl<S: Stream> Future for TimelineFuture<S> {
    type Output = String;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<String> {
        let mut this = self.project();
        let began = this.began.get_or_insert_with(|| {
            let at = start("a timeline");
            let limit = this.until.and_then(|until| after(at, *this.tick, until));
            let limit = limit.map(|limit| Box::pin(sleep_until(limit)));
            Began { at, limit }
        });
        loop {
            ready!(this.pace.poll_item(cx));
            let polled = this.stream.as_mut().poll_next(cx);
            if let (Some(limit), Some(until)) = (&mut began.limit, *this.until) {
                let is_over = limit.deadline() <= Instant::now();
                if is_over || (polled.is_pending() && limit.as_mut().poll(cx).is_ready()) {
                    this.drawing.move_to(until);
                    return Poll::Ready(this.drawing.finish());
                }
            }
            let item = ready!(polled);
            this.drawing.move_to(ticks(began.at.elapsed(), *this.tick));
            match item {
                Some(item) => this.drawing.instant.push((this.write)(item)),
                None => return Poll::Ready(this.drawing.finish() + "|"),
            }
        }
    }
}

/// How many ticks have passed.
fn ticks(elapsed: Duration, tick: Duration) -> u32 {
    let ticks = elapsed.as_nanos() / tick.as_nanos();
    let rest = elapsed.as_nanos() % tick.as_nanos();
    // tokio's timers are a millisecond late on a clock that was paused between two.
    assert!(
        rest <= Duration::from_millis(1).as_nanos(),
        "something comes after {elapsed:?}, between two ticks of {tick:?}: a smaller tick can show it; \
         #[tokio::test(start_paused = true)] keeps the clock at whole milliseconds"
    );
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

impl<S: Stream + fmt::Debug> fmt::Debug for TimelineFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimelineFuture")
            .field("stream", &self.stream)
            .field("drawn", &self.drawing.text)
            .finish_non_exhaustive()
    }
}

/// A marble string in the making.
#[derive(Default)]
struct Drawing {
    text: String,
    ticks: u32,
    /// The items of the instant that isn't over.
    instant: Vec<String>,
}

impl Drawing {
    fn move_to(&mut self, ticks: u32) {
        if ticks > self.ticks {
            self.close_instant();
            let passed = (ticks - self.ticks) as usize;
            self.text.extend(std::iter::repeat_n('-', passed));
            self.ticks = ticks;
        }
    }

    fn close_instant(&mut self) {
        let items = self.instant.concat();
        match self.instant.len() {
            0 | 1 => self.text.push_str(&items),
            _ => self.text.extend(["(", &items, ")"]),
        }
        self.instant.clear();
    }

    fn finish(&mut self) -> String {
        self.close_instant();
        std::mem::take(&mut self.text)
    }
}
