//! The standard streams, cut at every poll with every fate.

use std::fs::{self, File};

use aio_files::stdio::{stderr, stdin, stdout};
use chaos::{Cut, cuts};

use crate::folder::Folder;
use crate::standard_input::filled;
use crate::standard_output::Redirected;

const INPUT: &str = "one\ntwo\nthree";

/// Cuts an operation on a standard input with this content, then reads what is
/// left: all of it if the operation hasn't come to its end.
async fn cut_input(name: &str, op: impl AsyncFn() + 'static, left: &str) {
    cuts::every(name)
        .world(async || filled(INPUT.as_bytes()))
        .run(
            async move |(): &mut ()| op().await,
            async |(), cut: Cut| {
                let mut rest = String::new();
                stdin().read_to_string(&mut rest).await.unwrap();
                let expected = if cut.completed { left } else { INPUT };
                assert_eq!(rest, expected, "{cut:?}");
            },
        )
        .await;
}

#[tokio::test]
async fn read() {
    chaos::alone!();
    let op = async || {
        let mut bytes = [0; 6];
        assert_eq!(stdin().read(&mut bytes).await.unwrap(), 6);
        assert_eq!(&bytes, b"one\ntw");
    };
    cut_input("Stdin::read", op, "o\nthree").await;
}

#[tokio::test]
async fn read_line() {
    chaos::alone!();
    let op = async || {
        let mut line = String::new();
        assert_eq!(stdin().read_line(&mut line).await.unwrap(), 4);
        assert_eq!(line, "one\n");
    };
    cut_input("Stdin::read_line", op, "two\nthree").await;
}

#[tokio::test]
async fn read_to_end() {
    chaos::alone!();
    let op = async || {
        let mut all = Vec::new();
        assert_eq!(stdin().read_to_end(&mut all).await.unwrap(), 13);
    };
    cut_input("Stdin::read_to_end", op, "").await;
}

#[tokio::test]
async fn read_to_string() {
    chaos::alone!();
    let op = async || {
        let mut all = String::new();
        stdin().read_to_string(&mut all).await.unwrap();
        assert_eq!(all, INPUT);
    };
    cut_input("Stdin::read_to_string", op, "").await;
}

#[tokio::test]
async fn lines() {
    chaos::alone!();
    let op = async || {
        let lines = stdin().lines().await.unwrap();
        assert_eq!(lines, ["one", "two", "three"]);
    };
    cut_input("Stdin::lines", op, "").await;
}

#[tokio::test]
async fn next() {
    chaos::alone!();
    let op = async || {
        let mut lines = stdin().lines().stream();
        assert_eq!(lines.next().await.unwrap().unwrap(), "one");
    };
    cut_input("StdinLines::next", op, "two\nthree").await;
}

struct World {
    folder: Folder,
    redirected: Option<Redirected>,
}

impl World {
    async fn new() -> Self {
        let folder = Folder::new();
        let out = File::create(folder.file("out")).unwrap();
        Self {
            redirected: Some(Redirected::to(out)),
            folder,
        }
    }

    /// What was written, when everything is.
    async fn written(mut self) -> Vec<u8> {
        stdout().write_all(b"END").await.unwrap();
        stdout().flush().await.unwrap();
        drop(self.redirected.take());
        fs::read(self.folder.file("out")).unwrap()
    }
}

#[tokio::test]
async fn write_all() {
    chaos::alone!();
    cuts::every("Output::write_all")
        .world(World::new)
        .run(
            async |_| {
                let mut out = stdout();
                // It fills the buffer, so the next one waits.
                out.write_all(&[b'1'; 100_000]).await.unwrap();
                out.write_all(&[b'2'; 100_000]).await.unwrap();
            },
            async |world, cut: Cut| {
                let written = world.written().await;
                let whole = [100_000 + 3, 200_000 + 3, 3];
                assert!(whole.contains(&written.len()), "{} {cut:?}", written.len());
                assert!(!cut.completed || written.len() == 200_003);
            },
        )
        .await;
    // Without a buffer it waits itself.
    cuts::every("Output::write_all of the standard error")
        .world(async || ())
        .run(
            async |(): &mut ()| stderr().write_all(b"cut\n").await.unwrap(),
            async |(), _| stderr().write_all(b"next\n").await.unwrap(),
        )
        .await;
}

#[tokio::test]
async fn flush() {
    chaos::alone!();
    cuts::every("Output::flush")
        .world(World::new)
        .run(
            async |_| {
                let mut out = stdout();
                out.write_all(b"flushed").await.unwrap();
                out.flush().await.unwrap();
            },
            async |world, cut: Cut| {
                let written = world.written().await;
                let expected: &[u8] = match cut.polls == 0 && !cut.completed {
                    true => b"END",
                    false => b"flushedEND",
                };
                assert_eq!(written, expected, "{cut:?}");
            },
        )
        .await;
}
