//! cargo run -p tour --bin fib
//!
//! Work that computes never waits, so a loop of tasks can't do it beside anything:
//! it takes more cores. In Python that means processes, since threads of one process
//! compute in turn (the GIL). In Rust threads compute at the same time, as processes
//! do. What a process adds is that it may die: a crash, a kill or a memory limit costs
//! the call that it was running, and not the program.

use std::iter::{once, repeat};
use std::mem::swap;
use std::thread;
use std::time::{Duration, Instant};

use aio_pool::workers::Limits;
use clap::value_parser;
use num_bigint::BigUint;
use tour::{Failure, Runs, args, seconds};

/// Big Fibonacci numbers, one after another, on threads, and in processes.
#[derive(Debug, clap::Parser)]
struct Args {
    /// Which Fibonacci number is computed, again and again
    #[arg(long, default_value = "10000", value_parser = value_parser!(u32).range(1..=100_000))]
    n: u32,

    /// How long each form goes on
    #[arg(long, default_value = "1.0", value_parser = seconds)]
    seconds: Duration,

    /// How many threads, and processes; one for each core if it is not given
    #[arg(long, value_parser = value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
}

/// The n-th Fibonacci number, by nothing but sums.
fn fibp(n: u32) -> BigUint {
    let (mut number, mut next) = (BigUint::ZERO, BigUint::from(1_u8));
    for _ in 0..n {
        number += &next;
        swap(&mut number, &mut next);
    }
    number
}

aio_pool::task! {
    /// The same in another process, from which it comes as its digits of 32 bits.
    async fn fibp_there(n: u32) -> Vec<u32> {
        fibp(n).to_u32_digits()
    }
}

aio_pool::task! {
    async fn crash() {
        std::process::abort()
    }
}

fn main() -> Result<(), Failure> {
    aio_pool::init(); // the first line: in a worker process it never returns
    let args: Args = args::read();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let workers = args.workers.map_or(cores.min(256), usize::from);
    let number = fibp(args.n);
    let digits = number.to_string().len();
    println!("fibp({}) has {digits} digits", args.n);

    let serial = serially(&args, &number)?;
    println!("serial, on one thread: {serial}");
    let threads = on_threads(workers, &args, &number)?;
    println!("threads, {workers} of them: {threads}");
    let processes = in_processes(workers, &args, &number)?;
    for (form, runs) in [("threads", threads), ("processes", processes)] {
        let times = runs.as_fast_as(&serial);
        println!("{form} {times:.1} × as fast as serial");
    }
    let all = serial.count() + threads.count() + processes.count();
    println!("the numbers of all {all} runs are equal");
    Ok(())
}

/// The input of each run: once at least, and again while there is time.
fn inputs(args: &Args, began: Instant) -> impl Iterator<Item = u32> + use<> {
    let seconds = args.seconds;
    once(args.n).chain(repeat(args.n).take_while(move |_| began.elapsed() < seconds))
}

fn serially(args: &Args, number: &BigUint) -> Result<Runs, Failure> {
    let (began, mut count) = (Instant::now(), 0);
    for n in inputs(args, began) {
        check(number, &fibp(n))?;
        count += 1;
    }
    Ok(Runs::since(began, "fibp", count))
}

/// The same on each thread. They borrow what is here, since a scope ends after them.
fn on_threads(workers: usize, args: &Args, number: &BigUint) -> Result<Runs, Failure> {
    let (began, mut count) = (Instant::now(), 0);
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, || serially(args, number));
        for thread in (0..workers).map(start).collect::<Vec<_>>() {
            let joined = thread?.join();
            count += joined.map_err(|_| Failure::of("fibp", "a panic"))??.count();
        }
        Ok(Runs::since(began, "fibp", count))
    })
}

#[tokio::main(flavor = "current_thread")] // this process computes nothing: it waits
async fn in_processes(workers: usize, args: &Args, number: &BigUint) -> Result<Runs, Failure> {
    let no_core_dumps = Limits::new().core_dumps(0);
    let pool = aio_pool::start().workers(workers).limits(no_core_dumps);
    let pool = pool.tasks_per_worker(1); // more would be right if they waited
    pool.with(async |pool| -> Result<_, Failure> {
        let (began, mut count) = (Instant::now(), 0);
        // Inputs are taken lazily: one that runs and one that is ready for each worker.
        let numbers = pool
            .map::<fibp_there>(inputs(args, began))
            .limit(2 * workers);
        let mut numbers = numbers.unordered().stream();
        while let Some(digits) = numbers.next().await {
            check(number, &BigUint::new(digits?))?;
            count += 1;
        }
        let runs = Runs::since(began, "fibp", count);
        println!("processes, {workers} of them: {runs}");

        if let Err(lost) = pool.call::<crash>(()).await {
            println!("only in a process a crash costs no more than its call: {lost}");
        }
        let digits = pool.call::<fibp_there>(args.n).await?;
        check(number, &BigUint::new(digits))?;
        println!("and the next call is answered as before");
        Ok(runs)
    })
    .await
}

fn check(number: &BigUint, again: &BigUint) -> Result<(), Failure> {
    let equal = (number == again).then_some(());
    equal.ok_or_else(|| Failure::of("fibp", "two runs gave different numbers"))
}
