//! aio-itertools, through its public interface with its defaults.

use std::cell::RefCell;

use aio_itertools::adaptors::{chain, islice, zip};
use aio_itertools::asyncio::{gather, merge};
use aio_itertools::{iter, merge_sorted, prelude::*};
use futures_util::StreamExt;
use work::{
    BATCH, LIMIT, Pairs, Ready, SMALL, Silent, WIDTH, Work, job, measure_async, numbers, sorted,
    step, sum, sum_all,
};

fn main() {
    // Made before the clock: once to warm up, once for it.
    let streams = RefCell::new(match Work::from_arguments() {
        work if work.kind == "merge_sorted" => vec![sorted(work.n), sorted(work.n / 10)],
        _ => Vec::new(),
    });
    measure_async(|work: &Work, n| {
        let (kind, number) = (work.kind.clone(), work.number);
        let streams = streams.borrow_mut().pop().unwrap_or_default();
        async move { run(&kind, number, n, streams).await }
    });
}

async fn run(kind: &str, number: usize, n: usize, streams: Vec<Vec<u64>>) -> u64 {
    let source = Ready::new(n);
    let last = n as u64;
    match kind {
        "accumulate" => sum(source.accumulate(u64::wrapping_add)).await,
        "batched" => sum(source.batched(BATCH)).await,
        "chain" => sum(chain([source, Ready::new(n)])).await,
        "compress" => sum(source.compress(Ready::new(n).map(|n| n & 1 == 0))).await,
        "dedup" => sum(Ready::in_pairs(n).dedup()).await,
        "dropwhile" => sum(source.dropwhile(|item| *item < 10)).await,
        "filterfalse" => sum(source.filterfalse(|item| item & 1 == 0)).await,
        "interspersed" => sum(source.interspersed(7)).await,
        "islice" => sum(source.islice(10..n - 10)).await,
        "pairwise" => sum(source.pairwise()).await,
        "skip_last" => sum(source.skip_last(10)).await,
        "starmap" => sum(Pairs::new(n).starmap(u64::wrapping_mul)).await,
        "takewhile" => sum(source.takewhile(move |item| *item < last)).await,
        "windows" => sum(source.windows::<3>()).await,
        "zip" => sum(zip((source, Ready::new(n)))).await,
        "merge" => sum(islice(merge(Silent::but_one(number, n)), ..n)).await,
        "map_concurrent" => {
            let outputs = source.pipeline().map_concurrent(WIDTH, job).list().await;
            sum_all(outputs)
        }
        "gather" => {
            let outputs = gather((0..last).map(job)).limit(LIMIT).await;
            outputs.into_iter().fold(0, u64::wrapping_add)
        }
        "merge_sorted" => sum(merge_sorted(streams.into_iter().map(iter))).await,
        "adaptors" => {
            let totals = iter(numbers(n))
                .batched(SMALL)
                .map(|batch| batch.into_iter().sum::<u64>())
                .accumulate(step);
            sum(totals.dedup().windows::<3>()).await
        }
        _ => panic!("this program does no {kind}"),
    }
}
