//! csv-async on tokio's files. docs.rs/csv-async, `AsyncReaderBuilder`: the one
//! setting for speed is `buffer_capacity`, of which several are tried.

use std::sync::Arc;

use csv_async::AsyncReaderBuilder;
use futures_util::StreamExt;
use tokio::fs::File;
use work::{InOrder, Message, Work, measure_task};

fn main() {
    measure_task(once);
}

async fn once(work: Arc<Work>, n: usize) -> u64 {
    if work.kind != "csv" {
        work.unasked();
    }
    let mut sum = InOrder::default();
    let file = File::open(&work.path).await.expect("opens");
    let mut reader = AsyncReaderBuilder::new()
        .buffer_capacity(work.buffer())
        .create_deserializer(file);
    let mut records = reader.deserialize::<Message>();
    for _ in 0..n {
        let message = records.next().await;
        let message = message.expect("enough records").expect("a record");
        message.add_to(&mut sum);
    }
    sum.sum()
}
