//! Locks: between tasks, between processes, given up, and lost with their holder.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aio_files::lock;
use chaos::watchdog;

use crate::folder::{Folder, inside, poll_once};
use crate::other::{self, Other};

/// A descriptor of its own, as another process has one.
fn another(path: &Path) -> File {
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .unwrap()
}

/// True if nobody has the lock.
fn is_free(path: &Path) -> bool {
    another(path).try_lock().is_ok()
}

/// Waits until nobody has it, as another process would.
fn until_free(path: &Path) {
    let file = another(path);
    watchdog::closure("a lock that nobody has", move || file.lock().unwrap());
}

/// Plays a part: takes the lock, says so, and keeps it until told.
async fn hold(path: &Path) {
    let held = lock(path).await.unwrap();
    other::say("locked");
    other::wait_to_be_told();
    held.release().await.unwrap();
}

#[tokio::test]
async fn eight_processes_count_without_losing_one() {
    const PROCESSES: usize = 8;
    const TASKS: usize = 4;
    const TIMES: usize = 100;
    if let Some((_, path)) = other::part() {
        let count = path.with_extension("count");
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (path, count) = (path.clone(), count.clone());
                tokio::spawn(async move {
                    for _ in 0..TIMES {
                        lock(&path)
                            .with(async |_| -> std::io::Result<()> {
                                let n: usize = fs::read_to_string(&count)?.parse().unwrap();
                                fs::write(&count, (n + 1).to_string())
                            })
                            .await
                            .unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        return;
    }
    let folder = Folder::new();
    let path = folder.file("x.lock");
    fs::write(folder.file("x.count"), "0").unwrap();
    let test = "lock::eight_processes_count_without_losing_one";
    let others: Vec<_> = (0..PROCESSES)
        .map(|_| Other::start(test, "count", &path))
        .collect();
    for other in others {
        other.ends();
    }
    let counted: usize = fs::read_to_string(folder.file("x.count"))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(counted, PROCESSES * TASKS * TIMES);
    println!("counted={counted} lost=0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_have_it_one_at_a_time() {
    let folder = Arc::new(Folder::new());
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (folder, inside) = (Arc::clone(&folder), Arc::clone(&inside));
            tokio::spawn(async move {
                for _ in 0..20 {
                    let held = lock(folder.file("x")).await.unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    held.release().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    folder.closed().await;
}

#[tokio::test]
async fn shared_ones_have_it_together_and_nobody_overtakes() {
    let folder = Folder::new();
    let path = folder.file("x");
    let first = lock(&path).shared().await.unwrap();
    let second = lock(&path).shared().await.unwrap();
    assert_eq!(second.path(), path);
    // A writer waits for both; a reader behind it waits for the writer.
    let mut writer = Box::pin(lock(&path).into_future());
    let mut reader = Box::pin(lock(&path).shared().into_future());
    assert!(poll_once(writer.as_mut()).is_pending());
    assert!(poll_once(reader.as_mut()).is_pending());
    // They have taken their places when one behind them has been refused.
    let refused = lock(&path).shared().try_now().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    first.release().await.unwrap();
    assert!(poll_once(writer.as_mut()).is_pending());
    drop(second);
    let written = watchdog::future("the writer", writer).await.unwrap();
    assert!(poll_once(reader.as_mut()).is_pending());
    assert!(!is_free(&path));
    written.release().await.unwrap();
    let read = watchdog::future("the reader", reader).await.unwrap();
    read.release().await.unwrap();
    assert!(is_free(&path));
    folder.closed().await;
}

#[tokio::test]
async fn they_have_it_in_the_order_of_their_first_polls() {
    let folder = Folder::new();
    let path = folder.file("x");
    for round in 0..20 {
        let held = lock(&path).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..30)
            .map(|number| {
                let (path, order) = (path.clone(), Arc::clone(&order));
                // Spawned tasks of one thread are polled in order.
                tokio::spawn(async move {
                    let held = lock(&path).await.unwrap();
                    order.lock().unwrap().push(number);
                    held.release().await.unwrap();
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        assert!(order.is_sorted(), "round {round}: {order:?}");
    }
}

#[tokio::test]
async fn without_patience_it_is_had_at_once_or_not_at_all() {
    let folder = Folder::new();
    let path = folder.file("x");
    for _ in 0..50 {
        let held = lock(&path).try_now().await.unwrap();
        let error = lock(&path).try_now().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(inside(&error), ("lock", path.clone(), None));
        held.release().await.unwrap();
    }
    // What another process has is refused too, and leaves nothing.
    let theirs = another(&path);
    theirs.lock_shared().unwrap();
    lock(&path).try_now().await.unwrap_err();
    let shared = lock(&path).shared().try_now().await.unwrap();
    drop((theirs, shared));
    folder.closed().await;
}

#[tokio::test]
async fn a_timeout_says_so_and_gives_up() {
    let folder = Folder::new();
    let path = folder.file("x");
    let theirs = another(&path);
    theirs.lock().unwrap();
    let limit = Duration::from_millis(20);
    let error = lock(&path).timeout(limit).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let said = format!("lock {}: not had within 20ms", path.display());
    assert_eq!(error.to_string(), said);
    theirs.unlock().unwrap();
    // One that is far away is no hindrance, and is forgotten.
    let held = lock(&path).timeout(Duration::MAX).await.unwrap();
    // One that runs while the lock is held by ourselves.
    let error = lock(&path).timeout(limit).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    held.release().await.unwrap();
    drop(theirs);
    until_free(&path);
    folder.closed().await;
}

#[tokio::test]
async fn a_holder_that_is_killed_leaves_the_lock_to_who_waits() {
    if let Some((_, path)) = other::part() {
        return hold(&path).await;
    }
    let folder = Folder::new();
    let path = folder.file("x");
    let test = "lock::a_holder_that_is_killed_leaves_the_lock_to_who_waits";
    let mut holder = Other::start(test, "hold", &path);
    holder.says("locked");
    assert!(lock(&path).try_now().await.is_err());
    let mut waiting = Box::pin(lock(&path).into_future());
    assert!(poll_once(waiting.as_mut()).is_pending());
    holder.kill();
    let held = watchdog::future("the killed one's lock", waiting).await;
    held.unwrap().release().await.unwrap();
}

#[tokio::test]
async fn another_process_gets_it_when_we_release_and_we_when_it_does() {
    if let Some((_, path)) = other::part() {
        return hold(&path).await;
    }
    let folder = Folder::new();
    let path = folder.file("x");
    let test = "lock::another_process_gets_it_when_we_release_and_we_when_it_does";
    let held = lock(&path).await.unwrap();
    let mut holder = Other::start(test, "hold", &path);
    drop(held);
    holder.says("locked");
    let mut waiting = Box::pin(lock(&path).shared().into_future());
    assert!(poll_once(waiting.as_mut()).is_pending());
    holder.tell("go on\n");
    let held = watchdog::future("the other's lock", waiting).await.unwrap();
    holder.ends();
    assert!(!is_free(&path));
    held.release().await.unwrap();
}

#[tokio::test]
async fn who_gives_up_never_has_it() {
    const ROUNDS: usize = 1000;
    let folder = Folder::new();
    let path = folder.file("x");
    let mut had = 0;
    for round in 0..ROUNDS {
        // Held by another process, in effect, or by ourselves.
        let (mut theirs, mut ours) = (None, None);
        match round % 2 {
            0 => {
                let file = another(&path);
                file.lock().unwrap();
                theirs = Some(file);
            }
            _ => ours = Some(lock(&path).await.unwrap()),
        }
        let mut waiting = Box::pin(lock(&path).into_future());
        let mut other = Box::pin(lock(&path).shared().into_future());
        // Given up while it opens, while it waits, while it is tried, or when it
        // has just been given the lock.
        for _ in 0..round % 7 {
            assert!(poll_once(waiting.as_mut()).is_pending());
            let _ = poll_once(other.as_mut());
            tokio::task::yield_now().await;
        }
        if round % 3 == 0 {
            drop((waiting, other));
            drop((theirs, ours));
        } else {
            drop((theirs, ours));
            for _ in 0..round % 200 {
                std::thread::yield_now();
            }
            // What isn't asked any more may have been given the lock by now.
            had += usize::from(!is_free(&path));
            drop((other, waiting));
        }
        until_free(&path);
    }
    folder.closed().await;
    println!("rounds={ROUNDS} granted={had} kept=0");
}

#[tokio::test]
async fn who_gives_up_in_front_lets_those_behind_in() {
    let folder = Folder::new();
    let path = folder.file("x");
    let reading = lock(&path).shared().await.unwrap();
    let mut writer = Box::pin(lock(&path).into_future());
    assert!(poll_once(writer.as_mut()).is_pending());
    let mut reader = Box::pin(lock(&path).shared().into_future());
    assert!(poll_once(reader.as_mut()).is_pending());
    // Both stand in the line once one behind them has been refused.
    lock(&path).shared().try_now().await.unwrap_err();
    drop(writer);
    let held = watchdog::future("the reader behind", reader).await.unwrap();
    drop((reading, held));
    until_free(&path);
    folder.closed().await;
}

#[test]
fn a_runtime_that_ends_takes_its_waiters_with_it() {
    let folder = Folder::new();
    let path = folder.file("x");
    let theirs = another(&path);
    theirs.lock().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    for _ in 0..50 {
        let path = path.clone();
        runtime.spawn(async move { lock(&path).await.unwrap() });
    }
    // One of them stands in the line for certain.
    let refused = runtime.block_on(async { lock(&path).try_now().await });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::WouldBlock);
    watchdog::closure("ending the runtime", move || drop(runtime));
    drop(theirs);
    until_free(&path);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(folder.closed());
}

#[tokio::test]
async fn a_file_that_is_replaced_meanwhile_is_locked_anew() {
    let folder = Folder::new();
    let path = folder.file("x");
    for round in 0..50 {
        let theirs = another(&path);
        theirs.lock().unwrap();
        let mut waiting: Vec<_> = (0..3)
            .map(|_| Box::pin(lock(&path).into_future()))
            .collect();
        for waiting in &mut waiting {
            assert!(poll_once(waiting.as_mut()).is_pending());
        }
        // They wait for the old file when one behind them has been refused.
        lock(&path).try_now().await.unwrap_err();
        match round % 2 {
            0 => fs::remove_file(&path).unwrap(),
            _ => fs::rename(folder.with("new", "new"), &path).unwrap(),
        }
        drop(theirs);
        for waiting in waiting {
            let held = watchdog::future("the new file's lock", waiting).await;
            assert!(!is_free(&path), "round {round}: it is the old one's");
            held.unwrap().release().await.unwrap();
        }
        assert_eq!(fs::read(&path).unwrap() == b"new", round % 2 == 1);
    }
    folder.closed().await;
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_what_is_one_is_left_as_it_is() {
    let folder = Folder::new();
    let fifo = folder.fifo("fifo");
    let error = watchdog::future("a FIFO", lock(&fifo).into_future()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let said = format!("lock {}: not a regular file", fifo.display());
    assert_eq!(error.to_string(), said);
    let error = lock(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    assert_eq!(inside(&error).2, Some(21));
    let nowhere = folder.file("no/where");
    let error = lock(&nowhere).await.unwrap_err();
    assert_eq!(inside(&error), ("lock", nowhere, Some(2)));
    let error = lock("/dev/null").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);

    let path = folder.with("x", "content");
    lock(&path).await.unwrap().release().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"content");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    folder.closed().await;
}

#[tokio::test]
async fn a_file_that_nobody_may_write_can_be_locked() {
    let path = Path::new("/sys/kernel/uevent_seqnum");
    if !path.exists() {
        return chaos::skip::because("no file here that not even root may write");
    }
    assert!(fs::OpenOptions::new().write(true).open(path).is_err());
    let held = lock(path).await.unwrap();
    assert!(lock(path).shared().try_now().await.is_err());
    held.release().await.unwrap();
}

#[tokio::test]
async fn the_body_of_with_wins_and_a_panic_releases() {
    let folder = Folder::new();
    let path = folder.file("x");
    let given = lock(&path)
        .with(async |lock| -> std::io::Result<_> {
            assert!(!is_free(lock.path()));
            Ok(7)
        })
        .await;
    assert_eq!(given.unwrap(), 7);
    assert!(is_free(&path));
    let failed = lock(&path)
        .with(async |_| -> std::io::Result<()> { Err(ErrorKind::AddrInUse.into()) })
        .await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::AddrInUse);
    assert!(is_free(&path));
    let task = tokio::spawn({
        let path = path.clone();
        async move {
            lock(&path)
                .with(async |_| -> std::io::Result<()> {
                    std::panic::resume_unwind(Box::new("on purpose"))
                })
                .await
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    until_free(&path);
}
