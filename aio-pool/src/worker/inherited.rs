//! What the program lets everything that it starts inherit is no business of a
//! worker: a lock or a port would be held for as long as a task runs.

use std::fs::read_dir;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::io::{Errno, FdFlags};

/// Closes every descriptor that has come with the start of this process, but for
/// the standard streams.
///
/// They are known by what they lack: without close-on-exec they have passed an
/// exec, and what Rust code opens has it from the first instant.
///
/// # Errors
///
/// The kernel does not tell which descriptors there are.
pub(super) fn close() -> io::Result<()> {
    // The list is closed before anything in it is.
    let open: Vec<RawFd> = read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for number in open {
        if number > 2 && passes_an_exec(number) == Ok(true) {
            #[expect(unsafe_code, reason = "nobody in this process owns what it inherited")]
            // SAFETY: whoever opened this number is the program that started this
            // process, or C code; `init` says that it is closed in a worker, so
            // nobody here goes on to use it.
            unsafe {
                rustix::io::close(number);
            }
        }
    }
    Ok(())
}

fn passes_an_exec(number: RawFd) -> Result<bool, Errno> {
    #[expect(unsafe_code, reason = "a number is asked for what it stands for")]
    // SAFETY: it is only asked for its flags, which is an error if it has been
    // closed since it was listed.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(!rustix::io::fcntl_getfd(descriptor)?.contains(FdFlags::CLOEXEC))
}
