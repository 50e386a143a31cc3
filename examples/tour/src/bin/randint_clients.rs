//! cargo run -p tour --bin randint_clients
//!
//! Many clients at once, each with its own connection: first a thread for each, then
//! a task for each. `thread` and `task` differ in little but `async` and `.await`;
//! what differs is what waits. A thread that waits is a thread of the system, with a
//! stack. A task that waits is a small value, and one thread has room for them all.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Barrier};
use std::{thread, time::Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tour::comparison::{Comparison, Measured, threads};
use tour::randint::{self, LONGEST, PATIENCE, PAUSE, Range, Service};
use tour::{Failure, args, descriptors};

/// Asks the randint service from many clients at once: on threads, then as tasks
#[derive(Debug, clap::Parser)]
struct Args {
    /// How many clients there are at once; several sizes by commas
    #[arg(long, value_delimiter = ',', default_value = "32,64,128,256,512,1024")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: Vec<u32>,
    /// How many requests each client makes, one after another
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    requests: u32,
    /// Which service is asked, such as randint_server; without it, one of its own
    #[arg(long, value_name = "ADDR")]
    server: Option<SocketAddr>,
    /// Where the chart goes
    #[arg(long, default_value = "randint.svg", value_name = "FILE")]
    svg: PathBuf,
}

fn main() -> Result<(), Failure> {
    let args: Args = args::read();
    let requests = args.requests;
    let sizes: BTreeSet<u32> = args.clients.into_iter().collect();
    let most = sizes.last().copied().map_or(0, u64::from);
    // Of a service in this process, both ends of each connection are here.
    descriptors::for_connections(2 * most)?;
    let server = match args.server {
        Some(server) => server,
        None => Service::start(([127, 0, 0, 1], 0).into(), PAUSE, most)?,
    };

    println!("Each client makes {requests} requests to {server}, one after another. A request");
    println!("takes the time from the first client's start to the last answer, / {requests}.");
    let mut table = Comparison::of(["one thread a client", "one task a client"]);
    for clients in sizes {
        let crowd = (clients, requests, server);
        let refused = |error| Failure::of(server, error);
        let on_threads = threads_ask(crowd).map_err(refused)?;
        let as_tasks = tasks_ask(crowd).map_err(refused)?;
        table.row(clients, [on_threads, as_tasks]);
    }
    println!("Threads: is what the system counts here while all clients are there.");
    table.save("a thread or a task for each client", &args.svg)?;
    println!("chart: {}", args.svg.display());
    Ok(())
}

/// How many clients there are, how many requests each makes, and to whom.
type Crowd = (u32, u32, SocketAddr);

fn threads_ask(crowd @ (clients, requests, _): Crowd) -> io::Result<Measured> {
    let start = Instant::now();
    let all_here = Arc::new(Barrier::new(clients as usize + 1));
    let mut started = Vec::new();
    for id in 0..clients {
        let all_here = Arc::clone(&all_here);
        let client = thread::Builder::new().spawn(move || on_a_thread(id, crowd, all_here));
        started.push(client.map_err(randint::no_thread)?);
    }
    let count = threads();
    all_here.wait();
    for client in started {
        client.join().map_err(|_| io::ErrorKind::Other)??;
    }
    Ok(Measured::since(start, requests, count))
}

fn on_a_thread(id: u32, crowd: Crowd, all_here: Arc<Barrier>) -> io::Result<()> {
    let (_, requests, server) = crowd;
    // Whether it is or not, the others wait until it has been tried.
    let connected = TcpStream::connect_timeout(&server, PATIENCE);
    all_here.wait();
    let (mut server, range) = (BufReader::new(connected?), Range::of_client(id));
    server.get_ref().set_read_timeout(Some(PATIENCE))?;
    for _ in 0..requests {
        server.get_mut().write_all(range.request().as_bytes())?;
        let (mut answer, mut line) = (String::new(), (&mut server).take(LONGEST));
        line.read_line(&mut answer).map_err(randint::too_late)?;
        range.read(&answer)?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn tasks_ask(crowd @ (clients, requests, _): Crowd) -> io::Result<Measured> {
    let start = Instant::now();
    let all_here = Arc::new(tokio::sync::Barrier::new(clients as usize + 1));
    let mut started = Vec::new();
    for id in 0..clients {
        started.push(tokio::spawn(as_a_task(id, crowd, Arc::clone(&all_here))));
    }
    all_here.wait().await;
    let count = threads();
    for client in started {
        client.await??;
    }
    Ok(Measured::since(start, requests, count))
}

async fn as_a_task(id: u32, crowd: Crowd, all_here: Arc<tokio::sync::Barrier>) -> io::Result<()> {
    let (_, requests, server) = crowd;
    let connected = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(server)).await;
    all_here.wait().await;
    let (mut server, range) = (tokio::io::BufReader::new(connected??), Range::of_client(id));
    for _ in 0..requests {
        server.write_all(range.request().as_bytes()).await?;
        let (mut answer, mut line) = (String::new(), (&mut server).take(LONGEST));
        tokio::time::timeout(PATIENCE, line.read_line(&mut answer)).await??;
        range.read(&answer)?;
    }
    Ok(())
}
