//! What the system says of a process, what a process says first, and signals.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::process::Child;

use chaos::watchdog;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// The most memory that a process has had, in KiB, if it is still there.
pub(crate) fn peak_kib(pid: u32) -> Option<u64> {
    number(&format!("/proc/{pid}/status"), "VmHWM")
}

/// How many bytes a process has written so far, if it is still there.
pub(crate) fn written(pid: u32) -> Option<u64> {
    number(&format!("/proc/{pid}/io"), "wchar")
}

/// How often a thread has waited for something, and how often it had to give its
/// processor away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) waits: u64,
    pub(crate) losses: u64,
}

/// Those of each thread of a process.
pub(crate) fn switches(pid: u32) -> BTreeMap<String, Switches> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    threads
        .map(|thread| {
            let status = thread.expect("a thread").path().join("status");
            let status = status.to_str().expect("a path of digits").to_owned();
            let count = |name| number(&status, name).expect("it lives");
            let switches = Switches {
                waits: count("voluntary_ctxt_switches"),
                losses: count("nonvoluntary_ctxt_switches"),
            };
            (status, switches)
        })
        .collect()
}

/// Whether each thread of a process waits for something, and not for a processor.
pub(crate) fn are_asleep(pid: u32) -> bool {
    let mut threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    threads.all(|thread| {
        let stat = thread.expect("a thread").path().join("stat");
        let stat = fs::read_to_string(stat).expect("it lives");
        stat.rsplit_once(") ").expect("a name").1.starts_with('S')
    })
}

pub(crate) fn is_ignored(pid: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:\t"));
    let ignored = u64::from_str_radix(ignored.expect("a set"), 16).expect("a number");
    ignored & 1 << (signal.as_raw() - 1) != 0
}

/// The number of a name in one of the system's lists.
fn number(path: &str, name: &str) -> Option<u64> {
    let list = fs::read_to_string(path).ok()?;
    let line = list
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line?.split_whitespace().next()?.parse().ok()
}

/// Sends a signal to a child.
#[track_caller]
pub(crate) fn signal(child: &Child, signal: Signal) {
    // It has not been waited for, so that the number is its own.
    kill_process(Pid::from_child(child), signal).expect("it is there");
}

/// The first line that comes from a process, and what the rest is read from.
#[track_caller]
pub(crate) fn first_line<R>(pipe: Option<R>) -> (String, BufReader<R>)
where
    R: Read + Send + 'static,
{
    let mut pipe = BufReader::new(pipe.expect("a pipe"));
    watchdog::closure("a first line", move || {
        let mut line = String::new();
        pipe.read_line(&mut line).expect("a line");
        (line, pipe)
    })
}

/// The processes that read mail, as the first line of a verbose import has them.
#[track_caller]
pub(crate) fn readers(line: &str) -> Vec<u32> {
    let pids = line.strip_prefix("message-store: mail is read in processes ");
    let pids = pids.unwrap_or_else(|| panic!("no processes in {line:?}"));
    let pids = pids.trim_end().split(", ");
    pids.map(|pid| pid.parse().expect("a number")).collect()
}

/// A process that reads mail, and is not our child.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) pid: u32,
    /// `None` if it is gone already.
    handle: Option<OwnedFd>,
}

impl Reader {
    pub(crate) fn of(pid: u32) -> Reader {
        let number = Pid::from_raw(pid as i32).expect("the number of a process");
        let handle = match pidfd_open(number, PidfdFlags::empty()) {
            Ok(handle) => Some(handle),
            Err(Errno::SRCH) => None,
            Err(error) => panic!("the process {pid}: {error}"),
        };
        Reader { pid, handle }
    }

    /// Waits for its end, which must come soon.
    #[track_caller]
    pub(crate) fn end(self) {
        let Some(handle) = self.handle else {
            return;
        };
        let mut ends = [PollFd::new(&handle, PollFlags::IN)];
        let limit = Timespec {
            tv_sec: watchdog::LIMIT.as_secs() as i64,
            tv_nsec: 0,
        };
        let ended = poll(&mut ends, Some(&limit)).expect("its end can be waited for");
        assert_eq!(ended, 1, "the process {} reads mail for nobody", self.pid);
    }
}
