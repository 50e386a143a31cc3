//! The streams, the `os` table and the guards of paths, on a traced thread.

use aio_files::{self as files, os};

use super::{Operation, op};
use crate::folder::poll_once;

/// Every item, an error as well as a value.
macro_rules! every {
    ($stream:expr) => {{
        let mut stream = $stream;
        while let Some(item) = stream.next().await {
            drop(item);
        }
        Ok(())
    }};
}

/// The first item; the rest is dropped where it is.
macro_rules! first {
    ($stream:expr) => {{
        let mut stream = $stream;
        drop(stream.next().await);
        Ok(())
    }};
}

pub(super) fn all() -> Vec<Operation> {
    let mut all = streams();
    all.extend(table());
    all.extend(guards());
    #[cfg(feature = "records")]
    all.extend(records());
    #[cfg(feature = "walk")]
    all.extend(walks());
    all
}

fn streams() -> Vec<Operation> {
    vec![
        op("chunks", |at| async move {
            every!(files::chunks(at.join("long")).size(4096).stream())
        }),
        op("drop of chunks", |at| async move {
            first!(files::chunks(at.join("long")).size(4096).stream())
        }),
        op("lines", |at| async move {
            every!(files::lines(at.join("long")).max_len(1000).stream())
        }),
        op("drop of lines", |at| async move {
            first!(files::lines(at.join("long")).max_len(1000).stream())
        }),
        op("lines, as bytes", |at| async move {
            every!(files::lines(at.join("old")).bytes().stream())
        }),
        op("lines, awaited", |at| async move {
            files::lines(at.join("old")).await.map(drop)
        }),
        op(
            "read_dir",
            |at| async move { every!(os::read_dir(at).stream()) },
        ),
        op("drop of read_dir", |at| async move {
            first!(os::read_dir(at).stream())
        }),
    ]
}

fn table() -> Vec<Operation> {
    vec![
        op("folders", |at| async move {
            os::create_dir_all(at.join("a/b")).await?;
            os::rename(at.join("a/b"), at.join("a/c")).await?;
            os::list_dir(at.join("a")).await?;
            os::remove_dir_all(at.join("a")).await
        }),
        op("files and links", |at| async move {
            let (old, copy, link) = (at.join("old"), at.join("copy"), at.join("link"));
            os::copy(&old, &copy).await?;
            os::symlink(&copy, &link).await?;
            os::read_link(&link).await?;
            os::canonicalize(&link).await?;
            os::same_file(&copy, &link).await?;
            os::remove_file(&link).await?;
            os::remove_file(&copy).await
        }),
        op("status", |at| async move {
            let old = at.join("old");
            let metadata = os::metadata(&old).await?;
            os::set_permissions(&old, metadata.permissions()).await?;
            os::exists(&old).await?;
            os::access(&old, os::Access::Read).await?;
            os::statvfs(&old).await?;
            os::is_mount(&old).await?;
            os::current_dir().await.map(drop)
        }),
    ]
}

fn guards() -> Vec<Operation> {
    vec![
        op("lock and release", |at| async move {
            files::lock(at.join("lock")).await?.release().await
        }),
        op("drop of a lock", |at| async move {
            files::lock(at.join("lock")).await.map(drop)
        }),
        op("drop of one that waits for a lock", |at| async move {
            let held = files::lock(at.join("lock")).await?;
            let mut waits = Box::pin(files::lock(at.join("lock")).into_future());
            for _ in 0..10 {
                assert!(poll_once(waits.as_mut()).is_pending());
                tokio::task::yield_now().await;
            }
            drop(waits);
            held.release().await
        }),
        op("standard output", |_| async {
            files::stdio::stdout().write_all(b"").await?;
            files::stdio::stdout().flush().await
        }),
    ]
}

#[cfg(feature = "records")]
fn records() -> Vec<Operation> {
    vec![
        op("jsonl", |at| async move {
            every!(files::records::<u8>(at.join("old")).jsonl().stream())
        }),
        op("drop of csv", |at| async move {
            first!(
                files::records::<Vec<String>>(at.join("long"))
                    .csv()
                    .stream()
            )
        }),
    ]
}

#[cfg(feature = "walk")]
fn walks() -> Vec<Operation> {
    vec![
        op("walk", |at| async move {
            every!(files::walk(at).gitignore().glob("*l*").stream())
        }),
        op("drop of walk", |at| async move {
            first!(files::walk(at).stream())
        }),
    ]
}
