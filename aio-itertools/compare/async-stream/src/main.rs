//! The adaptors as generators of async-stream 0.3, in the form that its
//! documentation shows.

use std::future::poll_fn;
use std::pin::{Pin, pin};

use async_stream::stream;
use futures_core::Stream;
use work::{BATCH, Pairs, Ready, Work, measure_async, sum};

fn main() {
    measure_async(|work: &Work, n| {
        let kind = work.kind.clone();
        async move { run(&kind, n).await }
    });
}

async fn next<S: Stream + ?Sized>(stream: &mut Pin<&mut S>) -> Option<S::Item> {
    poll_fn(|cx| stream.as_mut().poll_next(cx)).await
}

async fn run(kind: &str, n: usize) -> u64 {
    let source = Ready::new(n);
    match kind {
        "accumulate" => sum(accumulate(source)).await,
        "batched" => sum(batched(source)).await,
        "compress" => sum(compress(source)).await,
        "dedup" => sum(dedup(Ready::in_pairs(n))).await,
        "dropwhile" => sum(dropwhile(source)).await,
        "filterfalse" => sum(filterfalse(source)).await,
        "interspersed" => sum(interspersed(source)).await,
        "islice" => sum(islice(source, n)).await,
        "pairwise" => sum(pairwise(source)).await,
        "skip_last" => sum(skip_last(source)).await,
        "starmap" => sum(starmap(Pairs::new(n))).await,
        "takewhile" => sum(takewhile(source, n as u64)).await,
        "windows" => sum(windows(source)).await,
        "zip" => sum(zip(source, Ready::new(n))).await,
        "chain" => sum(chain(source, Ready::new(n))).await,
        _ => panic!("this program does no {kind}"),
    }
}

fn accumulate(source: Ready) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        let mut total = 0_u64;
        while let Some(item) = next(&mut source).await {
            total = total.wrapping_add(item);
            yield total;
        }
    }
}

fn batched(source: Ready) -> impl Stream<Item = Vec<u64>> {
    stream! {
        let mut source = pin!(source);
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(item) = next(&mut source).await {
            batch.push(item);
            if batch.len() == BATCH {
                yield std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            }
        }
        if !batch.is_empty() {
            yield batch;
        }
    }
}

fn compress(source: Ready) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        let mut selectors = [true, false].into_iter().cycle();
        while let Some(item) = next(&mut source).await {
            if selectors.next() == Some(true) {
                yield item;
            }
        }
    }
}

fn dedup(source: Ready) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        let mut last = None;
        while let Some(item) = next(&mut source).await {
            if last != Some(item) {
                last = Some(item);
                yield item;
            }
        }
    }
}

fn dropwhile(source: Ready) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        let mut dropping = true;
        while let Some(item) = next(&mut source).await {
            dropping = dropping && item < 10;
            if !dropping {
                yield item;
            }
        }
    }
}

fn filterfalse(source: Ready) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        while let Some(item) = next(&mut source).await {
            if item & 1 != 0 {
                yield item;
            }
        }
    }
}

fn interspersed(source: Ready) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        let mut first = true;
        while let Some(item) = next(&mut source).await {
            if !first {
                yield 7;
            }
            first = false;
            yield item;
        }
    }
}

fn islice(source: Ready, n: usize) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        for _ in 0..10 {
            next(&mut source).await;
        }
        for _ in 10..n - 10 {
            match next(&mut source).await {
                Some(item) => yield item,
                None => break,
            }
        }
    }
}

fn pairwise(source: Ready) -> impl Stream<Item = (u64, u64)> {
    stream! {
        let mut source = pin!(source);
        if let Some(mut last) = next(&mut source).await {
            while let Some(item) = next(&mut source).await {
                yield (last, item);
                last = item;
            }
        }
    }
}

fn skip_last(source: Ready) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        let mut held = std::collections::VecDeque::with_capacity(11);
        while let Some(item) = next(&mut source).await {
            held.push_back(item);
            if held.len() > 10 && let Some(oldest) = held.pop_front() {
                yield oldest;
            }
        }
    }
}

fn starmap(pairs: Pairs) -> impl Stream<Item = u64> {
    stream! {
        let mut pairs = pin!(pairs);
        while let Some((a, b)) = next(&mut pairs).await {
            yield a.wrapping_mul(b);
        }
    }
}

fn takewhile(source: Ready, end: u64) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        while let Some(item) = next(&mut source).await {
            if item >= end {
                break;
            }
            yield item;
        }
    }
}

fn windows(source: Ready) -> impl Stream<Item = [u64; 3]> {
    stream! {
        let mut source = pin!(source);
        if let (Some(mut a), Some(mut b)) = (next(&mut source).await, next(&mut source).await) {
            while let Some(c) = next(&mut source).await {
                yield [a, b, c];
                (a, b) = (b, c);
            }
        }
    }
}

fn zip(source: Ready, other: Ready) -> impl Stream<Item = (u64, u64)> {
    stream! {
        let mut source = pin!(source);
        let mut other = pin!(other);
        while let Some(a) = next(&mut source).await {
            match next(&mut other).await {
                Some(b) => yield (a, b),
                None => break,
            }
        }
    }
}

fn chain(source: Ready, other: Ready) -> impl Stream<Item = u64> {
    stream! {
        let mut source = pin!(source);
        while let Some(item) = next(&mut source).await {
            yield item;
        }
        let mut other = pin!(other);
        while let Some(item) = next(&mut other).await {
            yield item;
        }
    }
}
