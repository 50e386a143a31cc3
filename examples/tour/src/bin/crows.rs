//! cargo run -p tour --bin crows
//!
//! Crows caw, and we wait in all the ways of asyncio: for all, for each as it comes, for
//! the first, for so long. Then some are cancelled: by a timeout, by hand, by a group.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use aio_itertools::{as_completed, gather, next, task_group, wait, wait_for};
use futures_util::FutureExt;
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};
use tour::args;

/// Waits for crows in each of asyncio's ways, and cancels some
#[derive(Debug, clap::Parser)]
struct Args {
    /// How many crows there are
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(3..=20))]
    crows: u32,
}

const STEP: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::main]
async fn main() {
    let Args { crows } = args::read();
    println!("crow {crows} caws after 0.1 s, each before it 0.1 s later");
    let flock = || (1..=crows).map(|n| caw(Crow(n), STEP * (crows + 1 - n)));

    let start = heading("gather (all together; the results are in the order of the crows)");
    println!("{} {}", gather(flock()).await.join(", "), after(start));

    let start = heading("as_completed (each as it comes)");
    let mut caws = as_completed(flock()).stream();
    while let Some(crow) = next(&mut caws).await {
        println!("{crow} {}", after(start));
    }

    let start = heading("wait for the first (the pending are given back, and go on when awaited)");
    // asyncio's are tasks, and run meanwhile; these run only while somebody polls them.
    // What has been polled must stay where it is, so each is in a box.
    let (done, pending) = wait(flock().map(Box::pin)).first_completed().await;
    println!("{} {}", sets(crows, &done), after(start));
    println!("then {} {}", gather(pending).await.join(", "), after(start));

    let start = heading("wait with a timeout (no error, and nothing is cancelled)");
    let late = (1..=crows).map(|n| caw(Crow(n), if n == crows { STEP } else { HOUR }));
    let (done, pending) = wait(late.map(Box::pin)).timeout(STEP * 3 / 2).await;
    println!("{} {}", sets(crows, &done), after(start));
    println!("then the pending are dropped, which cancels them");
    drop(pending);

    heading("wait_for, and tokio's timeout (an error, and the crow is cancelled)");
    if let Err(late) = wait_for(caw(Crow(1), HOUR), STEP).await {
        println!("error: {late}");
    }
    if let Err(late) = timeout(STEP, caw(Crow(2), HOUR)).await {
        println!("error: {late}");
    }

    heading("a task, cancelled by hand");
    let task = tokio::spawn(caw(Crow(1), HOUR));
    sleep(STEP).await;
    task.abort(); // In Python: `task.cancel()`. To drop a task's handle would let it go on.
    let cancelled = task.await.is_err_and(|error| error.is_cancelled());
    println!("its handle gives an error, of which is_cancelled() is {cancelled}");

    heading("a group in which two fail (one error, and the others are cancelled)");
    a_cat(crows).await;
}

/// Caws after this time, and gives the name of the crow.
async fn caw(crow: Crow, time: Duration) -> String {
    sleep(time).await; // cancelled, it is dropped here, with all that it owns
    let number = crow.0;
    std::mem::forget(crow); // it is not dropped any more
    format!("crow {number}")
}

/// A crow before its caw. Its `Drop` does what `except CancelledError` and `finally` do in
/// Python, but nothing is raised that one could catch and keep, and `Drop` can't await.
struct Crow(u32);

impl Drop for Crow {
    fn drop(&mut self) {
        println!("crow {} flies off without a caw", self.0);
    }
}

/// Crows 1 and 2 must fail at once, each on a thread (Rust has no GIL): the first failure
/// cancels all others, and what is cancelled can't fail any more.
async fn a_cat(crows: u32) {
    static CAT: Barrier = Barrier::new(2);
    let group = task_group().with(async |group| -> Result<(), String> {
        for number in 3..=crows {
            group.spawn(caw(Crow(number), HOUR).map(Ok));
        }
        for number in 1..=2 {
            group.spawn(async move {
                sleep(STEP).await;
                block_in_place(|| CAT.wait()); // until both are here
                Err::<(), _>(format!("crow {number} saw a cat"))
            });
        }
        Ok(())
    });
    let Err(error) = group.await else { return };
    let mut causes = error.into_errors();
    causes.sort(); // which of them was first is chance
    println!("error, {} causes: {}", causes.len(), causes.join(", "));
}

/// Names the done, and the pending: of these `wait` gives only the futures.
fn sets(crows: u32, done: &[(usize, String)]) -> String {
    let is_done = |crow: &String| done.iter().any(|(_, name)| name == crow);
    let all = (1..=crows).map(|number| format!("crow {number}"));
    let (done, pending): (Vec<_>, Vec<_>) = all.partition(is_done);
    let [done, pending] = [done, pending].map(|crows| crows.join(", "));
    format!("done {{{done}}}, pending {{{pending}}}")
}

fn heading(text: &str) -> Instant {
    println!("\n{text}:");
    Instant::now()
}

fn after(start: Instant) -> String {
    format!("after {:.2} s", start.elapsed().as_secs_f64())
}
