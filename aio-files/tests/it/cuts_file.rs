//! More of a file's methods, cut at every poll with every fate.

use std::fs;
use std::io::{IoSlice, IoSliceMut};

use aio_files::File;
use chaos::{Fate, cuts};

use crate::cuts::{World, cut, only_dirty};

#[tokio::test]
async fn read_vectored() {
    cut(
        "File::read_vectored",
        async |file| {
            let (mut one, mut two) = ([0; 20], [0; 20]);
            let mut into = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
            assert_eq!(file.read_vectored(&mut into).await.unwrap(), 40);
            assert_eq!((one, two), ([b'.'; 20], [b'.'; 20]));
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn read_exact() {
    cut(
        "File::read_exact",
        async |file| {
            let mut into = [0; 90];
            assert_eq!(file.read_exact(&mut into).await.unwrap(), 90);
            assert_eq!(into, [b'.'; 90]);
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn fill_buf() {
    cut(
        "File::fill_buf",
        async |file| {
            assert_eq!(file.fill_buf().await.unwrap()[0], b'.');
            file.consume(5);
        },
        only_dirty,
    )
    .await;
}

/// Cuts a reading of lines; the lines that are read after it are all of the rest.
async fn cut_lines(name: &str, op: impl AsyncFn(&mut File, &mut Vec<u8>) + 'static) {
    cuts::every(name)
        .world(async || {
            let world = World::dirty().await;
            let mut content = b"dirty-----".to_vec();
            content.extend(b"one\ntwo\nlast");
            fs::write(&world.path, content).unwrap();
            (world, Vec::new())
        })
        .run(
            async move |(world, line)| op(world.file(), line).await,
            async |(mut world, line), cut| {
                let mut rest = Vec::new();
                world.file().read_to_end(&mut rest).await.unwrap();
                assert!(!cut.completed || line == b"one\n", "{cut:?}");
                assert_eq!([line, rest].concat(), b"one\ntwo\nlast", "{cut:?}");
                world.file.take().unwrap().close().await.unwrap();
                world.folder.closed().await;
            },
        )
        .await;
}

#[tokio::test]
async fn read_until() {
    cut_lines("File::read_until", async |file, line| {
        assert_eq!(file.read_until(b'\n', line).await.unwrap(), 4);
    })
    .await;
}

#[tokio::test]
async fn read_line() {
    cut_lines("File::read_line", async |file, line| {
        let mut text = String::new();
        assert_eq!(file.read_line(&mut text).await.unwrap(), 4);
        line.extend(text.into_bytes());
    })
    .await;
}

#[tokio::test]
async fn read_at() {
    cut(
        "File::read_at",
        async |file| {
            let mut into = [0; 20];
            assert_eq!(file.read_at(&mut into, 5).await.unwrap(), 20);
            assert_eq!(&into, b"-----...............".first_chunk::<20>().unwrap());
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn read_exact_at() {
    cut(
        "File::read_exact_at",
        async |file| {
            let mut into = [0; 10];
            file.read_exact_at(&mut into, 90).await.unwrap();
            assert_eq!(into, [b'.'; 10]);
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn read_ranges() {
    cut(
        "File::read_ranges",
        async |file| {
            let parts = file.read_ranges(&[8..12, 0..5, 98..200]).await.unwrap();
            assert_eq!(parts, [&b"--.."[..], b"dirty", b".."]);
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn write_vectored() {
    cut(
        "File::write_vectored",
        async |file| {
            // Fills the buffer, and the next needs its room.
            let parts = [IoSlice::new(&[b'w'; 30]), IoSlice::new(&[b'w'; 30])];
            assert_eq!(file.write_vectored(&parts).await.unwrap(), 54);
            assert_eq!(file.write_vectored(&parts).await.unwrap(), 60);
        },
        |found, cut| {
            assert_eq!(&found[..10], b"dirty-----");
            let written = found[10..2000].iter().take_while(|&&b| b == b'w').count();
            assert!([0, 54, 114].contains(&written), "{written} {cut:?}");
            assert!(!cut.completed || written == 114);
        },
    )
    .await;
}

/// All of it is there or nothing, and what was buffered before in any case.
fn ten_or_nothing(found: &[u8], cut: &chaos::Cut) {
    assert_eq!(&found[..10], b"dirty-----", "{cut:?}");
    let all = found[50..60].iter().all(|&byte| byte == b'w');
    let nothing = found[50..60].iter().all(|&byte| byte == b'.');
    assert!(all || (nothing && !cut.completed), "{cut:?}");
    assert!(found[60..100].iter().all(|&byte| byte == b'.'));
}

#[tokio::test]
async fn write_at() {
    cut(
        "File::write_at",
        async |file| assert_eq!(file.write_at(&[b'w'; 10], 50).await.unwrap(), 10),
        ten_or_nothing,
    )
    .await;
}

#[tokio::test]
async fn write_all_at() {
    cut(
        "File::write_all_at",
        async |file| file.write_all_at(&[b'w'; 10], 50).await.unwrap(),
        ten_or_nothing,
    )
    .await;
}

#[tokio::test]
async fn stream_position() {
    cut(
        "File::stream_position",
        async |file| {
            // The flush gives it something to wait for.
            file.flush().await.unwrap();
            assert_eq!(file.stream_position().await.unwrap(), 10);
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn as_fd() {
    cut(
        "File::as_fd",
        async |file| {
            let fd = file.as_fd().await.unwrap();
            assert_eq!(rustix::fs::tell(fd).unwrap(), 10);
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn send_from() {
    let folder = crate::folder::Folder::new();
    let source = folder.with("source", vec![b's'; 600_000]);
    cut(
        "File::send_from",
        async move |file| {
            let mut source = aio_files::open(&source).await.unwrap();
            assert_eq!(file.send_from(&mut source, 100, 1000).await.unwrap(), 1000);
        },
        |found, cut| {
            assert_eq!(&found[..10], b"dirty-----");
            // All of it or nothing, and before what followed.
            let sent = found[10..2000].iter().take_while(|&&b| b == b's').count();
            assert!(sent == 1000 || (sent == 0 && !cut.completed), "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn try_clone() {
    cut(
        "File::try_clone",
        async |file| {
            let mut clone = file.try_clone().await.unwrap();
            clone.write_all(b"....").await.unwrap();
            clone.close().await.unwrap();
        },
        only_dirty,
    )
    .await;
}

#[tokio::test]
async fn into_std() {
    cuts::every("File::into_std")
        .world(World::dirty)
        .run(
            async |world| {
                let file = world.file.take().unwrap().into_std().await.unwrap();
                assert_eq!(file.metadata().unwrap().len(), 100);
            },
            async |world, cut| {
                // A leaked future keeps its file: nobody can have it back.
                if cut.fate == Fate::Leak {
                    return;
                }
                drop(world.file);
                aio_files::drained().await.unwrap();
                world.folder.closed().await;
                only_dirty_hundred(&fs::read(&world.path).unwrap(), &cut);
            },
        )
        .await;
}

#[tokio::test]
async fn from_std() {
    cuts::every("File::from_std")
        .world(World::dirty)
        .run(
            async |world| {
                // Its bytes are written before the other looks at the file.
                drop(world.file.take());
                let std = fs::OpenOptions::new()
                    .write(true)
                    .open(&world.path)
                    .unwrap();
                let mut file = File::from_std(std, &world.path).await.unwrap();
                file.seek(std::io::SeekFrom::End(-1)).await.unwrap();
                file.write_all(b".").await.unwrap();
                file.close().await.unwrap();
            },
            async |world, cut| {
                if cut.fate == Fate::Leak {
                    return;
                }
                drop(world.file);
                aio_files::drained().await.unwrap();
                world.folder.closed().await;
                only_dirty_hundred(&fs::read(&world.path).unwrap(), &cut);
            },
        )
        .await;
}

fn only_dirty_hundred(found: &[u8], cut: &chaos::Cut) {
    assert_eq!(found.len(), 100, "{cut:?}");
    assert_eq!(&found[..10], b"dirty-----", "{cut:?}");
    assert!(found[10..].iter().all(|&byte| byte == b'.'), "{cut:?}");
}
