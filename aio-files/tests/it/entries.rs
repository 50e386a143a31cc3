//! What is in a folder: whole, as names, and as a stream.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, symlink};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aio_files::os::{self, Entry, list_dir, read_dir};
use chaos::watchdog;
use futures_core::{FusedStream, Stream};

use crate::folder::{Folder, begin, inside, poll_once};
use crate::streams::longest_run;

/// Everything that a stream gives; the hints that it gives meanwhile must be true.
async fn all(path: &Path) -> Vec<std::io::Result<Entry>> {
    let mut entries = read_dir(path).stream();
    let (mut found, mut hints) = (Vec::new(), vec![entries.size_hint()]);
    assert!(!entries.is_terminated());
    while let Some(entry) = watchdog::future("an entry", entries.next()).await {
        found.push(entry);
        hints.push(entries.size_hint());
    }
    assert!(entries.is_terminated());
    assert_eq!(entries.size_hint(), (0, Some(0)));
    assert!(entries.next().await.is_none());
    for (given, (least, most)) in hints.into_iter().enumerate() {
        let left = found.len() - given;
        assert!(least <= left && most.is_none_or(|most| left <= most));
    }
    found
}

fn many(folder: &Path, count: usize) -> BTreeSet<OsString> {
    let names: BTreeSet<_> = (0..count).map(|n| format!("{n}").into()).collect();
    for name in &names {
        fs::File::create(folder.join(name)).unwrap();
    }
    names
}

#[tokio::test]
async fn entries_are_std_s() {
    let folder = Folder::new();
    for name in [
        b"file".as_slice(),
        b"line\nfeed",
        b"not UTF-8 \xff",
        &[b'l'; 255],
        b" ",
    ] {
        fs::write(folder.path().join(OsStr::from_bytes(name)), "x").unwrap();
    }
    fs::create_dir(folder.file("folder")).unwrap();
    symlink("folder", folder.file("link")).unwrap();
    symlink("nowhere", folder.file("dangling")).unwrap();
    folder.fifo("fifo");
    let _socket = std::os::unix::net::UnixListener::bind(folder.file("socket")).unwrap();

    let std: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            (entry.file_name(), entry.path(), kind, entry.ino())
        })
        .collect();
    let ours = |entry: &Entry| {
        let name = entry.file_name().to_owned();
        (name, entry.path(), entry.file_type(), entry.inode())
    };
    let whole = read_dir(folder.path()).await.unwrap();
    assert_eq!(whole.iter().map(ours).collect::<Vec<_>>(), std);
    let streamed: Vec<_> = all(folder.path()).await;
    let streamed = streamed.iter().map(|entry| ours(entry.as_ref().unwrap()));
    assert_eq!(streamed.collect::<Vec<_>>(), std);
    let names = list_dir(folder.path()).await.unwrap();
    assert!(names.iter().eq(std.iter().map(|(name, ..)| name)));
    for entry in &whole {
        let metadata = entry.metadata().await.unwrap();
        assert_eq!(metadata.file_type(), entry.file_type(), "{entry:?}");
    }
    folder.closed().await;

    fs::create_dir(folder.file("empty")).unwrap();
    assert!(all(&folder.file("empty")).await.is_empty());
    assert!(list_dir(folder.file("empty")).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_can_t_be_listed_is_one_error_that_names_the_folder() {
    let folder = Folder::new();
    folder.with("file", "");
    symlink("loop", folder.file("loop")).unwrap();
    let mut bad = vec![
        (folder.file("nothing"), Some(2)),
        (folder.file("file"), Some(20)),
        (folder.file("loop"), Some(40)),
        (folder.fifo("fifo"), Some(20)),
        (folder.file(&"l".repeat(256)), Some(36)),
        (folder.file("n\0ul"), None),
        ("".into(), Some(2)),
    ];
    for (path, code) in bad.drain(..) {
        let mut found = all(&path).await;
        let streamed = found.pop().unwrap().unwrap_err();
        assert!(found.is_empty());
        let listed = watchdog::future("a list", list_dir(&path)).await;
        let whole = read_dir(&path).await;
        for error in [streamed, listed.unwrap_err(), whole.unwrap_err()] {
            assert_eq!(inside(&error), ("list", path.clone(), code), "{error}");
        }
    }
}

#[tokio::test]
async fn an_entry_that_is_gone_is_named_by_its_metadata() {
    let folder = Folder::new();
    let path = folder.with("x", "");
    let entries = read_dir(folder.path()).await.unwrap();
    fs::remove_file(&path).unwrap();
    let error = entries[0].metadata().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(inside(&error), ("stat", path, Some(2)));
}

#[tokio::test]
async fn entries_may_vanish_and_others_come_while_they_are_listed() {
    let folder = Folder::new();
    let mut names = many(folder.path(), 5000);
    let kept = names.split_off(OsStr::new("5"));
    let mut entries = read_dir(folder.path()).stream();
    let mut found = Vec::new();
    for name in names.iter() {
        fs::remove_file(folder.path().join(name)).unwrap();
        folder.with(&format!("new {}", name.display()), "");
        for _ in 0..3 {
            let next = watchdog::future("an entry", entries.next()).await;
            found.extend(next.map(|entry| entry.unwrap().file_name().to_owned()));
        }
    }
    while let Some(entry) = watchdog::future("an entry", entries.next()).await {
        found.push(entry.unwrap().file_name().to_owned());
    }
    // What was there all the time is there; tmpfs gives some of it twice.
    let found: BTreeSet<_> = found.into_iter().collect();
    assert!(found.is_superset(&kept));
    folder.closed().await;
}

#[tokio::test]
async fn a_folder_that_is_removed_meanwhile_ends() {
    let folder = Folder::in_memory();
    let path = folder.file("sub");
    fs::create_dir(&path).unwrap();
    many(&path, 3000);
    let mut entries = read_dir(&path).stream();
    assert!(entries.next().await.unwrap().is_ok());
    fs::remove_dir_all(&path).unwrap();
    let mut found = 1;
    while let Some(entry) = watchdog::future("an entry", entries.next()).await {
        entry.unwrap();
        found += 1;
    }
    assert!(found <= 3000);
    assert_eq!(all(&path).await.len(), 1, "an error");
}

#[tokio::test]
async fn nothing_is_opened_before_the_first_poll_nor_left_after_the_drop() {
    let folder = Folder::in_memory();
    many(folder.path(), 5000);
    let builder = read_dir(folder.path());
    let mut entries = builder.clone().stream();
    assert_eq!(folder.descriptors(), 0);
    drop(builder.stream());
    assert!(entries.next().await.is_some());
    // As much work as it is to read all of it: whoever reads ahead without an
    // end would be at the end, and have closed.
    for _ in 0..3 {
        assert_eq!(list_dir(folder.path()).await.unwrap().len(), 5000);
    }
    assert_eq!(folder.descriptors(), 1);
    drop(entries);
    folder.closed().await;

    // Cut at any time.
    for polls in 0..20 {
        let mut entries = read_dir(folder.path()).stream();
        for _ in 0..polls {
            drop(poll_once(pin!(entries.next())));
            std::thread::yield_now();
        }
        drop(entries);
    }
    folder.closed().await;
}

#[tokio::test]
async fn a_stream_lets_others_run() {
    let folder = Folder::new();
    many(folder.path(), 500);
    let mut entries = read_dir(folder.path()).stream();
    entries.next().await.unwrap().unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    let beside = Arc::clone(&ran);
    tokio::spawn(async move { beside.store(true, Ordering::Relaxed) });
    // Those of one batch are there already, and still the other task has its turn.
    let mut given = 1;
    while entries.next().await.is_some() {
        given += 1;
        if given == 300 {
            assert!(ran.load(Ordering::Relaxed));
        }
    }
    assert_eq!(given, 500);
}

#[test]
fn without_a_runtime_a_stream_pauses_too() {
    let folder = Folder::new();
    many(folder.path(), 2000);
    let (given, longest) = longest_run(read_dir(folder.path()).stream());
    assert_eq!(given, 2000);
    assert!(longest <= 257, "{longest}");
}

#[tokio::test]
async fn a_listing_waits_for_what_is_done_to_the_folder() {
    let folder = Folder::new();
    for round in 0..200 {
        let path = folder.file("sub");
        let creating = begin(os::create_dir_all(&path));
        match round % 3 {
            0 => assert!(list_dir(&path).await.unwrap().is_empty()),
            1 => assert!(read_dir(&path).await.unwrap().is_empty()),
            _ => assert!(all(&path).await.is_empty(), "round {round}"),
        }
        creating.end().await.unwrap();
        fs::remove_dir(&path).unwrap();
    }
}

/// The most memory that this process has had, in KiB.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

#[test]
fn a_hundred_thousand_entries_take_little_memory() {
    chaos::alone!();
    const COUNT: usize = 100_000;
    let folder = Folder::in_memory();
    for n in 0..COUNT {
        // Long names: a list of them all is more than 20 MiB.
        let path = folder.file(&format!("{n:0200}"));
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::RegularFile,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let before = most_memory();
    let mut sum = 0;
    runtime.block_on(async {
        let mut entries = read_dir(folder.path()).stream();
        while let Some(entry) = entries.next().await {
            let name = entry.unwrap().file_name().to_owned();
            sum += name.to_str().unwrap().parse::<usize>().unwrap();
        }
    });
    assert_eq!(sum, COUNT * (COUNT - 1) / 2);
    let streamed = most_memory() - before;
    let listed = runtime.block_on(list_dir(folder.path())).unwrap().len();
    assert_eq!(listed, COUNT);
    let whole = most_memory() - before;
    println!("entries={COUNT} streamed={streamed} KiB, as a list {whole} KiB");
    assert!(streamed < 8 * 1024 && streamed * 2 < whole);
}
