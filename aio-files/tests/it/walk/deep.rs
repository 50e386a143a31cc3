//! Trees that are deeper than paths, stacks and descriptors go.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aio_files::walk;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};

use crate::folder::Folder;

const DEPTH: usize = 10_000;
/// Each so many levels there is another folder beside the way down.
const BESIDE: usize = 100;

/// Folders in folders, by descriptors: the path would be too long.
struct Deep {
    folder: Folder,
}

fn open(from: impl rustix::fd::AsFd, name: &str) -> OwnedFd {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(from, name, flags, Mode::empty()).unwrap()
}

impl Deep {
    fn new() -> Self {
        let folder = Folder::new();
        let mut at = openat(CWD, folder.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        for depth in 0..DEPTH {
            mkdirat(&at, "d", Mode::RWXU).unwrap();
            if depth % BESIDE == 0 {
                mkdirat(&at, "z", Mode::RWXU).unwrap();
                mkdirat(open(&at, "z"), "in", Mode::RWXU).unwrap();
            }
            at = open(&at, "d");
        }
        Self { folder }
    }
}

impl Drop for Deep {
    fn drop(&mut self) {
        let mut at = openat(CWD, self.folder.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..DEPTH {
            at = open(&at, "d");
        }
        for depth in (0..DEPTH).rev() {
            at = open(&at, "..");
            unlinkat(&at, "d", AtFlags::REMOVEDIR).unwrap();
            if depth % BESIDE == 0 {
                unlinkat(open(&at, "z"), "in", AtFlags::REMOVEDIR).unwrap();
                unlinkat(&at, "z", AtFlags::REMOVEDIR).unwrap();
            }
        }
    }
}

/// The descriptors of this process that lead below a path, however long theirs is.
fn descriptors_below(path: &Path) -> usize {
    let own = openat(CWD, path, OFlags::DIRECTORY, Mode::empty()).unwrap();
    let device = rustix::fs::fstat(&own).unwrap().st_dev;
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| number(entry.ok()?))
        .filter(|number| {
            let path = format!("/proc/self/fd/{number}");
            rustix::fs::stat(path.as_str()).is_ok_and(|stat| {
                stat.st_dev == device
                    && rustix::fs::FileType::from_raw_mode(stat.st_mode)
                        == rustix::fs::FileType::Directory
            })
        })
        .count()
        - 1
}

#[test]
fn ten_thousand_levels_take_neither_descriptors_nor_stack() {
    // Other tests have folders open as well.
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let deep = Deep::new();
        let before = descriptors_below(deep.folder.path());
        for (walk, folders) in [
            (walk(deep.folder.path()).sorted(), 10),
            (walk(deep.folder.path()).max_open(2), 2),
            (walk(deep.folder.path()).sorted().follow_links(), 10),
            (walk(deep.folder.path()).contents_first().max_open(50), 50),
        ] {
            let most = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&most);
            let calls = AtomicUsize::new(0);
            let root = deep.folder.path().to_owned();
            let mut entries = walk
                .filter_entry(move |_| {
                    if calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(50) {
                        seen.fetch_max(descriptors_below(&root), Ordering::Relaxed);
                    }
                    true
                })
                .stream();
            let (mut count, mut deepest) = (0, 0);
            while let Some(entry) = entries.next().await {
                deepest = deepest.max(entry.unwrap().depth());
                count += 1;
            }
            assert_eq!(count, 1 + DEPTH + 2 * DEPTH / BESIDE);
            assert_eq!(deepest, DEPTH);
            let most = most.load(Ordering::Relaxed) - before;
            assert!(most <= folders && most > 1, "{most} of {folders}");
        }
    });
}
