//! Trees that change while they are walked, and what may not be opened.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use aio_files::walk;
use aio_files::walk::Entry;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use walkdir::{DirEntry, WalkDir};

use super::all;
use crate::folder::{Folder, inside};

/// The last name of every file outside of the tree.
const OUTSIDE: &str = "escaped";

/// A tree in which another thread swaps a folder for a link that leads outside,
/// as often as it can.
struct Swaps {
    folder: Folder,
    count: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    swapper: Option<JoinHandle<()>>,
}

/// A tree with a folder `swapped`, and beside it a link that leads outside.
fn tree_and_link() -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(folder.file("outside/deep/er")).unwrap();
    for place in ["outside", "outside/deep", "outside/deep/er"] {
        fs::write(folder.file(place).join(OUTSIDE), "").unwrap();
    }
    for inside in ["swapped/deep/er", "swapped/z", "z"] {
        fs::create_dir_all(folder.file("root").join(inside)).unwrap();
    }
    symlink(folder.file("outside"), folder.file("other")).unwrap();
    folder
}

impl Swaps {
    fn new() -> Self {
        let folder = tree_and_link();
        let (one, other) = (folder.file("root/swapped"), folder.file("other"));
        let (count, over) = (Arc::default(), Arc::default());
        let swapper = std::thread::spawn({
            let (count, over) = (Arc::clone(&count), Arc::clone(&over));
            move || {
                while !AtomicBool::load(&over, Ordering::Relaxed) {
                    renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                    AtomicUsize::fetch_add(&count, 1, Ordering::Relaxed);
                }
            }
        });
        Self {
            folder,
            count,
            over,
            swapper: Some(swapper),
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.file("root")
    }

    /// Lets a swap or some pass between the sight of a folder and its opening.
    fn meanwhile(&self) -> impl Fn(&Entry) -> bool + Send + Sync + 'static {
        let (count, over) = (Arc::clone(&self.count), Arc::clone(&self.over));
        let calls = AtomicUsize::new(0);
        move |entry| {
            if entry.is_dir() && entry.depth() > 0 {
                let more = 1 + calls.fetch_add(1, Ordering::Relaxed) % 2;
                let then = count.load(Ordering::Relaxed) + more;
                while count.load(Ordering::Relaxed) < then && !over.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
            }
            true
        }
    }
}

impl Drop for Swaps {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.swapper.take().map(JoinHandle::join);
        assert!(ended.is_some_and(|ended| ended.is_ok()) || std::thread::panicking());
    }
}

#[derive(Debug, Default)]
struct Found {
    escaped: usize,
    refused: usize,
    walks: usize,
}

#[tokio::test]
async fn swaps_lead_nowhere_outside() {
    const WALKS: usize = 500;
    let swaps = Swaps::new();
    let root = swaps.root();
    let mut found = Found::default();
    while found.walks < WALKS {
        let mut walk = walk(&root).filter_entry(swaps.meanwhile());
        if found.walks % 2 == 0 {
            walk = walk.sorted();
        }
        if found.walks % 3 == 0 {
            walk = walk.max_open(2);
        }
        if found.walks % 5 == 0 {
            walk = walk.gitignore();
        }
        for item in all(walk).await {
            match item {
                Ok(entry) => {
                    assert!(entry.path().starts_with(&root));
                    found.escaped += usize::from(entry.file_name() == OUTSIDE);
                }
                Err(error) => {
                    // No folder: never anything else.
                    assert_eq!(inside(&error), ("open", root.join("swapped"), Some(20)));
                    found.refused += 1;
                }
            }
        }
        found.walks += 1;
    }
    let count = swaps.count.load(Ordering::Relaxed);
    assert_eq!(found.escaped, 0, "{found:?}, {count} swaps");
    // Walks did meet a folder that had become a link.
    assert!(found.refused > WALKS / 20, "{found:?}, {count} swaps");
    println!("swaps={count} {found:?}");
    drop(swaps);
}

/// The control: walkdir opens by path, and gets out. It sorts between the sight of
/// a folder and its opening.
#[test]
fn the_same_swap_leads_a_walk_by_path_outside() {
    let folder = tree_and_link();
    let (one, other) = (folder.file("root/swapped"), folder.file("other"));
    let mut swapped = false;
    let walk = WalkDir::new(folder.file("root")).sort_by(move |a, b| {
        if !std::mem::replace(&mut swapped, true) {
            renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
        }
        a.file_name().cmp(b.file_name())
    });
    let entries: Vec<DirEntry> = walk.into_iter().filter_map(Result::ok).collect();
    assert!(entries.iter().any(|entry| entry.file_name() == OUTSIDE));
}

#[tokio::test]
async fn what_is_swapped_or_vanishes_between_its_entry_and_its_opening_is_one_error() {
    let folder = Folder::new();
    let outside = folder.file("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join(OUTSIDE), "").unwrap();
    let root = folder.file("root");
    for name in ["a", "b", "c"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("c/x"), "").unwrap();
    // The closure runs when the entry has been seen and before it is opened.
    let items = all(walk(&root).sorted().filter_entry(move |entry| {
        if entry.file_name() == "a" {
            fs::remove_dir(entry.path()).unwrap();
        }
        if entry.file_name() == "b" {
            fs::remove_dir(entry.path()).unwrap();
            symlink(&outside, entry.path()).unwrap();
        }
        true
    }))
    .await;
    let said: Vec<_> = items
        .iter()
        .map(|item| match item {
            Ok(entry) => ("", entry.path().to_owned(), None),
            Err(error) => inside(error),
        })
        .collect();
    let expected = [
        ("", root.clone(), None),
        ("", root.join("a"), None),
        ("open", root.join("a"), Some(2)),
        ("", root.join("b"), None),
        ("open", root.join("b"), Some(20)),
        ("", root.join("c"), None),
        ("", root.join("c/x"), None),
    ];
    assert_eq!(said, expected);
    let error = walk(root.join("a")).await.unwrap_err();
    assert_eq!(inside(&error), ("walk", root.join("a"), Some(2)));
}

#[tokio::test]
async fn a_closed_folder_is_found_again_and_not_mistaken_for_another() {
    let folder = Folder::new();
    let root = folder.file("root");
    let outside = folder.file("outside");
    fs::create_dir_all(outside.join("z")).unwrap();
    fs::write(outside.join("z").join(OUTSIDE), "").unwrap();
    for (moved, put_back, given) in [
        // The folder below is elsewhere: the way is from the root.
        ("a/b", false, true),
        // The closed folder is, and another is in its place: it is the one below
        // that leads there.
        ("a", true, true),
        ("a", false, true),
    ] {
        fs::create_dir_all(root.join("a/b/c/d")).unwrap();
        fs::create_dir_all(root.join("a/z")).unwrap();
        fs::write(root.join("a/z/x"), "").unwrap();
        let (from, to) = (root.join(moved), outside.join("moved"));
        let walk = walk(&root).sorted().max_open(2).filter_entry(move |entry| {
            if entry.file_name() == "d" {
                fs::rename(&from, &to).unwrap();
                if put_back {
                    fs::create_dir_all(from.join("z")).unwrap();
                    fs::write(from.join("z").join(OUTSIDE), "").unwrap();
                }
            }
            true
        });
        let mut items = all(walk).await;
        items.retain(|item| {
            item.as_ref()
                .is_ok_and(|entry| entry.depth() == 3 && !entry.is_dir())
        });
        let names: Vec<_> = items
            .iter()
            .map(|item| item.as_ref().unwrap().file_name())
            .collect();
        assert_eq!(names == ["x"], given, "{moved} {names:?}");
        fs::remove_dir_all(&root).unwrap();
        fs::remove_dir_all(outside.join("moved")).unwrap();
    }
    // Both are elsewhere: nothing leads there, and each folder left is an error.
    fs::create_dir_all(root.join("a/b/c/d")).unwrap();
    fs::create_dir_all(root.join("a/z")).unwrap();
    let place = root.clone();
    let walk = walk(&root).sorted().max_open(2).filter_entry(move |entry| {
        if entry.file_name() == "d" {
            fs::rename(place.join("a/b"), outside.join("b")).unwrap();
            fs::rename(place.join("a"), outside.join("a")).unwrap();
            fs::create_dir_all(place.join("a/z")).unwrap();
            fs::write(place.join("a/z").join(OUTSIDE), "").unwrap();
        }
        true
    });
    let items = all(walk).await;
    let errors: Vec<_> = items
        .iter()
        .filter_map(|item| item.as_ref().err())
        .collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(inside(errors[0]), ("open", root.join("a/z"), None));
    let escaped = |item: &&std::io::Result<Entry>| {
        item.as_ref()
            .is_ok_and(|entry| entry.file_name() == OUTSIDE)
    };
    assert_eq!(items.iter().filter(escaped).count(), 0);
}

/// Where the test of permissions leaves its tree for the process that walks it.
const CLOSED: &str = "AIO_FILES_CLOSED_TREE";

#[test]
fn a_folder_without_permission_is_one_error() {
    let folder = Folder::new();
    let root = folder.file("root");
    for name in ["a", "b", "c"] {
        fs::create_dir_all(root.join(name)).unwrap();
        fs::write(root.join(name).join("x"), "").unwrap();
    }
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.path(), 0o755);
    mode(&root.join("b"), 0);
    fs::write(root.join("c/.ignore"), "x").unwrap();
    mode(&root.join("c/.ignore"), 0);
    // The administrator may open everything, so somebody else looks.
    let program = folder.file("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    command
        .args([
            "--exact",
            "walk::hostile::in_a_closed_tree",
            "--ignored",
            "--nocapture",
        ])
        .env(CLOSED, &root)
        .current_dir("/");
    if rustix::process::geteuid().is_root() {
        use std::os::unix::process::CommandExt;
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    mode(&root.join("b"), 0o755);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[tokio::test]
#[ignore = "it is run by the test of permissions, as somebody else"]
async fn in_a_closed_tree() {
    let root = std::path::PathBuf::from(std::env::var_os(CLOSED).unwrap());
    for contents_first in [false, true] {
        let mut walk = walk(&root).sorted();
        if contents_first {
            walk = walk.contents_first();
        }
        let items = all(walk).await;
        let errors: Vec<_> = items
            .iter()
            .filter_map(|item| item.as_ref().err())
            .collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(inside(errors[0]), ("open", root.join("b"), Some(13)));
        // The folder itself, and all but what is in it.
        assert_eq!(items.len(), 1 + 7);
    }
    let items = all(walk(&root).gitignore().sorted()).await;
    let errors: Vec<_> = items
        .iter()
        .filter_map(|item| item.as_ref().err())
        .collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(
        inside(errors[1]),
        ("read", root.join("c/.ignore"), Some(13))
    );
}
