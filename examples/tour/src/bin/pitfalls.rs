//! cargo run -p tour --bin pitfalls
//!
//! All tasks of a thread stand still while one of them computes, or waits in a way
//! that the runtime doesn't know. `async` before `fn` changes nothing about that: only
//! an `await` that waits lets others run. A ticker that is due each millisecond shows
//! it: beside the plain call its longest gap is the whole call, and beside each
//! remedy, which takes as long, the ticker hardly notices.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aio_sqlite::rusqlite;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tour::rival::Rival;
use tour::{Failure, args, stall};

/// Stalls a thread in three ways, and shows what helps
#[derive(Debug, clap::Parser)]
struct Args {
    /// How long each call computes or waits, in milliseconds
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3000))]
    ms: u64,
}

fn main() -> Result<(), Failure> {
    aio_pool::init();
    let Args { ms } = args::read();
    run(ms)
}

// On one thread a stall stops everything. More threads make it rarer, and harder to
// find: as many such calls at once as there are threads stop everything too.
#[tokio::main(flavor = "current_thread")]
async fn run(ms: u64) -> Result<(), Failure> {
    println!("the longest gap of a ticker beside calls of {ms} ms:");
    computing(ms).await?;
    let time = Duration::from_millis(ms);
    let folder = aio_files::temp_dir().await?;
    a_locked_table(time, folder.path().join("messages.db")).await?;
    a_locked_file(time, folder.path().join("index.lock")).await?;
    Ok(folder.close().await?)
}

aio_pool::task! {
    /// Counts primes for so many milliseconds, and awaits nothing.
    async fn primes(ms: u64) -> usize {
        let begun = Instant::now();
        let is_prime = |n: &u64| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        (2..)
            .take_while(|_| begun.elapsed().as_millis() < u128::from(ms))
            .filter(is_prime)
            .count()
    }
}

/// Computing belongs on another thread; or in another process, if it may crash, need
/// too much memory, or have to be killed.
async fn computing(ms: u64) -> Result<(), Failure> {
    let pool = aio_pool::start().workers(1).await?;
    let stalled = stall::beside(async { Ok(primes(ms).await) }).await?;
    let runtime = Handle::current();
    let thread = spawn_blocking(move || runtime.block_on(primes(ms)));
    let thread = stall::beside(async { Ok(thread.await?) }).await?;
    let process = stall::beside(async { Ok(pool.call::<primes>(ms).await?) }).await?;
    let remedies = format!("on another thread: {thread} ms; in another process: {process} ms");
    println!("  computing: stalled {stalled} ms; {remedies}");
    Ok(pool.close().await?)
}

/// A call that blocks belongs on a thread of its own, which aio-sqlite has.
async fn a_locked_table(time: Duration, path: PathBuf) -> Result<(), Failure> {
    let insert = "INSERT INTO log VALUES ('at last')";
    let db = aio_sqlite::connect(&path).await?;
    db.execute("CREATE TABLE log(line)", ()).await?;
    let plain = rusqlite::Connection::open(&path)?;
    let lock = move || -> Result<_, Failure> {
        let other = rusqlite::Connection::open(&path)?;
        other.execute_batch("BEGIN IMMEDIATE")?;
        Ok(other) // dropped, it rolls back
    };

    let rival = Rival::holding(time, lock.clone())?;
    let stalled = stall::beside(async {
        rival.is_awaited()?;
        Ok(plain.execute(insert, [])?)
    });
    let stalled = stalled.await?;

    let rival = Rival::holding(time, lock)?;
    let remedy = stall::beside(async {
        rival.is_awaited()?;
        Ok(db.execute(insert, ()).await?)
    });
    let remedy = remedy.await?;
    println!("  a locked table: stalled {stalled} ms; with aio-sqlite: {remedy} ms");
    Ok(db.close().await?)
}

/// A file that is waited for wants no thread at all: aio-files asks again and again.
async fn a_locked_file(time: Duration, path: PathBuf) -> Result<(), Failure> {
    let plain = File::create(&path)?;
    let other = path.clone();
    let lock = move || -> Result<_, Failure> {
        let other = File::open(&other)?;
        other.lock()?;
        Ok(other) // dropped, it is closed, and so unlocked
    };

    let rival = Rival::holding(time, lock.clone())?;
    let stalled = stall::beside(async {
        rival.is_awaited()?;
        plain.lock()?;
        Ok(plain.unlock()?)
    });
    let stalled = stalled.await?;

    let rival = Rival::holding(time, lock)?;
    let remedy = stall::beside(async {
        rival.is_awaited()?;
        Ok(aio_files::lock(&path).await?.release().await?)
    });
    let remedy = remedy.await?;
    println!("  a locked file: stalled {stalled} ms; with aio-files: {remedy} ms");
    Ok(())
}
