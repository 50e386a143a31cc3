//! tokio-stream 0.1: its merge of many is `StreamMap`.

use tokio_stream::{StreamExt, StreamMap};
use work::{Silent, Work, measure_async, sum};

fn main() {
    measure_async(|work: &Work, n| {
        let (kind, number) = (work.kind.clone(), work.number);
        async move {
            match kind.as_str() {
                "merge" => {
                    let streams = Silent::but_one(number, n);
                    let map: StreamMap<usize, Silent> = streams.into_iter().enumerate().collect();
                    sum(map.map(|(_, item)| item).take(n)).await
                }
                _ => panic!("this program does no {kind}"),
            }
        }
    });
}
