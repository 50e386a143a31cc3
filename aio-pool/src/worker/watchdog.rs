//! The end of a worker whose parent is gone.

use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group, kill_process};

/// Ends this worker and everything that its tasks started, at once.
///
/// It is called by the thread that waits for the parent's words when there will
/// be none any more: end of file comes within a millisecond of the parent's
/// death, whatever killed it. (The kernel's own parent-death signal is no
/// replacement: it fires when the *thread* that started the worker ends.)
pub(crate) fn end() -> ! {
    // A task may have moved the worker to a group that is not its own.
    if getpgrp() == getpid() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}
