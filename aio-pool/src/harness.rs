//! A worker of a test harness goes its own way before `main`: that `main` is not
//! ours, and would run the tests again.

#![expect(
    unsafe_code,
    reason = "there is no safe way to run before a main that is somebody else's"
)]

use std::arch::global_asm;
use std::ffi::{c_char, c_int};
use std::fs::File;

use crate::init::init;
use crate::role::Role;

/// What the C library hands to a constructor.
type Words = *const *const c_char;
type Constructor = unsafe extern "C" fn(c_int, Words, Words);

/// The compiler keeps this because it is `used`, and the linker because of its
/// section. Should either fail to, nothing has called `init`, so a pool that is
/// started is an error and no worker runs the tests.
#[used]
// SAFETY: the section is an array of constructors, and this is one.
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: Constructor = before_main;

#[repr(transparent)]
struct EndOfArray(*const Constructor);

// SAFETY: it is written by the linker and never again.
unsafe impl Sync for EndOfArray {}

unsafe extern "C" {
    /// Where the array of constructors ends, or null.
    #[link_name = "__aio_pool_constructors_end"]
    safe static CONSTRUCTORS_END: EndOfArray;
}

#[cfg(target_pointer_width = "64")]
macro_rules! end_of_array {
    () => {
        ".quad __init_array_end"
    };
}

#[cfg(target_pointer_width = "32")]
macro_rules! end_of_array {
    () => {
        ".long __init_array_end"
    };
}

// Weak, which Rust cannot say: a linker that makes a shared library may know no
// such end.
global_asm!(
    ".pushsection .data.rel.ro.aio_pool,\"aw\"",
    ".weak __init_array_end",
    ".hidden __init_array_end",
    ".globl __aio_pool_constructors_end",
    ".hidden __aio_pool_constructors_end",
    ".balign 8",
    "__aio_pool_constructors_end:",
    end_of_array!(),
    ".popsection",
);

unsafe extern "C" fn before_main(count: c_int, arguments: Words, environment: Words) {
    if matches!(Role::own(), Role::Worker { .. }) {
        // SAFETY: the C library has called this one, and the worker never
        // returns to it, so that it calls no other.
        unsafe { call_the_rest(count, arguments, environment) };
        open_what_is_closed();
        ignore_broken_pipes();
    }
    init();
}

/// Calls the constructors that would be called next: registries are filled by
/// them, and the statics of C++. Their order is the linker's, so these are any.
///
/// # Safety
///
/// Called once, from the constructor of this module, which does not return.
unsafe fn call_the_rest(count: c_int, arguments: Words, environment: Words) {
    let mut next = (&raw const BEFORE_MAIN).wrapping_add(1);
    while next < CONSTRUCTORS_END.0 {
        // SAFETY: between this module's place in the array and the end of the
        // array there are constructors, and the arguments are those that the C
        // library would give them.
        unsafe { (*next)(count, arguments, environment) };
        next = next.wrapping_add(1);
    }
}

/// Does what std does on its way to `main`: a file that is opened later becomes
/// no standard stream by chance.
fn open_what_is_closed() {
    use rustix::stdio::{stderr, stdin, stdout};
    for stream in [stdin, stdout, stderr] {
        if rustix::io::fcntl_getfd(stream()).is_err()
            // It gets the lowest number that is free: this one.
            && let Ok(nowhere) = File::options().read(true).write(true).open("/dev/null")
        {
            std::mem::forget(nowhere);
        }
    }
}

/// Does what std does on its way to `main`: a task that writes to a pipe without
/// a reader gets an error, and lives.
fn ignore_broken_pipes() {
    // SAFETY: the C library's own declaration, where a handler is a pointer or,
    // as below, a small number.
    unsafe extern "C" {
        safe fn signal(signal: c_int, handler: usize) -> usize;
    }
    const IGNORED: usize = 1;
    signal(rustix::process::Signal::PIPE.as_raw(), IGNORED);
}
