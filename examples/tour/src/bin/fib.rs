//! cargo run -p tour --bin fib
//!
//! Work that computes never waits, so a loop of tasks can't do two pieces of it at once:
//! that takes more cores. In Python with the GIL, as in most builds, that means processes: its
//! threads compute in turn. In Rust threads compute at the same time, as processes do.
//! What a process adds is that it may die: a crash, a kill or a memory limit costs one
//! call, and not the program.

use std::thread;
use std::time::{Duration, Instant};

use num_bigint::BigUint;
use tour::Failure;
use tour::args::{self, seconds};
use tour::runs::{Runs, again, check};

/// Computes big Fibonacci numbers: one after another, on threads, and in processes
#[derive(Debug, clap::Parser)]
struct Args {
    /// Which Fibonacci number is computed, again and again
    #[arg(long, default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    n: u32,
    /// How long each form goes on, in seconds
    #[arg(long, default_value = "1.0", value_parser = seconds)]
    seconds: Duration,
    /// How many threads, and processes; without it, one for each core
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
}

fn main() -> Result<(), Failure> {
    aio_pool::init(); // the first line: in a worker process it never returns
    let args: Args = args::read();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let workers = args.workers.map_or(cores.min(256), usize::from);
    let number = fibp(args.n);
    let decimal = number.to_string();
    println!("fibp({}) has {} digits:", args.n, decimal.len());

    let serial = serially(&args, &number)?;
    println!("serial, on one thread: {serial}");
    let threads = on_threads(workers, &args, &number)?;
    println!("threads, {workers} of them: {threads}");
    let processes = in_processes(workers, &args, &number)?;
    for (form, runs) in [("threads", &threads), ("processes", &processes)] {
        println!("{form} {:.1} × as fast as serial", runs.as_fast_as(&serial));
    }
    let all = serial.count() + threads.count() + processes.count();
    println!("the numbers of all {all} runs are equal");
    a_crash(args.n, &number)
}

/// The n-th Fibonacci number, by nothing but sums.
fn fibp(n: u32) -> BigUint {
    let (mut number, mut next) = (BigUint::ZERO, BigUint::from(1_u8));
    for _ in 0..n {
        number += &next;
        std::mem::swap(&mut number, &mut next);
    }
    number
}

aio_pool::task! {
    async fn fibp_there(n: u32) -> BigUint {
        fibp(n)
    }
}

aio_pool::task! {
    async fn crash() {
        std::process::abort()
    }
}

fn serially(args: &Args, number: &BigUint) -> Result<Runs, Failure> {
    let (began, mut count) = (Instant::now(), 0);
    for n in again(args.n, args.seconds) {
        count += check("fibp", number, &fibp(n))?;
    }
    Ok(Runs::since(began, "fibp", count))
}

/// The same on each thread. They borrow what is here, since a scope ends after them.
fn on_threads(workers: usize, args: &Args, number: &BigUint) -> Result<Runs, Failure> {
    let (began, mut count) = (Instant::now(), 0);
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, || serially(args, number));
        for thread in (0..workers).map(start).collect::<Vec<_>>() {
            let runs = thread?.join();
            count += runs
                .map_err(|_| Failure::of("a thread", "it panicked"))??
                .count();
        }
        Ok(Runs::since(began, "fibp", count))
    })
}

/// The same in processes. This one computes nothing meanwhile: it waits for the others.
#[tokio::main(flavor = "current_thread")]
async fn in_processes(workers: usize, args: &Args, number: &BigUint) -> Result<Runs, Failure> {
    // One task at a time in each, since they compute. More is for tasks that wait.
    let pool = aio_pool::start().workers(workers).tasks_per_worker(1);
    pool.with(async |pool| -> Result<_, Failure> {
        let (began, mut count) = (Instant::now(), 0);
        // Of its inputs it takes no more than one that runs and one that is next.
        let numbers = pool.map::<fibp_there>(again(args.n, args.seconds));
        let mut numbers = numbers.limit(2 * workers).unordered().stream();
        while let Some(again) = numbers.next().await {
            count += check("fibp", number, &again?)?;
        }
        let runs = Runs::since(began, "fibp", count);
        println!("processes, {} of them: {runs}", pool.pids().len());
        Ok(runs)
    })
    .await
}

/// What a process adds: it may die alone.
#[tokio::main(flavor = "current_thread")]
async fn a_crash(n: u32, number: &BigUint) -> Result<(), Failure> {
    let pool = aio_pool::start().workers(1);
    pool.with(async |pool| -> Result<(), Failure> {
        if let Err(lost) = pool.call::<crash>(()).await {
            println!("\na crash in a process costs its call:\n  {lost}");
        }
        check("fibp", number, &pool.call::<fibp_there>(n).await?)?;
        println!("  and the next call is answered as before");
        Ok(())
    })
    .await
}
