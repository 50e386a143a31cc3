//! How far the walk is ahead of its consumer, and what ends it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aio_files::walk;
use aio_files::walk::{Entry, Walk};

use super::tree::wide;
use crate::folder::{Folder, inside, poll_once};

/// The walk, and how many entries it has come to.
fn counted(walk: Walk) -> (Walk, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let inside = Arc::clone(&count);
    let walk = walk.filter_entry(move |_: &Entry| {
        inside.fetch_add(1, Ordering::Relaxed);
        true
    });
    (walk, count)
}

#[tokio::test]
async fn it_is_never_far_ahead() {
    let folder = Folder::new();
    let root = wide(&folder.file("root"), 20, 500);
    let (walk, seen) = counted(walk(&root));
    let mut entries = walk.stream();
    assert_eq!(seen.load(Ordering::Relaxed), 0);
    let (mut given, mut most) = (0, 0);
    while let Some(entry) = entries.next().await {
        entry.unwrap();
        given += 1;
        most = most.max(seen.load(Ordering::Relaxed) - given);
        // A consumer with work to do: the walk could be far ahead of it.
        let end = Instant::now() + Duration::from_micros(50);
        while given < 3000 && Instant::now() < end {}
    }
    assert_eq!(given, 1 + 20 + 20 * 500);
    // Four batches wait, one is being made, and one is being given.
    assert!(most <= 6 * 1024, "{most}");
    assert!(most > 1024, "{most}");
    println!("ahead={most}");
}

#[tokio::test]
async fn the_first_entries_come_before_a_thousand_are_read() {
    let folder = Folder::new();
    let root = wide(&folder.file("root"), 1, 100);
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let calls = AtomicUsize::new(0);
    let walk = walk(&root).filter_entry(move |_| {
        if calls.fetch_add(1, Ordering::Relaxed) == 16 {
            wait.lock().unwrap().recv().unwrap();
        }
        true
    });
    let mut entries = walk.stream();
    let first = async {
        for _ in 0..16 {
            entries.next().await.unwrap().unwrap();
        }
    };
    chaos::watchdog::future("the first entries", first).await;
    go.send(()).unwrap();
    assert_eq!(super::rest(&mut entries).await.len(), 102 - 16);
}

#[tokio::test]
async fn a_dropped_walk_ends_and_closes_its_folders() {
    let folder = Folder::new();
    let root = wide(&folder.file("root"), 30, 500);
    for taken in [0, 1, 3, 5000] {
        let (walk, seen) = counted(walk(&root));
        let mut entries = walk.stream();
        if taken == 0 {
            assert!(poll_once(std::pin::pin!(entries.next())).is_pending());
        }
        for _ in 0..taken {
            entries.next().await.unwrap().unwrap();
        }
        drop(entries);
        folder.closed().await;
        assert!(seen.load(Ordering::Relaxed) < taken + 7 * 1024);
    }
}

#[tokio::test]
async fn a_dropped_walk_that_finds_nothing_ends_too() {
    let folder = Folder::new();
    let root = wide(&folder.file("root"), 1, 10_000);
    let seen = Arc::new(AtomicUsize::new(0));
    let inside = Arc::clone(&seen);
    let (began, has_begun) = mpsc::channel();
    let mut entries = walk(&root)
        .filter_entry(move |entry| {
            if entry.is_dir() {
                return true;
            }
            // Slow by itself: all of them would take minutes.
            let end = Instant::now() + Duration::from_millis(10);
            while Instant::now() < end {}
            inside.fetch_add(1, Ordering::Relaxed);
            began.send(()).ok();
            false
        })
        .stream();
    for _ in 0..2 {
        entries.next().await.unwrap().unwrap();
    }
    assert!(poll_once(std::pin::pin!(entries.next())).is_pending());
    has_begun.recv().unwrap();
    drop(entries);
    folder.closed().await;
    let seen = seen.load(Ordering::Relaxed);
    assert!(seen < 1000, "{seen}");
}

#[tokio::test]
async fn what_is_skipped_is_not_walked() {
    let folder = Folder::new();
    let root = wide(&folder.file("root"), 1, 20_000);
    fs::create_dir(root.join("last")).unwrap();
    let (walk, seen) = counted(walk(&root).sorted());
    let mut entries = walk.stream();
    for _ in 0..2 {
        entries.next().await.unwrap().unwrap();
    }
    entries.skip_current_dir();
    let last = entries.next().await.unwrap().unwrap();
    assert_eq!(last.file_name(), "last");
    assert!(entries.next().await.is_none());
    assert!(seen.load(Ordering::Relaxed) < 7 * 1024);
}

#[tokio::test]
async fn a_closure_that_panics_is_an_error_and_the_end() {
    let folder = Folder::new();
    let root = wide(&folder.file("root"), 3, 3);
    let panics = |entry: &Entry| match entry.file_name() == "file-1" {
        true => std::panic::resume_unwind(Box::new("on purpose")),
        false => true,
    };
    let mut entries = walk(&root).sorted().filter_entry(panics).stream();
    let items = chaos::watchdog::future("the panic", super::rest(&mut entries)).await;
    let error = items.into_iter().find_map(Result::err).unwrap();
    assert_eq!(inside(&error), ("walk", root, None));
    assert!(entries.next().await.is_none());
    folder.closed().await;
}
