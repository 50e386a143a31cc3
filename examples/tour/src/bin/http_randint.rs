//! cargo run -p tour --bin http_randint
//!
//! Random numbers over HTTP, awaited and iterated. `Random` is awaitable, as a Python
//! class with `__await__` is; `MultiRandom` can be iterated asynchronously, as one with
//! `__aiter__` and `__anext__` can; and `multi_random` is an async generator, which
//! says the same in a line. None of them sends anything before it is polled.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use aio_itertools::gather;
use futures_util::{Stream, StreamExt};
use tour::randint::{PAUSE, http::HttpService};
use tour::{Failure, args, descriptors};

/// Serves random numbers over HTTP, and asks for them in three ways and many at once
#[derive(Debug, clap::Parser)]
struct Args {
    /// Where it listens; port 0 takes any that is free
    #[arg(long, default_value = "127.0.0.1:0")]
    addr: SocketAddr,
    /// How many requests there are at once; several sizes by commas
    #[arg(long, value_delimiter = ',', default_value = "128,256,512,1024")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: Vec<u32>,
    /// Which service is asked, such as one with --serve; without it, its own
    #[arg(long, value_name = "ADDR", conflicts_with = "serve")]
    server: Option<SocketAddr>,
    /// Only serves, for curl and others, until Ctrl-C
    #[arg(long, conflicts_with = "clients")]
    serve: bool,
    /// After how many seconds without a request it ends, with --serve
    #[arg(long, default_value_t = 60, requires = "serve")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    idle: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args: Args = args::read();
    let service = HttpService::bind(args.addr)?;
    if args.serve {
        return service.serve(Duration::from_secs(args.idle)).await;
    }
    // Both ends of each connection are in this process.
    let most = args.clients.iter().copied().max().map_or(0, u64::from);
    descriptors::for_connections(2 * most)?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let server = args.server.unwrap_or(service.addr());
    let url = format!("http://{server}/randint/1/6");
    let random = Random { http, url };
    tokio::spawn(service.run());

    println!("awaited, as it is IntoFuture:");
    println!("got {:?}", random.clone().await?);
    let by_hand = MultiRandom {
        random: random.clone(),
        left: 3,
        asked: None,
    }
    .boxed();
    let generator = multi_random(random.clone(), 3).boxed();
    for (what, mut numbers) in [("as a Stream", by_hand), ("as a generator", generator)] {
        println!("\niterated, {what}:");
        // In Python: `async for number in numbers`.
        while let Some(number) = numbers.next().await {
            println!("got {:?}", number?);
        }
    }

    println!("\nmany at once, each of {} ms at least:", PAUSE.as_millis());
    for clients in args.clients {
        let start = Instant::now();
        for answer in gather((0..clients).map(|_| random.clone())).await {
            answer?;
        }
        let (ms, in_a_row) = (start.elapsed().as_millis(), (PAUSE * clients).as_millis());
        println!("{clients:5} requests: {ms:5} ms; one after another {in_a_row:6} ms at least");
    }
    Ok(())
}

/// The status of an answer, and its number.
type Answer = Result<(u16, i64), Failure>;

/// A random number that can be awaited.
#[derive(Clone)]
struct Random {
    http: reqwest::Client,
    url: String,
}

impl IntoFuture for Random {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let answer = self.http.get(&self.url).send().await?;
            let status = answer.status().as_u16();
            Ok((status, answer.text().await?.trim().parse()?))
        })
    }
}

/// So many of them, by hand: those that are left, and the one that is under way.
struct MultiRandom {
    random: Random,
    left: u32,
    asked: Option<<Random as IntoFuture>::IntoFuture>,
}

impl Stream for MultiRandom {
    type Item = Answer;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        if self.asked.is_none() && self.left > 0 {
            self.left -= 1;
            self.asked = Some(self.random.clone().into_future());
        }
        let Some(asked) = &mut self.asked else {
            return Poll::Ready(None);
        };
        let answer = ready!(asked.as_mut().poll(cx));
        self.asked = None;
        Poll::Ready(Some(answer))
    }
}

/// The same, with `yield`: the compiler writes the machine.
fn multi_random(random: Random, count: u32) -> impl Stream<Item = Answer> {
    async_stream::stream! {
        for _ in 0..count {
            yield random.clone().await;
        }
    }
}
