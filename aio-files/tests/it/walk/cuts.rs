//! Walks, cut at every poll with every fate.

use aio_files::{walk, write};
use chaos::{Fate, cuts};

use super::tree::wide;
use crate::folder::Folder;

/// Entries for two batches.
async fn world() -> Folder {
    let folder = Folder::new();
    wide(&folder.file("root"), 4, 10);
    folder
}

/// Nothing is open, and the tree can be changed and walked.
async fn after(folder: Folder, cut: cuts::Cut) {
    if cut.fate != Fate::Leak {
        folder.closed().await;
    }
    write(folder.file("root/folder-0/new"), "x").await.unwrap();
    let found = walk(folder.file("root")).await.unwrap();
    assert_eq!(found.len(), 1 + 4 + 40 + 1, "{cut:?}");
}

#[tokio::test]
async fn awaiting() {
    cuts::every("walk")
        .world(world)
        .run(
            async |folder| {
                let found = walk(folder.file("root")).await.unwrap();
                assert_eq!(found.len(), 1 + 4 + 40);
            },
            after,
        )
        .await;
}

#[tokio::test]
async fn next() {
    cuts::every("Entries::next")
        .world(world)
        .run(
            async |folder| {
                let mut entries = walk(folder.file("root")).sorted().stream();
                let mut given = 0;
                while let Some(entry) = entries.next().await {
                    entry.unwrap();
                    given += 1;
                }
                assert_eq!(given, 1 + 4 + 40);
            },
            after,
        )
        .await;
}

#[tokio::test]
async fn a_cut_next_loses_no_entry() {
    let folder = world().await;
    let mut entries = walk(folder.file("root")).stream();
    let mut given = 0;
    loop {
        // Each is dropped after its first poll, and asked for anew.
        let polled = crate::folder::poll_once(std::pin::pin!(entries.next()));
        match polled {
            std::task::Poll::Ready(None) => break,
            std::task::Poll::Ready(Some(entry)) => {
                entry.unwrap();
                given += 1;
            }
            std::task::Poll::Pending => tokio::task::yield_now().await,
        }
    }
    assert_eq!(given, 1 + 4 + 40);
}

#[tokio::test]
async fn metadata() {
    cuts::every("Entry::metadata")
        .world(world)
        .run(
            async |folder| {
                let found = walk(folder.file("root")).max_depth(0).await.unwrap();
                assert!(found[0].metadata().await.unwrap().is_dir());
            },
            after,
        )
        .await;
}
