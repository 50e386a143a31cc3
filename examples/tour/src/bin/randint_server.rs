//! cargo run -p tour --bin randint_server
//!
//! A service: one thread, and a task for each client. Where the task of a client
//! awaits the next line, or the pause of its answer, the thread serves the others.
//! Talk to it by hand (`nc 127.0.0.1 4711`, then `randint 1 6`), or let the program
//! `randint_clients --server 127.0.0.1:4711` ask it.
//!
//! The protocol and the tasks are in `src/randint.rs`; here is how a service begins
//! and ends.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tour::randint::Service;
use tour::{Failure, args, descriptors};

/// Gives random numbers over TCP: to the line `randint 1 6` it answers such as `4`
#[derive(Debug, clap::Parser)]
struct Args {
    /// Where it listens; port 0 takes any that is free
    #[arg(long, default_value = "127.0.0.1:4711")]
    addr: SocketAddr,
    /// How long each answer takes, in milliseconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pause_ms: u64,
    /// After how many seconds without a client it ends
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    idle: u64,
}

/// How many clients there may be at once, where the system allows it.
const MOST: u64 = 4096;

// A single thread is enough for thousands of clients: they mostly wait. What computes
// would want the threads of `#[tokio::main]` without a flavor, or a pool.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args: Args = args::read();
    let pause = Duration::from_millis(args.pause_ms);
    let idle = Duration::from_secs(args.idle);

    let most = descriptors::connections_up_to(MOST);
    let service = Service::bind(args.addr, pause, most)?;
    // Before the first line: whoever has read it may already interrupt.
    let mut interrupts = signal(SignalKind::interrupt())?;
    println!("listening on {}", service.addr());
    println!(
        "at most {} clients at once; ends by Ctrl-C, or after {} s without a client",
        service.most(),
        args.idle
    );

    // Whichever is first; the other futures are dropped, and by that cancelled. With
    // `run` go the tasks of the clients: nobody has to tell them.
    let why = tokio::select! {
        failed = service.run() => match failed? {},
        () = service.visitors().none_for(idle) => format!("no client for {} s", args.idle),
        _ = interrupts.recv() => "interrupted".to_owned(),
    };
    println!("{why}; requests answered: {}", service.answered());
    Ok(())
}
