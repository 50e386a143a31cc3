//! csv-async on tokio's files. docs.rs/csv-async, `AsyncReaderBuilder`: the one
//! setting for speed is `buffer_capacity`, of which several are tried.

use std::path::Path;
use std::sync::Arc;

use csv_async::{AsyncReaderBuilder, StringRecord};
use futures_util::StreamExt;
use tokio::fs::File;
use work::{InOrder, Message, Work, measure_task};

fn main() {
    measure_task(once);
}

async fn once(work: Arc<Work>, n: usize) -> u64 {
    let path = work.path.as_path();
    match work.kind.as_str() {
        "csv" => stream(path, n, work.buffer()).await,
        "record" => record(path, n, work.buffer()).await,
        _ => work.unasked(),
    }
}

// docs.rs/csv-async, `AsyncDeserializer::deserialize`.
async fn stream(path: &Path, n: usize, buffer: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut reader = AsyncReaderBuilder::new()
        .buffer_capacity(buffer)
        .create_deserializer(File::open(path).await.expect("opens"));
    let mut records = reader.deserialize::<Message>();
    for _ in 0..n {
        let message = records.next().await;
        let message = message.expect("enough records").expect("a record");
        message.add_to(&mut sum);
    }
    sum.sum()
}

// docs.rs/csv-async, `AsyncReader::read_record`: one record for all rows.
async fn record(path: &Path, n: usize, buffer: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut reader = AsyncReaderBuilder::new()
        .buffer_capacity(buffer)
        .create_reader(File::open(path).await.expect("opens"));
    let headers = reader.headers().await.expect("headers").clone();
    let mut record = StringRecord::new();
    for _ in 0..n {
        assert!(reader.read_record(&mut record).await.expect("a record"));
        let message: Message = record.deserialize(Some(&headers)).expect("a message");
        message.add_to(&mut sum);
    }
    sum.sum()
}
