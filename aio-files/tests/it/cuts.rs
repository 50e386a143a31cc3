//! Every public async item, cut at every poll with every fate.

use std::fs;
use std::io::SeekFrom;
use std::path::PathBuf;

use aio_files::{self as files, File, drained, open};
use chaos::{Cut, Fate, cuts};

use crate::folder::Folder;

pub(crate) struct World {
    pub(crate) folder: Folder,
    pub(crate) path: PathBuf,
    pub(crate) file: Option<File>,
}

impl World {
    /// A hundred bytes, the first ten overwritten in the buffer: whatever is
    /// cut has something to write.
    pub(crate) async fn dirty() -> Self {
        let folder = Folder::new();
        let path = folder.with("x", [b'.'; 100]);
        let mut file = open(&path).read_write().buffer(64).await.unwrap();
        file.write_all(b"dirty-----").await.unwrap();
        Self {
            folder,
            path,
            file: Some(file),
        }
    }

    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_mut().unwrap()
    }
}

/// Cuts an operation on a file, then uses the file, closes it and looks at the disk.
pub(crate) async fn cut(
    name: &str,
    op: impl AsyncFn(&mut File) + 'static,
    check: impl Fn(&[u8], &Cut),
) {
    cuts::every(name)
        .world(World::dirty)
        .run(
            async move |world| op(world.file()).await,
            async |mut world, cut| {
                // Whatever still runs is over before this.
                let file = world.file();
                file.seek(SeekFrom::Start(2000)).await.unwrap();
                file.write_all(b"END").await.unwrap();
                world.file.take().unwrap().close().await.unwrap();
                world.folder.closed().await;
                let found = fs::read(&world.path).unwrap();
                assert_eq!(&found[2000..], b"END");
                check(&found, &cut);
            },
        )
        .await;
}

/// The dirty bytes are there, and nothing else has changed.
pub(crate) fn only_dirty(found: &[u8], cut: &Cut) {
    assert_eq!(&found[..10], b"dirty-----", "{cut:?}");
    assert!(found[10..100].iter().all(|&byte| byte == b'.'), "{cut:?}");
    assert!(found[100..2000].iter().all(|&byte| byte == 0), "{cut:?}");
}

#[tokio::test]
async fn read() {
    cut(
        "File::read",
        async |file| {
            let mut into = [0; 20];
            assert_eq!(file.read(&mut into).await.unwrap(), 20);
            assert_eq!(into, [b'.'; 20]);
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn read_to_end() {
    cut(
        "File::read_to_end",
        async |file| {
            let mut into = Vec::new();
            assert_eq!(file.read_to_end(&mut into).await.unwrap(), 90);
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn read_to_string() {
    cut(
        "File::read_to_string",
        async |file| {
            let mut into = String::new();
            assert_eq!(file.read_to_string(&mut into).await.unwrap(), 90);
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn write() {
    cut(
        "File::write",
        async |file| {
            // Fills the buffer, then needs its room.
            assert_eq!(file.write(&[b'w'; 60]).await.unwrap(), 54);
            assert_eq!(file.write(&[b'w'; 6]).await.unwrap(), 6);
        },
        |found, cut| {
            assert_eq!(&found[..10], b"dirty-----");
            let written = found[10..100].iter().take_while(|&&b| b == b'w').count();
            assert!([0, 54, 60].contains(&written), "{written} {cut:?}");
            assert!(!cut.completed || written == 60);
            assert!(found[10 + written..100].iter().all(|&byte| byte == b'.'));
        },
    )
    .await;
}

#[tokio::test]
async fn write_all() {
    cut(
        "File::write_all",
        async |file| file.write_all(&[b'w'; 500]).await.unwrap(),
        |found, cut| {
            assert_eq!(&found[..10], b"dirty-----");
            // A beginning of it, without a hole.
            let written = found[10..2000].iter().take_while(|&&b| b == b'w').count();
            assert!(
                written <= 500 && (!cut.completed || written == 500),
                "{cut:?}"
            );
            assert!(found[10 + written..2000].iter().all(|&byte| byte != b'w'));
        },
    )
    .await;
}

#[tokio::test]
async fn flush() {
    cut(
        "File::flush",
        async |file| file.flush().await.unwrap(),
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn seek() {
    cut(
        "File::seek",
        async |file| assert_eq!(file.seek(SeekFrom::End(-1)).await.unwrap(), 99),
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn sync_all() {
    cut(
        "File::sync_all",
        async |file| file.sync_all().await.unwrap(),
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn sync_data() {
    cut(
        "File::sync_data",
        async |file| file.sync_data().await.unwrap(),
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn set_len() {
    cut(
        "File::set_len",
        async |file| file.set_len(50).await.unwrap(),
        |found, cut| {
            assert_eq!(&found[..10], b"dirty-----");
            assert!(found[10..50].iter().all(|&byte| byte == b'.'));
            let kept = found[50..100].iter().all(|&byte| byte == b'.');
            let cut_off = found[50..100].iter().all(|&byte| byte == 0);
            assert!(kept != cut_off && (cut_off || !cut.completed), "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn metadata() {
    cut(
        "File::metadata",
        async |file| assert_eq!(file.metadata().await.unwrap().len(), 100),
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn close() {
    cuts::every("File::close")
        .world(World::dirty)
        .run(
            async |world| world.file.take().unwrap().close().await.unwrap(),
            async |world, cut| {
                // A leaked future keeps its file: nobody can have it back.
                if cut.fate == Fate::Leak {
                    return;
                }
                drop(world.file);
                drained().await.unwrap();
                world.folder.closed().await;
                let found = fs::read(&world.path).unwrap();
                assert_eq!(&found[..10], b"dirty-----", "{cut:?}");
            },
        )
        .await;
}

async fn new_folder() -> Folder {
    Folder::new()
}

#[tokio::test]
async fn opening() {
    cuts::every("open")
        .world(new_folder)
        .run(
            async |folder| {
                let path = folder.file("x");
                open(&path).mode("w").await.unwrap().close().await.unwrap();
            },
            async |folder, cut| {
                // What was begun is over when the path is opened again.
                let mut file = open(folder.file("x")).mode("w").await.unwrap();
                file.write_all(b"next").await.unwrap();
                file.close().await.unwrap();
                if cut.fate != Fate::Leak {
                    folder.closed().await;
                }
                assert_eq!(fs::read(folder.file("x")).unwrap(), b"next", "{cut:?}");
            },
        )
        .await;
}

#[tokio::test]
async fn with() {
    cuts::every("Open::with")
        .world(new_folder)
        .run(
            async |folder| {
                let path = folder.file("x");
                open(&path)
                    .mode("w")
                    .buffer(8)
                    .with(async |file| -> std::io::Result<()> {
                        file.write_all(b"0123456789").await?;
                        file.flush().await
                    })
                    .await
                    .unwrap();
            },
            async |folder, cut| {
                if cut.fate == Fate::Leak {
                    return;
                }
                drained().await.unwrap();
                folder.closed().await;
                let found = fs::read(folder.file("x")).unwrap_or_default();
                assert!(b"0123456789".starts_with(&found), "{found:?}");
                assert!(!cut.completed || found.len() == 10, "{cut:?}");
            },
        )
        .await;
}

#[tokio::test]
async fn draining() {
    cuts::every("drained")
        .world(World::dirty)
        .run(
            async |world| {
                drop(world.file.take());
                drained().await.unwrap();
            },
            async |world, cut| {
                drop(world.file);
                drained().await.unwrap();
                world.folder.closed().await;
                let found = fs::read(&world.path).unwrap();
                assert_eq!(&found[..10], b"dirty-----", "{cut:?}");
            },
        )
        .await;
}

/// Cuts an operation on the whole file, then writes it anew.
async fn cut_whole(name: &str, op: impl AsyncFn(PathBuf) + 'static) {
    cuts::every(name)
        .world(World::dirty)
        .run(
            async move |world| {
                // Its file is dropped, so that the operation waits for it.
                drop(world.file.take());
                op(world.path.clone()).await;
            },
            async |mut world, cut| {
                drop(world.file.take()); // where it was cut before that
                files::write(&world.path, "END").await.unwrap();
                world.folder.closed().await;
                assert_eq!(fs::read(&world.path).unwrap(), b"END", "{cut:?}");
            },
        )
        .await;
}

#[tokio::test]
async fn reading_whole() {
    cut_whole("read", async |path| {
        let found = files::read(path).await.unwrap();
        assert_eq!(&found[..11], b"dirty-----.");
    })
    .await;
}

#[tokio::test]
async fn reading_text_whole() {
    cut_whole("read_to_string", async |path| {
        let found = files::read_to_string(path).await.unwrap();
        assert_eq!(&found[..11], "dirty-----.");
    })
    .await;
}

#[tokio::test]
async fn writing_whole() {
    cut_whole("write", async |path| {
        files::write(path, vec![b'w'; 1 << 20]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn reading_many() {
    cut_whole("read_many", async |path| {
        let contents = files::read_many([path.clone(), path]).await.unwrap();
        assert_eq!(contents.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn writing_many() {
    cut_whole("write_many", async |path| {
        let megabyte = vec![b'w'; 1 << 20];
        files::write_many([(path, megabyte)]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn looking_at_many() {
    cut_whole("metadata_many", async |path| {
        let found = files::metadata_many([path]).await.unwrap();
        assert_eq!(found[0].len(), 100);
    })
    .await;
}

#[tokio::test]
async fn next_of_many() {
    cuts::every("Answers::next")
        .world(async || {
            let world = World::dirty().await;
            let path = world.path.clone();
            let written = files::write_many((0..3).map(move |n| (path.clone(), [n; 3])));
            (world, written.limit(2).stream())
        })
        .run(
            async |(world, written)| {
                drop(world.file.take());
                written.next().await.unwrap().unwrap();
            },
            async |(mut world, mut written), cut| {
                drop(world.file.take());
                // None is lost and none comes twice.
                let mut left = 0;
                while let Some(answer) = written.next().await {
                    answer.unwrap();
                    left += 1;
                }
                assert_eq!(left, 3 - usize::from(cut.completed), "{cut:?}");
                world.folder.closed().await;
                assert_eq!(fs::read(&world.path).unwrap(), [2; 3], "{cut:?}");
            },
        )
        .await;
}
