//! What this process is: the program itself or a worker of it, how deep below
//! the program, and whether it may start workers of its own.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

/// The first argument of a worker process is this, its depth and a nonce.
pub(crate) const WORKER_ARGUMENT: &str = "--aio-pool-worker=";

/// Workers at this depth start no pools. A program that goes wrong before
/// `init` in every worker again ends here, and not when the machine does.
const DEEPEST: u32 = 4;

/// Whether a process that this one starts would know itself as a worker.
static MAY_START: AtomicBool = AtomicBool::new(false);

/// Whether `init` has been called in this worker before.
static SERVING: AtomicBool = AtomicBool::new(false);

/// What a process was started as.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The program, started by anyone.
    Program,
    /// A worker: of the program at depth 1, of a worker below that.
    Worker { depth: u32, nonce: String },
}

impl Role {
    /// The role of this process. `init` asks first, when nothing can be denied
    /// to it yet.
    pub(crate) fn own() -> &'static Self {
        static OWN: OnceLock<Role> = OnceLock::new();
        OWN.get_or_init(|| {
            let argument = first_argument();
            Self::of(argument.as_ref().and_then(|argument| argument.to_str()))
        })
    }

    fn of(argument: Option<&str>) -> Self {
        let Some(word) = argument.and_then(|argument| argument.strip_prefix(WORKER_ARGUMENT))
        else {
            return Self::Program;
        };
        // Nobody else writes such a word. Whoever does gets no workers.
        let (depth, nonce) = word.split_once('.').unwrap_or(("", word));
        Self::Worker {
            depth: depth.parse().unwrap_or(DEEPEST),
            nonce: nonce.to_owned(),
        }
    }

    /// How far below the program this is.
    pub(crate) fn depth(&self) -> u32 {
        match self {
            Self::Program => 0,
            Self::Worker { depth, .. } => *depth,
        }
    }
}

/// The first argument of this process, before `main` too: there std knows none
/// if the C library hands constructors none, as musl does not.
fn first_argument() -> Option<OsString> {
    let mut arguments = std::env::args_os();
    if arguments.len() > 0 {
        return arguments.nth(1);
    }
    first_in(&std::fs::read("/proc/self/cmdline").ok()?)
}

/// The first argument among those that the kernel gives, each with a zero behind.
fn first_in(line: &[u8]) -> Option<OsString> {
    let mut words = line.strip_suffix(&[0])?.split(|byte| *byte == 0);
    words.nth(1).map(|word| OsString::from_vec(word.to_vec()))
}

/// The first argument of a worker at this depth.
pub(crate) fn worker_argument(depth: u32, nonce: &str) -> String {
    format!("{WORKER_ARGUMENT}{depth}.{nonce}")
}

/// From here on this process may start workers: in the program, `init` has run;
/// in a worker, a task has come.
pub(crate) fn may_start() {
    MAY_START.store(true, Ordering::Release);
}

/// Whether this is the first call of `init` in this worker.
pub(crate) fn serves_now() -> bool {
    !SERVING.swap(true, Ordering::AcqRel)
}

/// The depth of the workers that this process may start.
pub(crate) fn depth_of_workers() -> Result<u32, Error> {
    if !MAY_START.load(Ordering::Acquire) {
        return Err(Error::NotInitialised);
    }
    let depth = Role::own().depth();
    if depth >= DEEPEST {
        return Err(Error::TooDeep { depth });
    }
    Ok(depth + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_reads_its_depth_and_nonce_back() {
        let argument = worker_argument(3, "c0ffee");
        let (depth, nonce) = (3, "c0ffee".to_owned());
        assert_eq!(Role::of(Some(&argument)), Role::Worker { depth, nonce });
    }

    #[test]
    fn the_kernel_and_std_tell_of_the_same_argument() {
        let line = std::fs::read("/proc/self/cmdline").unwrap();
        assert_eq!(first_in(&line), std::env::args_os().nth(1));
        assert_eq!(first_in(b"program\0first\0second\0").unwrap(), "first");
        assert_eq!(first_in(b"program\0\0second\0").unwrap(), "");
        assert_eq!(first_in(b"program\0"), None);
        assert_eq!(first_in(b""), None);
    }

    #[test]
    fn other_arguments_make_no_worker_and_a_spoilt_one_makes_a_childless_one() {
        assert_eq!(Role::of(None), Role::Program);
        assert_eq!(Role::of(Some("--aio-pool-worker")), Role::Program);
        for word in ["", "0", ".x", "x.y", "-1.x", "4294967296.x"] {
            let role = Role::of(Some(&format!("{WORKER_ARGUMENT}{word}")));
            assert_eq!(role.depth(), DEEPEST, "{role:?}");
        }
    }
}
