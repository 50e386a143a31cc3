//! The scoped door: closed, and checked, on the way out.

use std::fs;
use std::io::{self, ErrorKind};

use aio_files::{drained, open};

use crate::folder::{Folder, inside};

/// An error of the caller's own.
#[derive(Debug)]
enum Mine {
    Io(io::Error),
    Said(&'static str),
}

impl From<io::Error> for Mine {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[tokio::test]
async fn gives_what_the_body_gives_and_closes() {
    let folder = Folder::new();
    let path = folder.file("x");
    let len = open(&path)
        .mode("w+")
        .with(async |file| -> io::Result<_> {
            file.write_all(b"inside").await?;
            Ok(file.metadata().await?.len())
        })
        .await
        .unwrap();
    assert_eq!(len, 6);
    assert_eq!(folder.descriptors(), 0, "closed on the way out, not later");
    assert_eq!(fs::read(&path).unwrap(), b"inside");
}

#[tokio::test]
async fn the_close_is_checked() {
    let error = open("/dev/full")
        .write()
        .with(async |file| -> io::Result<_> { file.write_all(b"lost").await })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(inside(&error).0, "write");
}

#[tokio::test]
async fn the_bodys_error_wins_over_the_closes() {
    let result = open("/dev/full")
        .write()
        .with(async |file| -> Result<(), Mine> {
            file.write_all(b"lost").await?;
            Err(Mine::Said("first"))
        })
        .await;
    assert!(matches!(result, Err(Mine::Said("first"))), "{result:?}");
    let result = open("/nowhere/x")
        .with(async |_| -> Result<(), Mine> { Ok(()) })
        .await;
    assert!(matches!(result, Err(Mine::Io(error)) if error.kind() == ErrorKind::NotFound));
}

#[tokio::test]
async fn an_error_of_the_body_closes_and_writes_all_the_same() {
    let folder = Folder::new();
    let path = folder.file("x");
    let result = open(&path)
        .mode("w")
        .with(async |file| -> Result<(), Mine> {
            file.write_all(b"so far").await?;
            Err(Mine::Said("enough"))
        })
        .await;
    assert!(result.is_err());
    assert_eq!(folder.descriptors(), 0);
    assert_eq!(fs::read(&path).unwrap(), b"so far");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_in_a_spawned_task_and_a_panic_takes_the_drop_path() {
    let folder = Folder::new();
    let (fine, panics) = (folder.file("fine"), folder.file("panics"));
    let task = tokio::spawn({
        let path = fine.clone();
        async move {
            let greeting = String::from("spawned");
            open(&path)
                .mode("w")
                .with(async |file| -> io::Result<_> { file.write_all(greeting.as_bytes()).await })
                .await
        }
    });
    task.await.unwrap().unwrap();
    assert_eq!(fs::read(&fine).unwrap(), b"spawned");

    let task = tokio::spawn({
        let path = panics.clone();
        async move {
            open(&path)
                .mode("w")
                .with(async |file| -> io::Result<()> {
                    file.write_all(b"before").await?;
                    std::panic::resume_unwind(Box::new("on purpose"))
                })
                .await
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    drained().await.unwrap();
    assert_eq!(folder.descriptors(), 0);
    assert_eq!(fs::read(&panics).unwrap(), b"before");
}
