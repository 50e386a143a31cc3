//! tokio::fs, and tokio-util's `ReaderStream`.
//!
//! docs.rs/tokio/1.54.1/tokio/fs has a section "Tuning your file IO": as few calls
//! of `spawn_blocking` as possible, by whole files, by `BufReader` and `BufWriter`,
//! by large chunks, or by std::fs in a `spawn_blocking` of one's own.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, BufWriter, Lines};
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;
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
        "lines" => lines(path, n, work.buffer()).await,
        "chunks" => chunks(path, n).await,
        "many" => many(path, n, work.at_once()).await,
        "positions" => positions(path, n).await,
        "hop" => hop(n).await,
        "writes" if work.is_bare() => bare_writes(path, n).await,
        "writes" => writes(path, n, work.buffer()).await,
        "walk" => walk(path, n).await,
        "jsonl" => jsonl(path, n).await,
        "read" => read(path, n).await,
        "write" => write(path, n).await,
        _ => work.unasked(),
    }
}

async fn opened(path: &Path, buffer: usize) -> Lines<BufReader<File>> {
    let file = File::open(path).await.expect("opens");
    BufReader::with_capacity(buffer, file).lines()
}

async fn lines(path: &Path, n: usize, buffer: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut lines = opened(path, buffer).await;
    for _ in 0..n {
        let line = lines.next_line().await.expect("a line");
        sum.add(of_line(line.expect("enough lines").as_bytes()));
    }
    sum.sum()
}

// One hop for a chunk: `File::set_max_buf_size` is 2 MiB by default, and a chunk of
// docs.rs/tokio-util, `ReaderStream::with_capacity`, is as large as it says.
async fn chunks(path: &Path, n: usize) -> u64 {
    let mut sum = Samples::default();
    let file = File::open(path).await.expect("opens");
    let mut chunks = ReaderStream::with_capacity(file, CHUNK);
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

// "`tokio::fs::read`, which reads the entire file in a single `spawn_blocking` call".
async fn many(folder: &Path, n: usize, at_once: usize) -> u64 {
    stream::iter(small_files(folder, n))
        .map(tokio::fs::read)
        .buffer_unordered(at_once)
        .fold(0_u64, async |sum, file| {
            sum.wrapping_add(of_file(&file.expect("reads")))
        })
        .await
}

// "Manually use std::fs inside `spawn_blocking`": tokio's file has no read at a
// position. The buffer goes along and comes back.
async fn positions(path: &Path, n: usize) -> u64 {
    let file = Arc::new(std::fs::File::open(path).expect("opens"));
    let length = file.metadata().expect("a length").len();
    let mut sum = InOrder::default();
    let mut block = vec![0; BLOCK];
    for n in 0..n {
        let file = Arc::clone(&file);
        let read = spawn_blocking(move || {
            let read = file.read_at(&mut block, position(n, length));
            (read, block)
        });
        let (read, back) = read.await.expect("no panic");
        assert_eq!(read.expect("reads"), BLOCK);
        block = back;
        sum.add(of_block(&block));
    }
    sum.sum()
}

/// What it costs to do nothing on another thread.
async fn hop(n: usize) -> u64 {
    let mut sum = 0;
    for _ in 0..n {
        sum += spawn_blocking(|| 1).await.expect("no panic");
    }
    sum
}

// "Use BufReader and BufWriter to buffer many small reads or writes into a few
// large ones", which is shown with the default size; the plan has another too.
async fn writes(path: &Path, n: usize, buffer: usize) -> u64 {
    let file = File::create(path).await.expect("creates");
    let mut file = BufWriter::with_capacity(buffer, file);
    for n in 0..n {
        file.write_all(&written(n)).await.expect("writes");
    }
    file.flush().await.expect("flushes");
    n as u64
}

async fn bare_writes(path: &Path, n: usize) -> u64 {
    let mut file = File::create(path).await.expect("creates");
    for n in 0..n {
        file.write_all(&written(n)).await.expect("writes");
    }
    file.flush().await.expect("flushes");
    n as u64
}

async fn walk(root: &Path, n: usize) -> u64 {
    let mut sum = 0_u64;
    let mut seen = 0;
    let mut folders = vec![root.to_owned()];
    while seen < n {
        let folder = folders.pop().expect("enough entries");
        let mut entries = tokio::fs::read_dir(folder).await.expect("opens");
        while let Some(entry) = entries.next_entry().await.expect("an entry") {
            seen += 1;
            sum = sum.wrapping_add(of_name(entry.file_name().as_encoded_bytes()));
            if entry.file_type().await.expect("a type").is_dir() {
                folders.push(entry.path());
            }
        }
    }
    sum
}

async fn jsonl(path: &Path, n: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut lines = opened(path, CHUNK).await;
    for _ in 0..n {
        let line = lines.next_line().await.expect("a line");
        let line = line.expect("enough records");
        let message: Message = serde_json::from_str(&line).expect("a record");
        message.add_to(&mut sum);
    }
    sum.sum()
}

async fn read(path: &Path, n: usize) -> u64 {
    let mut sum = 0_u64;
    for _ in 0..n {
        sum = sum.wrapping_add(of_file(&tokio::fs::read(path).await.expect("reads")));
    }
    sum
}

async fn write(path: &Path, n: usize) -> u64 {
    for n in 0..n {
        let bytes = vec![n as u8; WHOLE];
        tokio::fs::write(path, bytes).await.expect("writes");
    }
    n as u64
}
