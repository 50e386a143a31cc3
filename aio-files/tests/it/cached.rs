//! Reads that the page cache answers on the caller's thread.

use std::fs;
use std::io::{SeekFrom, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use aio_files::{File, open};
use chaos::woken::probe;

use crate::folder::{Folder, poll_once};

/// On the disk; nothing where the page cache can't be asked.
fn on_a_disk() -> Option<Folder> {
    let folder = Folder::below(Path::new(env!("CARGO_TARGET_TMPDIR")));
    if folder.answers_from_the_cache() {
        return Some(folder);
    }
    chaos::skip::because("the file system of the target folder has no RWF_NOWAIT");
    None
}

/// The answer of an operation that needs no other thread.
fn at_once<T>(operation: impl Future<Output = std::io::Result<T>>) -> Option<T> {
    // Many polls of one task would use up its budget.
    match poll_once(pin!(tokio::task::unconstrained(operation))) {
        Poll::Ready(answer) => Some(answer.unwrap()),
        Poll::Pending => None,
    }
}

fn long() -> Vec<u8> {
    (0..1_000_000_u32).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn a_cached_file_is_read_without_another_thread_but_its_end_is_not_guessed() {
    let Some(folder) = on_a_disk() else { return };
    let content = long();
    let path = folder.with("x", &content);
    for (buffer, piece) in [
        (0, 70_001),
        (1000, 7),
        (256 * 1024, 5000),
        (256 * 1024, 600_000),
    ] {
        let mut file = open(&path).buffer(buffer).await.unwrap();
        let mut all = Vec::new();
        let mut into = vec![0; piece];
        while all.len() < content.len() {
            let read = at_once(file.read(&mut into)).expect("no other thread");
            assert!(read > 0 && read <= 256 * 1024);
            all.extend_from_slice(&into[..read]);
        }
        assert!(all == content);
        // Only the kernel knows whether there is more by now.
        assert_eq!(file.read(&mut into).await.unwrap(), 0);
    }
    let mut file = open(&path).await.unwrap();
    let mut into = [0; 4096];
    assert_eq!(at_once(file.read_at(&mut into, 99_999)), Some(4096));
    assert_eq!(into, content[99_999..][..4096]);
    let parts = at_once(file.read_ranges(&[7..9, 500_000..500_009])).unwrap();
    assert_eq!(parts, [&content[7..9], &content[500_000..500_009]]);
    assert_eq!(at_once(file.fill_buf()).unwrap()[..9], content[..9]);
}

#[tokio::test]
async fn by_option_every_read_is_a_job() {
    let Some(folder) = on_a_disk() else { return };
    let path = folder.with("x", long());
    let mut file = open(&path).no_cached_reads().await.unwrap();
    for offset in 0..50 {
        let mut into = [0; 10];
        let mut read = probe("read_at", file.read_at(&mut into, offset));
        // The job may be faster than the poll, but not every time.
        if read.poll().is_pending() {
            return;
        }
    }
    panic!("fifty jobs, each within one poll");
}

async fn rest(file: &mut File) -> Vec<u8> {
    let mut rest = Vec::new();
    let mut into = [0; 64];
    loop {
        match file.read(&mut into).await.unwrap() {
            0 => return rest,
            read => rest.extend_from_slice(&into[..read]),
        }
    }
}

#[tokio::test]
async fn a_file_that_grows_and_shrinks_under_its_reader_is_read_as_it_is() {
    for folder in [Some(Folder::below("/dev/shm".as_ref())), on_a_disk()] {
        let Some(folder) = folder else { continue };
        for buffer in [0, 16, 4096] {
            let path = folder.with("x", b"0123456789");
            let mut other = fs::OpenOptions::new().append(true).open(&path).unwrap();
            let mut file = open(&path).buffer(buffer).await.unwrap();
            assert_eq!(rest(&mut file).await, b"0123456789");
            // As tail does: each end is only the end for now.
            for length in [1, 100, 10_000] {
                let more = vec![b'm'; length];
                other.write_all(&more).unwrap();
                assert!(rest(&mut file).await == more, "{length}");
                assert_eq!(rest(&mut file).await, b"");
            }
            // It becomes shorter than was known, and nothing old is given.
            other.set_len(5).unwrap();
            assert_eq!(file.read_at(&mut [0; 10], 3).await.unwrap(), 2);
            assert_eq!(file.read_at(&mut [0; 10], 5).await.unwrap(), 0);
            assert_eq!(rest(&mut file).await, b"");
            file.seek(SeekFrom::Start(1)).await.unwrap();
            assert_eq!(rest(&mut file).await, b"1234");
            // And longer again, with other bytes.
            other.write_all(b"abc").unwrap();
            assert_eq!(rest(&mut file).await, b"abc");
            let mut into = [0; 10];
            assert_eq!(file.read_at(&mut into, 3).await.unwrap(), 5);
            assert_eq!(&into[..5], b"34abc");
            assert_eq!(
                file.read_ranges(&[0..100, 0..0]).await.unwrap(),
                [&b"01234abc"[..], b""]
            );
        }
    }
}

#[tokio::test]
async fn a_task_that_reads_what_is_cached_lets_others_run() {
    let Some(folder) = on_a_disk() else { return };
    let path = folder.with("x", long());
    for (piece, most) in [(4096, 130), (256 * 1024, 10)] {
        let mut file = open(&path).await.unwrap();
        let mut into = vec![0; piece];
        let others = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&others);
        tokio::spawn(async move { flag.store(true, Ordering::Relaxed) });
        let mut reads = 0;
        while !others.load(Ordering::Relaxed) {
            file.read_at(&mut into, 0).await.unwrap();
            reads += 1;
            assert!(
                reads <= most,
                "{reads} reads of {piece} and nobody else ran"
            );
        }
        assert!(reads > 1, "each read was a hop");
    }
}

#[tokio::test]
async fn one_poll_reads_no_more_than_its_share() {
    let Some(folder) = on_a_disk() else { return };
    let content = long();
    let path = folder.with("x", &content);
    let mut file = open(&path).await.unwrap();
    // Without a budget, as outside of a runtime.
    let mut into = vec![0; 900_000];
    let mut polls = 1;
    let mut read = probe(
        "read_at",
        tokio::task::unconstrained(file.read_at(&mut into, 1)),
    );
    while read.poll().is_pending() {
        read.until_woken().await;
        polls += 1;
    }
    drop(read);
    assert!(into == content[1..=900_000]);
    assert_eq!(polls, 4);
}

#[tokio::test]
async fn the_end_that_a_cancelled_read_has_met_is_not_where_a_seek_leads_to() {
    let folder = Folder::new();
    let mut file = open(folder.with("x", "content")).await.unwrap();
    let mut cancelled = 0;
    for _ in 0..100 {
        file.seek(SeekFrom::End(0)).await.unwrap();
        // Only a job can tell that it is the end.
        cancelled += usize::from(poll_once(pin!(file.read(&mut [0; 4]))).is_pending());
        file.seek(SeekFrom::Start(3)).await.unwrap();
        // Tokio's can't say whose answer they take.
        let mut into = [0; 8];
        let read = tokio::io::AsyncReadExt::read(&mut file, &mut into);
        assert_eq!((read.await.unwrap(), &into[..4]), (4, &b"tent"[..]));
    }
    assert!(cancelled > 0);
}
