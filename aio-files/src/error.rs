use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The path, the verb and the cause inside every `io::Error` of this crate.
///
/// The outer error has the cause's `ErrorKind` and prints as
/// `open /var/x: No such file or directory (os error 2)`. It can't have an OS
/// code of its own, as std's errors with words in them don't, so the code is
/// asked for here.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = aio_files::open("/nowhere/x").await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// let inside = aio_files::PathError::of(&error).unwrap();
/// assert_eq!(inside.verb(), "open");
/// assert_eq!(inside.path(), std::path::Path::new("/nowhere/x"));
/// # #[cfg(unix)]
/// assert_eq!(inside.raw_os_error(), Some(2));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PathError {
    verb: &'static str,
    path: Arc<Path>,
    /// Shared, because a failed write is reported by every later call.
    cause: Arc<io::Error>,
}

impl PathError {
    /// Finds the path and the verb in an `io::Error` of this crate.
    pub fn of(error: &io::Error) -> Option<&PathError> {
        error.get_ref()?.downcast_ref()
    }

    /// What was done: `open`, `read`, `write`, `seek`, `sync`, `truncate`, `stat`, `close`;
    /// or `use`, of a file that was lost to a panic.
    pub fn verb(&self) -> &'static str {
        self.verb
    }

    /// The path, as it was given to [`open`](crate::open()).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The code that the operating system gave, unchanged.
    pub fn raw_os_error(&self) -> Option<i32> {
        self.cause.raw_os_error()
    }

    pub(crate) fn new(verb: &'static str, path: &Arc<Path>, cause: io::Error) -> Self {
        Self {
            verb,
            path: Arc::clone(path),
            cause: Arc::new(cause),
        }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.verb == "read"
    }

    /// The same in the form that std's signatures have.
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::new(self.cause.kind(), self)
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.verb, self.path.display(), self.cause)
    }
}

impl Error for PathError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}
