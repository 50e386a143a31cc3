//! The operations on paths, each beside std's answer, on good names and bad ones.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aio_files::PathError;
use aio_files::os::{self, Access, Times};
use chaos::watchdog;

use crate::folder::{Folder, begin, inside};

/// Names that somebody may have, and some that nobody can have.
const NAMES: [&[u8]; 19] = [
    b"file",
    b"folder",
    b"full",
    b"link to file",
    b"link to folder",
    b"dangling",
    b"loop",
    b"fifo",
    b"nothing",
    b"nothing/below",
    b"file/below",
    b"folder/",
    b"file/",
    b"full/..",
    b".",
    b"line\nfeed \x1b[31m",
    b"not UTF-8 \xff\xfe",
    b"n\0ul",
    &[b'l'; 256],
];

const LONGEST: [u8; 255] = [b'l'; 255];

/// All the paths in a tree, and the empty one.
fn paths(root: &Path) -> impl Iterator<Item = PathBuf> {
    let longest: &[u8] = &LONGEST;
    let names = NAMES.into_iter().chain([longest]);
    let paths = names.map(|name| root.join(OsStr::from_bytes(name)));
    let paths: Vec<_> = paths.chain([PathBuf::new()]).collect();
    paths.into_iter()
}

/// A tree with one of each kind. It is two folders deep, so that an operation on
/// `..` stays inside.
fn tree() -> (Folder, PathBuf) {
    let folder = Folder::in_memory();
    let root = folder.file("outer/root");
    fs::create_dir_all(root.join("full/a/b")).unwrap();
    fs::write(root.join("full/a/b/deep"), "deep").unwrap();
    fs::create_dir(root.join("folder")).unwrap();
    for name in [
        b"file".as_slice(),
        &LONGEST,
        b"line\nfeed \x1b[31m",
        b"not UTF-8 \xff\xfe",
    ] {
        fs::write(root.join(OsStr::from_bytes(name)), name).unwrap();
    }
    symlink("file", root.join("link to file")).unwrap();
    symlink("folder", root.join("link to folder")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    folder.fifo("outer/root/fifo");
    (folder, root)
}

/// Two of these, for us and for std, made anew when something has changed in one.
struct Twins {
    ours: (Folder, PathBuf),
    std: (Folder, PathBuf),
    fresh: Tree,
}

impl Twins {
    fn new() -> Self {
        let (ours, std) = (tree(), tree());
        let fresh = everything(ours.0.path());
        Self { ours, std, fresh }
    }

    /// The path of this number in each of them.
    fn paths(&self, index: usize) -> (PathBuf, PathBuf) {
        let path = |root: &Path| paths(root).nth(index).unwrap();
        (path(&self.ours.1), path(&self.std.1))
    }

    /// Asserts that there is the same in both.
    fn compare(&mut self, what: &str) {
        let found = everything(self.ours.0.path());
        assert_eq!(found, everything(self.std.0.path()), "{what}");
        if found != self.fresh {
            *self = Self::new();
        }
    }
}

type Tree = Vec<(PathBuf, u32, u64, Vec<u8>)>;

/// What is in a tree: each path with its kind, mode, content or target.
fn everything(root: &Path) -> Tree {
    fn visit(root: &Path, at: &Path, into: &mut Tree) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = match metadata.file_type() {
                kind if kind.is_file() => fs::read(&path).unwrap(),
                kind if kind.is_symlink() => {
                    let target = fs::read_link(&path).unwrap();
                    target.as_os_str().as_bytes().to_vec()
                }
                _ => Vec::new(),
            };
            let name = path.strip_prefix(root).unwrap().to_owned();
            into.push((name, metadata.mode(), metadata.nlink(), content));
            if metadata.is_dir() {
                visit(root, &path, into);
            }
        }
    }
    let mut found = Vec::new();
    visit(root, root, &mut found);
    found.sort();
    found
}

/// Both succeeded alike or failed alike, and ours says what it was about.
fn alike<T: PartialEq + Debug>(
    verb: &str,
    path: &Path,
    to: Option<&Path>,
    ours: io::Result<T>,
    std: io::Result<T>,
) {
    match (ours, std) {
        (Ok(ours), Ok(std)) => assert_eq!(ours, std, "{verb} {path:?}"),
        (Err(ours), Err(std)) => {
            assert_eq!(ours.kind(), std.kind(), "{verb} {path:?}: {ours}");
            assert_eq!(
                inside(&ours),
                (
                    PathError::of(&ours).unwrap().verb(),
                    path.to_owned(),
                    std.raw_os_error()
                ),
            );
            assert_eq!(inside(&ours).0, verb);
            assert_eq!(PathError::of(&ours).unwrap().to(), to, "{ours}");
            let said = ours.to_string();
            assert!(said.starts_with(&format!("{verb} {}", path.display())));
            assert!(said.ends_with(&std.to_string()), "{said}: {std}");
        }
        (ours, std) => panic!("{verb} {path:?}: {ours:?}, and std {std:?}"),
    }
}

fn of(metadata: fs::Metadata) -> (u64, u64, u32, SystemTime) {
    (
        metadata.ino(),
        metadata.len(),
        metadata.mode(),
        metadata.modified().unwrap(),
    )
}

/// What there is not, is none of the kinds.
fn is(metadata: io::Result<fs::Metadata>, kind: fn(&fs::Metadata) -> bool) -> io::Result<bool> {
    match metadata {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        metadata => metadata.map(|metadata| kind(&metadata)),
    }
}

#[tokio::test]
async fn looking_at_a_path_answers_as_std_does() {
    let (folder, root) = tree();
    let before = everything(folder.path());
    for path in paths(&root) {
        let path = path.as_path();
        alike(
            "stat",
            path,
            None,
            os::metadata(path).await.map(of),
            fs::metadata(path).map(of),
        );
        alike(
            "stat",
            path,
            None,
            os::symlink_metadata(path).await.map(of),
            fs::symlink_metadata(path).map(of),
        );
        alike("stat", path, None, os::exists(path).await, fs::exists(path));
        alike(
            "stat",
            path,
            None,
            os::is_file(path).await,
            is(fs::metadata(path), fs::Metadata::is_file),
        );
        alike(
            "stat",
            path,
            None,
            os::is_dir(path).await,
            is(fs::metadata(path), fs::Metadata::is_dir),
        );
        alike(
            "stat",
            path,
            None,
            os::is_symlink(path).await,
            is(fs::symlink_metadata(path), fs::Metadata::is_symlink),
        );
        alike(
            "readlink",
            path,
            None,
            os::read_link(path).await,
            fs::read_link(path),
        );
        alike(
            "resolve",
            path,
            None,
            os::canonicalize(path).await,
            fs::canonicalize(path),
        );
        alike(
            "resolve",
            path,
            None,
            os::absolute(path).await,
            std::path::absolute(path),
        );
        let names = |path| -> io::Result<Vec<_>> {
            fs::read_dir(path)?
                .map(|entry| Ok(entry?.file_name()))
                .collect()
        };
        alike("list", path, None, os::list_dir(path).await, names(path));
    }
    assert_eq!(everything(folder.path()), before, "looking changes nothing");
}

/// The paths that an error of an operation names, if it is given these two.
type Named = for<'a> fn(&'a Path, &'a Path) -> (&'a Path, Option<&'a Path>);

const ONE: Named = |path, _| (path, None);
const BOTH: Named = |path, to| (path, Some(to));

/// Does it in one tree with ours and in another with std, on every path or pair
/// of paths, and compares the answers and the trees.
async fn beside_std<T: PartialEq + Debug>(
    verb: &str,
    named: Named,
    ours: impl AsyncFn(&Path, &Path) -> io::Result<T>,
    std: impl Fn(&Path, &Path) -> io::Result<T>,
) {
    let (mut compared, mut refused) = (0, 0);
    let mut twins = Twins::new();
    let count = paths(Path::new("")).count();
    let pairs = match named(Path::new(""), Path::new("")) {
        (_, None) => 1,
        (_, Some(_)) => count,
    };
    for (one, two) in (0..count).flat_map(|one| (0..pairs).map(move |two| (one, two))) {
        let ((our_one, std_one), (our_two, std_two)) = (twins.paths(one), twins.paths(two));
        let theirs = std(&std_one, &std_two);
        refused += usize::from(theirs.is_err());
        let answer = watchdog::future(verb, ours(&our_one, &our_two)).await;
        let (path, to) = named(&our_one, &our_two);
        alike(verb, path, to, answer, theirs);
        twins.compare(&format!("{verb} {our_one:?} {our_two:?}"));
        compared += 1;
    }
    assert!(0 < refused && refused < compared);
    println!("{verb}: compared={compared} refused={refused}");
}

#[tokio::test]
async fn create_dir_is_std_s() {
    let ours = async |path: &Path, _: &Path| os::create_dir(path).await;
    beside_std("create", ONE, ours, |path, _| fs::create_dir(path)).await;
}

#[tokio::test]
async fn create_dir_all_is_std_s() {
    let ours = async |path: &Path, _: &Path| os::create_dir_all(path).await;
    beside_std("create", ONE, ours, |path, _| fs::create_dir_all(path)).await;
}

#[tokio::test]
async fn remove_file_is_std_s() {
    let ours = async |path: &Path, _: &Path| os::remove_file(path).await;
    beside_std("remove", ONE, ours, |path, _| fs::remove_file(path)).await;
}

#[tokio::test]
async fn remove_dir_is_std_s() {
    let ours = async |path: &Path, _: &Path| os::remove_dir(path).await;
    beside_std("remove", ONE, ours, |path, _| fs::remove_dir(path)).await;
}

#[tokio::test]
async fn remove_dir_all_is_std_s() {
    let ours = async |path: &Path, _: &Path| os::remove_dir_all(path).await;
    beside_std("remove", ONE, ours, |path, _| fs::remove_dir_all(path)).await;
}

#[tokio::test]
async fn set_permissions_is_std_s() {
    let mode = || fs::Permissions::from_mode(0o751);
    let ours = async |path: &Path, _: &Path| os::set_permissions(path, mode()).await;
    beside_std("chmod", ONE, ours, |path, _| {
        fs::set_permissions(path, mode())
    })
    .await;
}

#[tokio::test]
async fn rename_is_std_s() {
    let ours = async |from: &Path, to: &Path| os::rename(from, to).await;
    beside_std("rename", BOTH, ours, |from, to| fs::rename(from, to)).await;
}

#[tokio::test]
async fn hard_link_is_std_s() {
    let ours = async |from: &Path, to: &Path| os::hard_link(from, to).await;
    beside_std("link", BOTH, ours, |from, to| fs::hard_link(from, to)).await;
}

#[tokio::test]
async fn symlink_is_std_s() {
    // A target is only text, and the same in both trees.
    const TARGET: &str = "some\nwhere/\u{1b}[31m";
    let mut twins = Twins::new();
    for index in 0..paths(Path::new("")).count() {
        let (link, std_link) = twins.paths(index);
        let ours = os::symlink(TARGET, &link).await;
        let std = symlink(TARGET, std_link);
        alike("symlink", Path::new(TARGET), Some(&link), ours, std);
        twins.compare(&format!("symlink {link:?}"));
    }
}

#[tokio::test]
async fn copy_is_std_s_except_where_std_waits_or_empties_the_file() {
    let count = paths(Path::new("")).count();
    let (mut copied, mut refused) = (0, 0);
    let mut twins = Twins::new();
    for (one, two) in (0..count).flat_map(|one| (0..count).map(move |two| (one, two))) {
        let ((from, std_from), (to, std_to)) = (twins.paths(one), twins.paths(two));
        let is_fifo = fs::metadata(&to).is_ok_and(|to| to.file_type().is_fifo());
        let source = fs::metadata(&from);
        let same = source
            .as_ref()
            .is_ok_and(|from| fs::metadata(&to).is_ok_and(|to| to.ino() == from.ino()));
        if is_fifo && source.as_ref().is_ok_and(fs::Metadata::is_file) {
            continue; // see below
        }
        let ours = watchdog::future("copy", os::copy(&from, &to)).await;
        if same || source.is_ok_and(|source| !source.is_file()) {
            let error = ours.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{from:?} {to:?}");
            assert_eq!(inside(&error), ("copy", from, None));
            assert_eq!(PathError::of(&error).unwrap().to(), Some(&*to));
            twins.compare("a copy that is refused");
            refused += 1;
            continue;
        }
        let std = fs::copy(std_from, std_to);
        copied += usize::from(std.is_ok());
        alike("copy", &from, Some(&to), ours, std);
        twins.compare(&format!("copy {from:?} {to:?}"));
    }
    assert!(copied > 0 && refused > 0);
    println!("copied={copied} refused={refused}");
}

#[tokio::test]
async fn a_copy_to_a_fifo_waits_on_a_thread_of_its_own() {
    let folder = Folder::new();
    let from = folder.with("x", "through");
    // More than the shared threads are.
    let waiting: Vec<_> = (0..100)
        .map(|n| {
            let (from, to) = (from.clone(), folder.fifo(&format!("fifo{n}")));
            (
                to.clone(),
                tokio::spawn(async move { os::copy(from, to).await }),
            )
        })
        .collect();
    for _ in 0..100 {
        let beside = os::metadata(&from);
        watchdog::future("a file beside FIFOs", beside)
            .await
            .unwrap();
    }
    for (fifo, copy) in waiting {
        let read = watchdog::future("a reader", aio_files::read(fifo)).await;
        assert_eq!(read.unwrap(), b"through");
        let copied = watchdog::future("its copy", copy).await.unwrap();
        assert_eq!(copied.unwrap(), 7);
    }
}

#[tokio::test]
async fn renames_makes_and_removes_folders_as_python_does() {
    let folder = Folder::new();
    fs::create_dir_all(folder.file("old/a/b")).unwrap();
    folder.with("old/a/b/x", "content");
    folder.with("old/stays", "");
    os::renames(folder.file("old/a/b/x"), folder.file("new/c/y"))
        .await
        .unwrap();
    assert_eq!(fs::read(folder.file("new/c/y")).unwrap(), b"content");
    assert!(!folder.file("old/a").exists() && folder.file("old/stays").exists());

    // Where it can't be: the folders for it stay, as in Python.
    let (from, to) = (folder.file("nothing"), folder.file("new/d/z"));
    let error = os::renames(&from, &to).await.unwrap_err();
    assert_eq!(inside(&error), ("rename", from, Some(2)));
    assert_eq!(PathError::of(&error).unwrap().to(), Some(&*to));
    assert!(folder.file("new/d").is_dir());
    let to = folder.file("old/stays/below/z");
    let error = os::renames(folder.file("new/c/y"), &to).await.unwrap_err();
    assert_eq!(inside(&error).2, Some(20));
    assert!(folder.file("new/c/y").exists());
}

#[tokio::test]
async fn remove_dirs_removes_upwards_until_something_is_in_the_way() {
    let folder = Folder::new();
    fs::create_dir_all(folder.file("keeps/a/b/c")).unwrap();
    folder.with("keeps/x", "");
    os::remove_dirs(folder.file("keeps/a/b/c")).await.unwrap();
    assert!(!folder.file("keeps/a").exists() && folder.file("keeps/x").exists());
    let path = folder.file("keeps");
    let error = os::remove_dirs(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
    assert_eq!(inside(&error), ("remove", path, Some(39)));
    for bad in [folder.file("keeps/x"), folder.file("nothing"), "".into()] {
        let ours = os::remove_dirs(&bad).await;
        alike("remove", &bad, None, ours, fs::remove_dir(&bad));
    }
}

#[tokio::test]
async fn same_file_looks_behind_every_kind_of_link() {
    let folder = Folder::new();
    let x = folder.with("x", "");
    fs::hard_link(&x, folder.file("hard")).unwrap();
    symlink("x", folder.file("soft")).unwrap();
    for other in ["x", "hard", "soft", "./x"] {
        assert!(os::same_file(&x, folder.file(other)).await.unwrap());
    }
    let copy = folder.with("copy", "");
    assert!(!os::same_file(&x, &copy).await.unwrap());
    // The error is about the one that isn't there, whichever it is.
    let nothing = folder.file("nothing");
    for (one, other) in [(&x, &nothing), (&nothing, &x)] {
        let error = os::same_file(one, other).await.unwrap_err();
        assert_eq!(inside(&error), ("stat", nothing.clone(), Some(2)));
    }
}

#[tokio::test]
async fn mounts_are_told_from_folders() {
    let (_folder, root) = tree();
    assert!(os::is_mount("/").await.unwrap());
    assert!(os::is_mount("/proc").await.unwrap());
    assert!(!os::is_mount("/proc/self").await.unwrap());
    assert!(!os::is_mount("/proc/version").await.unwrap());
    symlink("/", root.join("link to root")).unwrap();
    assert!(!os::is_mount(root.join("link to root")).await.unwrap());
    for path in paths(&root).filter(|path| !path.ends_with("..")) {
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                alike("stat", &path, None, os::is_mount(&path).await, Err(error));
            }
            _ => assert!(!os::is_mount(&path).await.unwrap(), "{path:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_system_is_what_the_kernel_says() {
    let (_folder, root) = tree();
    let found = os::statvfs(&root).await.unwrap();
    let raw = rustix::fs::statvfs(&root).unwrap();
    // What is free may change meanwhile; what there is, not.
    assert_eq!(found.total, raw.f_blocks * raw.f_frsize);
    assert_eq!(found.inodes, raw.f_files);
    assert_eq!(found.name_max, raw.f_namemax);
    assert_eq!(found.block_size, raw.f_bsize);
    assert!(found.available <= found.free && found.free <= found.total);
    assert!(!found.read_only);
    for path in paths(&root) {
        if let Err(error) = fs::metadata(&path) {
            let ours = os::statvfs(&path).await.unwrap_err();
            assert_eq!(ours.kind(), error.kind(), "{path:?}");
            assert_eq!((inside(&ours).0, inside(&ours).1), ("stat", path));
        }
    }
}

#[tokio::test]
async fn access_says_no_or_why_it_can_t_say() {
    let (_folder, root) = tree();
    let file = root.join("file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for (wanted, may) in [
        (Access::Exists, true),
        (Access::Read, true),
        (Access::Write, true),
        (Access::Execute, false),
    ] {
        assert_eq!(os::access(&file, wanted).await.unwrap(), may, "{wanted:?}");
        assert!(!os::access(root.join("nothing"), wanted).await.unwrap());
        assert!(!os::access(root.join("dangling"), wanted).await.unwrap());
        assert!(os::access(root.join("folder"), wanted).await.unwrap());
    }
    for (path, code) in [("loop", 40), ("file/below", 20)] {
        let path = root.join(path);
        let error = os::access(&path, Access::Read).await.unwrap_err();
        assert_eq!(inside(&error), ("access", path, Some(code)));
    }
}

#[tokio::test]
async fn times_are_given_to_the_nanosecond_and_one_by_one() {
    let (_folder, root) = tree();
    let file = root.join("file");
    let epoch = SystemTime::UNIX_EPOCH;
    let long_ago = epoch - Duration::new(1_000_000, 1);
    let later = epoch + Duration::new(2_000_000_000, 999_999_999);
    let times = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.accessed().unwrap(), metadata.modified().unwrap())
    };
    let both = Times::default().accessed(long_ago).modified(later);
    os::set_times(&file, both).await.unwrap();
    assert_eq!(times(&file), (long_ago, later));
    os::set_times(&file, Times::default().accessed(later))
        .await
        .unwrap();
    assert_eq!(times(&file), (later, later));
    os::set_times(&file, Times::default().modified(epoch))
        .await
        .unwrap();
    assert_eq!(times(&file), (later, epoch));
    os::set_times(&file, Times::default()).await.unwrap();
    assert_eq!(times(&file), (later, epoch));
    // Through a link it is the file's; a FIFO isn't opened.
    os::set_times(root.join("link to file"), both)
        .await
        .unwrap();
    assert_eq!(times(&file), (long_ago, later));
    let fifo = watchdog::future("a FIFO", os::set_times(root.join("fifo"), both));
    fifo.await.unwrap();
    assert_eq!(times(&root.join("fifo")), (long_ago, later));
    for path in paths(&root) {
        if let Err(error) = fs::metadata(&path) {
            // Also if there is nothing to change.
            for times in [both, Times::default()] {
                let ours = os::set_times(&path, times).await.unwrap_err();
                assert_eq!(ours.kind(), error.kind(), "{path:?}");
                assert_eq!((inside(&ours).0, inside(&ours).1), ("utimes", path.clone()));
            }
        }
    }
    let never = epoch + Duration::from_secs(i64::MAX as u64);
    if let Err(error) = os::set_times(&file, Times::default().modified(never)).await {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

/// What links lead to stays, also when a folder becomes a link meanwhile.
#[tokio::test]
async fn removing_a_tree_never_follows_a_link_out_of_it() {
    let folder = Folder::in_memory();
    let outside = folder.file("outside");
    fs::create_dir_all(outside.join("a/b")).unwrap();
    fs::write(outside.join("a/b/precious"), "precious").unwrap();
    let root = folder.file("root");
    let mut swapped = 0;
    for _ in 0..50 {
        for n in 0..10 {
            fs::create_dir_all(root.join(format!("{n}/a/b"))).unwrap();
        }
        symlink(&outside, root.join("link")).unwrap();
        symlink(outside.join("a/b/precious"), root.join("link to file")).unwrap();
        symlink(&outside, folder.file("elsewhere")).unwrap();
        let removing = begin(os::remove_dir_all(&root));
        for n in 0..10 {
            // A link in the place of a folder, as fast as we can.
            let exchanged = rustix::fs::renameat_with(
                rustix::fs::CWD,
                folder.file("elsewhere"),
                rustix::fs::CWD,
                root.join(format!("{n}/a")),
                rustix::fs::RenameFlags::EXCHANGE,
            );
            swapped += usize::from(exchanged.is_ok());
            if exchanged.is_ok() {
                break;
            }
        }
        // It may fail because of us; it may not go outside.
        drop(watchdog::future("removing", removing.end()).await);
        assert_eq!(fs::read(outside.join("a/b/precious")).unwrap(), b"precious");
        for path in [root.clone(), folder.file("elsewhere")] {
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => fs::remove_dir_all(path).unwrap(),
                Ok(_) => fs::remove_file(path).unwrap(),
                Err(_) => {}
            }
        }
    }
    println!("rounds=50 swapped={swapped}");
    // A path that is a link is removed, and not what it leads to.
    symlink(&outside, &root).unwrap();
    os::remove_dir_all(&root).await.unwrap();
    assert!(!root.is_symlink() && outside.join("a/b/precious").exists());
}
