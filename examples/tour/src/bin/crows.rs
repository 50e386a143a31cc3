//! cargo run -p tour --bin crows
//!
//! Some crows caw, each after a time of its own, and we wait for them in all the ways
//! of asyncio: for all, for each as it comes, for the first, for so long. Then crows are
//! cancelled: by a timeout, by hand, and by a group in which others have failed.

use std::fmt::Display;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use aio_itertools::{as_completed, gather, next, task_group, wait, wait_for};
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};
use tour::args;
use tour::crow::{crow, flock, names, sets};

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
    all(crows).await;
    some(crows).await;
    too_late().await;
    by_hand().await;
    a_cat(crows).await;
}

async fn all(crows: u32) {
    let start = heading("gather, all together: results in the order of the crows");
    let numbers = gather(flock(crows, STEP)).await;
    println!("{} after {}", names(numbers), since(start));

    let start = heading("as_completed: each as it comes");
    let mut caws = as_completed(flock(crows, STEP)).stream();
    while let Some(number) = next(&mut caws).await {
        println!("crow {number} after {}", since(start));
    }
}

async fn some(crows: u32) {
    let start = heading("wait for the first: the pending are given back, and go on");
    // What has been polled must stay where it is, so what is given back is in a box.
    let caws = flock(crows, STEP).map(Box::pin);
    let (done, pending) = wait(caws).first_completed().await;
    println!("{} after {}", sets(crows, &done), since(start));
    let (rest, _) = wait(pending).await;
    let rest = rest.into_iter().map(|(_, number)| number);
    println!("then {} after {}", names(rest), since(start));

    let start = heading("wait with a timeout: no error, and nothing is cancelled");
    let after = |number| if number == crows { STEP } else { HOUR };
    let caws = (1..=crows).map(|number| Box::pin(crow(number).caw(after(number))));
    let (done, pending) = wait(caws).timeout(STEP * 3 / 2).await;
    println!("{} after {}", sets(crows, &done), since(start));
    println!("then the pending are dropped, which cancels them");
    drop(pending);
}

async fn too_late() {
    heading("wait_for, and tokio's timeout: an error, and the crow is cancelled");
    println!("{}", outcome(wait_for(crow(1).caw(HOUR), STEP).await));
    println!("{}", outcome(timeout(STEP, crow(2).caw(HOUR)).await));
}

async fn by_hand() {
    heading("a task, cancelled by hand");
    let task = tokio::spawn(crow(1).caw(HOUR));
    sleep(STEP).await;
    task.abort(); // Python: `cancel()`. To drop a task's handle would let the task go on.
    let cancelled = task.await.is_err_and(|error| error.is_cancelled());
    println!("its handle gives an error, of which is_cancelled() is {cancelled}");
}

/// Crows 1 and 2 fail together. When one fails the others are cancelled, and what is
/// cancelled can't fail any more; so the two must run at once, each on a thread. With
/// the threads of Rust, and no GIL, they do.
async fn a_cat(crows: u32) {
    heading("a group in which two fail: one error, and the others are cancelled");
    let cat = Arc::new(Barrier::new(2));
    let group = task_group().with(async |group| -> Result<(), String> {
        for number in 3..=crows {
            let caw = crow(number).caw(HOUR);
            group.spawn(async { Ok(caw.await) });
        }
        for number in 1..=2 {
            let cat = Arc::clone(&cat);
            group.spawn(async move {
                sleep(STEP).await;
                // This blocks until both are here. It says so, and tokio lends the other
                // tasks of this thread another one.
                block_in_place(|| cat.wait());
                Err::<(), _>(format!("crow {number} saw a cat"))
            });
        }
        Ok(())
    });
    if let Err(error) = group.await {
        let mut causes = error.into_errors();
        causes.sort(); // which of them was first is chance
        println!("error, {} causes: {}", causes.len(), causes.join(", "));
    }
}

fn outcome(caw: Result<u32, impl Display>) -> String {
    caw.map_or_else(|error| format!("error: {error}"), |number| names([number]))
}

fn heading(text: &str) -> Instant {
    println!("\n{text}:");
    Instant::now()
}

fn since(start: Instant) -> String {
    format!("{:.2} s", start.elapsed().as_secs_f64())
}
