//! aio-files, through its public API and with its defaults.

use std::path::Path;
use std::sync::Arc;

use work::{
    BLOCK, CHUNK, InOrder, Message, Samples, WHOLE, Work, measure_task, of_block, of_file, of_line,
    of_name, position, small_files, written,
};

fn main() {
    measure_task(once);
}

async fn once(work: Arc<Work>, n: usize) -> u64 {
    let path = work.path.as_path();
    match work.kind.as_str() {
        "lines" => lines(path, n).await,
        "slices" => slices(path, n).await,
        "shared" => shared(path, n).await,
        "chunks" => chunks(path, n).await,
        "many" => many(path, n).await,
        "positions" => positions(path, n).await,
        "writes" => writes(path, n).await,
        "walk" => walk(path, n).await,
        "jsonl" => jsonl(path, n).await,
        "csv" => csv(path, n).await,
        "read" => read(path, n).await,
        "write" => write(path, n).await,
        _ => work.unasked(),
    }
}

async fn lines(path: &Path, n: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut lines = aio_files::lines(path).stream();
    for _ in 0..n {
        let line: String = lines.next().await.expect("enough lines").expect("a line");
        sum.add(of_line(line.as_bytes()));
    }
    sum.sum()
}

async fn slices(path: &Path, n: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut lines = aio_files::lines(path).bytes().stream();
    for _ in 0..n {
        let line = lines.next_ref().await.expect("enough lines");
        sum.add(of_line(line.expect("a line")));
    }
    sum.sum()
}

async fn shared(path: &Path, n: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut lines = aio_files::lines(path).bytes().stream();
    for _ in 0..n {
        let line = lines.next().await.expect("enough lines").expect("a line");
        sum.add(of_line(&line));
    }
    sum.sum()
}

async fn chunks(path: &Path, n: usize) -> u64 {
    let mut sum = Samples::default();
    let mut chunks = aio_files::chunks(path).stream();
    let mut missing = n * CHUNK;
    while missing > 0 {
        let chunk = chunks
            .next()
            .await
            .expect("enough chunks")
            .expect("a chunk");
        sum.add(&chunk[..chunk.len().min(missing)]);
        missing = missing.saturating_sub(chunk.len());
    }
    sum.sum()
}

async fn many(folder: &Path, n: usize) -> u64 {
    let mut sum = 0_u64;
    let mut files = aio_files::read_many(small_files(folder, n)).stream();
    while let Some(file) = files.next().await {
        let (_, content) = file.expect("reads");
        sum = sum.wrapping_add(of_file(&content));
    }
    sum
}

async fn positions(path: &Path, n: usize) -> u64 {
    let mut file = aio_files::open(path).await.expect("opens");
    let length = file.metadata().await.expect("a length").len();
    let mut sum = InOrder::default();
    let mut block = vec![0; BLOCK];
    for n in 0..n {
        let read = file.read_at(&mut block, position(n, length)).await;
        assert_eq!(read.expect("reads"), BLOCK);
        sum.add(of_block(&block));
    }
    sum.sum()
}

async fn writes(path: &Path, n: usize) -> u64 {
    let mut file = aio_files::open(path)
        .write()
        .create()
        .truncate()
        .await
        .expect("opens");
    for n in 0..n {
        file.write_all(&written(n)).await.expect("writes");
    }
    file.close().await.expect("closes");
    n as u64
}

async fn walk(root: &Path, n: usize) -> u64 {
    let mut sum = 0_u64;
    let mut entries = aio_files::walk(root).min_depth(1).stream();
    for _ in 0..n {
        let entry = entries.next().await;
        let entry = entry.expect("enough entries").expect("an entry");
        sum = sum.wrapping_add(of_name(entry.file_name().as_encoded_bytes()));
    }
    sum
}

async fn jsonl(path: &Path, n: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut records = aio_files::records::<Message>(path).jsonl().stream();
    for _ in 0..n {
        let record = records.next().await;
        let message = record.expect("enough records").expect("a record");
        message.add_to(&mut sum);
    }
    sum.sum()
}

async fn csv(path: &Path, n: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut records = aio_files::records::<Message>(path).csv().stream();
    for _ in 0..n {
        let record = records.next().await;
        let message = record.expect("enough records").expect("a record");
        message.add_to(&mut sum);
    }
    sum.sum()
}

async fn read(path: &Path, n: usize) -> u64 {
    let mut sum = 0_u64;
    for _ in 0..n {
        sum = sum.wrapping_add(of_file(&aio_files::read(path).await.expect("reads")));
    }
    sum
}

async fn write(path: &Path, n: usize) -> u64 {
    for n in 0..n {
        let bytes = vec![n as u8; WHOLE];
        aio_files::write(path, bytes).await.expect("writes");
    }
    n as u64
}
