//! Programs that are killed or interrupted, and what becomes of their workers.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, Stdio};

use aio_pool::task;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::death::send;
use crate::deeds::{
    Kept, children_of, ended, finish_when_told, is_alive, is_worker, program, told, workers_of,
};
use crate::harness::{runtime, trials};
use crate::line::{self, Line};
use crate::tasks::{hold, spin};

trials![
    nothing_outlives_a_killed_program,
    nothing_outlives_a_killed_program_whose_workers_block_all_signals,
    an_interrupt_is_the_programs_to_answer_and_closes_the_pool_once,
];

const LINE: &str = "AIO_POOL_TEST_ORPHANS";

const WORKERS: usize = 4;

task! {
    /// Starts a process in the group of the worker, which ignores what it can,
    /// and stays.
    async fn keep_a_child(line: String) {
        let child = std::process::Command::new("sh")
            .args(["-c", "trap '' HUP INT TERM; while :; do sleep 1000; done"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let _pid = child.expect("sh is everywhere").id();
        let _line = line::call(&line);
        std::future::pending::<()>().await;
    }
}

task! {
    /// Whether this thread lets no signal through that can be blocked.
    async fn is_deaf() -> bool {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("its state");
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = u64::from_str_radix(blocked.expect("a mask").trim(), 16);
        let term = 1 << (libc::SIGTERM - 1);
        blocked.expect("a number") & term != 0
    }
}

/// Lets no signal through to this thread, nor to any that it starts.
fn block_signals(signals: Signals) -> libc::sigset_t {
    #[expect(unsafe_code, reason = "no safe function blocks a signal")]
    // SAFETY: the set is made by the first of these calls, for the others.
    unsafe {
        let mut set = std::mem::zeroed();
        match signals {
            Signals::All => libc::sigfillset(&raw mut set),
            Signals::Interrupt => {
                libc::sigemptyset(&raw mut set);
                libc::sigaddset(&raw mut set, libc::SIGINT)
            }
        };
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        set
    }
}

enum Signals {
    All,
    Interrupt,
}

fn wait_for(set: &libc::sigset_t) {
    #[expect(unsafe_code, reason = "no safe function waits for a signal")]
    // SAFETY: both are there for as long as the call takes.
    unsafe {
        let mut signal = 0;
        libc::sigwait(set, &raw mut signal);
    }
}

/// In a program of ours: runs it and ends the process.
pub(crate) fn run_if_told() {
    match told().as_deref() {
        Some("keep-workers") => keep_workers(),
        Some("keep-deaf-workers") => {
            if is_worker() {
                block_signals(Signals::All);
            }
            keep_workers();
        }
        Some("answer-interrupt") => answer_interrupt(),
        _ => {}
    }
}

/// A worker that is idle, one asleep, one with a child and one in a busy loop,
/// until someone kills this.
fn keep_workers() -> ! {
    aio_pool::init();
    let line = std::env::var(LINE).expect("a line");
    runtime().block_on(async {
        let pool = aio_pool::start()
            .workers(WORKERS)
            .tasks_per_worker(1)
            .await
            .expect("a pool");
        println!(
            "deaf: {}",
            pool.call::<is_deaf>(()).await.expect("an answer")
        );
        let _ = tokio::join!(
            pool.call::<hold>(line.clone()).into_future(),
            pool.call::<keep_a_child>(line.clone()).into_future(),
            pool.call::<spin>(line.clone()).into_future(),
        );
    });
    unreachable!("calls without an end")
}

/// Closes its pool when it is interrupted, and says how that went.
fn answer_interrupt() -> ! {
    let interrupt = (!is_worker()).then(|| block_signals(Signals::Interrupt));
    aio_pool::init();
    let interrupt = interrupt.expect("a program");
    let line = std::env::var(LINE).expect("a line");
    let (said, mut interrupted) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        loop {
            wait_for(&interrupt);
            println!("interrupted");
            said.send(()).expect("a program");
        }
    });
    runtime().block_on(async {
        let pool = aio_pool::start().workers(2).await.expect("a pool");
        let calls: Vec<_> = (0..WORKERS)
            .map(|_| tokio::spawn(pool.call::<finish_when_told>(line.clone()).into_future()))
            .collect();
        interrupted.recv().await;
        println!("closed: {:?}", pool.close().await);
        for call in calls {
            let worker = call.await.expect("a task").expect("an answer");
            assert_ne!(worker, std::process::id());
            println!("answered");
        }
    });
    std::process::exit(0)
}

fn start(name: &str, line: &Line) -> (Kept, impl BufRead, ChildStderr) {
    let mut child = program(name)
        .env(LINE, &line.name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // As a shell does with what it starts in the foreground.
        .process_group(0)
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let stderr = child.stderr.take().unwrap();
    (Kept(child), stdout, stderr)
}

/// All that came of a process and is alive.
fn descendants(of: u32) -> HashSet<u32> {
    let mut found = HashSet::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for child in children_of(parent) {
            if is_alive(child) && found.insert(child) {
                parents.push(child);
            }
        }
    }
    found
}

async fn nothing_outlives(name: &str, deaf: &str) {
    let line = Line::open();
    let (mut child, mut stdout, _stderr) = start(name, &line);
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    assert_eq!(said, deaf);
    let mut busy = Vec::new();
    for _ in 0..3 {
        busy.push(line.next().await);
    }
    let distinct: HashSet<u32> = busy.iter().map(|held| held.pid).collect();
    assert_eq!(distinct.len(), 3, "each in a worker of its own");
    assert_eq!(workers_of(child.0.id()).len(), WORKERS, "and one is idle");
    let all = descendants(child.0.id());
    // Four workers, a shell and what it waits for.
    assert!(all.len() > WORKERS, "{all:?}");
    send(Signal::KILL, child.0.id());
    child.0.wait().unwrap();
    for pid in all {
        ended(pid).await;
    }
    for held in busy {
        held.gone().await;
    }
}

async fn nothing_outlives_a_killed_program() {
    nothing_outlives("keep-workers", "deaf: false\n").await;
}

async fn nothing_outlives_a_killed_program_whose_workers_block_all_signals() {
    nothing_outlives("keep-deaf-workers", "deaf: true\n").await;
}

async fn an_interrupt_is_the_programs_to_answer_and_closes_the_pool_once() {
    let line = Line::open();
    let (mut child, mut stdout, mut stderr) = start("answer-interrupt", &line);
    let mut held = Vec::new();
    for _ in 0..WORKERS {
        held.push(line.next().await);
    }
    let workers = workers_of(child.0.id());
    assert_eq!(workers.len(), 2);
    let group = Pid::from_raw(i32::try_from(child.0.id()).unwrap()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    assert_eq!(said, "interrupted\n");
    assert!(workers.iter().all(|worker| is_alive(*worker)));
    drop(held);
    said.clear();
    stdout.read_to_string(&mut said).unwrap();
    let answers = "answered\n".repeat(WORKERS);
    assert_eq!(said, format!("closed: Ok(())\n{answers}"));
    said.clear();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    for worker in workers {
        ended(worker).await;
    }
}
