//! When a file was used last, as it says.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::errand::Errand;

/// Which times [`set_times`] gives a file; those that aren't named stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "no file has it until it is given to `set_times`"]
pub struct Times {
    accessed: Option<SystemTime>,
    modified: Option<SystemTime>,
}

impl Times {
    /// When it was read last.
    pub fn accessed(mut self, at: SystemTime) -> Self {
        self.accessed = Some(at);
        self
    }

    /// When it was written last.
    pub fn modified(mut self, at: SystemTime) -> Self {
        self.modified = Some(at);
        self
    }
}

/// Changes when what a path leads to was read and written last.
///
/// The file isn't opened, so it may be one that can't be read.
///
/// # Errors
///
/// The system's, with the path; `InvalidInput` for a time that the system can't
/// count.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the same
/// path. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use aio_files::os::{self, Times};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// aio_files::write(&path, "Bob").await?;
/// let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
/// os::set_times(&path, Times::default().modified(then)).await?;
/// assert_eq!(os::metadata(&path).await?.modified()?, then);
/// # Ok(())
/// # }
/// ```
#[doc(alias("utime", "touch"))]
pub async fn set_times(path: impl AsRef<Path>, times: Times) -> io::Result<()> {
    Errand::changes("utimes", path.as_ref())
        .run(move |path| stamp(path, times))
        .await
}

#[cfg(unix)]
fn stamp(path: &Path, times: Times) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timestamps, utimensat};

    // Asked to change nothing, the kernel doesn't look at the path at all.
    if times == Times::default() {
        return std::fs::metadata(path).map(drop);
    }
    let times = Timestamps {
        last_access: kernel_time(times.accessed)?,
        last_modification: kernel_time(times.modified)?,
    };
    Ok(utimensat(CWD, path, &times, AtFlags::empty())?)
}

#[cfg(unix)]
fn kernel_time(at: Option<SystemTime>) -> io::Result<rustix::fs::Timespec> {
    use rustix::fs::{Timespec, UTIME_OMIT};

    let Some(at) = at else {
        return Ok(Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        });
    };
    // Nanoseconds count forwards, also before 1970.
    let since = match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => Timespec::try_from(after).ok(),
        Err(before) => Timespec::try_from(before.duration())
            .ok()
            .and_then(|before| Timespec::default().checked_sub(before)),
    };
    since.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a time out of range"))
}

#[cfg(not(unix))]
fn stamp(path: &Path, times: Times) -> io::Result<()> {
    use std::fs::{File, FileTimes};

    let mut changed = FileTimes::new();
    if let Some(at) = times.accessed {
        changed = changed.set_accessed(at);
    }
    if let Some(at) = times.modified {
        changed = changed.set_modified(at);
    }
    File::options().write(true).open(path)?.set_times(changed)
}
