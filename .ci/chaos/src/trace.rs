//! What a process leaves behind: descriptors, threads, children, files.
//!
//! A thread that has been started and has not yet run is listed under the name
//! of its parent, so let the owner of a thread answer once before taking the
//! trace that counts it.
//!
//! Take the first one inside the runtime that takes the second, since a runtime
//! has descriptors of its own.
//!
//! A trace looks at the whole process, so a test that compares two of them
//! needs the process for itself: put [`alone!`](crate::alone!) first in it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::clock;
use crate::watchdog::LIMIT;

/// Threads that come and go by themselves: the clock of this crate, and the
/// runtime's own, whose idle blocking threads stay for ten seconds.
const FOREIGN_THREADS: [&str; 3] = [clock::THREAD, "tokio-rt-worker", "tokio-runtime-w"];

/// How long to let the process settle between two looks.
///
/// A thread leaves `/proc` some time after it has said its last word, and the
/// kernel tells nobody; so the trace is taken again until it is quiet.
const TICK: Duration = Duration::from_millis(1);

/// What this process holds at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    below: Option<PathBuf>,
    held: BTreeMap<String, usize>,
}

/// What a later trace holds beyond an earlier one; displayed by name, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Each thing that is left over, with how many more there are of it.
    pub things: BTreeMap<String, usize>,
}

impl Trace {
    /// Takes the descriptors, threads and children of this process.
    #[must_use]
    pub fn take() -> Self {
        Self::look(None)
    }

    /// Takes the same, and the files below a folder.
    #[must_use]
    pub fn with_files(below: impl Into<PathBuf>) -> Self {
        Self::look(Some(below.into()))
    }

    fn look(below: Option<PathBuf>) -> Self {
        // The clock's thread is started first, so that it never counts as new.
        drop(clock::after(Duration::ZERO));
        let mut held = BTreeMap::new();
        let mut add = |thing| *held.entry(thing).or_insert(0) += 1;
        descriptors().into_iter().for_each(&mut add);
        threads().into_iter().for_each(&mut add);
        children().into_iter().for_each(&mut add);
        if let Some(below) = &below {
            files(below, &mut add);
        }
        Self { below, held }
    }

    /// Returns what the process holds now and did not hold then.
    #[must_use]
    pub fn diff(&self) -> Leftover {
        let now = Self::look(self.below.clone());
        let mut things = now.held;
        things.retain(|thing, count| {
            *count = count.saturating_sub(self.held.get(thing).copied().unwrap_or(0));
            *count > 0
        });
        Leftover { things }
    }

    /// Waits until nothing is left over, while the runtime goes on.
    ///
    /// # Panics
    /// When something is left over after 30 s; it is named.
    ///
    /// # Cancel safety
    /// Cancel safe: it only looks.
    pub async fn assert_same(&self) {
        self.assert_same_within(LIMIT).await;
    }

    /// Does what [`assert_same`](Trace::assert_same) does, with another limit.
    ///
    /// # Panics
    /// When something is left over after `limit`; it is named.
    ///
    /// # Cancel safety
    /// Cancel safe: it only looks.
    pub async fn assert_same_within(&self, limit: Duration) {
        let end = Instant::now() + limit;
        while !self.is_same(end, limit) {
            clock::after(TICK).await;
        }
    }

    /// Waits until nothing is left over, blocking the thread.
    ///
    /// # Panics
    /// When something is left over after 30 s; it is named.
    pub fn wait_same(&self) {
        self.wait_same_within(LIMIT);
    }

    /// Does what [`wait_same`](Trace::wait_same) does, with another limit.
    ///
    /// # Panics
    /// When something is left over after `limit`; it is named.
    pub fn wait_same_within(&self, limit: Duration) {
        let end = Instant::now() + limit;
        while !self.is_same(end, limit) {
            std::thread::park_timeout(TICK);
        }
    }

    fn is_same(&self, end: Instant, limit: Duration) -> bool {
        let leftover = self.diff();
        assert!(
            leftover.is_empty() || Instant::now() < end,
            "left over after {limit:?}:\n{leftover}"
        );
        leftover.is_empty()
    }
}

impl Leftover {
    /// Says whether nothing is left over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (thing, count) in &self.things {
            writeln!(f, "  {count} × {thing}")?;
        }
        Ok(())
    }
}

/// The names in a folder of `/proc`; one that vanishes while being read is no longer there.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("a trace needs Linux's /proc: {folder}: {error}"));
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

fn descriptors() -> Vec<String> {
    // The descriptor that reads the folder is closed by now, so its link is gone.
    names("/proc/self/fd")
        .into_iter()
        .filter_map(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).ok())
        .map(|target| format!("descriptor {}", target.display()))
        .collect()
}

fn threads() -> Vec<String> {
    names("/proc/self/task")
        .into_iter()
        .filter_map(|task| fs::read_to_string(format!("/proc/self/task/{task}/comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .filter(|name| !FOREIGN_THREADS.contains(&name.as_str()))
        .map(|name| format!("thread {name}"))
        .collect()
}

/// Every descendant, with its state: a zombie is a child that nobody reaped.
fn children() -> Vec<String> {
    let mut processes = Vec::new();
    for pid in names("/proc")
        .iter()
        .filter_map(|name| name.parse::<u32>().ok())
    {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // The name is in parentheses and may hold parentheses itself.
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else {
            continue;
        };
        let mut rest = stat[close + 1..].split_whitespace();
        let state = rest.next().unwrap_or("?").to_owned();
        let parent = rest.next().and_then(|parent| parent.parse().ok());
        let name = stat[open + 1..close].to_owned();
        processes.push((pid, parent.unwrap_or(0), state, name));
    }
    let mut ours = vec![std::process::id()];
    let mut found = Vec::new();
    while let Some(parent) = ours.pop() {
        for (pid, _, state, name) in processes.iter().filter(|process| process.1 == parent) {
            let what = if state == "Z" { "zombie" } else { "child" };
            found.push(format!("{what} {name} ({pid})"));
            ours.push(*pid);
        }
    }
    found
}

fn files(folder: &Path, add: &mut impl FnMut(String)) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        add(format!("file {}", path.display()));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files(&path, add);
        }
    }
}
