//! Limits that the kernel holds workers to.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use aio_pool::workers::Limits;
use aio_pool::{Error, Exit, Never, Pool, TaskError, task};
use rustix::process::{Resource, getrlimit};

use crate::deeds::{Blob, take_blob};
use crate::harness::trials;
use crate::line::Line;
use crate::tasks::{give_bulk, pid, spin};

trials![
    workers_and_their_children_are_held_to_each_limit,
    no_limits_change_nothing,
    a_worker_out_of_memory_is_lost_and_the_pool_goes_on,
    a_worker_without_memory_for_an_input_or_an_output_is_lost,
    an_input_that_no_worker_can_read_is_a_loss_in_the_end,
    a_worker_out_of_time_is_lost_and_the_pool_goes_on,
    a_task_out_of_descriptors_sees_an_error_and_the_worker_goes_on,
    a_worker_that_writes_too_much_is_lost_and_the_pool_goes_on,
    a_limit_of_nothing_is_refused,
    a_limit_above_the_programs_own_is_refused_by_name,
    a_limit_under_which_no_worker_can_live_is_one_clear_error,
];

task! {
    /// The limits of this worker, and those of a child of it.
    async fn limits_here_and_below() -> (String, String) {
        let here = std::fs::read_to_string("/proc/self/limits").expect("limits");
        let below = Command::new("cat").arg("/proc/self/limits").output().expect("cat");
        (here, String::from_utf8(below.stdout).expect("text"))
    }
}

task! {
    async fn reserve(bytes: usize) -> usize {
        Vec::<u8>::with_capacity(bytes).capacity()
    }
}

task! {
    /// Leaves this worker with little memory that it may still take, and says
    /// which it is.
    async fn hoard() -> u32 {
        const CHUNK: usize = 8 << 20;
        let mut kept = Vec::new();
        loop {
            let mut chunk = Vec::<u8>::new();
            if chunk.try_reserve_exact(CHUNK).is_err() {
                break;
            }
            kept.push(chunk);
        }
        // Enough for a thread or two, and for what is said here.
        kept.truncate(kept.len() - 3);
        std::mem::forget(kept);
        std::process::id()
    }
}

task! {
    /// How many more descriptors it could have, and what came instead of another.
    async fn open_all() -> (usize, Option<i32>) {
        let mut open = Vec::new();
        loop {
            match File::open("/dev/null") {
                Ok(file) => open.push(file),
                Err(error) => break (open.len(), error.raw_os_error()),
            }
        }
    }
}

task! {
    async fn fill(path: String, bytes: usize) {
        let mut file = File::create(path).expect("a file");
        file.write_all(&vec![7; bytes]).expect("room");
    }
}

async fn one_worker(limits: Limits) -> Pool {
    aio_pool::start().workers(1).limits(limits).await.unwrap()
}

/// Soft and hard, as /proc has them.
fn limit(limits: &str, name: &str) -> (String, String) {
    let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
    let mut values = line[name.len()..].split_whitespace().map(str::to_owned);
    (values.next().unwrap(), values.next().unwrap())
}

fn exit_of<T: std::fmt::Debug>(outcome: Result<T, TaskError<Never>>) -> Exit {
    match outcome.unwrap_err() {
        TaskError::WorkerLost { exit, started, .. } => {
            assert!(started);
            exit
        }
        other => panic!("{other:?}"),
    }
}

async fn workers_and_their_children_are_held_to_each_limit() {
    let processes = getrlimit(Resource::Nproc)
        .maximum
        .map_or(5_000, |hard| hard.min(5_000));
    let most = processes.to_string();
    let limits = Limits::new()
        .address_space(3 << 30)
        .cpu_time(Duration::from_millis(59_001))
        .open_files(77)
        .file_size(1 << 20)
        .processes(processes)
        .core_dumps(1 << 30)
        // The last word counts.
        .core_dumps(0);
    let pool = one_worker(limits).await;
    let (here, below) = pool.call::<limits_here_and_below>(()).await.unwrap();
    for seen in [here, below] {
        for (name, soft, hard) in [
            ("Max address space", "3221225472", "3221225472"),
            ("Max cpu time", "60", "61"),
            ("Max open files", "77", "77"),
            ("Max file size", "1048576", "1048576"),
            ("Max processes", &most, &most),
            ("Max core file size", "0", "0"),
        ] {
            let both = (soft.to_owned(), hard.to_owned());
            assert_eq!(limit(&seen, name), both, "{name}");
        }
    }
    pool.close().await.unwrap();
}

async fn no_limits_change_nothing() {
    let pool = one_worker(Limits::new()).await;
    let (here, below) = pool.call::<limits_here_and_below>(()).await.unwrap();
    let ours = std::fs::read_to_string("/proc/self/limits").unwrap();
    assert_eq!((&here, &below), (&ours, &ours));
    pool.close().await.unwrap();
}

async fn a_worker_out_of_memory_is_lost_and_the_pool_goes_on() {
    let pool = one_worker(Limits::new().address_space(1 << 30).core_dumps(0)).await;
    let first = pool.call::<pid>(()).await.unwrap();
    let lost = pool.call::<reserve>(1 << 30).await;
    assert_eq!(exit_of(lost), Exit::Signal(6));
    // The next worker is under the same limit, and within it all is well.
    assert_eq!(pool.call::<reserve>(64 << 20).await.unwrap(), 64 << 20);
    assert_ne!(pool.call::<pid>(()).await.unwrap(), first);
    let lost = pool.call::<reserve>(1 << 30).await;
    assert_eq!(exit_of(lost), Exit::Signal(6));
    pool.close().await.unwrap();
}

async fn a_worker_without_memory_for_an_input_or_an_output_is_lost() {
    const MORE: usize = 64 << 20;
    let pool = one_worker(Limits::new().address_space(1 << 30).core_dumps(0)).await;
    // It has begun nothing, so another reads it, which has room; or the machine
    // lets it read all before there is no room for the value.
    let poor = pool.call::<hoard>(()).await.unwrap();
    match pool.call::<take_blob>(Blob::patterned(MORE)).await {
        Ok((pid, whole)) => {
            assert_ne!(pid, poor);
            assert!(whole);
        }
        lost => assert_eq!(exit_of(lost), Exit::Signal(6)),
    }
    // Its value is made, and the bytes of it are not.
    let poor = pool.call::<hoard>(()).await.unwrap();
    let lost = pool.call::<give_bulk>(MORE).await;
    assert_eq!(exit_of(lost), Exit::Signal(6));
    assert_ne!(pool.call::<pid>(()).await.unwrap(), poor);
    pool.close().await.unwrap();
}

async fn an_input_that_no_worker_can_read_is_a_loss_in_the_end() {
    let limits = Limits::new().address_space(300 << 20).core_dumps(0);
    let pool = one_worker(limits).await;
    let lost = pool.call::<take_blob>(Blob::patterned(250 << 20)).await;
    assert!(
        matches!(
            lost,
            Err(TaskError::WorkerLost {
                exit: Exit::Signal(6),
                started: false,
                ..
            })
        ),
        "{lost:?}"
    );
    pool.call::<pid>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn a_worker_out_of_time_is_lost_and_the_pool_goes_on() {
    let pool = one_worker(Limits::new().cpu_time(Duration::from_secs(1)).core_dumps(0)).await;
    let first = pool.call::<pid>(()).await.unwrap();
    let line = Line::open();
    let lost = pool.call::<spin>(line.name.clone()).await;
    assert_eq!(exit_of(lost), Exit::Signal(24));
    assert_ne!(pool.call::<pid>(()).await.unwrap(), first);
    pool.close().await.unwrap();
}

async fn a_task_out_of_descriptors_sees_an_error_and_the_worker_goes_on() {
    const TOO_MANY_OPEN_FILES: i32 = 24;
    let pool = one_worker(Limits::new().open_files(64)).await;
    let first = pool.call::<pid>(()).await.unwrap();
    let (opened, error) = pool.call::<open_all>(()).await.unwrap();
    assert_eq!(error, Some(TOO_MANY_OPEN_FILES));
    assert!((1..64).contains(&opened), "{opened}");
    // All of them are closed again.
    let again = pool.call::<open_all>(()).await.unwrap();
    assert_eq!(again, (opened, error));
    assert_eq!(pool.call::<pid>(()).await.unwrap(), first);
    pool.close().await.unwrap();
}

async fn a_worker_that_writes_too_much_is_lost_and_the_pool_goes_on() {
    const MOST: usize = 16 << 10;
    let folder = chaos::scratch::folder();
    let path = folder.path().join("file");
    let name = path.to_str().unwrap().to_owned();
    let limits = Limits::new().file_size(MOST as u64).core_dumps(0);
    let pool = one_worker(limits).await;
    let lost = pool.call::<fill>((name.clone(), MOST + 1)).await;
    assert_eq!(exit_of(lost), Exit::Signal(25));
    assert_eq!(path.metadata().unwrap().len(), MOST as u64);
    pool.call::<fill>((name, MOST)).await.unwrap();
    pool.close().await.unwrap();
}

async fn a_limit_of_nothing_is_refused() {
    for (limits, option) in [
        (Limits::new().address_space(0), "limits.address_space"),
        (Limits::new().cpu_time(Duration::ZERO), "limits.cpu_time"),
        (Limits::new().open_files(0), "limits.open_files"),
        (Limits::new().processes(0), "limits.processes"),
    ] {
        let error = aio_pool::start()
            .workers(1)
            .limits(limits)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("option {option} of aio_pool::start() must be more than 0")
        );
    }
    let nothing = Limits::new().file_size(0).core_dumps(0);
    one_worker(nothing).await.close().await.unwrap();
}

async fn a_limit_above_the_programs_own_is_refused_by_name() {
    // No process has an endless one of this kind.
    let own = getrlimit(Resource::Nofile).maximum.unwrap();
    let start = |count| {
        aio_pool::start()
            .workers(1)
            .limits(Limits::new().open_files(count))
    };
    let error = start(own + 1).await.unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, Error::NeverReady { .. }), "{said}");
    let named = format!(
        "limits.open_files of {} is above the {own} that the program itself is held to",
        own + 1
    );
    assert!(said.contains(&named), "{said}");
    start(own).await.unwrap().close().await.unwrap();
}

async fn a_limit_under_which_no_worker_can_live_is_one_clear_error() {
    let limits = Limits::new().open_files(3);
    let error = aio_pool::start()
        .workers(1)
        .limits(limits)
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, Error::NeverReady { .. }), "{said}");
    assert!(said.contains("Too many open files"), "{said}");
}
