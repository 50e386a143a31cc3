//! The order of operations on paths, of which some have two.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use aio_files::{os, write};
use chaos::watchdog;
use tokio::task::yield_now;

use crate::folder::{Folder, begin, poll_once};

/// When an operation is dropped.
#[derive(Clone, Copy)]
enum Cut {
    AfterPolls(usize),
    /// Once it can be seen that it has begun.
    Begun,
}

impl Cut {
    fn of(round: usize) -> Self {
        match round % 5 {
            4 => Self::Begun,
            polls => Self::AfterPolls(polls),
        }
    }
}

/// Polls an operation, and drops it.
async fn cancelled<T>(cut: Cut, operation: impl Future<Output = T>, begun: impl Fn() -> bool) {
    let mut operation = pin!(operation);
    let mut polls = 0;
    loop {
        match cut {
            Cut::AfterPolls(most) if polls == most => return,
            Cut::Begun if begun() => return,
            _ => {}
        }
        if poll_once(operation.as_mut()).is_ready() {
            return;
        }
        polls += 1;
        yield_now().await;
    }
}

#[tokio::test]
async fn a_cancelled_rename_is_over_before_what_follows_at_either_end() {
    let folder = Folder::new();
    let (a, b) = (folder.file("a"), folder.file("b"));
    let mut renamed = 0;
    for round in 0..300 {
        fs::write(&a, "old").unwrap();
        drop(fs::remove_file(&b));
        cancelled(Cut::of(round), os::rename(&a, &b), || !a.exists()).await;
        match round % 2 {
            0 => {
                write(&a, "new").await.unwrap();
                assert_eq!(fs::read(&a).unwrap(), b"new", "round {round}");
                renamed += usize::from(b.exists());
            }
            _ => {
                write(&b, "new").await.unwrap();
                assert_eq!(fs::read(&b).unwrap(), b"new", "round {round}");
                renamed += usize::from(!a.exists());
            }
        }
    }
    println!("cuts=300 renamed={renamed}");
    assert!(renamed > 0, "no rename had begun");
}

#[tokio::test]
async fn a_folder_is_renamed_after_what_is_written_below_it() {
    let folder = Folder::new();
    let (old, new) = (folder.file("old"), folder.file("new"));
    let megabyte = vec![b'M'; 1 << 20];
    let mut written = 0;
    for round in 0..100 {
        fs::create_dir(&old).unwrap();
        let writing = write(old.join("x"), megabyte.clone());
        cancelled(Cut::of(round), writing, || old.join("x").exists()).await;
        os::rename(&old, &new).await.unwrap();
        if let Ok(found) = fs::read(new.join("x")) {
            written += 1;
            assert!(found == megabyte, "{} bytes, round {round}", found.len());
        }
        fs::remove_dir_all(&new).unwrap();
    }
    println!("cuts=100 written={written}");
    assert!(written > 0, "no write had begun");
}

#[tokio::test]
async fn a_cancelled_removal_of_a_tree_is_over_before_what_is_made_anew() {
    let folder = Folder::in_memory();
    let root = folder.file("root");
    let mut removed = 0;
    for round in 0..60 {
        for n in 0..50 {
            fs::create_dir_all(root.join(format!("{n}/a"))).unwrap();
        }
        let begun = || fs::read_dir(&root).map_or(0, Iterator::count) < 50;
        cancelled(Cut::of(round), os::remove_dir_all(&root), begun).await;
        os::create_dir_all(root.join("49/a")).await.unwrap();
        write(root.join("49/a/x"), "new").await.unwrap();
        let found = fs::read(root.join("49/a/x")).unwrap();
        assert_eq!(found, b"new", "round {round}");
        removed += usize::from(!root.join("0").exists());
    }
    println!("cuts=60 removed={removed}");
    assert!(removed > 0, "no removal had begun");
}

#[tokio::test]
async fn a_folder_is_removed_after_what_is_removed_from_it() {
    let folder = Folder::new();
    let path = folder.file("sub");
    for round in 0..200 {
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "").unwrap();
        let first = begin(os::remove_file(path.join("x")));
        // Begun first, over first, though nobody awaits it yet.
        let removed = os::remove_dir(&path).await;
        assert!(removed.is_ok(), "round {round}: {removed:?}");
        first.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_is_made_after_what_is_written_to_its_source_and_before_what_is_to_its_target() {
    let folder = Folder::new();
    let (from, to) = (folder.file("from"), folder.file("to"));
    let megabyte = vec![b'M'; 1 << 20];
    let (mut written, mut copied) = (0, 0);
    for round in 0..100 {
        fs::write(&from, "old").unwrap();
        let writing = write(&from, megabyte.clone());
        let begun = || fs::metadata(&from).is_ok_and(|from| from.len() != 3);
        cancelled(Cut::of(round), writing, begun).await;
        os::copy(&from, &to).await.unwrap();
        let found = fs::read(&to).unwrap();
        assert!(
            found == b"old" || found == megabyte,
            "{} bytes, round {round}",
            found.len()
        );
        written += usize::from(found == megabyte);

        fs::write(&from, &megabyte).unwrap();
        fs::remove_file(&to).unwrap();
        cancelled(Cut::of(round), os::copy(&from, &to), || to.exists()).await;
        copied += usize::from(to.exists());
        write(&to, "new").await.unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new", "round {round}");
    }
    println!("cuts=200 written={written} copied={copied}");
    assert!(written > 0 && copied > 0, "nothing had begun");
}

/// `a` to `b` and `b` to `a` at once: nobody waits for each other for ever, and
/// the file is there, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_paths_in_opposite_order_are_no_deadlock() {
    let folder = Arc::new(Folder::new());
    let rounds = async {
        let (a, b) = (folder.file("a"), folder.file("b"));
        fs::write(&a, "x").unwrap();
        for round in 0..1000 {
            let tasks: Vec<_> = [(&a, &b), (&b, &a), (&a, &b), (&b, &a)]
                .into_iter()
                .enumerate()
                .map(|(n, (from, to))| (n, from.clone(), to.clone()))
                .map(|(n, from, to): (_, PathBuf, PathBuf)| {
                    tokio::spawn(async move {
                        match (round + n) % 3 {
                            0 => drop(os::same_file(&from, &to).await),
                            1 => {
                                let rename = os::rename(&from, &to);
                                cancelled(Cut::AfterPolls(n % 3), rename, || false).await;
                            }
                            _ => {
                                if let Err(error) = os::rename(from, to).await {
                                    assert_eq!(error.kind(), ErrorKind::NotFound);
                                }
                            }
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            // Behind all of them.
            let left = os::exists(&a).await.unwrap();
            let right = os::exists(&b).await.unwrap();
            assert!(left != right, "round {round}: {left} {right}");
        }
    };
    watchdog::future("two paths in opposite order", rounds).await;
    println!("rounds=1000");
}
