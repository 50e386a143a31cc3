//! Which thread makes which system call: those of a runtime touch no file.
//!
//! The test runs itself again under strace. There, each operation is done by a
//! runtime thread between two marks, and in the log nothing may be found between
//! them, on that thread, but what is no affair of files, and reads that ask the
//! page cache. What another part of the crate does is added by one line in
//! `operations.rs`.

mod operations;
mod streams;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::{fs, io};

use aio_files::drained;

use crate::folder::Folder;

/// Memory, threads and clocks. All else is forbidden, known or not.
const ALLOWED: [&str; 28] = [
    "brk",
    "clock_gettime",
    "clock_nanosleep",
    "clone",
    "clone3",
    "exit",
    "futex",
    "getpid",
    "getrandom",
    "gettid",
    "madvise",
    "membarrier",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "prctl",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "tgkill",
];

type Doing = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// What is done between two marks, in a folder of its own.
struct Operation {
    name: &'static str,
    does: Box<dyn Fn(PathBuf) -> Doing>,
}

/// The folder has `old`, of 100 bytes, `long`, of a mebibyte, and `fifo`.
fn op<F>(name: &'static str, does: impl Fn(PathBuf) -> F + 'static) -> Operation
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    Operation {
        name,
        does: Box::new(move |folder| Box::pin(does(folder))),
    }
}

#[derive(Clone, Copy, Debug)]
enum Flavour {
    CurrentThread,
    MultiThread,
}

const FLAVOURS: [Flavour; 2] = [Flavour::CurrentThread, Flavour::MultiThread];

const FOLDER: &str = "AIO_FILES_TRACED_IN";
const FLAVOUR: &str = "AIO_FILES_TRACED_FLAVOUR";

/// Does the operations, if this is the process that is traced.
fn is_traced(operations: impl Fn() -> Vec<Operation>) -> bool {
    let (Some(folder), Ok(wanted)) = (std::env::var_os(FOLDER), std::env::var(FLAVOUR)) else {
        return false;
    };
    for flavour in FLAVOURS {
        if format!("{flavour:?}") == wanted {
            perform(Path::new(&folder), flavour, operations());
        }
    }
    true
}

fn perform(root: &Path, flavour: Flavour, operations: Vec<Operation>) {
    // Without drivers: what they ask the kernel for is no file, but looks like one.
    let runtime = match flavour {
        Flavour::CurrentThread => tokio::runtime::Builder::new_current_thread().build(),
        Flavour::MultiThread => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build(),
    };
    let runtime = runtime.unwrap();
    for Operation { name, does } in operations {
        let folder = Folder::below(root);
        folder.with("old", [b'.'; 100]);
        folder.with("long", vec![b'.'; 1 << 20]);
        folder.fifo("fifo");
        let doing = does(folder.path().to_owned());
        let marked = async move {
            mark("begin", name);
            let done = doing.await;
            let drained = drained().await;
            mark("end", name);
            done.and(drained)
        };
        let done = match flavour {
            Flavour::CurrentThread => runtime.block_on(marked),
            Flavour::MultiThread => runtime.block_on(runtime.spawn(marked)).unwrap(),
        };
        done.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// A call that the log shows, of a path that isn't there.
fn mark(what: &str, name: &str) {
    assert!(fs::metadata(format!("/aio-files-{what}/{name}/")).is_err());
}

/// What the log of a traced process says.
#[derive(Debug, Default)]
struct Log {
    begun: HashSet<String>,
    ended: HashSet<String>,
    /// The operation, and the call that should not be there.
    forbidden: Vec<(String, String)>,
    /// Reads of the page cache that were answered with bytes.
    cached: usize,
    /// Calls of other threads while an operation was under way.
    elsewhere: usize,
}

/// Runs the test `name` of this binary again, traced; nothing if that can't be.
fn traced(name: &str, root: &Path, flavour: Flavour) -> Option<Log> {
    let folder = Folder::new();
    let log = folder.file("log");
    let strace = Command::new("strace")
        .args(["-f", "-qq", "-s", "200", "-e", "signal=none", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(FOLDER, root)
        .env(FLAVOUR, format!("{flavour:?}"))
        .output();
    let Ok(output) = strace else {
        chaos::skip::because("no strace, which shows the system calls of each thread");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    if failed.contains("ptrace") && !said.contains("1 passed") {
        chaos::skip::because("strace may not trace here");
        return None;
    }
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{failed}"
    );
    Some(read(&fs::read_to_string(&log).unwrap()))
}

fn read(text: &str) -> Log {
    let mut log = Log::default();
    let mut unfinished = HashMap::new();
    let mut under_way: HashMap<&str, String> = HashMap::new();
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        // A call that another thread's came in between is shown in two parts.
        if let Some(first) = call.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, first.to_owned());
            continue;
        }
        let call = match call.split_once(" resumed>") {
            Some((_, rest)) if call.starts_with("<... ") => {
                unfinished.remove(thread).unwrap_or_default() + rest
            }
            _ => call.to_owned(),
        };
        if let Some(name) = marked(&call, "begin") {
            log.begun.insert(name.clone());
            under_way.insert(thread, name);
        } else if let Some(name) = marked(&call, "end") {
            assert_eq!(under_way.remove(thread), Some(name.clone()));
            log.ended.insert(name);
        } else if let Some(name) = under_way.get(thread) {
            let verb = call.split('(').next().unwrap_or_default();
            let asks_cache = verb == "preadv2" && call.contains(", RWF_NOWAIT)");
            let bytes = call.rsplit(" = ").next().unwrap_or_default();
            log.cached += usize::from(asks_cache && bytes.parse().is_ok_and(|n: usize| n > 0));
            if !asks_cache && !ALLOWED.contains(&verb) {
                log.forbidden.push((name.clone(), call));
            }
        } else {
            log.elsewhere += usize::from(!under_way.is_empty());
        }
    }
    log
}

fn marked(call: &str, what: &str) -> Option<String> {
    let (_, rest) = call.split_once(&format!("\"/aio-files-{what}/"))?;
    Some(rest.split_once("/\"")?.0.to_owned())
}

/// On the disk, and in memory, where the page cache can't be asked.
fn roots() -> [&'static Path; 2] {
    [
        Path::new(env!("CARGO_TARGET_TMPDIR")),
        Path::new("/dev/shm"),
    ]
}

#[test]
fn runtime_threads_touch_no_file() {
    if is_traced(operations::all) {
        return;
    }
    let all: HashSet<_> = operations::all()
        .iter()
        .map(|operation| operation.name.to_owned())
        .collect();
    assert_eq!(all.len(), operations::all().len(), "two of one name");
    for root in roots() {
        for flavour in FLAVOURS {
            let name = "threads::runtime_threads_touch_no_file";
            let Some(log) = traced(name, root, flavour) else {
                return;
            };
            let Log {
                forbidden,
                cached,
                elsewhere,
                ..
            } = &log;
            assert!(
                forbidden.is_empty(),
                "{flavour:?} in {}: {forbidden:#?}",
                root.display()
            );
            assert_eq!((&log.begun, &log.ended), (&all, &all));
            // The log is one of an operation at work.
            assert!(*elsewhere > all.len(), "{elsewhere}");
            if Folder::below(root).answers_from_the_cache() {
                assert!(*cached > 0, "no read was answered by the page cache");
            }
            println!(
                "operations={} cached={cached} elsewhere={elsewhere} forbidden=0 in {} {flavour:?}",
                all.len(),
                root.display()
            );
        }
    }
}

/// What the log must show: a check that can't fail is not a check.
fn controls() -> Vec<Operation> {
    vec![
        op("stat", |at| async move { fs::metadata(at).map(drop) }),
        op("close", |at| async move {
            let file = aio_files::open(at.join("old")).await?.into_std().await?;
            drop(file);
            Ok(())
        }),
        op("read", |at| async move {
            let file = aio_files::open(at.join("old")).await?.into_std().await?;
            std::os::unix::fs::FileExt::read_at(&file, &mut [0], 0)?;
            std::thread::spawn(move || drop(file)).join().ok();
            Ok(())
        }),
    ]
}

#[test]
fn a_runtime_thread_that_touches_a_file_is_seen() {
    if is_traced(controls) {
        return;
    }
    for flavour in FLAVOURS {
        let name = "threads::a_runtime_thread_that_touches_a_file_is_seen";
        let Some(log) = traced(name, roots()[0], flavour) else {
            return;
        };
        for (operation, call) in [("stat", "statx"), ("close", "close"), ("read", "pread64")] {
            let seen = |(name, seen): &(String, String)| {
                name == operation && seen.starts_with(&format!("{call}("))
            };
            assert!(log.forbidden.iter().any(seen), "{operation}: {log:#?}");
        }
    }
}

#[test]
fn a_call_in_two_parts_is_one() {
    let log = read(
        "7 statx(AT_FDCWD, \"/aio-files-begin/x/\", 0) = -1 ENOENT (No such file or directory)\n\
         7 preadv2(9,  <unfinished ...>\n\
         8 openat(AT_FDCWD, \"x\", O_RDONLY) = 9\n\
         7 <... preadv2 resumed>[{iov_base=\"a\", iov_len=1}], 1, 0, RWF_NOWAIT) = 1\n\
         7 preadv2(9, [{iov_base=\"a\", iov_len=1}], 1, 0, 0) = 1\n\
         7 statx(AT_FDCWD, \"/aio-files-end/x/\", 0) = -1 ENOENT (No such file or directory)\n\
         7 close(9) = 0\n",
    );
    assert_eq!((log.cached, log.elsewhere), (1, 1));
    assert_eq!(log.forbidden.len(), 1, "{:?}", log.forbidden);
    assert!(log.forbidden[0].1.ends_with(", 0) = 1"));
}
