//! Chunks through the public interface.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::pin::pin;

use aio_files::PathError;
use aio_files::chunks::Chunks;
use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::FusedStream;

use crate::folder::{Folder, poll_once};
use crate::sources::{self, everywhere, forget_pages};

async fn rest(chunks: &mut Chunks) -> Vec<Bytes> {
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        all.push(chunk.unwrap());
    }
    assert!(chunks.is_terminated());
    assert!(chunks.next().await.is_none());
    assert_eq!(chunks.size_hint(), (0, Some(0)));
    all
}

/// Bytes that are different everywhere.
fn content(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8)
        .collect()
}

#[tokio::test]
async fn each_has_its_size_and_the_last_what_is_left() {
    everywhere(async |folder| {
        let path = folder.join("x");
        for len in [0, 1, 4095, 4096, 262_143, 262_144, 262_145, 3_000_000] {
            let content = content(len);
            fs::write(&path, &content).unwrap();
            for size in [1000, 4096, 65_536, 100_000, 262_144, 1 << 20, 5 << 20] {
                for cached in [true, false] {
                    if !cached {
                        forget_pages(&path);
                    }
                    let mut chunks = aio_files::chunks(&path).size(size).stream();
                    // All are kept, so none may be in memory that is used again.
                    let found = rest(&mut chunks).await;
                    let expected: Vec<_> = content.chunks(size).collect();
                    assert!(found == expected, "{len} bytes by {size}, cached: {cached}");
                }
            }
            let mut chunks = aio_files::chunks(&path).stream();
            assert!(rest(&mut chunks).await.concat() == content);
        }
    })
    .await;
}

#[tokio::test]
async fn as_small_as_a_byte() {
    let folder = sources::on_disk();
    let path = folder.path().join("x");
    fs::write(&path, "abc").unwrap();
    for size in [0, 1] {
        let mut chunks = aio_files::chunks(&path).size(size).stream();
        assert_eq!(chunks.size_hint(), (0, None));
        assert_eq!(chunks.next().await.unwrap().unwrap(), "a");
        // What has been read is known.
        assert_eq!(chunks.size_hint(), (2, None));
        assert_eq!(rest(&mut chunks).await, ["b", "c"]);
    }
}

#[tokio::test]
async fn as_large_as_can_be_said_is_the_whole_file() {
    let folder = Folder::new();
    for len in [0, 3, 300_000] {
        let path = folder.with("x", content(len));
        let chunks = rest(&mut aio_files::chunks(&path).size(usize::MAX).stream()).await;
        assert_eq!(chunks.concat(), content(len));
        assert_eq!(chunks.len(), usize::from(len > 0));
    }
    // These don't say their length, and end where they end.
    let said = fs::read("/proc/filesystems").unwrap();
    let chunks = rest(
        &mut aio_files::chunks("/proc/filesystems")
            .size(usize::MAX)
            .stream(),
    )
    .await;
    assert_eq!(chunks, [said]);
    let path = folder.fifo("fifo");
    let mut stream = aio_files::chunks(&path).size(usize::MAX).stream();
    assert!(poll_once(pin!(stream.next())).is_pending());
    let mut fifo = fs::OpenOptions::new().write(true).open(&path).unwrap();
    fifo.write_all(b"some").unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), "some");
}

#[tokio::test]
async fn what_the_consumer_has_dropped_is_read_into_again() {
    everywhere(async |folder| {
        let path = folder.join("x");
        fs::write(&path, content(8 << 20)).unwrap();
        let mut chunks = aio_files::chunks(&path).stream();
        let mut places = std::collections::BTreeSet::new();
        let mut count = 0;
        while let Some(chunk) = chunks.next().await {
            places.insert(chunk.unwrap().as_ptr().addr());
            count += 1;
        }
        assert_eq!(count, 32);
        // Those that wait, the one that is made, the one that was looked at.
        assert!(places.len() <= 8, "{} places", places.len());
    })
    .await;
}

#[tokio::test]
async fn what_can_not_be_opened_or_read_is_the_only_item() {
    let folder = sources::on_disk();
    let missing = folder.path().join("missing");
    let mut chunks = aio_files::chunks(&missing).stream();
    let error = chunks.next().await.unwrap().unwrap_err();
    assert_eq!(crate::folder::inside(&error), ("open", missing, Some(2)));
    assert!(rest(&mut chunks).await.is_empty());

    let mut chunks = aio_files::chunks(folder.path()).stream();
    let error = chunks.next().await.unwrap().unwrap_err();
    let inside = PathError::of(&error).unwrap();
    assert_eq!((inside.verb(), inside.path()), ("read", folder.path()));
    assert_eq!(
        (inside.raw_os_error(), inside.offset()),
        (Some(21), Some(0))
    );
    assert!(rest(&mut chunks).await.is_empty());
}

#[tokio::test]
async fn a_file_that_changes_is_read_to_the_end_that_it_has() {
    everywhere(async |folder| {
        let path = folder.join("x");
        let all = content(4 << 20);
        let size = 1 << 16;
        let first = async || {
            fs::write(&path, &all[..3_000_000]).unwrap();
            let mut chunks = aio_files::chunks(&path).size(size).stream();
            let first = chunks.next().await.unwrap().unwrap();
            assert!(first == all[..size]);
            chunks
        };
        // It grows: the chunks are whole where its end has been.
        let mut chunks = first().await;
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&all[3_000_000..]).unwrap();
        let found = rest(&mut chunks).await;
        assert!(found == all[size..].chunks(size).collect::<Vec<_>>());

        // It shrinks: what was read ahead may be from before.
        let mut chunks = first().await;
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(2_000_000).unwrap();
        let found = rest(&mut chunks).await.concat();
        assert!(all[size..].starts_with(&found));
        assert!((2_000_000 - size..=3_000_000 - size).contains(&found.len()));

        // It vanishes.
        let mut chunks = first().await;
        fs::remove_file(&path).unwrap();
        let found = rest(&mut chunks).await.concat();
        assert!(found == all[size..3_000_000]);
    })
    .await;
}

#[test]
fn three_chunks_of_a_large_file_are_two_mebibytes_at_most() {
    chaos::alone!();
    for folder in [Some(sources::on_disk()), sources::in_memory()] {
        let Some(folder) = folder else { continue };
        let path = folder.path().join("x");
        fs::write(&path, content(16 << 20)).unwrap();
        for cached in [true, false] {
            if !cached {
                forget_pages(&path);
            }
            let read = three(&path);
            println!("cached={cached} read={read}");
            assert!((3 << 18..=2 << 20).contains(&read), "{read} bytes");
        }
    }
}

/// How many bytes are read for three chunks, and for what was under way then.
fn three(path: &Path) -> u64 {
    sources::runtime().block_on(async {
        let before = sources::bytes_read();
        let mut chunks = aio_files::chunks(path).stream();
        for _ in 0..3 {
            assert_eq!(chunks.next().await.unwrap().unwrap().len(), 1 << 18);
        }
        drop(chunks);
        // Behind what the drop has handed over, on the same threads.
        aio_files::read("/dev/null").await.unwrap();
        let settled = async {
            let open = || {
                let entries = fs::read_dir("/proc/self/fd").unwrap();
                let targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
                targets.filter(|target| target == path).count()
            };
            while open() > 0 {
                tokio::task::yield_now().await;
            }
        };
        chaos::watchdog::future("closing the file", settled).await;
        sources::bytes_read() - before
    })
}
