//! What a task and a thread cost while they do nothing but wait.

use std::fmt;
use std::fs;
use std::sync::{Arc, Barrier};
use std::thread;

use crate::Failure;

/// What a thread reserves for its stack: what Rust gives one that asks for nothing.
const STACK: usize = 2 << 20;

/// What one of many costs.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The bytes that are set aside for one: of its future, or of its stack.
    pub reserved: usize,
    /// The bytes of memory that one fills, where the system can tell.
    pub resident: Option<u64>,
}

/// The bytes that are resident, and where that isn't known, that.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resident {
            Some(bytes) => write!(f, "{bytes} bytes resident"),
            None => f.write_str("what is resident can't be told here"),
        }
    }
}

/// Returns what each of so many tasks costs, on a runtime with one thread.
///
/// # Errors
///
/// A runtime that can't be had.
pub fn of_a_task(count: u32) -> Result<Cost, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(of_waiting_tasks(count))
}

async fn of_waiting_tasks(count: u32) -> Result<Cost, Failure> {
    let meeting = Arc::new(tokio::sync::Barrier::new(count as usize + 1));
    let task = || {
        let meeting = Arc::clone(&meeting);
        async move {
            meeting.wait().await; // all have begun
            meeting.wait().await; // all are measured
        }
    };
    let reserved = size_of_val(&task());
    let before = anonymous();
    let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(task())).collect();
    meeting.wait().await;
    let resident = each(before, count);
    meeting.wait().await;
    for task in tasks {
        task.await?;
    }
    Ok(Cost { reserved, resident })
}

/// Returns what each of so many threads costs, without what the kernel keeps for it.
///
/// # Errors
///
/// A thread that can't be had, by its number.
pub fn of_a_thread(count: u32) -> Result<Cost, Failure> {
    let meeting = Arc::new(Barrier::new(count as usize + 1));
    let before = anonymous();
    let mut threads = Vec::new();
    for number in 1..=count {
        let meeting = Arc::clone(&meeting);
        let thread = thread::Builder::new().stack_size(STACK).spawn(move || {
            meeting.wait(); // all have begun
            meeting.wait(); // all are measured
        });
        threads.push(thread.map_err(|error| Failure::of(format!("thread {number}"), error))?);
    }
    meeting.wait();
    let resident = each(before, count);
    meeting.wait();
    for thread in threads {
        thread
            .join()
            .map_err(|_| Failure::of("a thread", "it panicked"))?;
    }
    let reserved = STACK;
    Ok(Cost { reserved, resident })
}

/// The share of each in the memory that has been filled since.
fn each(before: Option<u64>, count: u32) -> Option<u64> {
    Some(anonymous()?.saturating_sub(before?) / u64::from(count))
}

/// The bytes of memory that this process has filled itself, without its program and
/// its libraries. Linux counts the pages for this file one by one; the figures in
/// `statm` and `status` may be a hundred pages off.
fn anonymous() -> Option<u64> {
    let counts = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = counts
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
