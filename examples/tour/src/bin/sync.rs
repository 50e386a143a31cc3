//! cargo run -p tour --bin sync
//!
//! What asyncio has to keep tasks apart (Lock, Semaphore) and to let them meet (Event,
//! Condition, Queue), and what tokio has for each; how they meet is in `tour::meeting`.
//! All of it runs on one thread, so no two lines run at the same time. Yet wherever one
//! awaits, all others may go on, and that is what these are for. Spawned tasks use the
//! same, each behind an `Arc`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use aio_itertools::{gather, try_gather};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::yield_now;
use tokio::time::sleep;
use tour::{Failure, args, meeting};

/// Shows the primitives of asyncio as they are in tokio
#[derive(Debug, clap::Parser)]
struct Args {
    /// How many requests are made, and how many tasks and items there are
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    requests: u16,
    /// How many go on at once: requests, tasks that wait, and items in the queue
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

const ANSWER_TIME: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let Args { requests, limit } = args::read();
    lock(requests).await?;
    semaphore(requests, limit.into()).await?;
    meeting::event(limit).await?; // src/meeting.rs has these three, to be read next
    meeting::condition(requests, limit).await?;
    meeting::queue(requests, limit).await
}

async fn lock(tasks: u16) -> Result<(), Failure> {
    println!("Lock ({tasks} tasks each read a number, wait, and write it back plus 1):");
    let number = Cell::new(0);
    gather((0..tasks).map(|_| async {
        let read = number.get();
        yield_now().await; // by now others have read the same
        number.set(read + 1);
    }))
    .await;
    println!("  without a lock       {}", number.get());

    // tokio's Mutex may be held while one awaits: whoever wants it then awaits it.
    let number = Mutex::new(0);
    gather((0..tasks).map(|_| async {
        let mut number = number.lock().await;
        let read = *number;
        yield_now().await;
        *number = read + 1;
    }))
    .await;
    println!("  tokio's Mutex        {}", number.into_inner());

    // std's is faster, and right where nothing is awaited under it. Its lock blocks the
    // thread; a task that holds it while it awaits can't be spawned: rustc says so.
    let number = std::sync::Mutex::new(0);
    try_gather((0..tasks).map(|_| async {
        yield_now().await;
        *number.lock()? += 1;
        Ok::<_, Failure>(())
    }))
    .await?;
    let number = number.into_inner()?;
    println!("  std's Mutex          {number} (nobody waits while it is locked)");
    Ok(())
}

async fn semaphore(requests: u16, limit: usize) -> Result<(), Failure> {
    println!("\nSemaphore ({requests} requests of 10 ms, of which {limit} may run at once):");
    let (service, start) = (Service::default(), Instant::now());
    let ids = gather((0..requests).map(|id| service.answer(id))).await;
    println!("  all at once          {}", service.report(&ids, start));

    // All are begun at once, and wait for one of so many permits.
    let (service, start) = (Service::default(), Instant::now());
    let permits = Semaphore::new(limit);
    let ids = try_gather((0..requests).map(async |id| {
        let _permit = permits.acquire().await?; // given back when dropped, in any case
        Ok::<_, Failure>(service.answer(id).await)
    }))
    .await?;
    println!("  Semaphore            {}", service.report(&ids, start));

    // None is made before there is room for it: what waits takes no memory.
    let (service, start) = (Service::default(), Instant::now());
    let ids = gather((0..requests).map(|id| service.answer(id)))
        .limit(limit)
        .await;
    let name = format!("gather(…).limit({limit})");
    println!("  {name:20} {}", service.report(&ids, start));
    Ok(())
}

/// A service that notes how many requests it has at once.
#[derive(Default)]
struct Service {
    now: Cell<u16>,
    most: Cell<u16>,
}

impl Service {
    /// Answers a request by its own id.
    async fn answer(&self, id: u16) -> u32 {
        self.now.update(|now| now + 1);
        self.most.update(|most| most.max(self.now.get()));
        sleep(ANSWER_TIME).await;
        self.now.update(|now| now - 1);
        id.into()
    }

    fn report(&self, ids: &[u32], start: Instant) -> String {
        let (sum, most) = (ids.iter().sum::<u32>(), self.most.get());
        let seconds = start.elapsed().as_secs_f64();
        format!("sum of ids {sum}, at most {most} at once, {seconds:.2} s")
    }
}
