//! How many threads a process has.

use std::fs;

/// The number of threads in this process, as the system counts them; `?` where it
/// doesn't say so in `/proc/self/status`.
#[must_use]
pub fn count() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    line.map_or("?", str::trim).to_owned()
}
