//! What streams are read from: folders on disk and in memory, files out of the
//! page cache, and what a process has read and held.

use std::fs;
use std::path::Path;

use chaos::scratch::TempDir;

/// Runs a test on the disk and in memory, where reads that don't wait are refused.
pub(crate) async fn everywhere(test: impl AsyncFn(&Path)) {
    test(on_disk().path()).await;
    match in_memory() {
        Some(folder) => test(folder.path()).await,
        None => chaos::skip::because("no file system in memory at /dev/shm"),
    }
}

pub(crate) fn on_disk() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn in_memory() -> Option<TempDir> {
    tempfile::tempdir_in("/dev/shm").ok()
}

/// Puts a file out of the page cache, where there is a disk below it.
pub(crate) fn forget_pages(path: &Path) {
    let file = fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

/// The most memory that this process has held, in bytes.
pub(crate) fn most_held() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// Forgets what this process has held before.
pub(crate) fn forget_held() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// How many bytes this process has read.
pub(crate) fn bytes_read() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find(|line| line.starts_with("rchar:"));
    line.unwrap()[6..].trim().parse().unwrap()
}

/// A runtime for a test that has its process for itself.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// Drives a future without any runtime.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = chaos::woken::probe("without a runtime", future);
    loop {
        match future.poll() {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => future.woken(),
        }
    }
}
