//! Jobs that stand still: a FIFO holds one for as long as the test likes.

use std::fs;
use std::io::{Read, Write};

use aio_files::{drained, open};
use chaos::woken::probe;

use crate::folder::{Folder, poll_once};

/// Both ends of a FIFO, so that nobody who opens one end waits for the other.
fn held(path: &std::path::Path) -> fs::File {
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap()
}

/// More than a pipe takes, so that writing it stands still.
const MUCH: usize = 200 * 1024;

#[tokio::test]
async fn a_write_that_stands_still_is_finished_before_what_follows() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let mut pipe = held(&path);
    let mut file = open(&path).write().await.unwrap();
    file.write_all(&vec![b'1'; MUCH]).await.unwrap();
    let mut flush = probe("flush", file.flush());
    flush.pending();
    // The first byte is there, so the job is inside its call, and stays there.
    let mut first = [0];
    pipe.read_exact(&mut first).unwrap();
    drop(flush);

    // The next operation waits for it, and its bytes come behind.
    let mut next = probe("close", async {
        file.write_all(b"2").await?;
        file.close().await
    });
    next.pending();
    let mut rest = vec![0; MUCH];
    pipe.read_exact(&mut rest[..MUCH - 1]).unwrap();
    let closed = loop {
        next.until_woken().await;
        if let std::task::Poll::Ready(closed) = next.poll() {
            break closed;
        }
    };
    closed.unwrap();
    pipe.read_exact(&mut rest[MUCH - 1..]).unwrap();
    assert!(rest[..MUCH - 1].iter().all(|&byte| byte == b'1'));
    assert_eq!(rest[MUCH - 1], b'2');
}

#[tokio::test]
async fn a_file_dropped_inside_a_call_is_drained_when_the_call_is_over() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let mut pipe = held(&path);
    let mut file = open(&path).write().await.unwrap();
    file.write_all(&vec![b'1'; MUCH]).await.unwrap();
    assert!(poll_once(std::pin::pin!(file.flush()).as_mut()).is_pending());
    drop(file);
    let mut waiting = Box::pin(drained());
    assert!(poll_once(waiting.as_mut()).is_pending());
    let mut all = vec![0; MUCH];
    pipe.read_exact(&mut all).unwrap();
    // Files that other tests of this process drop meanwhile are waited for too.
    chaos::watchdog::future("drained", waiting).await.unwrap();
    assert!(all.iter().all(|&byte| byte == b'1'));
    drop(pipe);
    folder.closed().await;
}

#[tokio::test]
async fn dropped_fifos_hold_up_neither_files_nor_drained() {
    let folder = Folder::new();
    // One that is read and stays empty, inside its call when it is dropped.
    let empty = folder.fifo("empty");
    let pipe = held(&empty);
    let mut reader = open(&empty).await.unwrap();
    assert!(poll_once(std::pin::pin!(reader.read(&mut [0]))).is_pending());
    drop(reader);
    chaos::watchdog::future("drained", drained()).await.unwrap();

    // One that is written and stays full, at rest when it is dropped.
    let full = folder.fifo("full");
    let mut stuck = held(&full);
    let mut writer = open(&full).write().await.unwrap();
    writer.write_all(&vec![b'1'; MUCH]).await.unwrap();
    drop(writer);
    let path = folder.file("x");
    let mut file = open(&path).mode("w").await.unwrap();
    file.write_all(b"dropped").await.unwrap();
    drop(file);
    let mut text = String::new();
    let serve = async {
        let mut file = open(&path).await?;
        file.read_to_string(&mut text).await
    };
    chaos::watchdog::future("a file dropped behind a FIFO", serve)
        .await
        .unwrap();
    assert_eq!(text, "dropped");
    stuck.read_exact(&mut vec![0; MUCH]).unwrap();
    drained().await.unwrap();
    // Lets the reader's thread go.
    (&pipe).write_all(b"x").unwrap();
    drop((pipe, stuck));
    folder.closed().await;
}

/// Drops a file on a thread that is watched: it must not stand still with the FIFO.
fn dropped(what: &'static str, file: aio_files::File) {
    chaos::watchdog::closure(what, move || drop(file));
}

#[tokio::test]
async fn dropping_either_end_of_a_fifo_that_stands_still_does_not_wait() {
    let folder = Folder::new();
    let mut pipes = Vec::new();
    for busy in [false, true] {
        let empty = folder.fifo(&format!("empty {busy}"));
        pipes.push((held(&empty), 0));
        let mut reader = open(&empty).await.unwrap();
        if busy {
            assert!(poll_once(std::pin::pin!(reader.read(&mut [0]))).is_pending());
        }
        dropped("a reader", reader);

        let full = folder.fifo(&format!("full {busy}"));
        pipes.push((held(&full), MUCH));
        let mut writer = open(&full).write().await.unwrap();
        writer.write_all(&vec![b'1'; MUCH]).await.unwrap();
        if busy {
            assert!(poll_once(std::pin::pin!(writer.flush())).is_pending());
        }
        dropped("a writer", writer);

        // With nothing to write, behind a pipe that is full already.
        let clean = folder.fifo(&format!("clean {busy}"));
        let mut pipe = held(&clean);
        pipe.write_all(&[b'0'; 4096]).unwrap();
        dropped("a clean writer", open(&clean).write().await.unwrap());
        pipes.push((pipe, 4096));
    }
    // Nobody else waits for them either.
    let path = folder.file("x");
    let serve = async {
        aio_files::write(&path, "served").await?;
        aio_files::read(&path).await
    };
    let found = chaos::watchdog::future("a file beside them", serve).await;
    assert_eq!(found.unwrap(), b"served");
    // All was written, and the reader that stands still is let go.
    for (mut pipe, left) in pipes {
        pipe.read_exact(&mut vec![0; left]).unwrap();
        pipe.write_all(b"x").unwrap();
    }
    folder.closed().await;
}

#[test]
fn a_runtime_that_ends_takes_no_job_with_it() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let mut pipe = held(&path);
    let build = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap()
    };
    let runtime = build();
    let task = runtime.spawn({
        let path = path.clone();
        async move {
            let mut file = open(&path).write().await.unwrap();
            file.write_all(&vec![b'1'; MUCH]).await.unwrap();
            file.close().await.unwrap();
        }
    });
    let mut first = [0];
    pipe.read_exact(&mut first).unwrap();
    assert!(!task.is_finished());
    // It doesn't wait for the job, which a full pipe holds.
    chaos::watchdog::closure("ending the runtime", move || drop(runtime));
    let mut rest = vec![0; MUCH - 1];
    pipe.read_exact(&mut rest).unwrap();
    build().block_on(drained()).unwrap();
}

#[tokio::test]
async fn an_opening_that_waits_for_its_peer_leaves_nothing_when_cut() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    // Nobody writes yet: opening to read stands still, however often it is polled.
    // There are more of them than shared threads.
    let mut openings: Vec<_> = (0..100)
        .map(|_| probe("open", open(&path).into_future()))
        .collect();
    let other = folder.with("other", "x");
    for _ in 0..20 {
        openings.iter_mut().for_each(|opening| opening.pending());
        // Files are opened meanwhile.
        let serve = async { open(&other).await?.close().await };
        chaos::watchdog::future("a file beside FIFOs", serve)
            .await
            .unwrap();
    }
    drop(openings);
    // With both ends there, what still waits for one comes to its end.
    let pipe = held(&path);
    drop(open(&path).await.unwrap());
    drop(pipe);
    folder.closed().await;
}

#[tokio::test]
async fn reading_stands_still_without_holding_up_files() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let mut pipe = held(&path);
    let mut readers = Vec::new();
    // More than there are shared threads.
    for _ in 0..100 {
        readers.push(open(&path).await.unwrap());
    }
    let mut reads: Vec<_> = readers
        .iter_mut()
        .map(|reader| {
            let mut read = probe("read", async move {
                let mut into = [0];
                reader.read(&mut into).await.map(|_| into[0])
            });
            read.pending();
            read
        })
        .collect();
    let other = folder.with("other", "still served");
    let mut text = String::new();
    let serve = async {
        let mut file = open(&other).await.unwrap();
        file.read_to_string(&mut text).await.unwrap();
        file.close().await.unwrap();
    };
    chaos::watchdog::future("a file beside a hundred FIFOs", serve).await;
    assert_eq!(text, "still served");
    for read in &mut reads {
        // One byte for whoever is first; all of them in the end.
        pipe.write_all(b"x").unwrap();
        let _ = read;
    }
    let mut left = reads.len();
    let all = async {
        while left > 0 {
            let mut still = Vec::new();
            for mut read in reads.drain(..) {
                match read.poll() {
                    std::task::Poll::Ready(byte) => {
                        assert_eq!(byte.unwrap(), b'x');
                        // It may have read ahead for others: give it back.
                        pipe.write_all(b"x").unwrap();
                        left -= 1;
                    }
                    std::task::Poll::Pending => still.push(read),
                }
            }
            reads = still;
            tokio::task::yield_now().await;
        }
    };
    chaos::watchdog::future("a hundred reads", all).await;
}
