//! Locks cut at every poll with every fate.

use std::fs::File;
use std::path::PathBuf;

use aio_files::lock;
use aio_files::lock::FileLock;
use chaos::{Cut, Fate, cuts};

use crate::folder::{Folder, poll_once};

struct World {
    folder: Folder,
    path: PathBuf,
    /// What the operation has to wait for.
    held: Option<FileLock>,
}

impl World {
    async fn free() -> Self {
        let folder = Folder::new();
        let path = folder.with("x", "");
        Self {
            folder,
            path,
            held: None,
        }
    }

    async fn held() -> Self {
        let mut world = Self::free().await;
        world.held = Some(lock(&world.path).await.unwrap());
        world
    }
}

/// Nobody has the lock, and nothing of it is left, but what was leaked.
async fn free_again(mut world: World, cut: Cut) {
    // A leaked future keeps its place, and then the lock.
    if cut.fate == Fate::Leak {
        return;
    }
    drop(world.held.take());
    // It is the next in the line, and so has it when all others are gone.
    lock(&world.path).await.unwrap().release().await.unwrap();
    world.folder.closed().await;
    File::open(&world.path).unwrap().try_lock().unwrap();
}

#[tokio::test]
async fn locking() {
    cuts::every("lock")
        .world(World::free)
        .run(
            async |world| {
                let held = lock(&world.path).await.unwrap();
                drop(held);
            },
            free_again,
        )
        .await;
}

#[tokio::test]
async fn waiting() {
    cuts::every("lock that waits")
        .world(World::held)
        .run(
            async |world| {
                let mut waiting = Box::pin(lock(&world.path).into_future());
                // Refused by one that is behind it, so it stands in the line.
                assert!(poll_once(waiting.as_mut()).is_pending());
                lock(&world.path).try_now().await.unwrap_err();
                drop(world.held.take());
                drop(waiting.await.unwrap());
            },
            free_again,
        )
        .await;
}

#[tokio::test]
async fn with() {
    cuts::every("Lock::with")
        .world(World::free)
        .run(
            async |world| {
                lock(&world.path)
                    .shared()
                    .timeout(std::time::Duration::from_secs(600))
                    .with(async |_| -> std::io::Result<()> {
                        tokio::task::yield_now().await;
                        Ok(())
                    })
                    .await
                    .unwrap();
            },
            free_again,
        )
        .await;
}

#[tokio::test]
async fn release() {
    cuts::every("FileLock::release")
        .world(World::held)
        .run(
            async |world| world.held.take().unwrap().release().await.unwrap(),
            async |world, cut| {
                // Begun, it is released, also by a leaked future.
                if cut.polls == 0 && cut.fate == Fate::Leak {
                    return;
                }
                drop(world.held);
                lock(&world.path).await.unwrap().release().await.unwrap();
                world.folder.closed().await;
            },
        )
        .await;
}
