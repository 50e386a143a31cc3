//! A program that does what a test tells it, a word a line, and answers each
//! with a line: where the program itself must be touched, and not only its pool.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use aio_pool::Pool;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, setrlimit, test_kill_process};

use crate::death::send;
use crate::harness::runtime;
use crate::tasks::pid;
use crate::victims::victim;

/// Names a file. Where it is, a worker does at once what it says.
const GATE: &str = "AIO_POOL_TEST_GATE";

/// Enough for a pool, and few enough to be used up.
const DESCRIPTORS: u64 = 100;

/// The program, seen from the test.
pub(crate) struct Program {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// Processes so far, the program's own among them.
    pub(crate) mains: usize,
    pub(crate) gate: PathBuf,
    /// The file that it was started from.
    pub(crate) file: PathBuf,
    folder: PathBuf,
}

impl Program {
    /// Starts a copy of this executable, which a test may do anything to.
    pub(crate) fn start() -> Self {
        Self::start_with(|command| command)
    }

    pub(crate) fn start_with(with: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let folder = folder();
        let file = folder.join("program");
        fs::copy("/proc/self/exe", &file).unwrap();
        let gate = folder.join("gate");
        // The environment that makes it a victim, for the copy.
        let pattern = victim("obedient");
        let mut command = Command::new(&file);
        command.envs(
            pattern
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command
            .env(GATE, &gate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = with(&mut command).spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            orders,
            answers,
            mains: 0,
            gate,
            file,
            folder,
        }
    }

    /// Gives an order and returns the answer.
    pub(crate) fn ask(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").unwrap();
        loop {
            let answer = self.answers.next().expect("an answer").unwrap();
            if answer != "main" {
                return answer;
            }
            self.mains += 1;
        }
    }

    /// Asks where a call runs.
    pub(crate) fn ask_pid(&mut self) -> u32 {
        let answer = self.ask("call");
        answer.parse().unwrap_or_else(|_| panic!("{answer}"))
    }

    /// Lets it end, and sees that it ends well.
    pub(crate) fn end(mut self) {
        assert_eq!(self.ask("close"), "closed");
        assert_eq!(self.ask("end"), "ended");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A new folder, where anybody may execute.
fn folder() -> PathBuf {
    static FOLDERS: AtomicU32 = AtomicU32::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let name = format!("aio-pool-test-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).expect("a new folder");
    folder
}

/// In a worker of the program: does what the gate says.
pub(crate) fn pass_the_gate() {
    let Some(gate) = std::env::var_os(GATE) else {
        return;
    };
    match fs::read_to_string(Path::new(&gate)).as_deref() {
        Ok("exit") => std::process::exit(9),
        Ok("abort") => std::process::abort(),
        Ok(other) => panic!("no gate says {other}"),
        Err(_) => {}
    }
}

/// The program itself.
pub(crate) fn obey() {
    let runtime = runtime();
    let mut pools: Vec<Pool> = Vec::new();
    let mut hoard: Vec<File> = Vec::new();
    for order in std::io::stdin().lines() {
        let order = order.expect("an order");
        let answer = match order.as_str() {
            "start" => {
                let before = chaos::Trace::take();
                match runtime.block_on(aio_pool::start().workers(1).into_future()) {
                    Ok(pool) => {
                        pools.push(pool);
                        "started".to_owned()
                    }
                    Err(error) => {
                        before.wait_same();
                        format!("error: {error}")
                    }
                }
            }
            "call" => {
                let pool = pools.last().expect("a pool");
                match runtime.block_on(pool.call::<pid>(()).into_future()) {
                    Ok(pid) => pid.to_string(),
                    Err(error) => format!("error: {error}"),
                }
            }
            "kill" => {
                let pool = pools.last().expect("a pool");
                let call = pool.call::<pid>(()).into_future();
                let worker = runtime.block_on(call).expect("a worker");
                send(Signal::KILL, worker);
                wait_until_reaped(worker);
                format!("killed {worker}")
            }
            "close" => {
                for pool in pools.drain(..) {
                    runtime.block_on(pool.close()).expect("an end");
                }
                "closed".to_owned()
            }
            "hoard descriptors" => {
                limit(Resource::Nofile, Some(DESCRIPTORS));
                hoard.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
                "hoarded".to_owned()
            }
            "share descriptors" => {
                hoard.clear();
                "shared".to_owned()
            }
            "start with few descriptors" => with_few_descriptors(&runtime),
            "start with few processes" => with_few_processes(&runtime),
            "end" => {
                println!("ended");
                return;
            }
            other => panic!("nobody knows how to {other}"),
        };
        println!("{answer}");
    }
}

/// Waits until the pool has noticed that its worker is dead.
fn wait_until_reaped(worker: u32) {
    let worker = Pid::from_raw(worker.cast_signed()).expect("a pid");
    while test_kill_process(worker).is_ok() {
        std::thread::yield_now();
    }
}

/// Changes a limit of this process; none is what it may have at most.
fn limit(resource: Resource, current: Option<u64>) {
    let maximum = getrlimit(resource).maximum;
    let current = current.or(maximum);
    setrlimit(resource, Rlimit { current, maximum }).expect("a limit below the maximum");
}

/// Starts a pool with no descriptor left, with one, with two, until it starts.
/// Each time before that it is an error that says why, and nothing is left.
fn with_few_descriptors(runtime: &tokio::runtime::Runtime) -> String {
    limit(Resource::Nofile, Some(DESCRIPTORS));
    let before = chaos::Trace::take();
    for left in 0.. {
        let mut hoard: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        hoard.truncate(hoard.len() - left);
        let started = runtime.block_on(aio_pool::start().workers(1).into_future());
        let served = started.map(|pool| {
            let served = runtime.block_on(pool.call::<pid>(()).into_future());
            served.expect("a pool that starts serves");
            runtime.block_on(pool.close()).expect("an end");
        });
        drop(hoard);
        before.wait_same();
        match served {
            Ok(()) => return format!("started with {left}"),
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains("Too many open files"), "{left}: {said}");
            }
        }
    }
    unreachable!("a process has fewer descriptors than there are numbers")
}

/// The same with threads and processes, which the kernel counts as one.
fn with_few_processes(runtime: &tokio::runtime::Runtime) -> String {
    let before = chaos::Trace::take();
    let there = threads_of_this_user();
    let mut errors = 0;
    // A pool of one worker has four. Others of this user may come and go.
    for more in 0..6 {
        limit(Resource::Nproc, Some(there + more));
        let started = runtime.block_on(aio_pool::start().workers(1).into_future());
        limit(Resource::Nproc, None);
        match started {
            Ok(pool) => runtime.block_on(pool.close()).expect("an end"),
            Err(error) => {
                let said = error.to_string();
                assert!(
                    said.contains("Resource temporarily unavailable"),
                    "{more}: {said}"
                );
                errors += 1;
            }
        }
        before.wait_same();
    }
    format!("{errors} errors")
}

/// Counts what the kernel counts.
fn threads_of_this_user() -> u64 {
    let own = rustix::process::getuid().as_raw();
    let field = |status: &str, name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let mut threads = 0;
    for process in fs::read_dir("/proc").expect("processes").flatten() {
        // Not its aliases, `self` and others.
        if process
            .file_name()
            .to_string_lossy()
            .parse::<u32>()
            .is_err()
        {
            continue;
        }
        let status = fs::read_to_string(process.path().join("status")).unwrap_or_default();
        if field(&status, "Uid:") == Some(own.into()) {
            threads += field(&status, "Threads:").unwrap_or(0);
        }
    }
    threads
}
