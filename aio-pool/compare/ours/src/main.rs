//! aio-pool, through its public interface with its defaults.

mod beside;
mod chaos;
mod idle;

use std::hint::black_box;

use aio_pool::workers::Spin;
use aio_pool::{Pool, Start};
use futures_util::{StreamExt, stream};
use serde_bytes::ByteBuf;
use tokio::runtime::Runtime;
use work::{WORKERS, Work, measure, measure_starts, payload, touched};

aio_pool::task! {
    async fn plus_one(number: u64) -> u64 {
        work::plus_one(number)
    }
}

aio_pool::task! {
    async fn echo(payload: ByteBuf) -> ByteBuf {
        payload
    }
}

aio_pool::task! {
    async fn burn(number: u64) -> u64 {
        work::burn(number)
    }
}

fn main() {
    aio_pool::init();
    let work = Work::from_arguments();
    match work.kind.as_str() {
        "sequential" if work.number == 1 => {
            measure_calls(&work, two_workers().spin(Spin::Off), sequential);
        }
        "sequential" => measure_calls(&work, two_workers(), sequential),
        "mapped" => measure_calls(&work, two_workers(), mapped),
        "large" => measure_calls(&work, two_workers(), large),
        // One at a time is right for tasks that compute.
        "cpu" => measure_calls(&work, two_workers().tasks_per_worker(1), burnt),
        "start" => {
            // A parent of so many MiB.
            let memory = touched(work.number);
            starts(&work, async |_, _| 0);
            black_box(memory);
        }
        "first" => starts(&work, async |pool, number| {
            pool.call::<plus_one>(number).await.expect("an answer")
        }),
        "beside" => beside::measure(&work, beside::Big::Passing),
        "paced" => beside::measure(&work, beside::Big::Absent),
        "idle" => idle::measure(&work),
        "chaos" => chaos::measure(&work),
        _ => work.unasked(),
    }
}

fn two_workers() -> Start {
    aio_pool::start().workers(WORKERS)
}

/// A runtime of one thread, as the limit has.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn measure_calls(work: &Work, start: Start, calls: impl AsyncFn(&Pool, u64) -> u64) {
    let runtime = runtime();
    let pool = runtime.block_on(start.into_future()).expect("a pool");
    measure(work, |n| runtime.block_on(calls(&pool, n as u64)));
    runtime.block_on(pool.close()).expect("to close");
}

async fn sequential(pool: &Pool, n: u64) -> u64 {
    let mut sum = 0;
    for number in 0..n {
        sum += pool.call::<plus_one>(number).await.expect("an answer");
    }
    sum
}

async fn mapped(pool: &Pool, n: u64) -> u64 {
    let mut answers = pool.map::<plus_one>(0..n).stream();
    let mut sum = 0;
    while let Some(answer) = answers.next().await {
        sum += answer.expect("an answer");
    }
    sum
}

async fn large(pool: &Pool, n: u64) -> u64 {
    let mut sum = 0;
    for number in 0..n {
        let sent = ByteBuf::from(payload::large(number));
        let answer = pool.call::<echo>(sent).await.expect("an answer");
        sum += payload::came_back(number, &answer);
    }
    sum
}

async fn burnt(pool: &Pool, n: u64) -> u64 {
    stream::iter(0..n)
        .map(|number| pool.call::<burn>(number).into_future())
        .buffered(4 * WORKERS)
        .fold(0_u64, async |sum, answer| {
            sum.wrapping_add(answer.expect("an answer"))
        })
        .await
}

/// Starts pools of one worker.
fn starts(work: &Work, asked: impl AsyncFn(&Pool, u64) -> u64) {
    let runtime = runtime();
    measure_starts(
        work,
        |number| {
            runtime.block_on(async {
                let pool = aio_pool::start().workers(1).await.expect("a pool");
                let answer = asked(&pool, number).await;
                (pool, answer)
            })
        },
        |pool| runtime.block_on(pool.close()).expect("to close"),
    );
}
