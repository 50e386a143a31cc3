//! async-fs: a pool of threads, and a pipe of 8 MiB from each file that is read.

use std::path::Path;
use std::sync::Arc;

use async_fs::File;
use futures_util::{AsyncReadExt, StreamExt, stream};
use work::{CHUNK, Samples, Work, measure_task, of_file, small_files};

fn main() {
    measure_task(once);
}

async fn once(work: Arc<Work>, n: usize) -> u64 {
    let path = work.path.as_path();
    match work.kind.as_str() {
        "chunks" => chunks(path, n).await,
        "many" => many(path, n, work.at_once()).await,
        _ => work.unasked(),
    }
}

// It reads ahead by itself: docs.rs/blocking, `Unblock`, on which its files are.
async fn chunks(path: &Path, n: usize) -> u64 {
    let mut sum = Samples::default();
    let mut file = File::open(path).await.expect("opens");
    let mut buffer = vec![0; CHUNK];
    for _ in 0..n {
        file.read_exact(&mut buffer).await.expect("enough chunks");
        sum.add(&buffer);
    }
    sum.sum()
}

// docs.rs/async-fs, `read`: "a convenience function for reading entire files".
async fn many(folder: &Path, n: usize, at_once: usize) -> u64 {
    stream::iter(small_files(folder, n))
        .map(async_fs::read)
        .buffer_unordered(at_once)
        .fold(0_u64, async |sum, file| {
            sum.wrapping_add(of_file(&file.expect("reads")))
        })
        .await
}
