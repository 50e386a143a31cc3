//! How long a ticker stands still beside a plain call, and beside its remedy.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Run, program};

/// A line: what was waited for, how long the plain call stalled the ticker, and how
/// long it stood still beside each remedy, in milliseconds.
fn read(line: &str) -> (String, u64, Vec<(String, u64)>) {
    let ms = |text: &str| -> u64 {
        let number = text.strip_suffix(" ms").expect("a time with its unit");
        number.parse().expect("a number of milliseconds")
    };
    let mut parts = line.split("; ");
    let plain = parts.next().expect("the plain call");
    let (what, stalled) = plain.split_once(": stalled ").expect("a stall");
    let remedies = parts
        .map(|part| part.split_once(": ").expect("a remedy"))
        .map(|(remedy, time)| (remedy.to_owned(), ms(time)))
        .collect();
    (what.to_owned(), ms(stalled), remedies)
}

/// Runs it at a size: each plain call stalls the ticker as long as it takes, and what
/// it returns is how long the ticker stood still beside each remedy.
fn remedies(ms: u64) -> Vec<u64> {
    let begun = Instant::now();
    let program = program!("pitfalls");
    let out = program.run(&["--ms", &ms.to_string()]).ok();
    let took = begun.elapsed();
    let mut lines = out.lines();
    let heading = format!("the longest gap of a ticker beside calls of {ms} ms:");
    assert_eq!(lines.next(), Some(heading.as_str()));
    let mut times = Vec::new();
    for (what, names) in [
        ("computing", vec!["on another thread", "in another process"]),
        ("a locked database", vec!["with aio-sqlite"]),
        ("a late file", vec!["with aio-files"]),
    ] {
        let line = lines.next().and_then(|line| line.strip_prefix("  "));
        let (found, stalled, remedies) = read(line.expect("an indented line"));
        assert_eq!(found, what);
        assert!(stalled >= ms, "{out}");
        let found: Vec<&str> = remedies.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, names);
        times.extend(remedies.iter().map(|(_, time)| time));
    }
    assert_eq!(lines.next(), None);
    // The remedies wait as long as the plain calls do, or they are none.
    assert!(took >= Duration::from_millis(7 * ms), "{took:?}");
    times
}

/// Runs it until each remedy has let the ticker tick meanwhile. A busy machine makes
/// gaps of its own, but a call that stalls makes one each time.
#[track_caller]
fn stalls_but_with_remedies(ms: u64) {
    let mut least = remedies(ms);
    for _ in 0..5 {
        if least.iter().all(|time| *time < ms / 2) {
            return;
        }
        let again = remedies(ms);
        least = least
            .into_iter()
            .zip(again)
            .map(|(a, b)| a.min(b))
            .collect();
    }
    panic!("a remedy stalls as well, with {ms} ms: {least:?}");
}

#[test]
fn pitfalls_stall_as_long_as_the_plain_call_takes_and_less_with_each_remedy() {
    stalls_but_with_remedies(100);
}

#[test]
fn pitfalls_stall_twice_as_long_beside_calls_of_twice_the_time() {
    stalls_but_with_remedies(200);
}

/// How often it is looked at what a run has.
const LOOK: Duration = Duration::from_millis(5);

/// Looks at a run from outside, again and again, until it ends.
#[track_caller]
fn watched<S: Default + Send + 'static>(ms: u64, look: fn(u32, &mut S)) -> (Run, S) {
    let program = program!("pitfalls");
    let mut command = program.command(&["--ms", &ms.to_string()]);
    let child = command.spawn().expect("it starts");
    let pid = child.id();
    let (runs, is_over) = channel::<()>();
    let watcher = thread::spawn(move || {
        let mut seen = S::default();
        while is_over.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            look(pid, &mut seen);
        }
        seen
    });
    let run = program.end(child);
    drop(runs);
    (run, watcher.join().expect("what it saw"))
}

/// The threads of a process.
fn threads(pid: u32) -> Vec<PathBuf> {
    // What has ended meanwhile has none.
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    threads.map(|thread| thread.path()).collect()
}

/// A field of what the system says of a thread or a process, counted from its name,
/// which is in parentheses.
fn stat(folder: &Path, field: usize) -> Option<u64> {
    // What has ended meanwhile has none.
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(field)?.parse().ok()
}

/// The processes that a process has started.
fn children(pid: u32) -> Vec<i32> {
    const PARENT: usize = 1;
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter(|process| stat(&process.path(), PARENT) == Some(pid.into()))
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .collect()
}

/// Whether a thread or a process has computed for so long that it is at its call: to
/// start takes less.
fn computes(folder: &Path) -> bool {
    const USER_TIME: usize = 11; // in hundredths of a second
    stat(folder, USER_TIME).is_some_and(|time| time >= 4)
}

#[test]
fn pitfalls_computes_on_another_thread_and_loses_its_call_with_the_other_process() {
    if !Path::new("/proc/self/stat").exists() {
        return chaos::skip::because("this system does not tell what a process does");
    }
    let is_elsewhere = |_: &u32| {
        let (run, on_a_thread) = watched(300, |pid, on_a_thread| {
            let main = format!("/proc/{pid}/task/{pid}");
            let mut others = threads(pid)
                .into_iter()
                .filter(|thread| thread != Path::new(&main));
            *on_a_thread |= others.any(|thread| computes(&thread));
            for child in children(pid) {
                if computes(Path::new(&format!("/proc/{child}"))) {
                    let child = Pid::from_raw(child).expect("a process");
                    kill_process(child, Signal::KILL).ok();
                }
            }
        });
        if run.code == Some(0) {
            return false; // no process was seen in time
        }
        let line = run.error(1);
        let lost = " was lost while running task pitfalls::primes: killed by signal 9\n";
        assert!(line.ends_with(lost), "{line}");
        on_a_thread
    };
    // A busy machine may leave too little time to look.
    let found = (0..5).find(is_elsewhere);
    assert!(
        found.is_some(),
        "no other thread or no other process computes"
    );
}

/// How long something was there, as far as it was seen again and again.
#[derive(Default)]
struct There {
    last: Option<Instant>,
    long: Duration,
}

impl There {
    fn look(&mut self, is_there: bool) {
        let now = is_there.then(Instant::now);
        if let (Some(last), Some(now)) = (self.last, now) {
            self.long += now - last;
        }
        self.last = now;
    }
}

/// Whether a process has a file locked, so that no other writes into it.
fn has_a_lock(pid: u32) -> bool {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let who = pid.to_string();
    locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words[..], [_, "POSIX", _, "WRITE", holder, ..] if holder == who)
    })
}

/// Whether a process has a file of this name open.
fn has_open(pid: u32, name: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd"));
    let mut open = open.into_iter().flatten().flatten();
    open.any(|file| fs::read_link(file.path()).is_ok_and(|path| path.ends_with(name)))
}

#[test]
fn pitfalls_locks_its_database_and_opens_its_late_file_for_each_of_two_waits() {
    const MS: u64 = 100;
    if !Path::new("/proc/locks").exists() {
        return chaos::skip::because("this system does not tell what is locked");
    }
    // A busy machine may leave too little time to look.
    let mut most = [Duration::ZERO; 2];
    for _ in 0..5 {
        let (run, there) = watched(MS, |pid, [locked, open]: &mut [There; 2]| {
            locked.look(has_a_lock(pid));
            open.look(has_open(pid, "late"));
        });
        run.ok();
        most = [0, 1].map(|at| most[at].max(there[at].long));
        if most
            .iter()
            .all(|long| *long > Duration::from_millis(MS * 3 / 2))
        {
            return;
        }
    }
    panic!("of two waits of {MS} ms each, these were seen: {most:?}");
}

#[test]
fn pitfalls_refuses_no_time_and_too_much_of_it() {
    for (ms, why) in [
        ("0", "0 is not in 1..=3000"),
        ("3001", "3001 is not in 1..=3000"),
        ("1s", "invalid digit found in string"),
    ] {
        let line = program!("pitfalls").run(&["--ms", ms]).error(2);
        assert!(
            line.ends_with(&format!("'--ms <MS>': {why} (see --help)\n")),
            "{line}"
        );
    }
}
