//! futures-concurrency 7: `merge` of a `Vec` of streams.

use futures_concurrency::prelude::*;
use work::{InOrder, Silent, Work, measure_async};

fn main() {
    measure_async(|work: &Work, n| {
        let (kind, number) = (work.kind.clone(), work.number);
        async move {
            match kind.as_str() {
                "merge" => {
                    let mut merged = std::pin::pin!(Silent::but_one(number, n).merge());
                    let mut sum = InOrder::default();
                    for _ in 0..n {
                        let item = std::future::poll_fn(|cx| {
                            futures_core::Stream::poll_next(merged.as_mut(), cx)
                        });
                        sum.add(item.await.expect("enough items"));
                    }
                    sum.sum()
                }
                _ => panic!("this program does no {kind}"),
            }
        }
    });
}
