//! futures-buffered 0.2: `buffered_ordered`, `buffered_unordered`, and its merge
//! without a bound.

use futures_buffered::{BufferedStreamExt, MergeUnbounded};
use futures_util::stream::{StreamExt, iter};
use work::{LIMIT, Ready, Silent, WIDTH, Work, job, measure_async, sum, sum_all};

fn main() {
    measure_async(|work: &Work, n| {
        let (kind, number) = (work.kind.clone(), work.number);
        async move {
            match kind.as_str() {
                "merge" => {
                    let merged: MergeUnbounded<Silent> =
                        Silent::but_one(number, n).into_iter().collect();
                    sum(merged.take(n)).await
                }
                "map_concurrent" => {
                    let jobs = Ready::new(n).map(job);
                    let outputs: Vec<u64> = jobs.buffered_ordered(WIDTH).collect().await;
                    sum_all(outputs)
                }
                "gather" => {
                    let jobs = iter((0..n as u64).map(job));
                    let outputs: Vec<u64> = jobs.buffered_unordered(LIMIT).collect().await;
                    outputs.into_iter().fold(0, u64::wrapping_add)
                }
                _ => panic!("this program does no {kind}"),
            }
        }
    });
}
