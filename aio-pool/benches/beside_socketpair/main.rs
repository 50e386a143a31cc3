//! The crate beside a bare socketpair and beside rayon, in one run.
//!
//! `cargo bench -p aio-pool` runs everything; `-- mapped` runs what has `mapped`
//! in its name; `-- --short` runs a tenth of the work. Each row's two sides take
//! turns for several rounds, and both must give the same answers. The ratio is our
//! time to that of the limit: at the end of a bare socketpair nobody keeps tasks
//! apart or minds a crash, and rayon's threads send nothing.

#![allow(clippy::unwrap_used, reason = "a bench that fails says where")]

mod bare;
#[expect(
    unreachable_pub,
    reason = "the comparison's programs share it, in a library"
)]
mod burn;
#[expect(
    unreachable_pub,
    reason = "the comparison's programs share it, in a library"
)]
mod payload;
mod rounds;

use aio_pool::{Pool, Start};
use bare::Bare;
use futures_util::{StreamExt, stream};
use rayon::prelude::*;
use rounds::Bench;
use serde_bytes::ByteBuf;
use tokio::runtime::Runtime;

aio_pool::task! {
    async fn plus_one(number: u64) -> u64 {
        number + 1
    }
}

aio_pool::task! {
    async fn echo(payload: ByteBuf) -> ByteBuf {
        payload
    }
}

aio_pool::task! {
    async fn burnt(number: u64) -> u64 {
        burn::burn(number)
    }
}

fn main() {
    aio_pool::init();
    bare::answer_if_other();
    let bench = Bench::from_arguments();
    println!("| work | ours / limit, median (least to most) | ours, each | limit, each |");
    println!("|---|---|---|---|");
    sequential(&bench);
    mapped(&bench);
    large(&bench);
    cpu(&bench);
    start(&bench);
}

/// A pool, and the runtime of one thread on which it is called.
struct Ours {
    runtime: Runtime,
    pool: Pool,
}

impl Ours {
    fn start(start: Start) -> Ours {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let pool = runtime.block_on(start.into_future()).unwrap();
        Ours { runtime, pool }
    }

    fn close(self) {
        self.runtime.block_on(self.pool.close()).unwrap();
    }
}

fn two_workers() -> Start {
    aio_pool::start().workers(2)
}

fn sequential(bench: &Bench) {
    let name = "sequential calls, ping-pong";
    if !bench.wants(name) {
        return;
    }
    let (bare, ours) = (Bare::ping_pong(), Ours::start(two_workers()));
    bench.row(
        name,
        20_000,
        |n| bare.exchange(n),
        |n| {
            ours.runtime.block_on(async {
                let mut sum = 0;
                for number in 0..n as u64 {
                    sum += ours.pool.call::<plus_one>(number).await.unwrap();
                }
                sum
            })
        },
    );
    ours.close();
}

fn mapped(bench: &Bench) {
    let name = "mapped calls, batches of 256 frames";
    if !bench.wants(name) {
        return;
    }
    let (bare, ours) = (Bare::batches(), Ours::start(two_workers()));
    bench.row(
        name,
        1_000_000,
        |n| bare.exchange(n),
        |n| ours.runtime.block_on(map(&ours.pool, n as u64)),
    );
    ours.close();
}

async fn map(pool: &Pool, n: u64) -> u64 {
    let mut answers = pool.map::<plus_one>(0..n).stream();
    let mut sum = 0;
    while let Some(answer) = answers.next().await {
        sum += answer.unwrap();
    }
    sum
}

fn large(bench: &Bench) {
    let name = "1 MiB there and back, bare socketpair";
    if !bench.wants(name) {
        return;
    }
    let (bare, ours) = (Bare::large(), Ours::start(two_workers()));
    bench.row(
        name,
        500,
        |n| bare.exchange(n),
        |n| {
            ours.runtime.block_on(async {
                let mut sum = 0;
                for number in 0..n as u64 {
                    let sent = ByteBuf::from(payload::large(number));
                    let answer = ours.pool.call::<echo>(sent).await.unwrap();
                    sum += payload::came_back(number, &answer);
                }
                sum
            })
        },
    );
    ours.close();
}

fn cpu(bench: &Bench) {
    let name = "tasks of 10 ms, rayon with 2 threads";
    if !bench.wants(name) {
        return;
    }
    let rayon = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    // One task at a time is right for tasks that compute.
    let ours = Ours::start(two_workers().tasks_per_worker(1));
    bench.row(
        name,
        100,
        |n| {
            let numbers = (0..n).into_par_iter().with_max_len(1);
            let answers = numbers.map(|number| burn::burn(number as u64));
            rayon.install(|| answers.reduce(|| 0, u64::wrapping_add))
        },
        |n| {
            let calls = stream::iter(0..n as u64)
                .map(|number| ours.pool.call::<burnt>(number).into_future())
                .buffered(8)
                .fold(0_u64, async |sum, answer| sum.wrapping_add(answer.unwrap()));
            ours.runtime.block_on(calls)
        },
    );
    ours.close();
}

fn start(bench: &Bench) {
    let name = "start and end of a worker, bare process";
    if !bench.wants(name) {
        return;
    }
    bench.row(
        name,
        50,
        |n| {
            bare::start(n);
            n as u64
        },
        |n| {
            for _ in 0..n {
                Ours::start(aio_pool::start().workers(1)).close();
            }
            n as u64
        },
    );
}
