//! Whole files: read, read as text, and written.

use std::fs;
use std::io::ErrorKind;
use std::pin::pin;

use aio_files::{drained, open, read, read_to_string, write};
use chaos::watchdog;
use tokio::task::yield_now;

use crate::folder::{Folder, inside, poll_once};
use crate::sources::most_held;

#[tokio::test]
async fn what_is_written_is_read() {
    let folder = Folder::new();
    let path = folder.file("x");
    for content in ["", "Bob\n", "é\u{feff}"] {
        write(&path, content).await.unwrap();
        assert_eq!(read(&path).await.unwrap(), content.as_bytes());
        assert_eq!(read_to_string(&path).await.unwrap(), content);
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    write(&path, large.clone()).await.unwrap();
    assert_eq!(read(&path).await.unwrap(), large);
    write(&path, *b"abc").await.unwrap();
    assert_eq!(
        read(&path).await.unwrap(),
        b"abc",
        "what was longer is gone"
    );
}

#[tokio::test]
async fn errors_have_verb_path_and_code() {
    let folder = Folder::new();
    let nowhere = folder.file("no/where");
    for (error, verb) in [
        (read(&nowhere).await.unwrap_err(), "read"),
        (read_to_string(&nowhere).await.unwrap_err(), "read"),
        (write(&nowhere, "x").await.unwrap_err(), "write"),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(inside(&error), (verb, nowhere.clone(), Some(2)));
    }
    let error = write(folder.path(), "x").await.unwrap_err();
    assert_eq!(
        inside(&error),
        ("write", folder.path().to_owned(), Some(21))
    );
    let error = read(folder.path()).await.unwrap_err();
    assert_eq!(inside(&error), ("read", folder.path().to_owned(), Some(21)));
}

#[tokio::test]
async fn text_that_is_none_says_where_it_is_wrong() {
    let folder = Folder::new();
    let path = folder.with("x", b"good \xff bad");
    let error = read_to_string(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let said = error.to_string();
    assert_eq!(
        said,
        format!("read {}: not UTF-8 at byte 5", path.display())
    );
    assert_eq!(read(&path).await.unwrap().len(), 10);
}

#[tokio::test]
async fn what_dropped_files_have_to_write_is_read() {
    let folder = Folder::new();
    for round in 0..2000 {
        let path = folder.file(&format!("{}", round % 7));
        let mut file = open(&path).mode("w").await.unwrap();
        file.write_all(format!("{round}").as_bytes()).await.unwrap();
        drop(file);
        assert_eq!(read_to_string(&path).await.unwrap(), format!("{round}"));
    }
}

#[tokio::test]
async fn a_cancelled_megabyte_is_over_before_the_three_bytes_that_follow() {
    let folder = Folder::new();
    let path = folder.file("x");
    let megabyte = vec![b'M'; 1 << 20];
    let mut began = 0;
    for round in 0..300 {
        {
            let mut cancelled = pin!(write(&path, megabyte.clone()));
            for _ in 0..round % 5 {
                if poll_once(cancelled.as_mut()).is_ready() {
                    break;
                }
                yield_now().await;
            }
        }
        began += usize::from(fs::metadata(&path).is_ok_and(|file| file.len() != 3));
        write(&path, "end").await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"end", "round {round}");
    }
    println!("cuts=300 began={began}");
    assert!(began > 0, "no megabyte was on its way");
}

#[tokio::test]
async fn a_write_that_was_never_polled_never_happens() {
    let folder = Folder::new();
    let path = folder.file("x");
    drop(write(&path, "x"));
    drained().await.unwrap();
    assert!(!path.exists());
}

/// More stuck readers than the shared threads are.
#[tokio::test]
async fn readers_of_fifos_keep_nobody_waiting() {
    let folder = Folder::new();
    let stuck: Vec<_> = (0..100)
        .map(|n| {
            let fifo = folder.fifo(&format!("fifo{n}"));
            (fifo.clone(), tokio::spawn(async move { read(fifo).await }))
        })
        .collect();
    let path = folder.file("x");
    for _ in 0..100 {
        let beside = async {
            write(&path, "x").await.unwrap();
            read(&path).await.unwrap()
        };
        assert_eq!(watchdog::future("a file beside FIFOs", beside).await, b"x");
    }
    watchdog::future("drained beside FIFOs", drained())
        .await
        .unwrap();
    for (fifo, reader) in stuck {
        watchdog::future("a writer", write(&fifo, "through"))
            .await
            .unwrap();
        let read = watchdog::future("its reader", reader).await.unwrap();
        assert_eq!(read.unwrap(), b"through");
    }
}

#[tokio::test]
async fn a_file_that_gave_all_its_text_does_not_keep_a_copy() {
    chaos::alone!();
    let folder = Folder::in_memory();
    let path = folder.with("x", vec![b'x'; 16 * 1024 * 1024]);
    let before = most_held();
    let mut files = Vec::new();
    for _ in 0..16 {
        let mut file = open(&path).await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        files.push(file);
    }
    let grown = (most_held() - before) >> 20;
    println!("grown={grown} MiB");
    assert!(grown < 128, "{grown} MiB");
}
