//! Workers that can open nothing.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use aio_pool::workers::{Limits, Sandbox};
use aio_pool::{Error, Exit, Pool, TaskError, task};

use crate::harness::trials;
use crate::tasks::{abort, compute, echo, fib, panics, pid};

mod deeds;
pub(crate) mod programs;

use deeds::{Deed, EACCES, ENOSYS, EPERM, call_all, do_all, execute, live};

trials![
    in_the_cage_nothing_can_be_opened_reached_or_executed,
    in_the_cage_nothing_can_be_done_to_others_past_the_library,
    what_was_let_through_can_be_read_and_nothing_else,
    what_was_let_through_to_write_can_be_changed_and_nothing_else,
    in_the_cage_tasks_run_as_anywhere,
    a_worker_in_the_place_of_a_caged_one_is_caged,
    limits_and_a_sandbox_go_together_and_the_limits_stay,
    a_path_that_is_not_there_is_one_clear_error,
    a_caged_task_that_starts_a_pool_sees_an_error,
];

/// A command of `fcntl`: which signal, other than SIGIO.
const F_SETSIG: usize = 10;

/// A pool with one worker in this cage, or the reason why there can be none.
async fn caged_in(sandbox: Sandbox) -> Result<Pool, String> {
    match aio_pool::start().workers(1).sandbox(sandbox).await {
        Ok(pool) => Ok(pool),
        Err(error) if error.to_string().contains(" is missing (") => Err(error.to_string()),
        Err(other) => panic!("{other}"),
    }
}

macro_rules! caged_or_skip {
    ($sandbox:expr) => {
        match caged_in($sandbox).await {
            Ok(pool) => pool,
            Err(why) => return chaos::skip::because(&why),
        }
    };
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

async fn in_the_cage_nothing_can_be_opened_reached_or_executed() {
    let caged = caged_or_skip!(Sandbox::new());
    let free = aio_pool::start().workers(1).await.unwrap();
    let folder = chaos::scratch::folder();
    let there = text(&folder.path().join("there"));
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("aio-pool-sandbox-{}", std::process::id());
    let _named = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let inside = |name: &str| text(&folder.path().join(name));
    let deeds = vec![
        Deed::Open(there.clone()),
        Deed::OpenLater(there.clone()),
        Deed::OpenAside(there.clone()),
        Deed::Open("/proc/self/maps".to_owned()),
        Deed::List("/".to_owned()),
        Deed::Ask(there.clone()),
        Deed::Create(inside("created")),
        Deed::Empty(there.clone()),
        Deed::Append(there.clone()),
        Deed::MakeFolder(inside("folder")),
        Deed::ForbidToWrite(there.clone()),
        Deed::Rename(there.clone(), inside("renamed")),
        Deed::Remove(inside("renamed")),
        Deed::ConnectTcp(tcp.local_addr().unwrap()),
        Deed::ConnectToName(name),
        Deed::BindUdp,
        Deed::PairDatagrams,
        Deed::Spawn,
        Deed::SignalTheProgram,
    ];
    let before = caged.call::<pid>(()).await.unwrap();
    fs::write(&there, "there").unwrap();
    let errors = caged.call::<do_all>(deeds.clone()).await.unwrap();
    for (deed, error) in deeds.iter().zip(errors) {
        assert_eq!(error, Some(EPERM), "{deed:?}");
    }
    assert_eq!(fs::read_to_string(&there).unwrap(), "there");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(caged.call::<execute>(()).await.unwrap(), Some(EPERM));
    // The pool goes on, with the same worker.
    assert_eq!(caged.call::<pid>(()).await.unwrap(), before);
    // Each of them is possible, or it would prove nothing.
    let errors = free.call::<do_all>(deeds.clone()).await.unwrap();
    for (deed, error) in deeds.iter().zip(errors) {
        assert_eq!(error, None, "{deed:?}");
    }
    caged.close().await.unwrap();
    free.close().await.unwrap();
}

async fn in_the_cage_nothing_can_be_done_to_others_past_the_library() {
    let pool = caged_or_skip!(Sandbox::new());
    let own = pool.call::<pid>(()).await.unwrap() as usize;
    let program = std::process::id() as usize;
    let stdin = 0;
    let denied = [
        (libc::SYS_kill, [0, 0, 0, 0, 0]),
        (libc::SYS_kill, [usize::MAX, 0, 0, 0, 0]),
        (libc::SYS_tgkill, [program, program, 0, 0, 0]),
        (libc::SYS_tkill, [program, 0, 0, 0, 0]),
        (libc::SYS_pidfd_open, [program, 0, 0, 0, 0]),
        (
            libc::SYS_fcntl,
            [stdin, libc::F_SETOWN as usize, program, 0, 0],
        ),
        (libc::SYS_fcntl, [stdin, F_SETSIG, 9, 0, 0]),
        (libc::SYS_ioctl, [stdin, libc::TIOCSTI as usize, 0, 0, 0]),
        // The kernel looks at the lower half only, so a filter must too.
        (
            libc::SYS_ioctl,
            [stdin, libc::TIOCSTI as usize | 1 << 32, 0, 0, 0],
        ),
        (
            libc::SYS_ptrace,
            [libc::PTRACE_ATTACH as usize, program, 0, 0, 0],
        ),
        (libc::SYS_process_vm_readv, [program, 0, 0, 0, 0]),
        (
            libc::SYS_prlimit64,
            [program, libc::RLIMIT_CORE as usize, 0, 0, 0],
        ),
        (
            libc::SYS_prlimit64,
            [own, libc::RLIMIT_CORE as usize, 8, 0, 0],
        ),
        (
            libc::SYS_clone,
            [libc::SIGCHLD as usize | 1 << 40, 0, 0, 0, 0],
        ),
        (libc::SYS_clone, [libc::CLONE_NEWUSER as usize, 0, 0, 0, 0]),
        (
            libc::SYS_unshare,
            [libc::CLONE_NEWUSER as usize, 0, 0, 0, 0],
        ),
        (
            libc::SYS_socketpair,
            [1, libc::SOCK_DGRAM as usize, 0, 0, 0],
        ),
        (libc::SYS_sendto, [stdin, 0, 0, 0, 8]),
        (libc::SYS_io_uring_setup, [1, 0, 0, 0, 0]),
        (libc::SYS_bpf, [0, 0, 0, 0, 0]),
        (libc::SYS_userfaultfd, [0, 0, 0, 0, 0]),
        (libc::SYS_perf_event_open, [0, 0, 0, 0, 0]),
        (libc::SYS_open_by_handle_at, [0, 0, 0, 0, 0]),
        (libc::SYS_shmget, [0, 4096, 0o1600, 0, 0]),
        (
            libc::SYS_madvise,
            [0, 0, libc::MADV_SOFT_OFFLINE as usize, 0, 0],
        ),
        (libc::SYS_setsid, [0, 0, 0, 0, 0]),
        (libc::SYS_fchmod, [1, 0o666, 0, 0, 0]),
        (libc::SYS_keyctl, [0, 0, 0, 0, 0]),
    ];
    let unknown = [
        (libc::SYS_clone3, [0; 5]),
        (libc::SYS_openat2, [0; 5]),
        // What the next kernel brings.
        (1_000, [0; 5]),
        // The other numbering of x86_64, which its architecture does not tell.
        (0x4000_0002, [0; 5]),
    ];
    for (calls, error) in [(denied.to_vec(), EPERM), (unknown.to_vec(), ENOSYS)] {
        let answers = pool.call::<call_all>(calls.clone()).await.unwrap();
        for (call, answer) in calls.iter().zip(answers) {
            assert_eq!(answer, Some(error), "{call:?}");
        }
    }
    assert_eq!(pool.call::<pid>(()).await.unwrap() as usize, own);
    pool.close().await.unwrap();
}

async fn what_was_let_through_can_be_read_and_nothing_else() {
    let folder = chaos::scratch::folder();
    let at = |name: &str| text(&folder.path().join(name));
    fs::create_dir_all(at("open/deeper")).unwrap();
    for name in ["open/deeper/in", "out", "single"] {
        fs::write(at(name), name).unwrap();
    }
    std::os::unix::fs::symlink("../out", at("open/link")).unwrap();
    let sandbox = Sandbox::new().read(at("open")).read(at("single"));
    let pool = caged_or_skip!(sandbox);
    let cases = [
        (Deed::Open(at("open/deeper/in")), None),
        (Deed::OpenLater(at("open/deeper/in")), None),
        (Deed::Open(at("single")), None),
        (Deed::List(at("open")), None),
        (Deed::Ask(at("out")), None),
        (Deed::Open(at("out")), Some(EACCES)),
        (Deed::OpenLater(at("out")), Some(EACCES)),
        (Deed::OpenAside(at("out")), Some(EACCES)),
        (Deed::Open(at("open/link")), Some(EACCES)),
        (Deed::Open(at("open/../out")), Some(EACCES)),
        (Deed::List(at("")), Some(EACCES)),
        // The filter knows that nothing is to be written.
        (Deed::Append(at("single")), Some(EPERM)),
        (Deed::Create(at("open/new")), Some(EPERM)),
        (Deed::Empty(at("single")), Some(EPERM)),
        (Deed::MakeFolder(at("open/new")), Some(EPERM)),
        (
            Deed::Rename(at("open/deeper/in"), at("open/moved")),
            Some(EPERM),
        ),
        (Deed::Remove(at("single")), Some(EPERM)),
        (Deed::ForbidToWrite(at("single")), Some(EPERM)),
        (Deed::Spawn, Some(EPERM)),
        (Deed::BindUdp, Some(EPERM)),
    ];
    check(&pool, &cases).await;
    assert_eq!(pool.call::<execute>(()).await.unwrap(), Some(EPERM));
    pool.close().await.unwrap();
}

async fn what_was_let_through_to_write_can_be_changed_and_nothing_else() {
    let folder = chaos::scratch::folder();
    let at = |name: &str| text(&folder.path().join(name));
    for name in ["read", "write", "out"] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(&format!("{name}/file")), name).unwrap();
    }
    let pool = caged_or_skip!(Sandbox::new().read(at("read")).write(at("write")));
    let cases = [
        (Deed::Open(at("read/file")), None),
        (Deed::Open(at("write/file")), None),
        (Deed::Append(at("write/file")), None),
        (Deed::MakeFolder(at("write/folder")), None),
        (Deed::Create(at("write/folder/new")), None),
        (Deed::Create(at("write/folder/new")), None),
        (
            Deed::Rename(at("write/folder/new"), at("write/moved")),
            None,
        ),
        (Deed::Remove(at("write/file")), None),
        (Deed::Append(at("read/file")), Some(EACCES)),
        (Deed::Create(at("read/new")), Some(EACCES)),
        (Deed::Create(at("read/file")), Some(EACCES)),
        (Deed::Empty(at("read/file")), Some(EPERM)),
        (Deed::Remove(at("read/file")), Some(EACCES)),
        (Deed::MakeFolder(at("read/folder")), Some(EACCES)),
        (Deed::Open(at("out/file")), Some(EACCES)),
        (Deed::Create(at("out/file")), Some(EACCES)),
        (Deed::ForbidToWrite(at("write/moved")), Some(EPERM)),
        (Deed::Spawn, Some(EPERM)),
    ];
    check(&pool, &cases).await;
    // Out of where it may be read, and so past what may be read.
    let moved = Deed::Rename(at("read/file"), at("write/taken"));
    let errors = pool.call::<do_all>(vec![moved]).await.unwrap();
    assert!(errors[0].is_some());
    assert_eq!(fs::read_to_string(at("write/moved")).unwrap(), "new");
    assert_eq!(fs::read_to_string(at("read/file")).unwrap(), "read");
    assert_eq!(fs::read_to_string(at("out/file")).unwrap(), "out");
    pool.close().await.unwrap();
}

async fn check(pool: &Pool, cases: &[(Deed, Option<i32>)]) {
    let deeds = cases.iter().map(|(deed, _)| deed.clone()).collect();
    let answers = pool.call::<do_all>(deeds).await.unwrap();
    for ((deed, error), answer) in cases.iter().zip(answers) {
        assert_eq!(answer, *error, "{deed:?}");
    }
}

async fn in_the_cage_tasks_run_as_anywhere() {
    let pool = caged_or_skip!(Sandbox::new());
    let before = pool.call::<pid>(()).await.unwrap();
    assert_eq!(
        pool.call::<live>(()).await.unwrap(),
        0x0707_0707_0707_0707 + (20 << 20) + 2
    );
    let bytes = vec![7; 1 << 20];
    assert_eq!(pool.call::<echo>(bytes.clone()).await.unwrap(), bytes);
    assert_eq!(pool.call::<fib>(10).await.unwrap(), 55);
    match pool.call::<panics>("caged".to_owned()).await.unwrap_err() {
        TaskError::Panicked {
            message, location, ..
        } => {
            assert_eq!(message, "caged");
            assert!(location.unwrap().contains("tasks.rs"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.call::<compute>(1).await.unwrap(), before);
    pool.close().await.unwrap();
}

async fn a_worker_in_the_place_of_a_caged_one_is_caged() {
    let pool = caged_or_skip!(Sandbox::new());
    for _ in 0..2 {
        match pool.call::<abort>(()).await.unwrap_err() {
            TaskError::WorkerLost { exit, .. } => assert_eq!(exit, Exit::Signal(6)),
            other => panic!("{other:?}"),
        }
        let open = vec![Deed::Open("/dev/null".to_owned())];
        assert_eq!(pool.call::<do_all>(open).await.unwrap(), [Some(EPERM)]);
    }
    pool.close().await.unwrap();
}

async fn limits_and_a_sandbox_go_together_and_the_limits_stay() {
    let start = aio_pool::start()
        .workers(1)
        .limits(Limits::new().open_files(50).core_dumps(0))
        .sandbox(Sandbox::new().read("/proc").best_effort());
    let pool = start.await.unwrap();
    let limits = pool
        .call::<read>("/proc/self/limits".to_owned())
        .await
        .unwrap();
    let held = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    assert_eq!(held.unwrap().split_whitespace().nth(4), Some("50"));
    pool.close().await.unwrap();
}

task! {
    async fn read(path: String) -> String {
        fs::read_to_string(path).expect("a file")
    }
}

async fn a_path_that_is_not_there_is_one_clear_error() {
    for sandbox in [
        Sandbox::new().read("/nowhere/at/all"),
        Sandbox::new().write("/nowhere/at/all").best_effort(),
    ] {
        let start = aio_pool::start().workers(1).sandbox(sandbox);
        let error = start.await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::NeverReady { .. }), "{said}");
        assert!(said.contains("/nowhere/at/all"), "{said}");
        assert!(said.contains("No such file"), "{said}");
    }
    let start = aio_pool::start().sandbox(Sandbox::new().read(""));
    let said = start.await.unwrap_err().to_string();
    assert_eq!(
        said,
        "option sandbox.read of aio_pool::start() must be a path"
    );
}

task! {
    /// What comes of a pool that is started here.
    async fn start_within() -> String {
        match aio_pool::start().workers(1).await {
            Ok(_) => "started".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

async fn a_caged_task_that_starts_a_pool_sees_an_error() {
    let pool = caged_or_skip!(Sandbox::new());
    let before = pool.call::<pid>(()).await.unwrap();
    let said = pool.call::<start_within>(()).await.unwrap();
    assert!(said.contains("Operation not permitted"), "{said}");
    assert_eq!(pool.call::<pid>(()).await.unwrap(), before);
    pool.close().await.unwrap();
}
