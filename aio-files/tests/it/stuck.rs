//! Hundreds that stand still, or thousands that come at once, and everything
//! else goes on with few threads and few descriptors.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use aio_files::{lock, open, read};
use chaos::watchdog;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::folder::{Folder, poll_once};
use crate::other::{self, Other};

const STUCK: usize = 600;
const READS: usize = 10_000;

/// The most threads of ours that this machine's shared lane has.
const SHARED: usize = 64;

/// Our threads that are there now.
fn threads() -> usize {
    fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "aio-files")
        .count()
}

/// Ten thousand reads, a hundred at a time.
async fn ten_thousand_reads(path: &Path) {
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let path = path.to_owned();
            tokio::spawn(async move {
                for _ in 0..READS / 100 {
                    assert_eq!(read(&path).await.unwrap(), b"content");
                }
            })
        })
        .collect();
    for task in tasks {
        watchdog::future("a hundred reads", task).await.unwrap();
    }
}

#[tokio::test]
async fn six_hundred_waiters_hold_up_no_read() {
    if let Some((_, path)) = other::part() {
        let held = lock(&path).await.unwrap();
        other::say("locked");
        other::wait_to_be_told();
        return drop(held);
    }
    chaos::alone!();
    let folder = Folder::new();
    let content = folder.with("content", "content");
    // One lock is held by ourselves, the other by another process.
    let (ours, theirs) = (folder.file("ours"), folder.file("theirs"));
    let held = lock(&ours).await.unwrap();
    let test = "stuck::six_hundred_waiters_hold_up_no_read";
    let mut holder = Other::start(test, "hold", &theirs);
    holder.says("locked");
    let mut waiting: Vec<_> = (0..STUCK)
        .map(|number| {
            let path = [&ours, &theirs][number % 2];
            Box::pin(lock(path).into_future())
        })
        .collect();
    for waiting in &mut waiting {
        assert!(poll_once(waiting.as_mut()).is_pending());
    }
    // All stand in their lines once one behind them has been refused.
    lock(&ours).try_now().await.unwrap_err();
    lock(&theirs).try_now().await.unwrap_err();
    assert_eq!(folder.descriptors(), STUCK + 1);
    ten_thousand_reads(&content).await;
    for waiting in &mut waiting {
        assert!(poll_once(waiting.as_mut()).is_pending());
    }
    // The shared ones and the clock's.
    let threads = threads();
    assert!((1..=SHARED + 1).contains(&threads), "{threads} threads");
    println!("waiters={STUCK} reads={READS} threads={threads}");

    // Half of them give up, and the others have it one after the other.
    drop(held);
    holder.tell("go on\n");
    for (number, waiting) in waiting.into_iter().enumerate() {
        if number % 4 < 2 {
            drop(waiting);
        } else {
            let held = watchdog::future("one of six hundred", waiting).await;
            held.unwrap().release().await.unwrap();
        }
    }
    folder.closed().await;
}

#[tokio::test]
async fn six_hundred_fifos_hold_up_no_read() {
    chaos::alone!();
    let folder = Folder::new();
    let content = folder.with("content", "content");
    let fifo = folder.fifo("fifo");
    let mut openings: Vec<_> = (0..STUCK)
        .map(|_| Box::pin(open(&fifo).into_future()))
        .collect();
    for opening in &mut openings {
        assert!(poll_once(opening.as_mut()).is_pending());
    }
    // All stand inside their call: each has a thread of its own there.
    let stand = async {
        while threads() < STUCK {
            tokio::task::yield_now().await;
        }
    };
    watchdog::future("six hundred openings", stand).await;
    ten_thousand_reads(&content).await;
    for opening in &mut openings {
        assert!(poll_once(opening.as_mut()).is_pending());
    }
    println!("openings={STUCK} reads={READS} threads={}", threads());
    // A writer comes, and all of them go on.
    let mut pipe = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo)
        .unwrap();
    pipe.write_all(b"x").unwrap();
    for opening in openings {
        let file = watchdog::future("an opening with a writer", opening).await;
        drop(file.unwrap());
    }
    drop(pipe);
    folder.closed().await;
}

#[test]
fn ten_thousand_reads_at_once_need_few_descriptors_and_threads() {
    chaos::alone!();
    let before = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(256),
        maximum: before.maximum,
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let folder = Folder::new();
    let content = Arc::new(folder.with("content", "content"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..READS)
            .map(|_| {
                let content = Arc::clone(&content);
                tokio::spawn(async move { read(&*content).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), b"content");
        }
    });
    // Idle ones stay for a while, so these are the most that there were.
    let threads = threads();
    assert!((1..=SHARED).contains(&threads), "{threads} threads");
    println!("reads={READS} descriptors=256 threads={threads}");
}
