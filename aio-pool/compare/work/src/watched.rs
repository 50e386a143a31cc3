//! What Linux says of this process and its children.

use std::fs;
use std::path::PathBuf;

/// The children of this process, zombies too.
pub fn children() -> Vec<u32> {
    assert!(
        fs::exists("/proc/thread-self/children").expect("/proc"),
        "this kernel does not tell the children of a process"
    );
    threads(std::process::id())
        .into_iter()
        .filter_map(|thread| fs::read_to_string(thread.join("children")).ok())
        .flat_map(|line| {
            let pids = line.split_whitespace().map(|pid| pid.parse());
            pids.collect::<Result<Vec<u32>, _>>().expect("pids")
        })
        .collect()
}

/// The open descriptors of this process.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("/proc").count()
}

/// How often the threads of this process and of its children were taken off a
/// core or put on one: all but the thread that asks.
pub fn switches() -> u64 {
    let asking = fs::read_link("/proc/thread-self").expect("/proc");
    let asking = asking.file_name().expect("a thread").to_owned();
    let mut pids = children();
    pids.push(std::process::id());
    pids.into_iter()
        .flat_map(threads)
        .filter(|thread| thread.file_name() != Some(&asking))
        .map(|thread| of_thread(&thread.join("status")))
        .sum()
}

fn threads(pid: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn of_thread(status: &PathBuf) -> u64 {
    let status = fs::read_to_string(status).unwrap_or_default();
    let counts = status.lines().filter_map(|line| {
        let (name, count) = line.split_once(':')?;
        name.ends_with("voluntary_ctxt_switches")
            .then(|| count.trim().parse::<u64>().expect("a count"))
    });
    counts.sum()
}
