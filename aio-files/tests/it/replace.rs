//! Files replaced in one step.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, SeekFrom};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;

use aio_files::replace::{AtomicFile, sweep};
use aio_files::{drained, replace};
use chaos::cuts;

use crate::folder::{Folder, inside, poll_once};

/// Replaces a file by these bytes.
async fn put(path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> io::Result<()> {
    replace(path)
        .with(async |out| -> io::Result<_> { out.write_all(content.as_ref()).await })
        .await
}

impl Folder {
    /// The names in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        names_in(self.path())
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_old_content_is_there_until_the_new_one_is() {
    let folder = Folder::new();
    let path = folder.with("x", "old");
    let mut file = replace(&path).buffer(4).await.unwrap();
    assert_eq!(file.path(), path);
    file.write_all(b"new content").await.unwrap();
    file.sync_all().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    // It can be read back and written over before anybody sees it.
    file.seek(SeekFrom::Start(0)).await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "new content");
    file.seek(SeekFrom::Start(0)).await.unwrap();
    file.write_all(b"NEW").await.unwrap();
    file.commit().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"NEW content");
    assert_eq!(folder.names(), ["x"]);
    assert_eq!(folder.descriptors(), 0);
}

#[tokio::test]
async fn abandoned_dropped_and_panicked_ones_leave_the_old_content_and_nothing_else() {
    let folder = Folder::new();
    let path = folder.with("x", "old");
    let begun = async || {
        let mut file = replace(&path).await.unwrap();
        file.write_all(b"never seen").await.unwrap();
        assert_eq!(folder.names().len(), 2);
        file
    };
    begun().await.abandon().await.unwrap();
    assert_eq!(folder.names(), ["x"], "gone when abandon answers");
    drop(begun().await);
    drained().await.unwrap();
    assert_eq!(folder.names(), ["x"], "gone when drained answers");

    let failed = replace(&path)
        .with(async |out| -> io::Result<()> {
            out.write_all(b"never seen").await?;
            Err(io::Error::other("no"))
        })
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "no");
    assert_eq!(folder.names(), ["x"], "gone when with answers");

    let panicking = tokio::spawn({
        let path = path.clone();
        async move {
            replace(&path)
                .with(async |out| -> io::Result<()> {
                    out.write_all(b"never seen").await?;
                    std::panic::resume_unwind(Box::new("on purpose"))
                })
                .await
        }
    });
    assert!(panicking.await.unwrap_err().is_panic());
    drained().await.unwrap();
    assert_eq!(folder.names(), ["x"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(folder.descriptors(), 0);
}

#[test]
fn dropping_needs_no_runtime() {
    let folder = Folder::new();
    let path = folder.with("x", "old");
    let build = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let runtime = build();
    let file = runtime.block_on(replace(&path).into_future()).unwrap();
    drop(runtime);
    std::thread::spawn(move || drop(file)).join().unwrap();
    build().block_on(drained()).unwrap();
    assert_eq!(folder.names(), ["x"]);
}

#[tokio::test]
async fn what_is_generic_over_the_traits_takes_it() {
    let folder = Folder::new();
    let path = folder.file("x");
    let mut file = replace(&path).await.unwrap();
    let mut source = &b"copied"[..];
    tokio::io::copy(&mut source, &mut file).await.unwrap();
    file.commit().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"copied");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn permissions_are_kept_usual_or_given_and_private_until_then() {
    let folder = Folder::new();
    let path = folder.with("x", "old");
    for bits in [0o600, 0o640, 0o755, 0o400, 0o4711] {
        fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
        put(&path, "new").await.unwrap();
        assert_eq!(mode(&path), bits, "{bits:o}");
    }
    // A new file has what std's has, whatever the mask is.
    put(folder.file("new"), "new").await.unwrap();
    assert_eq!(mode(&folder.file("new")), mode(&folder.with("std", "")));

    let given = replace(&path).permissions(Permissions::from_mode(0o604));
    let file = given.await.unwrap();
    let temporary = folder.names().remove(0);
    assert!(temporary.starts_with(".aio-files-"), "{temporary}");
    assert_eq!(mode(&folder.file(&temporary)), 0o600);
    file.commit().await.unwrap();
    assert_eq!(mode(&path), 0o604);
    assert_eq!(folder.names(), ["new", "std", "x"]);
}

#[tokio::test]
async fn owner_and_group_are_kept() {
    if !rustix::process::geteuid().is_root() {
        chaos::skip::because("only root gives files away");
        return;
    }
    let folder = Folder::new();
    let path = folder.with("x", "old");
    std::os::unix::fs::chown(&path, Some(12345), Some(23456)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o6755)).unwrap();
    put(&path, "new").await.unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (12345, 23456));
    assert_eq!(mode(&path), 0o6755);
}

#[tokio::test]
async fn a_link_is_replaced_or_followed() {
    let folder = Folder::new();
    let sub = folder.file("sub");
    fs::create_dir(&sub).unwrap();
    let real = sub.join("real");
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
    symlink("sub/../second", folder.file("first")).unwrap();
    symlink("sub/real", folder.file("second")).unwrap();

    let path = folder.file("first");
    let mut file = replace(&path).follow_link().await.unwrap();
    assert_eq!(names_in(&sub).len(), 2, "beside what it leads to");
    file.write_all(b"followed").await.unwrap();
    file.commit().await.unwrap();
    assert_eq!(fs::read(&real).unwrap(), b"followed");
    assert!(path.is_symlink() && folder.file("second").is_symlink());
    assert_eq!(mode(&real), 0o640);

    put(&path, "replaced").await.unwrap();
    assert!(!path.is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"replaced");
    assert_eq!(fs::read(&real).unwrap(), b"followed");
    assert_eq!(mode(&path), 0o640, "that of what the name led to");

    // One that leads nowhere yet.
    symlink("sub/new", folder.file("dangling")).unwrap();
    let dangling = replace(folder.file("dangling")).follow_link();
    dangling.await.unwrap().commit().await.unwrap();
    assert_eq!(fs::read(sub.join("new")).unwrap(), b"");

    symlink("loop", folder.file("loop")).unwrap();
    let error = replace(folder.file("loop"))
        .follow_link()
        .await
        .unwrap_err();
    let code = rustix::io::Errno::LOOP.raw_os_error();
    assert_eq!(inside(&error), ("replace", folder.file("loop"), Some(code)));
}

#[tokio::test]
async fn of_many_that_may_not_clobber_one_succeeds() {
    let folder = Folder::new();
    let path = folder.file("x");
    let mut files = Vec::new();
    for number in 0..20 {
        let mut file = replace(&path).no_clobber().await.unwrap();
        file.write_all(&[number]).await.unwrap();
        files.push(file);
    }
    let commits: Vec<_> = files
        .into_iter()
        .map(|file| tokio::spawn(file.commit()))
        .collect();
    let mut successes = 0;
    for commit in commits {
        match commit.await.unwrap() {
            Ok(()) => successes += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::AlreadyExists);
                assert_eq!(inside(&error), ("replace", path.clone(), Some(17)));
            }
        }
    }
    assert_eq!(successes, 1);
    assert_eq!(fs::read(&path).unwrap().len(), 1);
    assert_eq!(folder.names(), ["x"]);
    // Nor is it begun in vain, and a link that leads nowhere is something too.
    symlink("nowhere", folder.file("link")).unwrap();
    for name in ["x", "link"] {
        let error = replace(folder.file(name)).no_clobber().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name}");
    }
}

#[tokio::test]
async fn what_no_file_can_replace_is_refused_at_once() {
    let folder = Folder::new();
    fs::create_dir(folder.file("sub")).unwrap();
    folder.fifo("fifo");
    folder.with("file", "");
    for (path, kind) in [
        (folder.file("sub"), ErrorKind::IsADirectory),
        (folder.file("sub/"), ErrorKind::IsADirectory),
        (folder.file("file/"), ErrorKind::IsADirectory),
        (folder.file("sub/.."), ErrorKind::IsADirectory),
        (PathBuf::from("/"), ErrorKind::IsADirectory),
        (folder.file("fifo"), ErrorKind::InvalidInput),
        (PathBuf::from("/dev/null"), ErrorKind::InvalidInput),
        (PathBuf::new(), ErrorKind::InvalidInput),
        (folder.file("nul\0"), ErrorKind::InvalidInput),
        (folder.file("no/x"), ErrorKind::NotFound),
        (folder.file("file/x"), ErrorKind::NotADirectory),
        (folder.file(&"n".repeat(256)), ErrorKind::InvalidFilename),
    ] {
        let error = replace(&path).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path:?}: {error}");
        assert_eq!(inside(&error).0, "replace");
        assert_eq!(inside(&error).1, path);
    }
    assert_eq!(folder.names(), ["fifo", "file", "sub"]);
    assert_eq!(folder.descriptors(), 0);
}

#[tokio::test]
async fn hostile_names_are_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new();
    let longest = "n".repeat(255);
    let names: [&[u8]; 6] = [
        b"new\nline",
        b"\xff\xfe",
        b"-rf",
        b" ",
        b".aio-files-0.tmp",
        longest.as_bytes(),
    ];
    for name in names {
        let path = folder.path().join(OsStr::from_bytes(name));
        put(&path, name).await.unwrap();
        put(&path, name).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), name);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), names.len());
}

async fn in_a_limited_process() {
    let folder = Folder::new();
    let path = folder.with("x", "old");
    let code = rustix::io::Errno::FBIG.raw_os_error();
    let expected = ("write", path.clone(), Some(code));
    let much = vec![0; 200_000];
    // Met by a write, by the commit, and by `with`.
    let mut file = replace(&path).buffer(0).await.unwrap();
    file.write_all(&much).await.unwrap_err();
    assert_eq!(inside(&file.write_all(b"x").await.unwrap_err()), expected);
    assert_eq!(inside(&file.sync_all().await.unwrap_err()), expected);
    assert_eq!(inside(&file.commit().await.unwrap_err()), expected);
    let mut file = replace(&path).await.unwrap();
    file.write_all(&much).await.unwrap();
    assert_eq!(inside(&file.commit().await.unwrap_err()), expected);
    assert_eq!(inside(&put(&path, &much).await.unwrap_err()), expected);
    assert_eq!(folder.names(), ["x"], "gone when the commit answers");
    // Nobody is told of what was given up.
    let mut file = replace(&path).await.unwrap();
    file.write_all(&much).await.unwrap();
    drop(file);
    drained().await.unwrap();
    assert_eq!(folder.names(), ["x"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[test]
fn a_failed_write_is_the_commits_error_too() {
    const LIMITED: &str = "AIO_FILES_LIMITED_REPLACE";
    if std::env::var_os(LIMITED).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        return runtime.block_on(in_a_limited_process());
    }
    // Ignored signals stay ignored in the program that the shell becomes.
    let output = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "replace::a_failed_write_is_the_commits_error_too",
            "--nocapture",
        ])
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{failed}"
    );
}

#[tokio::test]
async fn it_stays_in_its_folder_wherever_the_program_goes_and_whatever_that_is_called() {
    chaos::alone!();
    let folder = Folder::new();
    let (home, away) = (folder.file("home"), folder.file("away"));
    fs::create_dir(&home).unwrap();
    fs::create_dir(&away).unwrap();
    std::env::set_current_dir(&home).unwrap();
    let mut committed = replace("x").await.unwrap();
    committed.write_all(b"x").await.unwrap();
    let dropped = replace("y").await.unwrap();
    let abandoned = replace("z").await.unwrap();
    assert_eq!(names_in(&home).len(), 3);

    std::env::set_current_dir(&away).unwrap();
    let renamed = folder.file("renamed");
    fs::rename(&home, &renamed).unwrap();
    committed.commit().await.unwrap();
    abandoned.abandon().await.unwrap();
    drop(dropped);
    drained().await.unwrap();
    assert_eq!(names_in(&renamed), ["x"]);
    assert!(names_in(&away).is_empty());
}

#[tokio::test]
async fn a_file_that_was_exchanged_replaces_nothing() {
    let folder = Folder::new();
    let path = folder.with("x", "old");
    let mut file = replace(&path).await.unwrap();
    let mut other = aio_files::open(folder.with("other", "")).await.unwrap();
    std::mem::swap::<aio_files::File>(&mut file, &mut other);
    let error = file.commit().await.unwrap_err();
    assert_eq!(inside(&error).0, "replace");
    drop(other);
    drained().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(folder.names(), ["other", "x"]);
}

/// A content in which every part says of which round it is.
fn of_round(round: u32) -> Vec<u8> {
    round.to_le_bytes().repeat(25_000)
}

/// Two readers by std beside a writer. Gives how often they read, or what they
/// have seen that never was.
fn beside_readers(
    path: &Path,
    rounds: u32,
    write: impl AsyncFn(&Path, Vec<u8>),
) -> Result<u64, String> {
    fs::write(path, of_round(0)).unwrap();
    let (written, over) = (AtomicU32::new(0), AtomicBool::new(false));
    let read = || {
        let (mut reads, mut last) = (0, 0);
        loop {
            let ends = over.load(Ordering::Acquire);
            let found = fs::read(path).unwrap();
            let first = found.first_chunk().copied().unwrap_or_default();
            let round = u32::from_le_bytes(first);
            if found != of_round(round) {
                let parts: HashSet<&[u8]> = found.chunks(4).collect();
                return Err(format!("{} bytes of {} rounds", found.len(), parts.len()));
            }
            if round < last || (ends && round != written.load(Ordering::Relaxed)) {
                return Err(format!("{round} after {last}"));
            }
            last = round;
            reads += 1;
            if ends {
                return Ok(reads);
            }
        }
    };
    std::thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            for round in 1..=rounds {
                write(path, of_round(round)).await;
                written.store(round, Ordering::Relaxed);
                // Where they have seen something wrong, nobody reads any more.
                if readers.iter().any(|reader| reader.is_finished()) {
                    break;
                }
            }
        });
        over.store(true, Ordering::Release);
        let reads = readers.map(|reader| reader.join().unwrap());
        reads.into_iter().sum()
    })
}

#[test]
fn readers_never_see_half() {
    let put = async |path: &Path, content| put(path, content).await.unwrap();
    let folder = Folder::new();
    let reads = beside_readers(&folder.file("x"), 200, put).unwrap();
    println!("replacements=200 reads={reads} torn=0");
    // Where a sync is nothing, there are thousands in the same time.
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
        chaos::skip::because("there is no /dev/shm");
        return;
    };
    let reads = beside_readers(&folder.path().join("x"), 4000, put).unwrap();
    println!("replacements=4000 reads={reads} torn=0");
}

#[test]
fn writing_in_place_shows_readers_half() {
    let write = async |path: &Path, content| aio_files::write(path, content).await.unwrap();
    let folder = Folder::new();
    let seen = beside_readers(&folder.file("x"), 100_000, write).unwrap_err();
    assert!(seen.contains("bytes of"), "{seen}");
}

#[tokio::test]
async fn a_cancelled_megabyte_is_over_before_the_three_bytes_that_follow() {
    const ROUNDS: usize = 300;
    let folder = Folder::new();
    let path = folder.file("x");
    let megabyte = vec![b'M'; 1 << 20];
    let (mut cancelled, mut begun) = (0, 0);
    for round in 0..ROUNDS {
        {
            let mut first = chaos::woken::probe("a megabyte", put(&path, &megabyte));
            // Cut at every wait, inside the commit as well.
            let mut ended = false;
            for poll in 0..round % 10 {
                if poll > 0 {
                    first.woken();
                }
                ended = first.poll().is_ready();
                if ended {
                    break;
                }
            }
            cancelled += usize::from(!ended);
        }
        put(&path, "end").await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"end", "round {round}");
        drained().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"end", "round {round}, drained");
        assert_eq!(folder.names(), ["x"], "round {round}");
        begun += 1;
    }
    println!("rounds={begun} cancelled={cancelled} stale=0");
    assert!(cancelled > ROUNDS / 3);
}

/// Cuts a commit while the work is inside it: a bigger file syncs for longer.
#[tokio::test]
async fn a_commit_that_has_begun_is_over_before_whatever_follows() {
    let folder = Folder::new();
    let path = folder.file("x");
    let mut committed = 0;
    for round in 0..60 {
        fs::write(&path, "old").unwrap();
        let mut file = replace(&path).await.unwrap();
        file.write_all(&vec![b'n'; 1 << 20]).await.unwrap();
        {
            let mut commit = std::pin::pin!(file.commit());
            drop(poll_once(commit.as_mut()));
            // Not a wait for the end, only for some of the way.
            for _ in 0..round * 50 {
                std::thread::yield_now();
            }
        }
        // A reading of the path through this crate waits for it.
        let found = aio_files::read(&path).await.unwrap();
        drained().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), found, "it is as it was read");
        assert!(found == b"old" || found.len() == 1 << 20, "{}", found.len());
        committed += usize::from(found.len() == 1 << 20);
        assert_eq!(folder.names(), ["x"]);
    }
    println!("cancelled=60 committed={committed}");
}

#[tokio::test]
async fn errors_of_a_cancelled_commit_are_for_drained() {
    chaos::alone!();
    let folder = Folder::new();
    let path = folder.file("x");
    let mut told = 0;
    while told < 20 {
        let mut file = replace(&path).await.unwrap();
        file.write_all(b"x").await.unwrap();
        fs::create_dir(&path).unwrap();
        let mut commit = Box::pin(file.commit());
        let expected = ("replace", path.clone(), Some(21));
        match poll_once(commit.as_mut()) {
            // It was so fast that the first poll was told.
            Poll::Ready(failed) => assert_eq!(inside(&failed.unwrap_err()), expected),
            Poll::Pending => {
                // By then it has begun; whether it has been answered is open.
                folder.closed().await;
                drop(commit);
                assert_eq!(inside(&drained().await.unwrap_err()), expected);
                told += 1;
            }
        }
        drained().await.unwrap();
        assert_eq!(folder.names(), ["x"]);
        fs::remove_dir(&path).unwrap();
    }
}

#[tokio::test]
async fn sweep_takes_what_nobody_holds_and_nothing_else() {
    let folder = Folder::new();
    let ours = |digit: char| format!(".aio-files-{}.tmp", String::from(digit).repeat(32));
    let abandoned = folder.with(&ours('a'), "left by a dead process");
    fs::set_permissions(&abandoned, Permissions::from_mode(0o400)).unwrap();
    folder.with(&ours('b'), "and another");
    let mut alive = replace(folder.file("x")).await.unwrap();
    let alive_name = folder
        .names()
        .into_iter()
        .find(|name| *name != ours('a') && *name != ours('b'))
        .unwrap();
    // Whatever else has such a name, or nearly.
    folder.with("file", "kept");
    symlink("file", folder.file(&ours('c'))).unwrap();
    fs::create_dir(folder.file(&ours('d'))).unwrap();
    folder.with(&format!("{}/{}", ours('d'), ours('a')), "below");
    folder.fifo(&ours('e'));
    folder.with(&ours('A'), "kept");
    folder.with(".aio-files-.tmp", "kept");
    let before = folder.names();

    assert_eq!(sweep(folder.path()).await.unwrap(), 2);
    let mut expected = before;
    expected.retain(|name| *name != ours('a') && *name != ours('b'));
    assert_eq!(folder.names(), expected);
    assert!(expected.contains(&alive_name));
    assert_eq!(fs::read(folder.file("file")).unwrap(), b"kept");
    assert_eq!(names_in(&folder.file(&ours('d'))).len(), 1);

    alive.write_all(b"alive").await.unwrap();
    alive.commit().await.unwrap();
    assert_eq!(fs::read(folder.file("x")).unwrap(), b"alive");
    assert_eq!(sweep(folder.path()).await.unwrap(), 0);

    let error = sweep(folder.file("nowhere")).await.unwrap_err();
    assert_eq!(inside(&error), ("sweep", folder.file("nowhere"), Some(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_goes_on_while_the_folder_is_swept() {
    let folder = Folder::new();
    let over = std::sync::Arc::new(AtomicBool::new(false));
    let sweeper = tokio::spawn({
        let (over, path) = (over.clone(), folder.path().to_owned());
        async move {
            let mut swept = 0;
            while !over.load(Ordering::Acquire) {
                swept += sweep(&path).await.unwrap();
            }
            swept
        }
    });
    for round in 0..200_u32 {
        put(folder.file("x"), round.to_le_bytes()).await.unwrap();
    }
    over.store(true, Ordering::Release);
    // One may have been met before it was locked; then another was made.
    let swept = sweeper.await.unwrap();
    println!("replacements=200 swept={swept}");
    assert_eq!(folder.names(), ["x"]);
}

/// A file that is to be replaced, and what is to replace it.
struct World {
    folder: Folder,
    path: PathBuf,
    file: Option<AtomicFile>,
}

impl World {
    async fn new() -> Self {
        let folder = Folder::new();
        let path = folder.with("x", "old");
        Self {
            folder,
            path,
            file: None,
        }
    }

    async fn written() -> Self {
        let mut world = Self::new().await;
        let mut file = replace(&world.path).buffer(8).await.unwrap();
        file.write_all(b"the new content").await.unwrap();
        world.file = Some(file);
        world
    }

    /// Old or new, nothing beside it, and the next replacement works.
    async fn check(mut self, cut: cuts::Cut) {
        drop(self.file.take());
        if cut.fate == chaos::Fate::Leak {
            return;
        }
        drained().await.unwrap();
        self.folder.closed().await;
        assert_eq!(self.folder.names(), ["x"], "{cut:?}");
        let found = fs::read(&self.path).unwrap();
        assert!(found == b"old" || found == b"the new content", "{cut:?}");
        put(&self.path, "next").await.unwrap();
        assert_eq!(fs::read(&self.path).unwrap(), b"next");
    }
}

#[tokio::test]
async fn replacing() {
    cuts::every("replace")
        .world(World::new)
        .run(
            async |world: &mut World| {
                world.file = Some(replace(&world.path).await.unwrap());
            },
            World::check,
        )
        .await;
}

#[tokio::test]
async fn with() {
    cuts::every("Replace::with")
        .world(World::new)
        .run(
            async |world: &mut World| put(&world.path, "the new content").await.unwrap(),
            async |world, cut| {
                if cut.completed {
                    assert_eq!(fs::read(&world.path).unwrap(), b"the new content");
                }
                world.check(cut).await;
            },
        )
        .await;
}

#[tokio::test]
async fn commit() {
    cuts::every("AtomicFile::commit")
        .world(World::written)
        .run(
            async |world: &mut World| world.file.take().unwrap().commit().await.unwrap(),
            async |world, cut| {
                if cut.completed {
                    assert_eq!(fs::read(&world.path).unwrap(), b"the new content");
                }
                world.check(cut).await;
            },
        )
        .await;
}

#[tokio::test]
async fn abandon() {
    cuts::every("AtomicFile::abandon")
        .world(World::written)
        .run(
            async |world: &mut World| world.file.take().unwrap().abandon().await.unwrap(),
            async |world, cut| {
                assert_eq!(fs::read(&world.path).unwrap(), b"old");
                world.check(cut).await;
            },
        )
        .await;
}

#[tokio::test]
async fn sweeping() {
    cuts::every("sweep")
        .world(async || {
            let world = World::new().await;
            let name = format!(".aio-files-{}.tmp", "0".repeat(32));
            world.folder.with(&name, "abandoned");
            world
        })
        .run(
            async |world: &mut World| {
                assert_eq!(sweep(world.folder.path()).await.unwrap(), 1);
            },
            async |world, cut| {
                sweep(world.folder.path()).await.unwrap();
                world.check(cut).await;
            },
        )
        .await;
}
