//! cargo run -p tour --bin starvation
//!
//! Tasks take turns, and a turn ends where a task awaits something that is not there
//! yet. Nobody takes it away before: a task that blocks its thread, or computes without
//! a break, keeps all others of that thread waiting, and can't even be cancelled. What
//! blocks or computes belongs on another thread (`spawn_blocking`), or says
//! `yield_now().await` now and then.

use std::future::ready;
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, spawn_blocking, yield_now};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tour::{Failure, args};

/// Shows what a task that blocks does to the others, and one that never yields
#[derive(Debug, clap::Parser)]
struct Args {
    /// How long the task waits or blocks, in milliseconds
    #[arg(long, default_value_t = 2000)]
    #[arg(value_parser = clap::value_parser!(u32).range(100..=10_000))]
    block_ms: u32,
    /// How far each of the three counters counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    counts: u32,
}

const TICK: Duration = Duration::from_millis(100);

#[tokio::main(flavor = "current_thread")] // one thread, as in asyncio
async fn main() -> Result<(), Failure> {
    let Args { block_ms, counts } = args::read();
    let time = Duration::from_millis(block_ms.into());

    let seconds = time.as_secs_f64();
    println!("a ticker, due every 0.1 s, beside a task that for {seconds:.1} s:");
    let waits = async move {
        sleep(time).await;
        Ok(())
    };
    beside_a_ticker("waits", waits).await?;
    let blocks = async move {
        thread::sleep(time); // as any call that takes long and is not awaited
        Ok(())
    };
    beside_a_ticker("blocks", blocks).await?;
    let blocks_elsewhere = async move { spawn_blocking(move || thread::sleep(time)).await };
    beside_a_ticker("blocks off the loop", blocks_elsewhere).await?;

    println!("\nthree tasks that count to {counts}:");
    print!("  without a yield ");
    // An await by itself yields nothing: this one never has to wait.
    count_together(counts, || ready(())).await?;
    print!("  with yield_now  "); // in rounds; the order within one is tokio's choice
    count_together(counts, yield_now).await?;

    println!(
        "\nThis is one thread (flavor = \"current_thread\"). With \"multi_thread\" there is a worker"
    );
    println!("for each core: a task that blocks takes one of them away, and as many as there");
    println!("are workers stop everything, as one does here.");
    Ok(())
}

/// Runs a task beside a ticker, and draws each tick when it came: a column is 0.1 s.
async fn beside_a_ticker(
    does: &str,
    work: impl Future<Output = Result<(), JoinError>> + Send + 'static,
) -> Result<(), Failure> {
    let mut ticker = interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticker.tick().await; // the first comes at once
    let start = Instant::now();
    let mut ticks = vec![Duration::ZERO];

    let work = tokio::spawn(work);
    let mut after = 0;
    while after < 3 {
        // The task has its turn here, and the ticker has the next one when that ends.
        ticker.tick().await;
        ticks.push(start.elapsed());
        after += u32::from(work.is_finished());
    }
    work.await??;

    let gaps = ticks.windows(2).map(|two| two[1] - two[0]);
    let longest = gaps.max().unwrap_or_default().as_secs_f64();
    println!("  {does:20} longest gap {longest:.1} s  {}", drawn(&ticks));
    Ok(())
}

fn drawn(ticks: &[Duration]) -> String {
    let columns = ticks
        .iter()
        .map(|tick| tick.div_duration_f64(TICK).round() as usize);
    let mut line = Vec::new();
    for column in columns {
        line.resize(column, ' ');
        line.push('|');
    }
    line.into_iter().collect()
}

/// Has three tasks count, each of which does this between two numbers.
async fn count_together<W>(counts: u32, between: fn() -> W) -> Result<(), Failure>
where
    W: Future<Output = ()> + Send + 'static,
{
    let counters = ["A", "B", "C"].map(|name| {
        tokio::spawn(async move {
            for count in 1..=counts {
                print!(" {name} {count}");
                between().await;
            }
        })
    });
    for counter in counters {
        counter.await?;
    }
    println!();
    Ok(())
}
