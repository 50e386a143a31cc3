//! Every operation on paths, cut at every poll with every fate.
//!
//! After each cut the path is written anew: whatever had begun must be over by
//! then, so that what is found is what was written last.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use aio_files::os::{self, Access, Times};
use aio_files::{read, write};
use chaos::{Cut, cuts};

use crate::folder::Folder;

/// `x` is a file, `link` leads to it, `full/a/b` are folders, `empty/a/b` as well.
async fn world() -> Folder {
    let folder = Folder::new();
    folder.with("x", "content");
    fs::create_dir_all(folder.file("full/a/b")).unwrap();
    folder.with("full/a/b/file", "deep");
    fs::create_dir_all(folder.file("empty/a/b")).unwrap();
    std::os::unix::fs::symlink("x", folder.file("link")).unwrap();
    folder
}

/// Cuts an operation that only looks, and then looks whether all is as before.
async fn looks(name: &str, op: impl AsyncFn(&Path) + 'static) {
    cuts::every(name)
        .world(world)
        .run(
            async move |folder| op(folder.path()).await,
            async |folder, cut| {
                write(folder.file("x"), "END").await.unwrap();
                folder.closed().await;
                assert_eq!(fs::read(folder.file("x")).unwrap(), b"END", "{cut:?}");
                let mut names = os::list_dir(folder.path()).await.unwrap();
                names.sort();
                assert_eq!(names, ["empty", "full", "link", "x"], "{cut:?}");
            },
        )
        .await;
}

/// Cuts an operation that changes something, lets `next` follow, which must find
/// the operation over or not begun, and compares what there is then.
async fn changes<T: PartialEq + std::fmt::Debug>(
    name: &str,
    op: impl AsyncFn(&Path) -> io::Result<T> + 'static,
    next: impl AsyncFn(&Path, &Cut),
) {
    cuts::every(name)
        .world(world)
        .run(
            async move |folder| {
                op(folder.path()).await.unwrap();
            },
            async |folder, cut| {
                next(folder.path(), &cut).await;
                folder.closed().await;
                let after = everything(folder.path());
                // Nothing of it comes later.
                aio_files::drained().await.unwrap();
                assert_eq!(everything(folder.path()), after, "{cut:?}");
            },
        )
        .await;
}

/// Every path below, sorted, with the content of files.
fn everything(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        found.push((
            entry.path().display().to_string(),
            fs::read(entry.path()).unwrap_or_default(),
        ));
        if entry.file_type().unwrap().is_dir() {
            found.extend(everything(&entry.path()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn metadata() {
    looks("metadata", async |folder| {
        let found = os::metadata(folder.join("link")).await.unwrap();
        assert!(found.is_file());
    })
    .await;
}

#[tokio::test]
async fn symlink_metadata() {
    looks("symlink_metadata", async |folder| {
        let found = os::symlink_metadata(folder.join("link")).await.unwrap();
        assert!(found.is_symlink());
    })
    .await;
}

#[tokio::test]
async fn exists() {
    looks("exists", async |folder| {
        assert!(os::exists(folder.join("x")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn is_file() {
    looks("is_file", async |folder| {
        assert!(os::is_file(folder.join("x")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn is_dir() {
    looks("is_dir", async |folder| {
        assert!(os::is_dir(folder).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn is_symlink() {
    looks("is_symlink", async |folder| {
        assert!(os::is_symlink(folder.join("link")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn same_file() {
    looks("same_file", async |folder| {
        let same = os::same_file(folder.join("x"), folder.join("link"));
        assert!(same.await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn is_mount() {
    looks("is_mount", async |folder| {
        assert!(!os::is_mount(folder).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn access() {
    looks("access", async |folder| {
        assert!(os::access(folder.join("x"), Access::Read).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn statvfs() {
    looks("statvfs", async |folder| {
        assert!(os::statvfs(folder).await.unwrap().name_max > 0);
    })
    .await;
}

#[tokio::test]
async fn read_link() {
    looks("read_link", async |folder| {
        let target = os::read_link(folder.join("link")).await.unwrap();
        assert_eq!(target, Path::new("x"));
    })
    .await;
}

#[tokio::test]
async fn canonicalize() {
    looks("canonicalize", async |folder| {
        let found = os::canonicalize(folder.join("link")).await.unwrap();
        assert!(found.ends_with("x"));
    })
    .await;
}

#[tokio::test]
async fn absolute() {
    looks("absolute", async |folder| {
        assert_eq!(os::absolute(folder).await.unwrap(), folder);
    })
    .await;
}

#[tokio::test]
async fn current_dir() {
    looks("current_dir", async |_| {
        assert!(os::current_dir().await.unwrap().is_absolute());
    })
    .await;
}

#[tokio::test]
async fn list_dir() {
    looks("list_dir", async |folder| {
        assert_eq!(os::list_dir(folder).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn read_dir() {
    looks("read_dir", async |folder| {
        assert_eq!(os::read_dir(folder).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn entry_metadata() {
    looks("Entry::metadata", async |folder| {
        for entry in os::read_dir(folder.join("full/a/b")).await.unwrap() {
            assert_eq!(entry.metadata().await.unwrap().len(), 4);
        }
    })
    .await;
}

/// What a cut `next` has taken is taken; what it hasn't, the following ones give.
#[tokio::test]
async fn entries_next() {
    struct Streamed {
        folder: Folder,
        entries: os::Entries,
        taken: usize,
    }
    cuts::every("Entries::next")
        .world(async || {
            let folder = world().await;
            Streamed {
                entries: os::read_dir(folder.path()).stream(),
                folder,
                taken: 0,
            }
        })
        .run(
            async |world| {
                while let Some(entry) = world.entries.next().await {
                    entry.unwrap();
                    world.taken += 1;
                }
            },
            async |mut world, cut| {
                while let Some(entry) = world.entries.next().await {
                    entry.unwrap();
                    world.taken += 1;
                }
                assert_eq!(world.taken, 4, "{cut:?}");
                world.folder.closed().await;
            },
        )
        .await;
}

#[tokio::test]
async fn create_dir() {
    changes(
        "create_dir",
        async |folder| os::create_dir(folder.join("new")).await,
        async |folder, cut| {
            let again = os::create_dir(folder.join("new")).await;
            assert!(!cut.completed || again.is_err(), "{cut:?}");
            os::remove_dir(folder.join("new")).await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn create_dir_all() {
    changes(
        "create_dir_all",
        async |folder| os::create_dir_all(folder.join("new/a/b")).await,
        async |folder, _| {
            os::create_dir_all(folder.join("new/a/b")).await.unwrap();
            os::remove_dirs(folder.join("new/a/b")).await.unwrap();
            assert!(!folder.join("new").exists());
        },
    )
    .await;
}

#[tokio::test]
async fn remove_file() {
    changes(
        "remove_file",
        async |folder| os::remove_file(folder.join("x")).await,
        async |folder, cut| {
            write(folder.join("x"), "END").await.unwrap();
            let found = fs::read(folder.join("x")).unwrap();
            assert_eq!(found, b"END", "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn remove_dir() {
    changes(
        "remove_dir",
        async |folder| os::remove_dir(folder.join("empty/a/b")).await,
        async |folder, cut| {
            // Below it, where it must not be removed any more once this is there.
            let written = write(folder.join("empty/a/b/x"), "END").await;
            assert!(!cut.completed || written.is_err(), "{cut:?}");
            let there = folder.join("empty/a/b/x").exists();
            assert_eq!(there, written.is_ok(), "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn remove_dirs() {
    changes(
        "remove_dirs",
        async |folder| os::remove_dirs(folder.join("empty/a/b")).await,
        async |folder, cut| {
            // A folder that it removes last.
            os::create_dir_all(folder.join("empty")).await.unwrap();
            assert!(folder.join("empty").exists(), "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn remove_dir_all() {
    changes(
        "remove_dir_all",
        async |folder| os::remove_dir_all(folder.join("full")).await,
        async |folder, cut| {
            os::create_dir_all(folder.join("full/a/b")).await.unwrap();
            write(folder.join("full/a/b/file"), "END").await.unwrap();
            let found = fs::read(folder.join("full/a/b/file")).unwrap();
            assert_eq!(found, b"END", "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn rename() {
    changes(
        "rename",
        async |folder| os::rename(folder.join("x"), folder.join("y")).await,
        async |folder, cut| {
            write(folder.join("x"), "END").await.unwrap();
            assert_eq!(fs::read(folder.join("x")).unwrap(), b"END", "{cut:?}");
            let moved = fs::read(folder.join("y"));
            assert!(!cut.completed || moved.is_ok(), "{cut:?}");
            assert!(moved.is_err() || moved.unwrap() == b"content", "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn renames() {
    changes(
        "renames",
        async |folder| os::renames(folder.join("full/a/b/file"), folder.join("new/a/y")).await,
        async |folder, cut| {
            // A folder that it creates, and one that it removes.
            let moved = read(folder.join("new/a/y")).await;
            assert!(!cut.completed || moved.is_ok(), "{cut:?}");
            let old = os::exists(folder.join("full/a/b/file")).await.unwrap();
            assert_eq!(old, moved.is_err(), "{cut:?}");
            os::create_dir_all(folder.join("full")).await.unwrap();
            assert!(folder.join("full").exists());
        },
    )
    .await;
}

#[tokio::test]
async fn copy() {
    changes(
        "copy",
        async |folder| os::copy(folder.join("x"), folder.join("y")).await,
        async |folder, cut| {
            let copied = read(folder.join("y")).await;
            assert!(!cut.completed || copied.is_ok(), "{cut:?}");
            assert!(copied.is_err() || copied.unwrap() == b"content", "{cut:?}");
            write(folder.join("y"), "END").await.unwrap();
            assert_eq!(fs::read(folder.join("y")).unwrap(), b"END", "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn hard_link() {
    changes(
        "hard_link",
        async |folder| os::hard_link(folder.join("x"), folder.join("y")).await,
        async |folder, cut| {
            let there = os::exists(folder.join("y")).await.unwrap();
            assert!(!cut.completed || there, "{cut:?}");
            let again = os::hard_link(folder.join("x"), folder.join("y")).await;
            assert_eq!(again.is_err(), there, "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn symlink() {
    changes(
        "symlink",
        async |folder| os::symlink("x", folder.join("y")).await,
        async |folder, cut| {
            let there = os::is_symlink(folder.join("y")).await.unwrap();
            assert!(!cut.completed || there, "{cut:?}");
            let again = os::symlink("x", folder.join("y")).await;
            assert_eq!(again.is_err(), there, "{cut:?}");
        },
    )
    .await;
}

fn readonly(path: &Path) -> bool {
    fs::metadata(path).unwrap().permissions().readonly()
}

#[tokio::test]
async fn set_permissions() {
    changes(
        "set_permissions",
        async |folder| {
            let mut permissions = fs::metadata(folder.join("x"))?.permissions();
            permissions.set_readonly(true);
            os::set_permissions(folder.join("x"), permissions).await
        },
        async |folder, cut| {
            let mut permissions = os::metadata(folder.join("x")).await.unwrap().permissions();
            assert!(!cut.completed || permissions.readonly(), "{cut:?}");
            std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
            os::set_permissions(folder.join("x"), permissions)
                .await
                .unwrap();
            aio_files::drained().await.unwrap();
            assert!(!readonly(&folder.join("x")), "{cut:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn set_times() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    changes(
        "set_times",
        async move |folder| os::set_times(folder.join("x"), Times::default().modified(at(1))).await,
        async |folder, cut| {
            let found = os::metadata(folder.join("x")).await.unwrap();
            assert!(!cut.completed || found.modified().unwrap() == at(1));
            os::set_times(folder.join("x"), Times::default().modified(at(2)))
                .await
                .unwrap();
            aio_files::drained().await.unwrap();
            let found = fs::metadata(folder.join("x")).unwrap();
            assert_eq!(found.modified().unwrap(), at(2), "{cut:?}");
        },
    )
    .await;
}
