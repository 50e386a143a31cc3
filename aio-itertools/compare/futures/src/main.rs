//! futures-util 0.3, by the adaptor that is nearest to ours.
//!
//! Its filters take futures; `ready` is what their documentation shows. Merging
//! is `select_all`, and concurrency `buffered` and `buffer_unordered`.

use std::future::ready;

use futures_util::stream::{StreamExt, iter, select_all};
use work::{BATCH, LIMIT, Pairs, Ready, Silent, WIDTH, Work, job, measure_async, sum, sum_all};

fn main() {
    measure_async(|work: &Work, n| {
        let (kind, number) = (work.kind.clone(), work.number);
        async move { run(&kind, number, n).await }
    });
}

async fn run(kind: &str, number: usize, n: usize) -> u64 {
    let source = Ready::new(n);
    let last = n as u64;
    match kind {
        "accumulate" => {
            sum(source.scan(0_u64, |total, item| {
                *total = total.wrapping_add(item);
                ready(Some(*total))
            }))
            .await
        }
        "batched" => sum(source.chunks(BATCH)).await,
        "chain" => sum(source.chain(Ready::new(n))).await,
        "dropwhile" => sum(source.skip_while(|item| ready(*item < 10))).await,
        "filterfalse" => sum(source.filter(|item| ready(item & 1 != 0))).await,
        "islice" => sum(source.skip(10).take(n - 20)).await,
        "starmap" => sum(Pairs::new(n).map(|(a, b)| a.wrapping_mul(b))).await,
        "takewhile" => sum(source.take_while(move |item| ready(*item < last))).await,
        "zip" => sum(source.zip(Ready::new(n))).await,
        "merge" => sum(select_all(Silent::but_one(number, n)).take(n)).await,
        "map_concurrent" => {
            let outputs: Vec<u64> = source.map(job).buffered(WIDTH).collect().await;
            sum_all(outputs)
        }
        "gather" => {
            let jobs = iter((0..last).map(job));
            let outputs: Vec<u64> = jobs.buffer_unordered(LIMIT).collect().await;
            outputs.into_iter().fold(0, u64::wrapping_add)
        }
        _ => panic!("this program does no {kind}"),
    }
}
