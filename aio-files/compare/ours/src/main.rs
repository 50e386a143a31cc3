//! aio-files, through its public API and with its defaults.

use std::path::Path;
use std::sync::Arc;

use work::{WHOLE, Work, measure_task, of_file, small_files, written};

fn main() {
    measure_task(once);
}

async fn once(work: Arc<Work>, n: usize) -> u64 {
    let path = work.path.as_path();
    match work.kind.as_str() {
        "many" => many(path, n).await,
        "writes" => writes(path, n).await,
        "read" => read(path, n).await,
        "write" => write(path, n).await,
        _ => work.unasked(),
    }
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
