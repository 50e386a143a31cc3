//! How many files and connections a process may have open.
//!
//! Each connection is an open file. Linux usually allows a process 1,024 of
//! them at first, and many more if it asks.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Failure;

/// What is open beside the connections: the standard streams, what listens, and
/// what a runtime keeps for itself.
const OTHERS: u64 = 64;

/// Sees to it that this process can have so many connections open.
///
/// # Errors
///
/// Where the system does not allow it that many, in a line that says both numbers.
pub fn for_connections(needed: u64) -> Result<(), Failure> {
    let files = needed.saturating_add(OTHERS);
    match raise(files) {
        allowed if allowed >= files => Ok(()),
        allowed => Err(Failure::of(
            "open files",
            format_args!("{files} are needed, and the system allows {allowed} (see ulimit -Hn)"),
        )),
    }
}

/// The number of connections this process can have open, at most so many.
#[must_use]
pub fn connections_up_to(most: u64) -> u64 {
    let files = raise(most.saturating_add(OTHERS));
    files.saturating_sub(OTHERS).clamp(1, most.max(1))
}

/// Raises the limit to so many files, or as far as it goes, and says what it is.
fn raise(files: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // `None` means no limit.
    let now = limit.current.unwrap_or(u64::MAX);
    if now >= files {
        return now;
    }
    let raised = files.min(limit.maximum.unwrap_or(u64::MAX));
    let asked = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, asked).map_or(now, |()| raised)
}
