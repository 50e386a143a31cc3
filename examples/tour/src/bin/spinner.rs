//! cargo run -p tour --bin spinner
//!
//! A line turns while slow work is done, so that you can see that the program is alive. Two
//! things happen at once, once on two threads, and once as two tasks of one thread.
//! The difference is in how the spinner ends: a thread can only be asked to, and has to
//! look; a task is dropped where it waits, and what it holds is cleaned up on the way.
//! And in what each costs: the program ends with the bytes of a task and of a thread.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use tokio::time::sleep;
use tour::Failure;
use tour::args::{self, seconds};
use tour::costs::{of_a_task, of_a_thread};

/// Turns a line beside slow work, and measures the bytes of a task and of a thread
#[derive(Debug, clap::Parser)]
struct Args {
    /// How long the slow work takes, in seconds
    #[arg(long, default_value = "1", value_parser = seconds)]
    seconds: Duration,
    /// How many tasks are measured
    #[arg(long, default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tasks: u32,
    /// How many threads are measured
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    threads: u32,
}

/// How long each sign is seen.
const TURN: Duration = Duration::from_millis(100);

fn main() -> Result<(), Failure> {
    let args: Args = args::read();
    println!("the spinner on a thread, which ends when it is asked:");
    beside_a_thread(args.seconds)?;
    println!("\nthe spinner as a task, which is cancelled:");
    beside_a_task(args.seconds)?;
    println!("\nwhat one costs while it waits:");
    let Args { tasks, threads, .. } = args;
    let (task, thread) = (of_a_task(tasks)?, of_a_thread(threads)?);
    let (future, stack) = (task.reserved, thread.reserved);
    println!("of {tasks} tasks, each: a future of {future} bytes; {task}");
    println!("of {threads} threads, each: a stack of up to {stack} bytes; {thread}");
    println!("  and the kernel's own stack for each, which a task doesn't need");
    Ok(())
}

fn beside_a_thread(slow: Duration) -> Result<(), Failure> {
    let (wanted, asked) = channel();
    let spinner = thread::Builder::new().spawn(move || spin_until_asked(&asked))?;
    thread::sleep(slow); // the slow work: on a thread it may block
    drop(wanted);
    let spun = spinner.join();
    spun.map_err(|_| Failure::of("the spinner", "its thread panicked"))??;
    println!("Answer: 42");
    Ok(())
}

fn spin_until_asked(asked: &Receiver<Infallible>) -> io::Result<()> {
    let line = Line;
    for sign in signs() {
        line.show(sign)?;
        // A sleep would not hear of the end.
        if asked.recv_timeout(TURN) == Err(RecvTimeoutError::Disconnected) {
            break;
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn beside_a_task(slow: Duration) -> Result<(), Failure> {
    let spinner = tokio::spawn(spin());
    sleep(slow).await; // `thread::sleep` here would keep the spinner from turning
    spinner.abort();
    // Waits until it is dropped, and has cleared its line.
    match spinner.await {
        Err(cancelled) if cancelled.is_cancelled() => println!("Answer: 42"),
        Err(panicked) => return Err(panicked.into()),
        Ok(failed) => failed?,
    }
    Ok(())
}

async fn spin() -> io::Result<()> {
    let line = Line;
    for sign in signs() {
        line.show(sign)?;
        sleep(TURN).await; // here it is dropped; in Python CancelledError is raised here
    }
    Ok(())
}

fn signs() -> impl Iterator<Item = char> {
    ['|', '/', '-', '\\'].into_iter().cycle()
}

/// The line on which something turns. It is cleared when this is dropped, whatever
/// ended the spinner: Rust's `finally`.
struct Line;

impl Line {
    fn show(&self, sign: char) -> io::Result<()> {
        print!("\r{sign} thinking!");
        io::stdout().flush()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        print!("\r{:11}\r", "");
    }
}
