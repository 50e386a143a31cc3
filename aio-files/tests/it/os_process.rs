//! What belongs to a process or a thread: whose thread works, for which user, and
//! where relative paths start.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use aio_files::os::{self, Access, Times};
use aio_files::{PathError, drained, read, write};
use rustix::thread::{Uid, UnshareFlags, set_thread_res_uid, unshare_unsafe};

use crate::folder::{Folder, inside};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(chaos::watchdog::future("the operations", future))
}

/// Runs an operation when the threads that are there wait for work: a thread that
/// the caller's starts would share its current folder.
async fn on_old_threads<T>(operation: impl Future<Output = T>) -> T {
    while !threads_wait() {
        std::thread::yield_now();
    }
    operation.await
}

/// Whether there are threads for jobs, and none of them has anything to do.
fn threads_wait() -> bool {
    let states: Vec<_> = fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok())
        .filter_map(|stat| {
            stat.split_once("(aio-files) ")
                .map(|(_, rest)| rest.starts_with('S'))
        })
        .collect();
    !states.is_empty() && states.iter().all(|&waits| waits)
}

/// The caller's thread gets another current folder than the others have. What
/// runs on it finds nothing of what is there, or leaves something here.
#[test]
fn nothing_runs_on_the_caller_s_thread() {
    chaos::alone!();
    let (theirs, ours) = (Folder::new(), Folder::new());
    env::set_current_dir(theirs.path()).unwrap();
    fs::create_dir_all("folder/full/a").unwrap();
    fs::write("file", "content").unwrap();
    block_on(os::exists("file")).unwrap();
    // SAFETY: what threads share of the file system is only where paths start,
    // and nothing of this process depends on that.
    #[expect(unsafe_code, reason = "other flags could be unsafe; this one isn't")]
    unsafe { unshare_unsafe(UnshareFlags::FS) }.unwrap();
    env::set_current_dir(ours.path()).unwrap();

    block_on(everything()).unwrap();
    let left: Vec<_> = fs::read_dir(ours.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let names = fs::read_dir(theirs.path()).unwrap();
    let names: BTreeSet<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().eq(["file", "folder", "z"]), "{names:?}");
}

/// Every operation of the table, by relative paths.
async fn everything() -> io::Result<()> {
    assert!(on_old_threads(os::metadata("file")).await?.is_file());
    assert!(
        on_old_threads(os::symlink_metadata("file"))
            .await?
            .is_file()
    );
    assert!(
        on_old_threads(os::exists("file")).await? && on_old_threads(os::is_file("file")).await?
    );
    assert!(on_old_threads(os::is_dir("folder")).await?);
    assert!(on_old_threads(os::access("file", Access::Read)).await?);
    assert!(on_old_threads(os::statvfs("folder")).await?.total > 0);
    assert!(!on_old_threads(os::is_mount("folder")).await?);
    assert!(on_old_threads(os::same_file("file", "folder/../file")).await?);
    on_old_threads(os::create_dir("new")).await?;
    on_old_threads(os::create_dir_all("new/a/b")).await?;
    on_old_threads(os::remove_dirs("new/a/b")).await?;
    on_old_threads(os::create_dir("new")).await?;
    on_old_threads(os::remove_dir("new")).await?;
    on_old_threads(os::remove_dir_all("folder/full")).await?;
    assert_eq!(on_old_threads(os::copy("file", "copy")).await?, 7);
    on_old_threads(os::hard_link("copy", "hard")).await?;
    on_old_threads(os::symlink("copy", "soft")).await?;
    assert!(on_old_threads(os::is_symlink("soft")).await?);
    assert_eq!(
        on_old_threads(os::read_link("soft")).await?,
        Path::new("copy")
    );
    assert!(
        on_old_threads(os::canonicalize("soft"))
            .await?
            .ends_with("copy")
    );
    on_old_threads(os::set_permissions(
        "copy",
        fs::Permissions::from_mode(0o640),
    ))
    .await?;
    on_old_threads(os::set_times("copy", Times::default())).await?;
    on_old_threads(os::rename("copy", "x")).await?;
    on_old_threads(os::renames("x", "y/z")).await?;
    on_old_threads(os::renames("y/z", "z")).await?;
    on_old_threads(os::remove_file("hard")).await?;
    on_old_threads(os::remove_file("soft")).await?;
    assert_eq!(on_old_threads(os::list_dir(".")).await?.len(), 3);
    for entry in on_old_threads(os::read_dir(".").into_future()).await? {
        on_old_threads(entry.metadata()).await?;
    }
    let mut entries = os::read_dir(".").stream();
    let mut streamed = 0;
    while let Some(entry) = on_old_threads(entries.next()).await {
        on_old_threads(entry?.metadata()).await?;
        streamed += 1;
    }
    assert_eq!(streamed, 3);
    let here = on_old_threads(os::current_dir()).await?;
    assert_ne!(here, env::current_dir()?);
    assert_eq!(on_old_threads(os::absolute("x")).await?, here.join("x"));
    assert_eq!(on_old_threads(read("z")).await?, b"content");
    on_old_threads(drained()).await
}

/// Without root's rights, wherever the test started.
#[test]
fn what_is_not_permitted_is_an_error_and_no_answer() {
    chaos::alone!();
    if rustix::process::geteuid().is_root() {
        // The threads that this one starts have its user.
        let nobody = Uid::from_raw(65534);
        set_thread_res_uid(nobody, nobody, nobody).unwrap();
    }
    let folder = Folder::new();
    let (closed, inner) = (folder.file("closed"), folder.file("closed/x"));
    fs::create_dir(&closed).unwrap();
    fs::write(&inner, "secret").unwrap();
    let (file, free) = (folder.with("unreadable", "secret"), folder.file("free"));
    let bits = |path: &Path, bits| {
        fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    };
    bits(&file, 0o000);
    bits(&closed, 0o000);
    assert!(fs::read(&file).is_err(), "these rights hold nobody back");

    block_on(async {
        let refused = |verb, error: io::Error| {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            let inside = inside(&error);
            assert_eq!((inside.0, inside.2), (verb, Some(13)), "{error}");
            assert!(inside.1.starts_with(folder.path()));
        };
        refused("stat", os::metadata(&inner).await.unwrap_err());
        refused("stat", os::symlink_metadata(&inner).await.unwrap_err());
        // A `false` would be a guess.
        refused("stat", os::exists(&inner).await.unwrap_err());
        refused("stat", os::is_file(&inner).await.unwrap_err());
        refused("stat", os::is_dir(&inner).await.unwrap_err());
        refused("stat", os::is_symlink(&inner).await.unwrap_err());
        refused("stat", os::is_mount(&inner).await.unwrap_err());
        refused("stat", os::statvfs(&inner).await.unwrap_err());
        refused("stat", os::same_file(&file, &inner).await.unwrap_err());
        refused("readlink", os::read_link(&inner).await.unwrap_err());
        refused("resolve", os::canonicalize(&inner).await.unwrap_err());
        refused("list", os::list_dir(&closed).await.unwrap_err());
        refused("list", os::read_dir(&closed).await.unwrap_err());
        let mut entries = os::read_dir(&closed).stream();
        refused("list", entries.next().await.unwrap().unwrap_err());
        assert!(entries.next().await.is_none());
        refused(
            "create",
            os::create_dir(closed.join("new")).await.unwrap_err(),
        );
        let new = closed.join("new/new");
        refused("create", os::create_dir_all(new).await.unwrap_err());
        refused("remove", os::remove_file(&inner).await.unwrap_err());
        refused("remove", os::remove_dir(&inner).await.unwrap_err());
        refused("remove", os::remove_dirs(&inner).await.unwrap_err());
        refused("remove", os::remove_dir_all(&closed).await.unwrap_err());
        refused("rename", os::rename(&inner, &free).await.unwrap_err());
        refused("rename", os::renames(&inner, &free).await.unwrap_err());
        refused("link", os::hard_link(&inner, &free).await.unwrap_err());
        refused(
            "symlink",
            os::symlink(folder.path(), &inner).await.unwrap_err(),
        );
        refused("copy", os::copy(&file, &free).await.unwrap_err());
        refused("copy", os::copy(&inner, &free).await.unwrap_err());
        let permissions = fs::Permissions::from_mode(0o600);
        refused(
            "chmod",
            os::set_permissions(&inner, permissions).await.unwrap_err(),
        );
        refused(
            "utimes",
            os::set_times(&inner, Times::default()).await.unwrap_err(),
        );
        let now = Times::default().modified(SystemTime::now());
        refused("utimes", os::set_times(&inner, now).await.unwrap_err());
        for wanted in [Access::Exists, Access::Read, Access::Write] {
            assert!(!os::access(&inner, wanted).await.unwrap());
        }
        assert!(os::access(&file, Access::Exists).await.unwrap());
        assert!(!os::access(&file, Access::Read).await.unwrap());
        assert!(!os::access(&file, Access::Write).await.unwrap());
        // One's own times and rights need no right to read.
        os::set_times(&file, now).await.unwrap();
        let permissions = fs::Permissions::from_mode(0o600);
        os::set_permissions(&file, permissions).await.unwrap();
        assert_eq!(read(&file).await.unwrap(), b"secret");
    });
    bits(&closed, 0o700);
    assert_eq!(fs::read(&inner).unwrap(), b"secret");
    assert!(!free.exists());
}

#[test]
fn a_current_folder_that_is_gone_is_an_error() {
    chaos::alone!();
    let folder = Folder::new();
    let here = folder.file("here");
    fs::create_dir(&here).unwrap();
    env::set_current_dir(&here).unwrap();
    block_on(async {
        let real = fs::canonicalize(&here).unwrap();
        assert_eq!(os::current_dir().await.unwrap(), real);
        os::remove_dir(&here).await.unwrap();
        for (error, path) in [
            (os::current_dir().await.unwrap_err(), "."),
            (os::absolute("x").await.unwrap_err(), "x"),
        ] {
            assert_eq!(inside(&error), ("resolve", path.into(), Some(2)));
        }
        let error = write("x", "").await.unwrap_err();
        assert_eq!(PathError::of(&error).unwrap().path(), Path::new("x"));
    });
    env::set_current_dir("/").unwrap();
}
