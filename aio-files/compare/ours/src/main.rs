//! aio-files, through its public API and with its defaults.

use std::path::Path;
use std::sync::Arc;

use work::{Work, measure_task, written};

fn main() {
    measure_task(once);
}

async fn once(work: Arc<Work>, n: usize) -> u64 {
    let path = work.path.as_path();
    match work.kind.as_str() {
        "writes" => writes(path, n).await,
        _ => work.unasked(),
    }
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
