//! Programs whose workers come and go: two thousand times, after the file on disk
//! has changed, where none can be started any more, and where they can again.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use aio_pool::Pool;
use chaos::Trace;
use rustix::process::Signal;

use crate::death::send;
use crate::deeds::anonymous;
use crate::harness::{runtime, trials};
use crate::obedient::Program;
use crate::tasks::{nothing, pid};

trials![
    workers_that_are_closed_leave_nothing,
    workers_that_are_terminated_leave_nothing,
    workers_that_are_dropped_leave_nothing,
    workers_that_are_killed_leave_nothing,
    workers_outlive_the_thread_and_the_runtime_of_the_start,
    a_file_that_is_replaced_on_disk_changes_nothing,
    a_file_that_cannot_be_executed_is_one_clear_error,
    workers_that_die_by_a_signal_before_init_are_one_clear_error,
    workers_that_stop_getting_ready_end_in_one_clear_error,
    a_start_without_descriptors_is_an_error_and_leaves_nothing,
    a_pool_without_descriptors_recovers_or_gives_up,
    a_start_without_processes_is_an_error_and_leaves_nothing,
];

/// How many workers come and go in each of four ways, if `AIO_WORKERS` says no
/// other number.
const WORKERS: usize = 500;

/// So much more memory is no leak. Two kilobytes for each worker would be.
const SLACK: u64 = 512 << 10;

/// Starts pools of one to four workers in turn and ends them, until so many
/// workers have gone; then nothing of them is left, and no memory either.
async fn come_and_go(end: impl AsyncFn(Pool)) {
    let workers = std::env::var("AIO_WORKERS").map_or(WORKERS, |workers| workers.parse().unwrap());
    let before = Trace::take();
    let mut settled = None;
    let mut gone = 0;
    for round in 0.. {
        let size = 1 + round % 4;
        end(aio_pool::start().workers(size).await.unwrap()).await;
        gone += size;
        if size < 4 {
            continue;
        }
        // Whatever is still on its way out is gone, then it is counted.
        before.assert_same().await;
        if gone >= workers {
            break;
        }
        // By now the allocator has seen what there is to see.
        if gone >= workers / 4 {
            settled.get_or_insert_with(anonymous);
        }
    }
    let grown = settled.map_or(0, |settled| anonymous().saturating_sub(settled));
    println!("workers={gone} left=0 grown={}K", grown >> 10);
    assert!(grown < SLACK, "{grown} bytes more after {gone} workers");
}

async fn workers_that_are_closed_leave_nothing() {
    come_and_go(async |pool| pool.close().await.unwrap()).await;
}

async fn workers_that_are_terminated_leave_nothing() {
    come_and_go(async |pool| pool.terminate().await).await;
}

async fn workers_that_are_dropped_leave_nothing() {
    come_and_go(async |pool| drop(pool)).await;
}

async fn workers_that_are_killed_leave_nothing() {
    come_and_go(async |pool| {
        let victim = pool.call::<pid>(()).await.unwrap();
        send(Signal::KILL, victim);
        // Another takes its place, or another of the same pool answers.
        assert_ne!(pool.call::<pid>(()).await.unwrap(), victim);
        pool.terminate().await;
    })
    .await;
}

async fn workers_outlive_the_thread_and_the_runtime_of_the_start() {
    let begun = std::thread::spawn(|| {
        let runtime = runtime();
        let pool = runtime.block_on(aio_pool::start().workers(1).into_future());
        let pool: Pool = pool.unwrap();
        let worker = runtime.block_on(pool.call::<pid>(()).into_future());
        (pool, worker.unwrap())
    });
    let (pool, worker) = begun.join().unwrap();
    assert_eq!(pool.call::<pid>(()).await.unwrap(), worker);
    // Nor does a new one need either.
    send(Signal::KILL, worker);
    assert_ne!(pool.call::<pid>(()).await.unwrap(), worker);
    let pool = std::thread::spawn(move || {
        runtime().block_on(async {
            pool.call::<nothing>(()).await.unwrap();
            pool
        })
    });
    pool.join().unwrap().close().await.unwrap();
}

/// The file that a process was started from: its number, and its name.
fn executable(pid: u32) -> (u64, String) {
    let link = format!("/proc/{pid}/exe");
    let name = fs::read_link(&link).unwrap().display().to_string();
    (fs::metadata(link).unwrap().ino(), name)
}

async fn a_file_that_is_replaced_on_disk_changes_nothing() {
    let mut program = Program::start();
    assert_eq!(program.ask("start"), "started");
    let first = program.ask_pid();
    let (number, name) = executable(first);
    assert_eq!(name, program.file.display().to_string());
    fs::remove_file(&program.file).unwrap();
    program.ask("kill");
    let second = program.ask_pid();
    assert_ne!(second, first);
    assert_eq!(executable(second), (number, format!("{name} (deleted)")));
    // Another program in its place, as an update puts it there.
    fs::write(&program.file, "#!/bin/sh\necho main\necho replaced\n").unwrap();
    make_executable(&program.file, 0o755);
    program.ask("kill");
    let third = program.ask_pid();
    assert_eq!(executable(third).0, number);
    assert_eq!(program.ask("start"), "started");
    assert_eq!(executable(program.ask_pid()).0, number);
    assert_eq!(program.mains, 5);
    program.end();
}

fn make_executable(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

async fn a_file_that_cannot_be_executed_is_one_clear_error() {
    let error = "error: workers do not get ready: /proc/self/exe does not start: \
                 Permission denied (os error 13)";
    let mut program = Program::start();
    // Not even by root.
    make_executable(&program.file, 0o600);
    assert_eq!(program.ask("start"), error);
    make_executable(&program.file, 0o700);
    assert_eq!(program.ask("start"), "started");
    make_executable(&program.file, 0o600);
    program.ask("kill");
    assert_eq!(program.ask("call"), error);
    assert_eq!(program.ask("call"), error);
    make_executable(&program.file, 0o700);
    assert_eq!(program.ask("start"), "started");
    program.ask_pid();
    assert_eq!(program.mains, 3);
    program.end();
}

async fn workers_that_die_by_a_signal_before_init_are_one_clear_error() {
    let mut program = Program::start();
    fs::write(&program.gate, "abort").unwrap();
    let said = program.ask("start");
    assert!(
        said.starts_with("error: workers do not get ready: worker "),
        "{said}"
    );
    assert!(
        said.ends_with(" ended before it was ready: killed by signal 6"),
        "{said}"
    );
    // A few are tried, each prints a line, and then it is over.
    assert!((2..=9).contains(&program.mains), "{}", program.mains);
    let tried = program.mains;
    fs::remove_file(&program.gate).unwrap();
    assert_eq!(program.ask("start"), "started");
    program.ask_pid();
    assert_eq!(program.mains, tried + 1);
    program.end();
}

async fn workers_that_stop_getting_ready_end_in_one_clear_error() {
    let mut program = Program::start();
    assert_eq!(program.ask("start"), "started");
    fs::write(&program.gate, "exit").unwrap();
    program.ask("kill");
    let said = program.ask("call");
    assert!(
        said.starts_with("error: workers do not get ready: worker "),
        "{said}"
    );
    assert!(
        said.contains(" ended before it was ready: exited with status 9"),
        "{said}"
    );
    let tried = program.mains;
    assert!((3..=13).contains(&tried), "{tried}");
    // It has given up, and says the same at once.
    assert_eq!(program.ask("call"), said);
    fs::remove_file(&program.gate).unwrap();
    assert_eq!(program.ask("call"), said);
    assert_eq!(program.mains, tried);
    assert_eq!(program.ask("start"), "started");
    program.ask_pid();
    program.end();
}

async fn a_start_without_descriptors_is_an_error_and_leaves_nothing() {
    let mut program = Program::start();
    let said = program.ask("start with few descriptors");
    let needed: u32 = said.strip_prefix("started with ").unwrap().parse().unwrap();
    // Fewer and nothing was refused; more and a pool is a hoarder.
    assert!((5..=20).contains(&needed), "{said}");
    program.end();
}

async fn a_pool_without_descriptors_recovers_or_gives_up() {
    let mut program = Program::start();
    assert_eq!(program.ask("start"), "started");
    let first = program.ask_pid();
    // Its worker is gone when the descriptors are, and they come back in time.
    program.ask("hoard descriptors");
    program.ask("kill");
    program.ask("share descriptors");
    let second = program.ask_pid();
    assert_ne!(second, first);
    // They do not.
    program.ask("hoard descriptors");
    program.ask("kill");
    let said = program.ask("call");
    assert_eq!(
        said,
        "error: workers do not get ready: /proc/self/exe does not start: \
         Too many open files (os error 24)"
    );
    program.ask("share descriptors");
    assert_eq!(program.ask("start"), "started");
    program.ask_pid();
    program.end();
}

async fn a_start_without_processes_is_an_error_and_leaves_nothing() {
    /// Root may have as many as it likes.
    const NOBODY: u32 = 65_534;
    let root = rustix::process::getuid().is_root();
    let mut program = Program::start_with(|command| {
        if root {
            command.uid(NOBODY).gid(NOBODY)
        } else {
            command
        }
    });
    let said = program.ask("start with few processes");
    let errors: u32 = said.strip_suffix(" errors").unwrap().parse().unwrap();
    assert!(errors > 0, "nothing was refused");
    assert_eq!(program.ask("start"), "started");
    program.ask_pid();
    program.end();
}
