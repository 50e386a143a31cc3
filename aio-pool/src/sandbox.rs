//! A cage for workers that read what nobody vouches for.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;

mod calls;
mod files;

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
compile_error!("the feature `sandbox` of aio-pool is for x86_64, aarch64 and riscv64");

use calls::Opening;

/// A cage for the workers of a pool, so that untrusted input is parsed in a
/// process that can open nothing. Given to [`.sandbox`](crate::Start::sandbox).
/// With the feature `sandbox`, on x86_64, aarch64 and riscv64.
///
/// A worker shuts itself in before it runs a task, for good. In there, tasks
/// compute, allocate, start threads, wait, ask for the time and for random
/// numbers, and use what is open already. Everything else is an error that the
/// task sees, mostly "Operation not permitted" or "Permission denied"; nobody is
/// killed for trying. Not possible are:
///
/// - opening, listing, asking about or changing any file, but for what
///   [`read`](Self::read) and [`write`](Self::write) let through;
/// - sockets, other than pairs within the worker: no network, no name look-up,
///   no local service, abstract names included;
/// - starting another process or program, so no pool within a task either;
/// - signals to, and tracing and looking into, any other process;
/// - `io_uring`, `bpf`, namespaces, mounts, keys, modules, typing into the
///   terminal, raising [`Limits`](crate::workers::Limits), and whatever system
///   call a future kernel adds.
///
/// Two locks of the kernel's hold this, and each holds without the other:
/// Landlock decides about files, and a seccomp filter lists the system calls
/// that there are at all. "No new privileges" is set as well.
///
/// # What it does not hold
///
/// The worker keeps its socket to this process, which takes its frames for
/// untrusted; a task that was taken over can answer the calls of its worker
/// wrongly, so give different customers different pools. It keeps the standard
/// output and error that it inherited, and everything that was read into its
/// memory before it was shut in: its arguments, its environment, what stands in
/// the program before [`init`](crate::init), and descriptors that the program
/// lets its children inherit. What is inherited is shared: a task can read from
/// a terminal that it only was to print to, cut short a file behind stdout, or
/// have the program's own stdout not wait any more, so that its prints fail.
/// [`Output::Lines`](crate::workers::Output::Lines) for both leaves nothing to
/// share. Memory and time are not limited: that is what
/// [`Limits`](crate::workers::Limits) and timeouts are for. With a path let
/// through, names, sizes and times of files elsewhere can be asked for, though
/// not what is in them. A hole in the kernel is a way out.
///
/// # What tasks notice
///
/// Threads, timers and pipes work. What opens a file in passing does not: time
/// zones, locales, libraries loaded late, `/proc`. Nor does asking an open file
/// for its size or times, where the C library asks by an empty path. A backtrace in a panic has no
/// names, since it reads them from the executable. Load such things before
/// [`init`](crate::init) in `main`, or let them through.
///
/// # Examples
///
/// ```
/// use aio_pool::workers::Sandbox;
///
/// aio_pool::task! {
///     async fn peek(path: String) -> Option<String> {
///         std::fs::read_to_string(path).ok()
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     aio_pool::init();
///     run()
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn run() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = aio_pool::start()
///         .workers(1)
///         .sandbox(Sandbox::new().best_effort())
///         .await?;
///     assert_eq!(pool.call::<peek>("/etc/passwd".to_owned()).await?, None);
///     pool.close().await?;
///     Ok(())
/// }
/// ```
#[doc(alias = "seccomp")]
#[doc(alias = "landlock")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a sandbox holds nothing until it is given to `.sandbox`"]
pub struct Sandbox(Cage);

impl Sandbox {
    /// A cage from which nothing can be opened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets tasks read this file, or every file and folder below this folder.
    ///
    /// A relative path counts from the folder that this process is in now. It
    /// must be there when a worker starts, or that worker is never ready. Links
    /// are followed, and then it is their target that counts.
    pub fn read(mut self, path: impl AsRef<Path>) -> Self {
        self.0.read.push(Place::of(path.as_ref()));
        self
    }

    /// Lets tasks read and write this file, or every file and folder below this
    /// folder, and create, rename and remove there: files, folders and symbolic
    /// links.
    ///
    /// Rights, owners, times and attributes of files stay as they are, there
    /// too. Otherwise it is as with [`read`](Self::read).
    pub fn write(mut self, path: impl AsRef<Path>) -> Self {
        self.0.write.push(Place::of(path.as_ref()));
        self
    }

    /// Starts workers even where the kernel, or what surrounds this program,
    /// lacks Landlock or seccomp, and takes what there is; otherwise that is
    /// [`Error::NeverReady`](crate::Error::NeverReady).
    ///
    /// Without Landlock the filter still keeps all files shut, unless paths are
    /// let through: then it cannot tell one from another, and everything that
    /// the program may read can be read, and with a path to write, written.
    /// Without seccomp Landlock still keeps files shut, and little else.
    pub fn best_effort(mut self) -> Self {
        self.0.rigour = Rigour::BestEffort;
        self
    }

    pub(crate) fn into_cage(self) -> Cage {
        self.0
    }
}

/// A [`Sandbox`] as it crosses to a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cage {
    read: Vec<Place>,
    write: Vec<Place>,
    rigour: Rigour,
}

/// A path, in bytes: not every path is text. Empty if it could not be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place(Vec<u8>);

impl Place {
    fn of(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_default();
        Self(path.into_os_string().into_vec())
    }

    fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

/// What to do where the kernel lacks something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Rigour {
    #[default]
    Whole,
    BestEffort,
}

impl Cage {
    /// Refuses what means nothing, before anything is started.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (option, places) in [("sandbox.read", &self.read), ("sandbox.write", &self.write)] {
            if places.iter().any(|place| place.0.is_empty()) {
                return Err(Error::InvalidOption {
                    option,
                    requirement: "a path",
                });
            }
        }
        Ok(())
    }

    /// Shuts this process in, and all threads that it will start.
    pub(crate) fn close(&self) -> Result<(), String> {
        alone()?;
        rustix::thread::set_no_new_privs(true)
            .map_err(|error| format!("the sandbox cannot give up new privileges: {error}"))?;
        let files = files::shut(&self.read, &self.write)?;
        let calls = calls::allow(self.opening());
        judge(files, calls, self.rigour)
    }

    /// What the filter has to leave to Landlock.
    fn opening(&self) -> Opening {
        match (self.read.is_empty(), self.write.is_empty()) {
            (_, false) => Opening::ToWrite,
            (false, true) => Opening::ToRead,
            (true, true) => Opening::Nothing,
        }
    }
}

/// Either lock binds the thread that asks for it and what that thread starts.
/// One that was there before would stay outside, and could be told what to do.
fn alone() -> Result<(), String> {
    let threads = std::fs::read_dir("/proc/self/task")
        .map_err(|error| format!("the sandbox cannot count the worker's threads: {error}"))?
        .count();
    if threads == 1 {
        return Ok(());
    }
    Err(format!(
        "{threads} threads run in the worker already and a sandbox holds only what starts after \
         it: call aio_pool::init() before anything that starts threads, and not inside \
         #[tokio::main]"
    ))
}

/// Whether a lock is on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lock {
    Shut,
    /// And why not.
    Missing(String),
}

/// Whether this is enough of a cage.
fn judge(files: Lock, calls: Lock, rigour: Rigour) -> Result<(), String> {
    let missing: Vec<String> = [files, calls]
        .into_iter()
        .filter_map(|lock| match lock {
            Lock::Shut => None,
            Lock::Missing(why) => Some(why),
        })
        .collect();
    match rigour {
        Rigour::BestEffort => Ok(()),
        Rigour::Whole if missing.is_empty() => Ok(()),
        Rigour::Whole => Err(format!(
            "the sandbox is not whole: {}; with .best_effort() workers start all the same",
            missing.join(", and ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_lock_is_named_and_refused_unless_best_effort_will_do() {
        let no = |why: &str| Lock::Missing(why.to_owned());
        let whole = |files, calls| judge(files, calls, Rigour::Whole);
        assert_eq!(whole(Lock::Shut, Lock::Shut), Ok(()));
        for (files, calls, named) in [
            (no("no files"), Lock::Shut, "whole: no files;"),
            (Lock::Shut, no("no calls"), "whole: no calls;"),
            (no("neither"), no("nor"), "whole: neither, and nor;"),
        ] {
            let said = whole(files.clone(), calls.clone()).unwrap_err();
            assert!(said.contains(named), "{said}");
            assert_eq!(judge(files, calls, Rigour::BestEffort), Ok(()));
        }
    }

    #[test]
    fn the_filter_leaves_to_landlock_only_what_was_let_through() {
        assert_eq!(Sandbox::new().0.opening(), Opening::Nothing);
        let read = Sandbox::new().read("/");
        assert_eq!(read.0.opening(), Opening::ToRead);
        assert_eq!(read.write("/").0.opening(), Opening::ToWrite);
    }

    #[test]
    fn relative_paths_count_from_here_and_an_empty_one_is_refused() {
        let here = std::env::current_dir().unwrap();
        let cage = Sandbox::new().read("x").0;
        assert_eq!(cage.read[0].path(), here.join("x"));
        assert_eq!(cage.check(), Ok(()));
        let error = Sandbox::new().write("").0.check().unwrap_err();
        assert!(error.to_string().contains("sandbox.write"), "{error}");
    }
}
