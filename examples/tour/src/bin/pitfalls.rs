//! cargo run -p tour --bin pitfalls
//!
//! All tasks of a thread stand still while one of them computes, or waits in a way
//! that the runtime doesn't know. `async` before `fn` changes nothing about that: only
//! an `await` that waits lets others run. A ticker that is due each millisecond shows
//! it: beside the plain call its longest gap is the whole call, and beside each
//! remedy, which takes as long, the ticker hardly notices.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use aio_sqlite::rusqlite;
use rustix::fs::{CWD, FileType, Mode, mknodat};
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
    a_locked_database(time, folder.path().join("messages.db")).await?;
    a_late_file(time, folder.path().join("late")).await?;
    Ok(folder.close().await?)
}

/// Counts primes for so many milliseconds.
fn count_primes(ms: u64) -> usize {
    let begun = Instant::now();
    let is_prime = |n: &u64| {
        (2..*n)
            .take_while(|d| d * d <= *n)
            .all(|d| !n.is_multiple_of(d))
    };
    let in_time = |_: &u64| begun.elapsed().as_millis() < u128::from(ms);
    (2..).take_while(in_time).filter(is_prime).count()
}

aio_pool::task! {
    /// The same: nothing in it is awaited, `async` or not.
    async fn primes(ms: u64) -> usize {
        count_primes(ms)
    }
}

/// Computing belongs on another thread; or in another process, if it may crash, need
/// too much memory, or have to be killed.
async fn computing(ms: u64) -> Result<(), Failure> {
    let pool = aio_pool::start().workers(1).await?;
    let stalled = stall::beside(async { Ok(primes(ms).await) }).await?;
    let thread = spawn_blocking(move || count_primes(ms));
    let thread = stall::beside(async { Ok(thread.await?) }).await?;
    let process = stall::beside(async { Ok(pool.call::<primes>(ms).await?) }).await?;
    let remedies = format!("on another thread: {thread} ms; in another process: {process} ms");
    println!("  computing: stalled {stalled} ms; {remedies}");
    Ok(pool.close().await?)
}

/// A call that blocks belongs on a thread of its own, which aio-sqlite has.
async fn a_locked_database(time: Duration, path: PathBuf) -> Result<(), Failure> {
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
    println!("  a locked database: stalled {stalled} ms; with aio-sqlite: {remedy} ms");
    Ok(db.close().await?)
}

/// Reading may wait, too: for a disk, or here, at a named pipe, for who writes it. The
/// plain call has the whole thread wait; aio-files has threads of its own for that.
async fn a_late_file(time: Duration, path: PathBuf) -> Result<(), Failure> {
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    let writer = |path: PathBuf| {
        thread::spawn(move || -> io::Result<()> {
            let mut pipe = File::options().write(true).open(path)?; // waits for a reader
            thread::sleep(time);
            pipe.write_all(b"at last")
        })
    };

    let late = writer(path.clone());
    let stalled = stall::beside(async { Ok(fs::read(&path)?) }).await?;
    late.join()
        .map_err(|_| Failure::of("the writer", "it panicked"))??;

    let late = writer(path.clone());
    let remedy = stall::beside(async { Ok(aio_files::read(&path).await?) }).await?;
    late.join()
        .map_err(|_| Failure::of("the writer", "it panicked"))??;
    println!("  a late file: stalled {stalled} ms; with aio-files: {remedy} ms");
    Ok(())
}
