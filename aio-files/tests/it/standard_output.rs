//! The standard output and error: complete, in order, and truthful about it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};

use aio_files::stdio::{stderr, stdout};
use aio_files::{PathError, drained};
use chaos::watchdog;
use tokio::io::AsyncWriteExt;

use crate::folder::{Folder, inside, poll_once};

/// The standard output goes elsewhere until this is dropped.
pub(crate) struct Redirected(OwnedFd);

impl Redirected {
    pub(crate) fn to(target: impl AsFd) -> Self {
        let before = rustix::io::dup(std::io::stdout()).unwrap();
        rustix::stdio::dup2_stdout(target).unwrap();
        Self(before)
    }
}

impl Drop for Redirected {
    fn drop(&mut self) {
        rustix::stdio::dup2_stdout(&self.0).unwrap();
    }
}

/// Reads a pipe to its end on another thread.
fn gathered(pipe: OwnedFd) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        File::from(pipe).read_to_end(&mut all).unwrap();
        all
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_many_tasks_stay_whole_and_in_their_order() {
    chaos::alone!();
    const TASKS: usize = 50;
    const LINES: usize = 200;
    let (read, write) = rustix::pipe::pipe().unwrap();
    let all = gathered(read);
    let redirected = Redirected::to(&write);
    drop(write);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            tokio::spawn(async move {
                let mut out = stdout();
                for number in 0..LINES {
                    // Some are longer than a pipe writes at once, or than the buffer.
                    let len = match number % 50 {
                        0 => 100_000,
                        7 => 5000,
                        _ => number,
                    };
                    let line = format!("{task} {number} {}\n", "x".repeat(len));
                    match number % 3 {
                        0 => out.write_all(line.as_bytes()).await.unwrap(),
                        1 => stdout().write_all(line.as_bytes()).await.unwrap(),
                        _ => AsyncWriteExt::write_all(&mut out, line.as_bytes())
                            .await
                            .unwrap(),
                    }
                    if number % 40 == 0 {
                        AsyncWriteExt::flush(&mut out).await.unwrap();
                    }
                }
                out.flush().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        watchdog::future("a task that writes", task).await.unwrap();
    }
    drop(redirected);
    let all = String::from_utf8(all.join().unwrap()).unwrap();
    let mut next = vec![0; TASKS];
    for line in all.lines() {
        let mut words = line.split(' ');
        let task: usize = words.next().unwrap().parse().unwrap();
        let number: usize = words.next().unwrap().parse().unwrap();
        assert_eq!(number, next[task], "of task {task}");
        next[task] += 1;
        let len = match number % 50 {
            0 => 100_000,
            7 => 5000,
            _ => number,
        };
        assert_eq!(words.next().unwrap().len(), len);
    }
    assert!(next.iter().all(|&next| next == LINES));
    println!("lines={} bytes={}", TASKS * LINES, all.len());
}

#[tokio::test]
async fn a_big_output_is_complete_also_through_a_pipe_that_does_not_block() {
    chaos::alone!();
    let (read, write) = rustix::pipe::pipe().unwrap();
    rustix::fs::fcntl_setfl(&write, rustix::fs::OFlags::NONBLOCK).unwrap();
    let all = gathered(read);
    let redirected = Redirected::to(&write);
    drop(write);
    let content: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut out = stdout();
    for part in content.chunks(33_333) {
        out.write_all(part).await.unwrap();
    }
    out.flush().await.unwrap();
    drop(redirected);
    assert!(all.join().unwrap() == content);
}

#[tokio::test]
async fn nothing_appears_before_it_is_flushed_and_all_of_it_then() {
    chaos::alone!();
    let folder = Folder::new();
    let path = folder.with("out", "");
    let redirected = Redirected::to(File::create(&path).unwrap());
    let mut out = stdout();
    out.write_all(b"one\n").await.unwrap();
    let mut other = stdout();
    other.write_all(b"two\n").await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
    // Whichever handle it is.
    out.flush().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
    // A full buffer needs no flush.
    let mut written = 8;
    while fs::metadata(&path).unwrap().len() == 8 {
        out.write_all(&[b'x'; 1000]).await.unwrap();
        written += 1000;
        assert!(written < 1_000_000_000);
        tokio::task::yield_now().await;
    }
    AsyncWriteExt::shutdown(&mut out).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), written);
    out.flush().await.unwrap();
    drop(redirected);
}

#[tokio::test]
async fn what_a_dropped_handle_had_is_there_after_drained() {
    chaos::alone!();
    const ROUNDS: usize = 500;
    let folder = Folder::new();
    let path = folder.with("out", "");
    let redirected = Redirected::to(File::create(&path).unwrap());
    let mut expected = Vec::new();
    // One that stays, and doesn't flush.
    let mut stays = stdout();
    for round in 0..ROUNDS {
        let line = format!("round {round}\n");
        expected.extend_from_slice(line.as_bytes());
        stdout().write_all(line.as_bytes()).await.unwrap();
        if round % 2 == 0 {
            stays.write_all(b"").await.unwrap();
        }
        watchdog::future("drained", drained()).await.unwrap();
        assert!(fs::read(&path).unwrap() == expected, "round {round}");
    }
    // What only living handles have is theirs, and nothing to wait for.
    stays.write_all(b"mine").await.unwrap();
    watchdog::future("drained", drained()).await.unwrap();
    assert!(fs::read(&path).unwrap() == expected);
    drop(redirected);
    drop(stays);
    println!("rounds={ROUNDS} lost=0");
}

#[tokio::test]
async fn drained_waits_for_every_handle_that_was_dropped_before() {
    chaos::alone!();
    // More than a pipe takes.
    const MUCH: usize = 200_000;
    let (read, write) = rustix::pipe::pipe().unwrap();
    let redirected = Redirected::to(write);
    stdout().write_all(&[b'1'; MUCH]).await.unwrap();
    // The first byte is there, so the writer is inside its call, and stays there.
    let mut pipe = File::from(read);
    let mut bytes = vec![0; MUCH];
    pipe.read_exact(&mut bytes[..1]).unwrap();
    stdout().write_all(&[b'2'; MUCH]).await.unwrap();
    let mut waiting = Box::pin(drained());
    assert!(poll_once(waiting.as_mut()).is_pending());
    pipe.read_exact(&mut bytes).unwrap();
    assert_eq!((bytes[MUCH - 2], bytes[MUCH - 1]), (b'1', b'2'));
    assert!(poll_once(waiting.as_mut()).is_pending(), "half is missing");
    pipe.read_exact(&mut bytes[1..]).unwrap();
    watchdog::future("drained", waiting).await.unwrap();
    drop(redirected);
}

#[tokio::test]
async fn a_closed_pipe_is_an_error_of_every_later_call() {
    chaos::alone!();
    let (read, write) = rustix::pipe::pipe().unwrap();
    drop(read);
    let redirected = Redirected::to(write);
    let mut out = stdout();
    out.write_all(b"nobody reads this").await.unwrap();
    let error = out.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(inside(&error), ("write", "<stdout>".into(), Some(32)));
    for _ in 0..2 {
        let error = out.flush().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let error = stdout().write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
    drop((redirected, out));
    // It was told, so nobody else need be.
    drained().await.unwrap();
}

#[tokio::test]
async fn a_full_device_is_an_error_of_every_later_call() {
    chaos::alone!();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let redirected = Redirected::to(full);
    let mut out = stdout();
    out.write_all(b"no room for this").await.unwrap();
    for _ in 0..2 {
        let error = out.flush().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(error.to_string().starts_with("write <stdout>: "), "{error}");
    }
    drop(redirected);
    // Also where there is room again: what is missing stays missing.
    let error = stdout().write_all(b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

#[tokio::test]
async fn what_nobody_was_told_drained_tells() {
    chaos::alone!();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let redirected = Redirected::to(full);
    stdout().write_all(b"no room for this").await.unwrap();
    let error = watchdog::future("drained", drained()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(PathError::of(&error).unwrap().verb(), "write");
    drained().await.unwrap();
    drop(redirected);
}

#[tokio::test]
async fn an_error_message_is_written_when_that_is_answered() {
    chaos::alone!();
    let folder = Folder::new();
    let path = folder.with("errors", "");
    let before = rustix::io::dup(std::io::stderr()).unwrap();
    rustix::stdio::dup2_stderr(File::create(&path).unwrap()).unwrap();
    let mut expected = String::new();
    for number in 0..100 {
        let line = format!("error {number}\n");
        expected += &line;
        stderr().write_all(line.as_bytes()).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }
    rustix::stdio::dup2_stderr(before).unwrap();
}
