//! cargo run -p tour --bin hello
//!
//! Two countdowns, A and B, in the three ways that asyncio has: awaited one after
//! another, gathered, and as tasks. Calling an `async fn` makes a future, and a
//! future does nothing until it is awaited: only then the countdown runs.

use std::time::{Duration, Instant};

use aio_itertools::gather;
use tokio::time::sleep;
use tour::{Failure, args};

/// Counts down twice: one after another, gathered, and as two tasks
#[derive(Debug, clap::Parser)]
struct Args {
    /// The number that each countdown begins with
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    from: u32,
}

/// What lies between two numbers.
const STEP: Duration = Duration::from_millis(100);

// In Python: `asyncio.run(main())`. It runs all on this thread, as asyncio does.
// Without the flavor tasks would share all cores, for Rust has no GIL; a countdown
// could then be on another core than its neighbour, and B now and then before A.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let Args { from } = args::read();

    let a = countdown("A", from);
    let b = countdown("B", from);
    sleep(STEP).await;
    // Python warns, while the program runs, of a coroutine that nobody awaited; Rust
    // warns, when it is compiled, of a call whose future is thrown away.
    let bytes = size_of_val(&a);
    println!(
        "countdown was called twice, 0.1 s ago: nothing ran, these are futures of {bytes} bytes"
    );

    timed("awaited, one after another", async {
        a.await; // B is there, but nobody polls it
        b.await;
        Ok("one task: B began when A had ended".into())
    })
    .await?;
    timed("gathered, both at once", gathered(from)).await?;
    timed("spawned, each as a task", spawned(from)).await
}

/// Counts down, and gives its name at the end.
///
/// In Python: `async def countdown(name, start)`, with `await asyncio.sleep(0.1)`. In both
/// languages the wait lets others run, and a blocking sleep in its place would stop
/// them: here that is `std::thread::sleep`.
async fn countdown(name: &str, from: u32) -> &str {
    for number in (1..=from).rev() {
        println!("{name} {number}");
        sleep(STEP).await;
    }
    name
}

/// Awaits both together. asyncio makes a task of each; here they take turns within
/// this one, so they may borrow what `main` owns, and are dropped with it.
async fn gathered(from: u32) -> Result<String, Failure> {
    let names = gather([countdown("A", from), countdown("B", from)]).await;
    Ok(format!(
        "one task: gather gives the results, {}",
        names.join(" and ")
    ))
}

/// Makes a task of each. In Python: `asyncio.create_task`. A task runs whether or not it is
/// awaited, and may outlive whoever spawned it. So it owns what it uses, and is `Send`:
/// the compiler sees to it that the task may move to another core.
async fn spawned(from: u32) -> Result<String, Failure> {
    let a = tokio::spawn(countdown("A", from));
    let b = tokio::spawn(countdown("B", from));
    println!("both are spawned: they start when this task waits for something");
    // Awaiting the handle of a task gives its result, or says that it panicked or
    // was cancelled. Dropping a handle stops nothing; dropping a future does.
    b.await?;
    a.await?;
    Ok("two tasks: both ran, although B was awaited first".into())
}

/// Says how long the countdowns took. They are handed over as a future, and start here.
async fn timed(
    heading: &str,
    countdowns: impl Future<Output = Result<String, Failure>>,
) -> Result<(), Failure> {
    println!("\n{heading}:");
    let start = Instant::now();
    let moral = countdowns.await?;
    println!("{:.1} s, {moral}", start.elapsed().as_secs_f64());
    Ok(())
}
