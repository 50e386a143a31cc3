//! Fresh folders for programs that are run a hundred times.

use std::path::Path;

pub use tempfile::TempDir;

/// Makes an empty folder that goes when this is dropped.
///
/// It is in memory where the system has a place for that: a sync costs nothing
/// there, and what is killed or failed at a system call does not care.
///
/// # Panics
/// When no folder can be made.
#[must_use]
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    memory
        .is_dir()
        .then(|| tempfile::tempdir_in(memory).ok())
        .flatten()
        .unwrap_or_else(|| tempfile::tempdir().expect("a folder of its own"))
}
