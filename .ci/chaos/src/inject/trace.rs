//! What a victim did, call by call.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Errno;
use super::calls::Kind;

/// One system call that changes a file, or writes to standard output or error.
#[derive(Clone)]
#[non_exhaustive]
pub struct Call {
    /// The system call's name.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Its number among the points, from 1; none for an output.
    pub point: Option<usize>,
    /// The thread that made it.
    pub thread: u32,
    /// The file, or the old name of one; empty for `sync` and `msync`.
    pub path: PathBuf,
    /// The new name.
    pub to: Option<PathBuf>,
    /// Where in the file, or the new length.
    pub at: Option<u64>,
    /// How many bytes a write has.
    pub len: usize,
    /// The bytes of a write, 64 KiB of them at most.
    pub bytes: Vec<u8>,
    /// When it was begun, on a clock that counts beginnings and ends.
    pub begun: u64,
    /// When it had ended, on the same clock. Known of `fsync` and `fdatasync`,
    /// which the supervisor makes itself, and of what was answered without being done.
    pub ended: Option<u64>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// The kernel was let do it; its result is not known.
    Made,
    /// It is being made, or was when the victim ended.
    Begun,
    /// It was made, and succeeded.
    Done,
    /// It was made, and failed so.
    Failed(Errno),
    /// It was not made, and failed with an injected error.
    Injected(Errno),
    /// It was not made, and said that it was.
    Feigned,
    /// It is a write, of which so many bytes were written, and which said so.
    Short(usize),
    /// It was not made, or half of it was: the victim was killed.
    Killed,
}

impl Call {
    /// Says whether the path ends so, `-wal` for example.
    #[must_use]
    pub fn is_of(&self, suffix: &str) -> bool {
        ends(&self.path, suffix) || self.to.as_deref().is_some_and(|to| ends(to, suffix))
    }
}

fn ends(path: &Path, suffix: &str) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .ends_with(suffix.as_bytes())
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.point {
            Some(point) => write!(f, "{point:>4} ")?,
            None => write!(f, "   - ")?,
        }
        write!(f, "[{}] {} {}", self.thread, self.name, self.path.display())?;
        if let Some(to) = &self.to {
            write!(f, " → {}", to.display())?;
        }
        if let Some(at) = self.at {
            write!(f, " at {at}")?;
        }
        if matches!(self.kind, Kind::Write | Kind::Output) {
            write!(f, " {} bytes", self.len)?;
        }
        write!(f, " {}", self.fate)
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Made => f.write_str("made"),
            Fate::Begun => f.write_str("begun"),
            Fate::Done => f.write_str("done"),
            Fate::Failed(errno) => write!(f, "failed: {errno}"),
            Fate::Injected(errno) => write!(f, "injected: {errno}"),
            Fate::Feigned => f.write_str("feigned"),
            Fate::Short(bytes) => write!(f, "short: {bytes} bytes"),
            Fate::Killed => f.write_str("killed"),
        }
    }
}

/// The same line: the bytes of a write would bury all else.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
