//! Temporary files and folders, which go with their guards.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, SeekFrom};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::task::Poll;

use aio_files::temp::{TempDir, TempFile};
use aio_files::{drained, open, temp_dir, temp_file, write};
use chaos::{Cut, Fate, cuts};
use tokio::task::JoinSet;

use crate::folder::{Folder, inside, poll_once};

async fn file_in(folder: &Folder) -> TempFile {
    temp_file().in_dir(folder.path()).await.unwrap()
}

async fn dir_in(folder: &Folder) -> TempDir {
    temp_dir().in_dir(folder.path()).await.unwrap()
}

#[tokio::test]
async fn a_file_is_there_and_usable_until_it_is_closed() {
    let folder = Folder::new();
    let mut file = temp_file()
        .in_dir(folder.path())
        .prefix("begin-")
        .suffix(".end")
        .buffer(4)
        .await
        .unwrap();
    let path = file.path().to_owned();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("begin-") && name.ends_with(".end"));
    assert_eq!(name.len(), "begin-.end".len() + 12);
    assert_eq!(path.parent(), Some(folder.path()));
    file.write_all(b"written").await.unwrap();
    file.seek(SeekFrom::Start(0)).await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "written");
    // It is generic code's file too.
    tokio::io::copy(&mut &b" and copied"[..], &mut file)
        .await
        .unwrap();
    file.flush().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"written and copied");
    file.close().await.unwrap();
    assert!(folder.names().is_empty());
    assert_eq!(folder.descriptors(), 0);
}

#[tokio::test]
async fn by_default_they_are_in_the_systems_folder() {
    let (file, dir) = (temp_file().await.unwrap(), temp_dir().await.unwrap());
    for path in [file.path(), dir.path()] {
        assert_eq!(path.parent(), Some(&*std::env::temp_dir()));
    }
    file.close().await.unwrap();
    dir.close().await.unwrap();
}

#[tokio::test]
async fn nobody_else_may_open_them_whatever_the_mask_is() {
    chaos::alone!();
    let folder = Folder::new();
    for mask in [0o000, 0o022, 0o077] {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
        let (file, dir) = (file_in(&folder).await, dir_in(&folder).await);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(file.path()), 0o600, "mask {mask:o}");
        assert_eq!(mode(dir.path()), 0o700, "mask {mask:o}");
    }
}

#[tokio::test]
async fn ten_thousand_names_are_ten_thousand_names() {
    const TIMES: usize = 10_000;
    let folder = Folder::new();
    let mut names = HashSet::new();
    for _ in 0..TIMES / 200 {
        let guards = async {
            let (mut files, mut dirs) = (JoinSet::new(), JoinSet::new());
            for _ in 0..100 {
                files.spawn(temp_file().in_dir(folder.path()).into_future());
                dirs.spawn(temp_dir().in_dir(folder.path()).into_future());
            }
            (files.join_all().await, dirs.join_all().await)
        };
        let (files, dirs) = guards.await;
        names.extend(
            files
                .iter()
                .map(|file| file.as_ref().unwrap().path().to_owned()),
        );
        names.extend(
            dirs.iter()
                .map(|dir| dir.as_ref().unwrap().path().to_owned()),
        );
    }
    assert_eq!(names.len(), TIMES);
    drained().await.unwrap();
    assert!(folder.names().is_empty(), "and none is left");
    assert_eq!(folder.descriptors(), 0);
    println!("names={TIMES} collisions=0 left=0");
}

#[tokio::test]
async fn a_dropped_file_is_closed_and_removed_before_drained_answers() {
    let folder = Folder::new();
    for round in 0..300 {
        let mut file = file_in(&folder).await;
        if round % 3 > 0 {
            file.write_all(b"buffered").await.unwrap();
        }
        if round % 3 > 1 {
            // Dropped while a job has it.
            drop(poll_once(std::pin::pin!(file.sync_all())));
        }
        drop(file);
        drained().await.unwrap();
        assert!(folder.names().is_empty(), "round {round}");
        assert_eq!(folder.descriptors(), 0, "round {round}");
    }
}

#[test]
fn dropping_needs_no_runtime() {
    let folder = Folder::new();
    let build = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let runtime = build();
    let guards = runtime.block_on(async { (file_in(&folder).await, dir_in(&folder).await) });
    assert_eq!(folder.names().len(), 2);
    drop(runtime);
    std::thread::spawn(move || drop(guards)).join().unwrap();
    build().block_on(drained()).unwrap();
    assert!(folder.names().is_empty());
}

#[tokio::test]
async fn with_removes_after_success_failure_and_panic() {
    let folder = Folder::new();
    let path = folder.path().to_owned();
    let read = temp_file()
        .in_dir(&path)
        .with(async |file| -> io::Result<_> {
            file.write_all(b"inside").await?;
            file.flush().await?;
            fs::read(file.path())
        })
        .await;
    assert_eq!(read.unwrap(), b"inside");
    assert!(folder.names().is_empty());
    let failed = temp_dir()
        .in_dir(&path)
        .with(async |dir| -> io::Result<()> {
            write(dir.path().join("x"), "inside").await?;
            Err(io::Error::other("no"))
        })
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "no");
    assert!(folder.names().is_empty());

    let panicking = tokio::spawn(async move {
        temp_dir()
            .in_dir(&path)
            .with(async |dir| -> io::Result<()> {
                temp_file()
                    .in_dir(dir.path())
                    .with(async |file| -> io::Result<()> {
                        file.write_all(b"inside").await?;
                        std::panic::resume_unwind(Box::new("on purpose"))
                    })
                    .await
            })
            .await
    });
    assert!(panicking.await.unwrap_err().is_panic());
    drained().await.unwrap();
    assert!(folder.names().is_empty());
    assert_eq!(folder.descriptors(), 0);
}

#[tokio::test]
async fn what_is_kept_stays_with_all_that_was_written() {
    let folder = Folder::new();
    let mut file = file_in(&folder).await;
    file.write_all(b"buffered").await.unwrap();
    let (file, path) = file.keep();
    assert_eq!(file.path(), path);
    file.close().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"buffered");

    // Kept, and then dropped like any other file; once while a job has it.
    let mut file = file_in(&folder).await;
    file.write_all(b"dropped").await.unwrap();
    let (file, dropped) = file.keep();
    drop(file);
    let mut file = file_in(&folder).await;
    file.write_all(b"busy").await.unwrap();
    drop(poll_once(std::pin::pin!(file.sync_all())));
    let (file, busy) = file.keep();
    drop(file);
    let dir = dir_in(&folder).await.keep();
    drained().await.unwrap();
    assert_eq!(fs::read(&dropped).unwrap(), b"dropped");
    assert_eq!(fs::read(&busy).unwrap(), b"busy");
    assert!(dir.is_dir());
}

#[tokio::test]
async fn persisting_gives_it_its_name_and_what_is_buffered() {
    let folder = Folder::new();
    let target = folder.with("target", "old");
    for buffer in [0, 4, 1 << 16] {
        let file = temp_file().in_dir(folder.path()).buffer(buffer);
        let mut file = file.await.unwrap();
        file.write_all(b"persisted").await.unwrap();
        let mut file = file.persist(&target).await.unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"persisted");
        assert_eq!(file.path(), target);
        // It is the same file, where it was, and an ordinary one.
        file.write_all(b" and more").await.unwrap();
        drop(file);
        drained().await.unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"persisted and more");
        assert_eq!(folder.names(), ["target"]);
    }

    let error = file_in(&folder)
        .await
        .persist_new(&target)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(folder.names(), ["target"]);
    let mut file = file_in(&folder).await;
    file.write_all(b"new").await.unwrap();
    let file = file.persist_new(folder.file("new")).await.unwrap();
    assert_eq!(fs::read(folder.file("new")).unwrap(), b"new");
    file.close().await.unwrap();
    assert_eq!(folder.names(), ["new", "target"]);
    assert_eq!(folder.descriptors(), 0);
}

#[tokio::test]
async fn what_cant_be_persisted_says_both_paths_and_goes() {
    let folder = Folder::new();
    let file = file_in(&folder).await;
    let from = file.path().to_owned();
    let to = folder.file("nowhere/x");
    let error = file.persist(&to).await.unwrap_err();
    assert_eq!(inside(&error), ("persist", from.clone(), Some(2)));
    let said = error.to_string();
    let expected = format!("persist {} to {}: No such", from.display(), to.display());
    assert!(said.starts_with(&expected), "{said}");
    assert!(folder.names().is_empty(), "gone when the error is there");
}

#[tokio::test]
async fn another_file_system_is_a_clear_error() {
    let shared = Path::new("/dev/shm");
    let folder = Folder::new();
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    if device(shared).is_none() || device(shared) == device(folder.path()) {
        chaos::skip::because("there is no second file system at /dev/shm");
        return;
    }
    let other = temp_dir().in_dir(shared).await.unwrap();
    for new in [false, true] {
        let mut file = file_in(&folder).await;
        file.write_all(b"x").await.unwrap();
        let to = other.path().join("x");
        let persisted = match new {
            false => file.persist(&to).await,
            true => file.persist_new(&to).await,
        };
        let error = persisted.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CrossesDevices);
        let path_error = aio_files::PathError::of(&error).unwrap();
        assert_eq!(path_error.to(), Some(&*to));
        assert!(!to.exists() && folder.names().is_empty());
    }
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_prefix_or_suffix_that_leads_elsewhere_is_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.file("sub")).unwrap();
    for affix in ["sub/", "/etc/", "../", "a/b", "/"] {
        let dir = folder.path();
        let errors = [
            temp_file().in_dir(dir).prefix(affix).await.err(),
            temp_file().in_dir(dir).suffix(affix).await.err(),
            temp_dir().in_dir(dir).prefix(affix).await.err(),
            temp_dir().in_dir(dir).suffix(affix).await.err(),
        ];
        for error in errors {
            let error = error.unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{affix}: {error}");
            assert_eq!(inside(&error).0, "create in");
            assert!(error.to_string().contains("separator"), "{error}");
        }
    }
    for (affix, kind) in [
        ("nul\0", ErrorKind::InvalidInput),
        (&*"n".repeat(255), ErrorKind::InvalidFilename),
    ] {
        let error = temp_file().in_dir(folder.path()).prefix(affix);
        assert_eq!(error.await.unwrap_err().kind(), kind);
    }
    let error = temp_dir().in_dir(folder.file("no")).await.unwrap_err();
    assert_eq!(inside(&error), ("create in", folder.file("no"), Some(2)));
    assert_eq!(folder.names(), ["sub"]);
    // Whatever else may be in a name may be in this one.
    let odd = temp_file().in_dir(folder.path()).prefix("-\n ").suffix("");
    odd.await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_folder_goes_with_what_others_have_put_there_and_no_further() {
    let folder = Folder::new();
    let outside = folder.with("outside", "kept");
    let kept = folder.file("kept");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("inside"), "kept").unwrap();
    for closed in [true, false] {
        let dir = dir_in(&folder).await;
        let path = dir.path().to_owned();
        assert_eq!(dir.as_ref(), path);
        fs::create_dir_all(path.join("a/b/c")).unwrap();
        fs::write(path.join("a/b/c/d"), "others'").unwrap();
        fs::write(path.join("read only"), "").unwrap();
        fs::set_permissions(path.join("read only"), fs::Permissions::from_mode(0o000)).unwrap();
        symlink(&outside, path.join("link")).unwrap();
        symlink(&kept, path.join("a/link")).unwrap();
        // Open here, and written after it has gone.
        let mut file = open(path.join("open")).mode("w").await.unwrap();
        file.write_all(b"to nobody").await.unwrap();
        match closed {
            true => dir.close().await.unwrap(),
            false => {
                drop(dir);
                drained().await.unwrap();
            }
        }
        file.close().await.unwrap();
        assert!(!path.exists());
        assert_eq!(folder.names(), ["kept", "outside"]);
        assert_eq!(fs::read(&outside).unwrap(), b"kept");
        assert_eq!(fs::read(kept.join("inside")).unwrap(), b"kept");
    }
}

#[tokio::test]
async fn what_was_begun_in_a_folder_is_over_before_its_end() {
    let folder = Folder::new();
    for round in 0..100 {
        let dir = dir_in(&folder).await;
        let mut file = open(dir.path().join("x")).mode("w").await.unwrap();
        file.write_all(b"dropped").await.unwrap();
        drop(file);
        let mut writes = Vec::new();
        for number in 0..30 {
            let path = dir.path().join(number.to_string());
            let mut begun = Box::pin(write(path, vec![b'o'; 10_000]));
            match poll_once(begun.as_mut()) {
                Poll::Ready(written) => written.unwrap(),
                Poll::Pending => writes.push(begun),
            }
        }
        match round % 2 {
            0 => drop(dir),
            _ => dir.close().await.unwrap(),
        }
        for begun in writes {
            begun.await.unwrap();
        }
        drained().await.unwrap();
        assert!(folder.names().is_empty(), "round {round}");
    }
}

#[tokio::test]
async fn whatever_a_cancelled_creation_has_made_is_gone_when_drained_answers() {
    let folder = Folder::new();
    let (mut seen, mut rounds) = (0, 0);
    while rounds < 1500 {
        let path = folder.path().to_owned();
        let mut creation: std::pin::Pin<Box<dyn Future<Output = ()>>> = match rounds % 3 {
            0 => Box::pin(async { drop(temp_file().in_dir(path).await) }),
            1 => Box::pin(async { drop(temp_dir().in_dir(path).await) }),
            _ => Box::pin(async { drop(aio_files::replace(path.join("x")).await) }),
        };
        let _ = poll_once(std::pin::pin!(&mut creation));
        // Dropped at its beginning, its end, or when there is something already.
        for _ in 0..rounds % 50 {
            if !folder.names().is_empty() {
                seen += 1;
                break;
            }
        }
        drop(creation);
        drained().await.unwrap();
        assert!(folder.names().is_empty(), "round {rounds}");
        assert_eq!(folder.descriptors(), 0, "round {rounds}");
        rounds += 1;
    }
    println!("cancelled={rounds} made={seen} left=0");
    assert!(seen > 0);
}

#[tokio::test]
async fn a_removal_that_fails_is_told_of() {
    chaos::alone!();
    let folder = Folder::new();
    // A file where the folder was can't be removed as one.
    let spoilt = async || {
        let dir = dir_in(&folder).await;
        let path = dir.path().to_owned();
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "").unwrap();
        (dir, path)
    };
    let code = rustix::io::Errno::NOTDIR.raw_os_error();
    let (dir, path) = spoilt().await;
    let error = dir.close().await.unwrap_err();
    assert_eq!(inside(&error), ("remove", path, Some(code)));
    let (dir, path) = spoilt().await;
    drop(dir);
    let error = drained().await.unwrap_err();
    assert_eq!(inside(&error), ("remove", path, Some(code)));
    drained().await.unwrap();

    // And a folder where the file was.
    let spoilt = async || {
        let file = file_in(&folder).await;
        let path = file.path().to_owned();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        (file, path)
    };
    let code = rustix::io::Errno::ISDIR.raw_os_error();
    let (file, path) = spoilt().await;
    let error = file.close().await.unwrap_err();
    assert_eq!(inside(&error), ("remove", path, Some(code)));
    let (file, path) = spoilt().await;
    drop(file);
    let error = drained().await.unwrap_err();
    assert_eq!(inside(&error), ("remove", path, Some(code)));
    drained().await.unwrap();
}

#[tokio::test]
async fn what_somebody_else_has_removed_is_an_error_of_close_alone() {
    chaos::alone!();
    let folder = Folder::new();
    let (file, dir) = (file_in(&folder).await, dir_in(&folder).await);
    fs::remove_file(file.path()).unwrap();
    fs::remove_dir(dir.path()).unwrap();
    drop((file, dir));
    drained().await.unwrap();
    let (file, dir) = (file_in(&folder).await, dir_in(&folder).await);
    fs::remove_file(file.path()).unwrap();
    fs::remove_dir(dir.path()).unwrap();
    let error = file.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = dir.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    drained().await.unwrap();
}

#[tokio::test]
async fn they_are_what_they_were_wherever_the_program_goes() {
    chaos::alone!();
    let folder = Folder::new();
    let (home, away) = (folder.file("home"), folder.file("away"));
    fs::create_dir(&home).unwrap();
    fs::create_dir(&away).unwrap();
    std::env::set_current_dir(&home).unwrap();
    let file = temp_file().in_dir(".").await.unwrap();
    let dir = temp_dir().in_dir("").await;
    let dir = match dir {
        // An empty path is no folder.
        Err(_) => temp_dir().in_dir("../home").await.unwrap(),
        Ok(dir) => dir,
    };
    assert!(file.path().is_absolute() && dir.path().is_absolute());
    // Others of the same names, which are not to be touched.
    let other_file = away.join(file.path().file_name().unwrap());
    let other_dir = away.join(dir.path().file_name().unwrap());
    fs::write(&other_file, "").unwrap();
    fs::create_dir(&other_dir).unwrap();
    std::env::set_current_dir(&away).unwrap();
    drop(file);
    dir.close().await.unwrap();
    drained().await.unwrap();
    assert!(fs::read_dir(&home).unwrap().next().is_none());
    assert!(other_file.exists() && other_dir.exists());
}

/// A folder, and what is in it that is about to go.
struct World {
    folder: Folder,
    file: Option<TempFile>,
    dir: Option<TempDir>,
}

impl World {
    async fn new() -> Self {
        Self {
            folder: Folder::new(),
            file: None,
            dir: None,
        }
    }

    async fn full() -> Self {
        let folder = Folder::new();
        let mut file = file_in(&folder).await;
        file.write_all(b"buffered").await.unwrap();
        let dir = dir_in(&folder).await;
        fs::write(dir.path().join("x"), "inside").unwrap();
        Self {
            folder,
            file: Some(file),
            dir: Some(dir),
        }
    }

    /// Nothing is left, in the folder or open, but what may be.
    async fn check(mut self, cut: &Cut, may_be: &[&str]) {
        drop((self.file.take(), self.dir.take()));
        // A leaked future has its guard, and nobody can have it back.
        if cut.fate == Fate::Leak {
            return;
        }
        drained().await.unwrap();
        assert_eq!(self.folder.descriptors(), 0, "{cut:?}");
        let mut names = self.folder.names();
        names.retain(|name| !may_be.contains(&&**name));
        assert!(names.is_empty(), "{names:?} {cut:?}");
        dir_in(&self.folder).await.close().await.unwrap();
    }

    fn target(&self) -> PathBuf {
        self.folder.file("target")
    }
}

#[tokio::test]
async fn creating_a_file() {
    cuts::every("temp_file")
        .world(World::new)
        .run(
            async |world: &mut World| world.file = Some(file_in(&world.folder).await),
            async |world, cut| world.check(&cut, &[]).await,
        )
        .await;
}

#[tokio::test]
async fn creating_a_folder() {
    cuts::every("temp_dir")
        .world(World::new)
        .run(
            async |world: &mut World| world.dir = Some(dir_in(&world.folder).await),
            async |world, cut| world.check(&cut, &[]).await,
        )
        .await;
}

#[tokio::test]
async fn file_with() {
    cuts::every("CreateTempFile::with")
        .world(World::new)
        .run(
            async |world: &mut World| {
                temp_file()
                    .in_dir(world.folder.path())
                    .buffer(4)
                    .with(async |file| -> io::Result<_> { file.write_all(b"scratch").await })
                    .await
                    .unwrap();
            },
            async |world, cut| world.check(&cut, &[]).await,
        )
        .await;
}

#[tokio::test]
async fn folder_with() {
    cuts::every("CreateTempDir::with")
        .world(World::new)
        .run(
            async |world: &mut World| {
                temp_dir()
                    .in_dir(world.folder.path())
                    .with(async |dir| -> io::Result<_> { write(dir.path().join("x"), "y").await })
                    .await
                    .unwrap();
            },
            async |world, cut| world.check(&cut, &[]).await,
        )
        .await;
}

#[tokio::test]
async fn closing_a_file() {
    cuts::every("TempFile::close")
        .world(World::full)
        .run(
            async |world: &mut World| world.file.take().unwrap().close().await.unwrap(),
            async |world, cut| world.check(&cut, &[]).await,
        )
        .await;
}

#[tokio::test]
async fn closing_a_folder() {
    cuts::every("TempDir::close")
        .world(World::full)
        .run(
            async |world: &mut World| world.dir.take().unwrap().close().await.unwrap(),
            async |world, cut| world.check(&cut, &[]).await,
        )
        .await;
}

/// The target is there with all of its content, or not at all.
async fn persisted(world: World, cut: Cut) {
    // A leaked one may be on its way still.
    if cut.fate != Fate::Leak {
        drained().await.unwrap();
        match fs::read(world.target()) {
            Ok(found) => assert_eq!(found, b"buffered", "{cut:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound);
                assert!(!cut.completed, "{cut:?}");
            }
        }
    }
    world.check(&cut, &["target"]).await;
}

#[tokio::test]
async fn persisting() {
    cuts::every("TempFile::persist")
        .world(World::full)
        .run(
            async |world: &mut World| {
                let file = world.file.take().unwrap().persist(world.target()).await;
                file.unwrap().close().await.unwrap();
            },
            persisted,
        )
        .await;
}

#[tokio::test]
async fn persisting_new() {
    cuts::every("TempFile::persist_new")
        .world(World::full)
        .run(
            async |world: &mut World| {
                let file = world.file.take().unwrap();
                let file = file.persist_new(world.target()).await;
                file.unwrap().close().await.unwrap();
            },
            persisted,
        )
        .await;
}
