//! Small calls while large results pass.

use std::time::Duration;

use aio_pool::Pool;
use serde_bytes::ByteBuf;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use work::{Work, report};

use crate::plus_one;

/// Bytes of a large result.
const BIG: usize = 100 << 20;

/// From one small call to the next.
const PACE: Duration = Duration::from_millis(1);

aio_pool::task! {
    async fn big() -> ByteBuf {
        ByteBuf::from(vec![b'x'; BIG])
    }
}

/// What else the pool does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Big {
    Passing,
    Absent,
}

/// Prints the 99th percentile of what `n` small calls took. The number of the
/// workload is that of the workers. The runtime is that of `#[tokio::main]`, since
/// who takes such results does not take them on the thread of all others.
pub fn measure(work: &Work, big: Big) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (latencies, sum) = runtime.block_on(async {
        let start = aio_pool::start().workers(work.number);
        let pool = start.await.expect("a pool");
        let results = (big == Big::Passing).then(|| tokio::spawn(results(pool.clone())));
        let measured = paced(&pool, work.n as u64).await;
        if let Some(results) = results {
            results.abort();
            assert!(
                results.await.is_err_and(|error| error.is_cancelled()),
                "large results passed to the end"
            );
        }
        pool.close().await.expect("to close");
        measured
    });
    let slow = latencies[latencies.len() * 99 / 100];
    report(slow.as_nanos() as f64, sum, 0);
}

/// One large result after the other, for ever.
async fn results(pool: Pool) {
    loop {
        let result = pool.call::<big>(()).await.expect("a large result");
        assert!(result.len() == BIG && result[BIG - 1] == b'x');
    }
}

/// Calls at a steady pace, whether the one before is answered or not, so that one
/// that is slow does not hide those that would have come. Each is timed from the
/// moment at which it was due. Gives the times, sorted, and the sum of the answers.
async fn paced(pool: &Pool, n: u64) -> (Vec<Duration>, u64) {
    let mut calls = JoinSet::new();
    let mut ticks = tokio::time::interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..n {
        let due = ticks.tick().await;
        let call = pool.call::<plus_one>(number);
        calls.spawn(async move {
            let answer = call.await.expect("an answer");
            (Instant::now() - due, answer)
        });
    }
    let (mut latencies, answers): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().unzip();
    latencies.sort();
    (latencies, answers.into_iter().sum())
}
