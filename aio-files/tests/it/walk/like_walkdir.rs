//! The same trees, walked by walkdir: the same entries and the same errors.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use aio_files::walk::{Entry, FileType, Walk};
use aio_files::{PathError, walk};
use walkdir::{DirEntry, WalkDir};

use super::tree::{Dice, grow};
use super::{all, assert_same, rest};
use crate::folder::Folder;

/// What both know of an item.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Entry {
        path: PathBuf,
        depth: usize,
        kind: String,
        by_link: bool,
        inode: u64,
    },
    Loop {
        path: PathBuf,
        ancestor: PathBuf,
    },
    Failed {
        path: PathBuf,
        kind: String,
    },
}

fn ours(item: io::Result<Entry>) -> Item {
    match item {
        Ok(entry) => Item::Entry {
            path: entry.path().to_owned(),
            depth: entry.depth(),
            kind: format!("{:?}", entry.file_type()),
            by_link: entry.path_is_symlink(),
            inode: entry.ino(),
        },
        Err(error) => {
            let inside = PathError::of(&error).unwrap();
            let path = inside.path().to_owned();
            match inside.to() {
                Some(ancestor) => {
                    assert_eq!(inside.raw_os_error(), Some(40));
                    let ancestor = ancestor.to_owned();
                    Item::Loop { path, ancestor }
                }
                None => Item::Failed {
                    path,
                    kind: format!("{:?}", error.kind()),
                },
            }
        }
    }
}

fn theirs(item: walkdir::Result<DirEntry>) -> Item {
    use std::os::unix::fs::FileTypeExt;
    use walkdir::DirEntryExt;

    match item {
        Ok(entry) => {
            let kind = entry.file_type();
            let kind = match () {
                () if kind.is_dir() => FileType::Dir,
                () if kind.is_file() => FileType::File,
                () if kind.is_symlink() => FileType::Symlink,
                () if kind.is_fifo() => FileType::Fifo,
                () if kind.is_socket() => FileType::Socket,
                () if kind.is_char_device() => FileType::CharDevice,
                () if kind.is_block_device() => FileType::BlockDevice,
                () => FileType::Unknown,
            };
            Item::Entry {
                path: entry.path().to_owned(),
                depth: entry.depth(),
                kind: format!("{kind:?}"),
                by_link: entry.path_is_symlink(),
                inode: entry.ino(),
            }
        }
        Err(error) => {
            let path = error.path().unwrap().to_owned();
            match error.loop_ancestor() {
                Some(ancestor) => Item::Loop {
                    path,
                    ancestor: ancestor.to_owned(),
                },
                None => Item::Failed {
                    path,
                    kind: format!("{:?}", error.io_error().unwrap().kind()),
                },
            }
        }
    }
}

/// The same options for both.
fn both(root: &Path, dice: &mut Dice) -> (Walk, WalkDir, String) {
    let mut said = String::new();
    let mut mine = walk(root).sorted();
    let mut other = WalkDir::new(root).sort_by_file_name();
    if dice.below(2) == 0 {
        said += " follow";
        mine = mine.follow_links();
        other = other.follow_links(true);
    }
    if dice.below(3) == 0 {
        said += " contents_first";
        mine = mine.contents_first();
        other = other.contents_first(true);
    }
    if dice.below(3) == 0 {
        said += " same_file_system";
        mine = mine.same_file_system();
        other = other.same_file_system(true);
    }
    if dice.below(2) == 0 {
        let (least, more) = (dice.below(4), dice.below(4));
        said += &format!(" {least}..={}", least + more);
        mine = mine.min_depth(least).max_depth(least + more);
        other = other.max_depth(least + more).min_depth(least);
    }
    if dice.below(2) == 0 {
        let open = 2 + dice.below(3);
        said += &format!(" open {open}");
        mine = mine.max_open(open);
    }
    (mine, other, said)
}

#[tokio::test]
async fn the_same_entries_and_errors() {
    let (mut entries, mut loops, mut errors) = (0, 0, 0);
    for seed in 0..60 {
        let folder = Folder::new();
        let root = folder.file("root");
        let mut dice = Dice(seed);
        grow(&root, &mut dice);
        for _ in 0..12 {
            let (mine, other, said) = both(&root, &mut dice);
            let found: Vec<_> = all(mine).await.into_iter().map(ours).collect();
            let expected: Vec<_> = other.into_iter().map(theirs).collect();
            assert_same(&found, &expected, &format!("seed {seed}{said}"));
            for item in found {
                match item {
                    Item::Entry { .. } => entries += 1,
                    Item::Loop { .. } => loops += 1,
                    Item::Failed { .. } => errors += 1,
                }
            }
        }
        // In the order of the folder, which is the same for both.
        let found: Vec<_> = all(walk(&root)).await.into_iter().map(ours).collect();
        let expected: Vec<_> = WalkDir::new(&root).into_iter().map(theirs).collect();
        assert_same(&found, &expected, &format!("seed {seed}"));
        folder.closed().await;
    }
    assert!(entries > 10_000 && loops > 50 && errors > 500);
    println!("entries={entries} loops={loops} errors={errors}");
}

#[tokio::test]
async fn skipping_and_filtering_leave_out_the_same() {
    let mut skipped = 0;
    for seed in 100..150 {
        let folder = Folder::new();
        let root = folder.file("root");
        let mut dice = Dice(seed);
        grow(&root, &mut dice);
        for links in [false, true] {
            let least = dice.below(4);
            let mut mine = walk(&root).sorted().min_depth(least);
            if links {
                mine = mine.follow_links();
            }
            let sorted = || {
                let all = WalkDir::new(&root).sort_by_file_name();
                all.follow_links(links).min_depth(least)
            };
            // Where to skip goes by the number of the entry.
            let skips: Vec<usize> = (0..8).map(|_| 1 + dice.below(40)).collect();
            let mut stream = mine.clone().stream();
            let mut found = Vec::new();
            while let Some(item) = stream.next().await {
                let is_entry = item.is_ok();
                found.push(ours(item));
                if is_entry && skips.contains(&found.len()) {
                    stream.skip_current_dir();
                    skipped += 1;
                }
            }
            let mut expected = Vec::new();
            let mut other = sorted().into_iter();
            while let Some(item) = other.next() {
                let is_entry = item.is_ok();
                expected.push(theirs(item));
                if is_entry && skips.contains(&expected.len()) {
                    other.skip_current_dir();
                }
            }
            assert_same(
                &found,
                &expected,
                &format!("seed {seed}, links {links}, from {least}, {skips:?}"),
            );

            let filtered = mine.filter_entry(|entry| entry.ino() % 4 != 0);
            let found: Vec<_> = all(filtered).await.into_iter().map(ours).collect();
            let other = sorted().into_iter().filter_entry(|entry| {
                use walkdir::DirEntryExt;
                entry.ino() % 4 != 0
            });
            let expected: Vec<_> = other.map(theirs).collect();
            assert_same(&found, &expected, &format!("seed {seed}, links {links}"));
        }
    }
    assert!(skipped > 100);
}

#[tokio::test]
async fn a_skip_with_contents_first_leaves_out_the_rest_of_the_folder_around() {
    let folder = Folder::new();
    let root = folder.file("root");
    for path in ["a/b/x", "a/c/x", "d/x"] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    let mut stream = walk(&root).sorted().contents_first().stream();
    let mut found = Vec::new();
    while let Some(entry) = stream.next().await {
        let path = entry.unwrap().into_path();
        if path.ends_with("b") {
            stream.skip_current_dir();
        }
        found.push(path.strip_prefix(&root).unwrap().to_owned());
    }
    let expected = ["a/b/x", "a/b", "a", "d/x", "d", ""].map(PathBuf::from);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn roots_of_every_kind() {
    let folder = Folder::new();
    let file = folder.with("file", "");
    let real = folder.file("real");
    fs::create_dir_all(real.join("sub")).unwrap();
    let links = ["to-file", "to-real", "to-nothing", "to-itself"].map(|name| folder.file(name));
    symlink("file", &links[0]).unwrap();
    symlink("real", &links[1]).unwrap();
    symlink("nowhere", &links[2]).unwrap();
    symlink("to-itself", &links[3]).unwrap();
    let missing = folder.file("missing");
    let mut with_slash = real.clone().into_os_string();
    with_slash.push("/");
    let dotted = folder.file("real/../real/./");
    let mut roots = vec![
        file,
        real,
        missing,
        with_slash.into(),
        dotted,
        PathBuf::new(),
    ];
    roots.extend(links);
    for root in roots {
        for follow in [false, true] {
            let mut mine = walk(&root).sorted();
            if follow {
                mine = mine.follow_links();
            }
            let found: Vec<_> = all(mine.clone()).await.into_iter().map(ours).collect();
            let other = WalkDir::new(&root).sort_by_file_name().follow_links(follow);
            let expected: Vec<_> = other.into_iter().map(theirs).collect();
            assert_same(&found, &expected, &root.display().to_string());
            assert_eq!(
                mine.await.is_ok(),
                expected
                    .iter()
                    .all(|item| matches!(item, Item::Entry { .. }))
            );
        }
    }
}

#[tokio::test]
async fn metadata_is_of_the_target_where_a_link_was_followed() {
    let folder = Folder::new();
    folder.with("file", "0123456789");
    symlink("file", folder.file("link")).unwrap();
    for (follow, is_link) in [(false, true), (true, false)] {
        let mut walk = walk(folder.path()).sorted();
        if follow {
            walk = walk.follow_links();
        }
        let entries = walk.await.unwrap();
        let link = &entries[2];
        assert_eq!(link.file_name(), "link");
        let metadata = link.metadata().await.unwrap();
        assert_eq!(metadata.is_symlink(), is_link);
        assert_eq!(metadata.ino(), link.ino());
        assert!(link.path_is_symlink());
    }
    let entries = walk(folder.path()).sorted().await.unwrap();
    fs::remove_file(folder.file("file")).unwrap();
    let error = entries[1].metadata().await.unwrap_err();
    assert_eq!(
        crate::folder::inside(&error),
        ("stat", folder.file("file"), Some(2))
    );
}

#[tokio::test]
async fn another_file_system_is_given_and_not_entered() {
    let device = |path: &str| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let mounted = ["/dev/shm", "/dev/pts", "/dev/mqueue"];
    let Some(mount) = mounted
        .iter()
        .find(|path| device(path).is_some() && device(path) != device("/dev"))
    else {
        return chaos::skip::because("nothing is mounted below /dev");
    };
    let file = tempfile::NamedTempFile::new_in("/dev/shm");
    let entries = walk("/dev").same_file_system().sorted().await.unwrap();
    assert!(entries.iter().any(|entry| entry.path() == Path::new(mount)));
    let inside = |entry: &&Entry| entry.path().starts_with(mount) && entry.depth() > 1;
    assert_eq!(entries.iter().find(inside), None);
    drop(file);
}

#[tokio::test]
async fn nothing_after_the_end() {
    use futures_core::{FusedStream, Stream};

    let folder = Folder::new();
    let mut stream = walk(folder.path()).stream();
    assert_eq!(stream.size_hint(), (0, None));
    assert_eq!(rest(&mut stream).await.len(), 1);
    assert!(stream.is_terminated());
    assert_eq!(stream.size_hint(), (0, Some(0)));
    assert!(stream.next().await.is_none());
    stream.skip_current_dir();
    assert!(stream.next().await.is_none());
}
