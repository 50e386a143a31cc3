//! Marble strings on tokio's paused clock: tests of streams that read as they look.
//!
//! [`marbles`] makes a stream of a picture, and [`timeline()`] draws the picture of
//! a stream. Between the two stands what is to be tested, and no test waits: with
//! the clock paused, the time in the picture passes as soon as nothing else is left
//! to do.
//!
//! | mark | meaning |
//! |---|---|
//! | `-` | one tick passes: [`TICK`], unless [`tick`](Marbles::tick) says otherwise |
//! | a letter or digit | an item at that instant; it takes no time itself |
//! | `(abc)` | several items at one instant, as `abc` is as well |
//! | `#` | an error at that instant, in [`try_marbles`] |
//! | `\|` | the end; without it the stream never ends |
//! | a space | nothing: it lines pictures up |
//!
//! The clock is paused by `#[tokio::test(start_paused = true)]`, with tokio's feature
//! `test-util`. Where it runs on, both panic and say so: a test on the real clock
//! would wait, and would differ from run to run.
//!
//! # Examples
//!
//! An adaptor of one's own, and its test:
//!
//! ```
//! use aio_itertools::testing::{TICK, marbles, timeline};
//! use aio_itertools::Stream;
//! use tokio_stream::StreamExt;
//!
//! /// Gives the letters, at most one in two ticks.
//! fn calm_letters(stream: impl Stream<Item = char>) -> impl Stream<Item = char> {
//!     stream.filter(|mark| mark.is_alphabetic()).throttle(2 * TICK)
//! }
//!
//! # /*
//! #[tokio::test(start_paused = true)]
//! # */
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() { letters_come_calmly().await }
//! async fn letters_come_calmly() {
//!     let letters = calm_letters(marbles("a-1-(bc)------d|"));
//!     assert_eq!(timeline(letters).await, "a--b--c----d--|");
//! }
//! ```

use std::time::Duration;

use tokio::time::Instant;

mod marbles;
mod notation;
mod timeline;

pub use marbles::{Failure, Marbles, TryMarbles, marbles, try_marbles};
pub use timeline::{Timeline, TimelineFuture, timeline, try_timeline};

/// The tick of marble strings and timelines by default: ten milliseconds.
///
/// Write the durations of a test as multiples of it.
pub const TICK: Duration = Duration::from_millis(10);

/// tokio's clock counts milliseconds, and its timers may be late by one.
#[track_caller]
fn whole_milliseconds(tick: Duration) -> Duration {
    let is_whole = tick.subsec_nanos().is_multiple_of(1_000_000);
    assert!(
        is_whole && tick >= Duration::from_millis(2),
        "the tick must be a whole number of milliseconds, at least 2, got {tick:?}"
    );
    tick
}

/// The instant so many ticks after the start, if there is one.
fn after(start: Instant, tick: Duration, ticks: u32) -> Option<Instant> {
    start.checked_add(tick.checked_mul(ticks)?)
}

/// Gives the instant at which a test begins, on a clock that stands.
///
/// tokio doesn't say whether its clock is paused. But a clock that runs doesn't
/// show one instant for longer than the clock of the machine does.
fn start(what: &str) -> Instant {
    let start = Instant::now();
    let real = std::time::Instant::now();
    while real.elapsed().is_zero() {
        std::hint::spin_loop();
    }
    assert!(
        start == Instant::now(),
        "{what} needs tokio's clock paused: write #[tokio::test(start_paused = true)], \
         or call tokio::time::pause() before"
    );
    start
}
