//! cargo run -p tour --bin generators
//!
//! A generator gives values one by one and keeps its place in between. In Python it
//! also takes values: `jump = yield index`. Stable Rust has no `yield`. Here is the
//! machine that it stands for, by hand; then as an `async fn`, of which the compiler
//! makes such a machine; then what else gives values one by one, with and without waits.

use std::iter;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, Stream, StreamExt};
use tokio::time::sleep;
use tour::{args, hatch::Hatch};

/// Values out of a generator, and values into it
#[derive(Debug, clap::Parser)]
struct Args {
    /// Where the jumping range ends and the countdowns begin
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(i64).range(0..=100))]
    up_to: i64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Args { up_to } = args::read();
    println!("a range up to {up_to}, asked by next, send 2, next, send -1:");
    let mut range = JumpingRange {
        state: State::Created,
        up_to,
    };
    let asked = [range.next(), range.send(2), range.next(), range.send(-1)];
    say("a machine by hand", asked);
    say("iterated to its end", range.map(Some));

    let hatch = Hatch::default(); // see src/hatch.rs
    let mut range = pin!(jumping_range(up_to, &hatch).fuse());
    let asked = [1, 2, 1, -1].map(|jump| hatch.send(range.as_mut(), jump));
    say("an async fn", asked);
    let rest = iter::from_fn(|| hatch.send(range.as_mut(), 1));
    say("iterated to its end", rest.map(Some));

    println!("\na countdown from {up_to}:");
    let mut number = up_to + 1;
    let countdown = iter::from_fn(|| {
        number -= 1;
        (number > 0).then_some(number)
    });
    say("a closure that keeps its place", countdown.map(Some));
    say("a range in reverse", (1..=up_to).rev().map(Some));
    let start = Instant::now();
    let (mut countdown, mut numbers) = (pin!(waiting_countdown(up_to)), Vec::new());
    // In Python: `async for number in countdown`.
    while let Some(number) = countdown.next().await {
        numbers.push(Some(number));
    }
    say("a stream!, which waits before each", numbers);
    println!("which took {} ms", start.elapsed().as_millis());
}

/// A range whose next step can be told: a generator as a machine. Python keeps its place
/// in the frame of the function, and here the state is all that there is to keep.
struct JumpingRange {
    state: State,
    up_to: i64,
}

enum State {
    Created,
    Yielded(i64),
    Ended,
}

impl JumpingRange {
    /// Goes on behind the `yield`, which gives this jump, as far as the next one.
    ///
    /// As long as no `yield` was reached nothing takes the jump; Python raises `TypeError`.
    fn send(&mut self, jump: i64) -> Option<i64> {
        let index = match self.state {
            State::Created => 0,
            State::Yielded(index) => index + jump,
            State::Ended => return None, // Python raises `StopIteration`
        };
        if index >= self.up_to {
            self.state = State::Ended;
            return None;
        }
        self.state = State::Yielded(index);
        Some(index)
    }
}

/// As an iterator it is taken by `for` and by all adaptors. In Python `next` sends `None`,
/// and the generator says: `if jump is None: jump = 1`.
impl Iterator for JumpingRange {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.send(1)
    }
}

/// The same, as Python has it. A future is left at its `await` and entered again there,
/// so of this text the compiler makes a machine like the one above.
async fn jumping_range(up_to: i64, hatch: &Hatch) {
    let mut index = 0;
    while index < up_to {
        let jump = hatch.give(index).await; // In Python: `jump = yield index`
        index += jump;
    }
}

/// An asynchronous generator: others run while it waits. The macro does what `Hatch` does.
fn waiting_countdown(from: i64) -> impl Stream<Item = i64> {
    async_stream::stream! {
        for number in (1..=from).rev() {
            sleep(Duration::from_millis(10)).await;
            yield number;
        }
    }
}

fn say(who: &str, values: impl IntoIterator<Item = Option<i64>>) {
    let name = |value: Option<i64>| value.map_or(" end".into(), |value| format!(" {value}"));
    println!("{who}:{}", values.into_iter().map(name).collect::<String>());
}
