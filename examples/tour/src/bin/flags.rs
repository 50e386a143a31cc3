//! cargo run -p tour --bin flags
//!
//! Many small files from a slow server. One by one, each waits for the one before
//! it. On threads, as many wait at once as there are threads. Async, all wait in one
//! task, as many at once as the server is to be burdened with. Every name of two
//! letters is tried and most are no country: that a picture isn't there is an answer
//! too. Whatever else goes wrong is counted, and stops nothing. How one picture is fetched
//! and saved, blocking and async, is in `tour::downloads`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{sync::mpsc, thread, time::Duration};

use aio_itertools::{as_completed, next};
use reqwest::{Client, blocking};
use tokio::runtime::Runtime;
use tour::downloads::{Downloads, Site};
use tour::flag_server::{FlagServer, names};
use tour::{Failure, args, descriptors};

/// Downloads many pictures: one by one, on threads, and async
#[derive(Debug, clap::Parser)]
struct Args {
    /// How many of the names aa, ab, … zz to try
    #[arg(long, default_value_t = 676, value_parser = clap::value_parser!(u16).range(1..=676))]
    names: u16,
    /// How many of them to try one by one
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=676))]
    sample: u16,
    /// How long the server takes for an answer, in milliseconds
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    delay_ms: u64,
    /// How many threads ask
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=400))]
    threads: u16,
    /// How many requests are under way at once where they are async
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=400))]
    limit: u16,
    /// Which server is asked; without it, one of its own
    #[arg(long, value_name = "ADDR")]
    server: Option<SocketAddr>,
    /// Where the pictures go; without it, a temporary folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

fn main() -> Result<(), Failure> {
    let args: Args = args::read();
    // Both ends of each connection are here, and each picture is a file.
    descriptors::for_connections(3 * u64::from(args.threads.max(args.limit)))?;
    let runtime = Runtime::new()?;
    let server = FlagServer::start(Duration::from_millis(args.delay_ms))?;
    let temporary = runtime.block_on(aio_files::temp_dir().into_future())?;
    let addr = args.server.unwrap_or(server.addr());
    let out = args.out.unwrap_or(temporary.path().into());
    let into = |name: &str| Site::new(addr, out.join(name), &runtime);
    let names: Vec<String> = names().take(args.names.into()).collect();
    let sample = &names[..names.len().min(args.sample.into())];

    println!("one by one, the first {} names:", sample.len());
    let alone = one_by_one(&into("one-by-one")?, sample)?.said();
    println!("\non {} threads, {} names:", args.threads, names.len());
    let threads = on_threads(&into("threads")?, &names, args.threads)?.said();
    println!("\nasync, {} at once, {} names:", args.limit, names.len());
    let site = into("async")?;
    let all = runtime.block_on(in_one_task(&site, &names, args.limit));
    let all = all?.said();

    runtime.block_on(temporary.close())?;
    let [by_threads, by_async] = [&threads, &all].map(|form| form.rate() / alone.rate());
    // What failed says nothing about the speed.
    alone.outcome().and(threads.outcome()).and(all.outcome())?;
    println!("\non threads {by_threads:.1} × as fast as one by one");
    println!("async {by_async:.1} × as fast as one by one");
    Ok(())
}

fn one_by_one(site: &Site, names: &[String]) -> Result<Downloads, Failure> {
    let client = blocking::Client::builder().no_proxy().build()?;
    let mut downloads = Downloads::begin(names.len());
    for name in names {
        downloads.count(site.fetch_blocking(&client, name));
    }
    Ok(downloads)
}

/// Each thread takes the next name until none is left.
fn on_threads(site: &Site, names: &[String], threads: u16) -> Result<Downloads, Failure> {
    let client = &blocking::Client::builder().no_proxy().build()?;
    let mut downloads = Downloads::begin(names.len());
    let next = &AtomicUsize::new(0);
    thread::scope(|scope| {
        let (done, all_done) = mpsc::channel();
        for done in vec![done; threads.into()] {
            scope.spawn(move || {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // Somebody listens for as long as there are threads.
                    let _ = done.send(site.fetch_blocking(client, name));
                }
            });
        }
        all_done.iter().for_each(|found| downloads.count(found));
    });
    Ok(downloads)
}

/// A future is made when there is room for it, and asks when it is polled.
async fn in_one_task(site: &Site, names: &[String], limit: u16) -> Result<Downloads, Failure> {
    let client = Client::builder().no_proxy().build()?;
    let mut downloads = Downloads::begin(names.len());
    let requests = names.iter().map(|name| site.fetch(&client, name));
    let mut all_done = as_completed(requests).limit(usize::from(limit)).stream();
    while let Some(found) = next(&mut all_done).await {
        downloads.count(found);
    }
    Ok(downloads)
}
