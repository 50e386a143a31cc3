//! cargo run -p tour --bin how
//!
//! How async works: the same two words with a wait in between, said in six ways. They
//! differ in where the program keeps its place while it waits: on the stack of a
//! thread, in a callback, in a generator, or in a future, and that is the machine
//! which the compiler writes for an `async fn`. Then three steps that pass a result on
//! show what it is good for: async code reads from top to bottom, as blocking code does.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tour::event_loop::EventLoop; // ten lines, worth a look
use tour::{Failure, args, stages};

/// Says hello, waits and says world, in six ways
#[derive(Debug, clap::Parser)]
struct Args {
    /// How long each wait takes, in milliseconds
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(..=5000))]
    ms: u64,
}

fn main() -> Result<(), Failure> {
    let Args { ms } = args::read();
    let pause = Duration::from_millis(ms);
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;

    println!("two words, {ms} ms apart:");
    println!("\n1. a blocking call (this thread sleeps, and can do nothing else):");
    blocking(pause);
    println!("\n2. callbacks (what is left to do is a function, which the loop will call):");
    EventLoop::run(|event_loop| callbacks(event_loop, pause));
    println!("\n3. a generator (it hands out how long to wait, and the loop resumes it):");
    EventLoop::run(|event_loop| event_loop.resume(Generator::Hello(pause)));
    println!("\n4. a future by hand (it is polled, is pending, and is polled when woken):");
    tokio.block_on(ByHand::Hello(pause));
    println!("\n5. an async fn (the compiler writes such a future):");
    tokio.block_on(greet(pause));
    println!("\n6. a thread (it sleeps, and this one is free until it waits for its end):");
    thread::scope(|scope| {
        scope.spawn(|| blocking(pause));
    });

    println!("\nthree steps, each {ms} ms after the one before:");
    println!("\n1. nested callbacks (each step is inside the one before):");
    EventLoop::run(|event_loop| stages::nested(event_loop, pause));
    println!("\n2. staged functions (each step names the next one):");
    EventLoop::run(|event_loop| stages::staged(event_loop, pause));
    println!("\n3. an async fn (it reads from top to bottom):");
    tokio.block_on(stages::in_a_row(pause));
    Ok(())
}

fn blocking(pause: Duration) {
    println!("  hello");
    thread::sleep(pause);
    println!("  world");
}

fn callbacks(event_loop: &mut EventLoop, pause: Duration) {
    println!("  hello");
    event_loop.call_later(pause, |_| println!("  world"));
}

/// In Python: `print("hello"); yield pause; print("world")`. Stable Rust has no `yield`,
/// so each place where one can stop has a name, and `next` goes on from there.
enum Generator {
    Hello(Duration),
    World,
    Ended,
}

impl Iterator for Generator {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match *self {
            Generator::Hello(pause) => {
                println!("  hello");
                *self = Generator::World;
                return Some(pause);
            }
            Generator::World => println!("  world"),
            Generator::Ended => {}
        }
        *self = Generator::Ended;
        None
    }
}

/// The same places. But a future keeps what it waits for in itself, and instead of
/// handing it out says `Pending`. Nothing happens until it is polled; dropped halfway,
/// it never says the rest, and that is all there is to cancelling.
enum ByHand {
    Hello(Duration),
    World(Pin<Box<Sleep>>),
}

impl Future for ByHand {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let ByHand::Hello(pause) = *self {
            println!("  hello");
            *self = ByHand::World(Box::pin(sleep(pause)));
        }
        if let ByHand::World(sleep) = &mut *self {
            ready!(sleep.as_mut().poll(cx)); // while it is pending: return, and be woken
            println!("  world");
        }
        Poll::Ready(())
    }
}

async fn greet(pause: Duration) {
    println!("  hello");
    sleep(pause).await;
    println!("  world");
}
