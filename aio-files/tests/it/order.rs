//! The order of operations belongs to the work: what is cancelled finishes
//! before what follows it.

use std::fs;
use std::io::SeekFrom;

use aio_files::open;
use tokio::io::AsyncWriteExt;

use crate::folder::{Folder, poll_once};

#[tokio::test]
async fn a_cancelled_megabyte_is_over_before_the_three_bytes_that_follow() {
    let folder = Folder::new();
    let path = folder.file("x");
    let megabyte = vec![b'M'; 1 << 20];
    let mut cancelled = 0;
    for buffer in [0, 4096, 256 * 1024] {
        for round in 0..300 {
            let mut file = open(&path).mode("w").buffer(buffer).await.unwrap();
            {
                let mut write = std::pin::pin!(file.write_all(&megabyte));
                for _ in 0..=round % 6 {
                    if poll_once(write.as_mut()).is_ready() {
                        break;
                    }
                    cancelled += 1;
                    std::thread::yield_now();
                }
            }
            assert_eq!(file.seek(SeekFrom::Start(0)).await.unwrap(), 0);
            file.set_len(0).await.unwrap();
            file.write_all(b"end").await.unwrap();
            file.close().await.unwrap();
            assert_eq!(
                fs::read(&path).unwrap(),
                b"end",
                "buffer {buffer}, round {round}"
            );
        }
    }
    assert!(cancelled > 500);
    println!("cuts={cancelled}");
}

#[tokio::test]
async fn a_cancelled_write_and_its_retry_are_written_in_order_and_whole() {
    let folder = Folder::new();
    let path = folder.file("x");
    for round in 0..200_usize {
        let mut file = open(&path).mode("w").buffer(0).await.unwrap();
        {
            let mut write = std::pin::pin!(file.write(b"first "));
            // It waits for its turn, then for its job, then it is over.
            for _ in 0..round % 4 {
                if poll_once(write.as_mut()).is_ready() {
                    break;
                }
            }
        }
        file.write_all(b"first ").await.unwrap();
        file.write_all(b"second").await.unwrap();
        file.close().await.unwrap();
        let found = fs::read_to_string(&path).unwrap();
        assert!(
            found == "first second" || (round % 4 > 0 && found == "first first second"),
            "{found}"
        );
    }
}

#[tokio::test]
async fn another_write_is_not_taken_for_the_cancelled_one() {
    let folder = Folder::new();
    let path = folder.file("x");
    for round in 0..300 {
        let mut file = open(&path).mode("w").buffer(0).await.unwrap();
        // By tokio's trait, which can't tell us that the future is another one.
        drop(poll_once(std::pin::pin!(AsyncWriteExt::write(
            &mut file,
            b"cancelled "
        ))));
        AsyncWriteExt::write_all(&mut file, b"and another")
            .await
            .unwrap();
        file.close().await.unwrap();
        let found = fs::read_to_string(&path).unwrap();
        assert_eq!(found, "cancelled and another", "round {round}");
    }
}

#[tokio::test]
async fn cancelled_truncations_cant_empty_what_is_written_after_them() {
    let folder = Folder::new();
    let path = folder.file("x");
    for round in 0..200 {
        let mut truncations: Vec<_> = (0..40)
            .map(|_| Box::pin(open(&path).mode("w").into_future()))
            .collect();
        for truncation in &mut truncations {
            drop(poll_once(truncation.as_mut()));
        }
        drop(truncations);
        let mut file = open(&path).write().create().await.unwrap();
        file.write_all(b"written after").await.unwrap();
        file.close().await.unwrap();
        folder.closed().await;
        assert_eq!(fs::read(&path).unwrap(), b"written after", "round {round}");
        fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_cancelled_read_gives_its_bytes_to_the_next_and_no_stale_end() {
    let folder = Folder::new();
    for (round, buffer) in (0..200).zip([0, 10, 4096].into_iter().cycle()) {
        let path = folder.with("x", "0123456789");
        let mut file = open(&path).buffer(buffer).await.unwrap();
        for _ in 0..round % 4 {
            let mut into = [0; 4];
            let read = poll_once(std::pin::pin!(file.read(&mut into)).as_mut()).is_ready();
            if read {
                // It had been read ahead by the one before.
                assert_eq!(&into, b"0123");
                file.seek(SeekFrom::Start(0)).await.unwrap();
            }
        }
        let mut all = Vec::new();
        while all.len() < 10 {
            let mut into = [0; 4];
            let read = file.read(&mut into).await.unwrap();
            assert!(read > 0);
            all.extend_from_slice(&into[..read]);
        }
        assert_eq!(all, b"0123456789");
        // At the end: a read that is cancelled there says nothing about later.
        {
            let mut into = [0; 4];
            let mut read = std::pin::pin!(file.read(&mut into));
            for _ in 0..3 {
                if poll_once(read.as_mut()).is_ready() {
                    break;
                }
            }
        }
        fs::write(&path, "0123456789more").unwrap();
        let mut into = [0; 4];
        assert_eq!(file.read(&mut into).await.unwrap(), 4, "round {round}");
        assert_eq!(&into, b"more");
    }
}

#[tokio::test]
async fn a_cancelled_read_to_the_end_is_read_by_the_next() {
    let folder = Folder::new();
    let content = vec![b'r'; 100_000];
    let path = folder.with("x", &content);
    for polls in 0..8 {
        let mut file = open(&path).await.unwrap();
        let mut lost = Vec::new();
        {
            let mut read = std::pin::pin!(file.read_to_end(&mut lost));
            for _ in 0..polls {
                if poll_once(read.as_mut()).is_ready() {
                    break;
                }
            }
        }
        let mut all = lost;
        file.read_to_end(&mut all).await.unwrap();
        assert!(all == content, "{} bytes", all.len());
    }
}
