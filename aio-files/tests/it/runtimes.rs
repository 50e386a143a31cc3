//! Any runtime, several at once, or none; and never many threads.

use std::fs;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use aio_files::open;

use crate::folder::Folder;

async fn round_trip(folder: &Folder, name: &str) {
    let path = folder.file(name);
    let mut file = open(&path).mode("w+").await.unwrap();
    file.write_all(name.as_bytes()).await.unwrap();
    file.seek(std::io::SeekFrom::Start(0)).await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, name);
    file.sync_all().await.unwrap();
    file.close().await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), name);
}

#[tokio::test]
async fn on_the_current_thread() {
    round_trip(&Folder::new(), "current").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads() {
    let folder = Arc::new(Folder::new());
    let tasks: Vec<_> = (0..50)
        .map(|task| {
            let folder = Arc::clone(&folder);
            tokio::spawn(async move { round_trip(&folder, &format!("task {task}")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Drives a future without any runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn without_a_runtime() {
    block_on(round_trip(&Folder::new(), "none"));
}

#[test]
fn a_file_moves_from_one_runtime_to_another() {
    let folder = Folder::new();
    let path = folder.file("x");
    let build = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let (first, second) = (build(), build());
    let mut file = first.block_on(open(&path).mode("w").into_future()).unwrap();
    first.block_on(file.write_all(b"first, ")).unwrap();
    second.block_on(file.write_all(b"second")).unwrap();
    drop(first);
    second.block_on(file.close()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first, second");
}

#[test]
fn thousands_of_calls_at_once_are_few_threads() {
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let folder = Arc::new(Folder::new());
    let path = Arc::new(folder.with("x", "content"));
    let threads = || {
        fs::read_dir("/proc/self/task")
            .unwrap()
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .filter(|name| name.trim() == "aio-files")
            .count()
    };
    runtime.block_on(async {
        let tasks: Vec<_> = (0..10_000)
            .map(|_| {
                let path = Arc::clone(&path);
                tokio::spawn(async move {
                    let mut text = String::new();
                    let mut file = open(&*path).await?;
                    file.read_to_string(&mut text).await?;
                    file.close().await?;
                    std::io::Result::Ok(text)
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), "content");
        }
    });
    // Threads stay for a while, so the count is the most that there were.
    let threads = threads();
    assert!((1..=64).contains(&threads), "{threads} threads");
    println!("calls=30000 threads={threads}");
}
