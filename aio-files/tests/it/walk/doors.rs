//! Both doors: their order, their runtimes, and what they give first.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::task::Poll;

use aio_files::{open, walk, write};

use super::{all, rest};
use crate::folder::{Folder, inside, poll_once};
use crate::streams::longest_run;

#[tokio::test]
async fn awaiting_gives_all_entries_or_the_first_error() {
    let folder = Folder::new();
    folder.with("a", "");
    symlink("nowhere", folder.file("b")).unwrap();
    folder.with("c", "");
    let entries = walk(folder.path()).sorted().await.unwrap();
    let names: Vec<_> = entries
        .iter()
        .skip(1)
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    let error = walk(folder.path()).follow_links().await.unwrap_err();
    assert_eq!(inside(&error), ("stat", folder.file("b"), Some(2)));
    assert_eq!(all(walk(folder.path()).follow_links()).await.len(), 4);
}

#[tokio::test]
async fn it_waits_for_what_is_still_to_be_written_below() {
    let folder = Folder::new();
    fs::create_dir_all(folder.file("sub/sub")).unwrap();
    for round in 0..20 {
        let path = folder.file(&format!("sub/sub/{round}"));
        let mut begun = Box::pin(write(&path, vec![b'w'; 16 << 20]));
        drop(poll_once(begun.as_mut()));
        // Kept, and never polled again: the order belongs to the work.
        let found = walk(folder.path()).await.unwrap();
        let entry = found.iter().find(|entry| entry.path() == path);
        let entry = entry.unwrap_or_else(|| panic!("round {round}"));
        assert_eq!(
            fs::metadata(entry.path()).unwrap().len(),
            16 << 20,
            "round {round}"
        );
        drop(begun);
        fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn it_waits_for_dropped_files_below() {
    let folder = Folder::new();
    let path = folder.file("x");
    for round in 0..200 {
        let mut file = open(&path).mode("w").await.unwrap();
        file.write_all(b"dropped").await.unwrap();
        drop(file);
        let found = walk(folder.path()).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(fs::read(&path).unwrap(), b"dropped", "round {round}");
    }
}

#[test]
fn a_walk_outlives_its_runtime() {
    let folder = Folder::new();
    let root = super::tree::wide(&folder.file("root"), 10, 500);
    let build = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let mut entries = walk(&root).stream();
    let first = build();
    for _ in 0..10 {
        first.block_on(entries.next()).unwrap().unwrap();
    }
    assert!(first.block_on(async { poll_once(std::pin::pin!(entries.next())).is_ready() }));
    drop(first);
    assert_eq!(
        build().block_on(rest(&mut entries)).len(),
        1 + 10 + 5000 - 11
    );
}

#[tokio::test]
async fn other_tasks_run_while_entries_are_ready() {
    let folder = Folder::new();
    let root = super::tree::wide(&folder.file("root"), 1, 3000);
    let mut entries = walk(&root).stream();
    entries.next().await.unwrap().unwrap();
    // Of tokio's budget for a task, 128 for each poll, each entry takes one, and
    // the next pays it.
    let longest = tokio::spawn(async move {
        let (mut run, mut longest, mut given) = (0, 0, 0);
        loop {
            let polled = {
                let mut next = std::pin::pin!(entries.next());
                std::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await
            };
            match polled {
                Poll::Ready(None) => return (longest, given),
                Poll::Ready(Some(entry)) => {
                    entry.unwrap();
                    given += 1;
                    run += 1;
                    longest = longest.max(run);
                }
                Poll::Pending => {
                    run = 0;
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    let (longest, given) = longest.await.unwrap();
    assert_eq!(given, 3001);
    assert!(longest <= 129, "{longest}");
}

/// Where no runtime has a budget, a count of its own makes it pause.
#[test]
fn without_a_runtime_it_pauses_too() {
    let folder = Folder::new();
    let root = super::tree::wide(&folder.file("root"), 1, 3000);
    let (given, longest) = longest_run(walk(&root).stream());
    assert_eq!(given, 3002);
    assert!(longest <= 257, "{longest}");
}

chaos::auto_traits! {
    walk::Walk: Send, Sync, Unpin;
    walk::WalkFuture: Send, Sync, Unpin;
    walk::Entries: Send, Sync, Unpin;
    walk::Entry: Send, Sync, Unpin;
}

#[test]
fn every_future_can_be_spawned() {
    drop(chaos::assert_send(walk("x").into_future()));
    drop(chaos::assert_send(async {
        let mut entries = walk("x").stream();
        let entry = entries.next().await.ok_or(io::ErrorKind::NotFound)??;
        entry.metadata().await
    }));
}
