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
    to: Option<Arc<Path>>,
    place: Option<Place>,
    /// Shared, because a failed write is reported by every later call.
    cause: Arc<io::Error>,
    note: Option<&'static str>,
}

/// Where in a file it is wrong.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: Option<u64>,
    offset: u64,
}

impl PathError {
    /// Finds the path and the verb in an `io::Error` of this crate.
    pub fn of(error: &io::Error) -> Option<&PathError> {
        error.get_ref()?.downcast_ref()
    }

    /// What was done, in a word: `open`, `read`, `write`, `sync`, `rename` …; or `use`,
    /// of a file that was lost to a panic.
    pub fn verb(&self) -> &'static str {
        self.verb
    }

    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The second path of an operation that has two, such as the new name of a
    /// renamed file.
    pub fn to(&self) -> Option<&Path> {
        self.to.as_deref()
    }

    /// The line at which the content is wrong, counted from 1, where it was read
    /// by lines.
    pub fn line(&self) -> Option<u64> {
        self.place?.line
    }

    /// The byte of the file, counted from 0, at which the content is wrong or
    /// could not be read, where it was read as a stream.
    pub fn offset(&self) -> Option<u64> {
        self.place.map(|place| place.offset)
    }

    /// The code that the operating system gave, unchanged.
    pub fn raw_os_error(&self) -> Option<i32> {
        self.cause.raw_os_error()
    }

    pub(crate) fn new(verb: &'static str, path: &Arc<Path>, cause: io::Error) -> Self {
        Self {
            verb,
            path: Arc::clone(path),
            to: None,
            place: None,
            cause: Arc::new(cause),
            note: None,
        }
    }

    pub(crate) fn and_to(mut self, to: &Arc<Path>) -> Self {
        self.to = Some(Arc::clone(to));
        self
    }

    pub(crate) fn at_byte(mut self, offset: u64) -> Self {
        self.place = Some(Place { line: None, offset });
        self
    }

    pub(crate) fn at_line(mut self, line: u64, offset: u64) -> Self {
        self.place = Some(Place {
            line: Some(line),
            offset,
        });
        self
    }

    /// Says behind the cause what it means, where that is not plain.
    pub(crate) fn with_note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    pub(crate) fn kind(&self) -> io::ErrorKind {
        self.cause.kind()
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
        write!(f, "{} {}", self.verb, self.path.display())?;
        if let Some(to) = &self.to {
            write!(f, " to {}", to.display())?;
        }
        match self.place {
            None => {}
            Some(Place { line: None, offset }) => write!(f, " at byte {offset}")?,
            Some(Place {
                line: Some(line),
                offset,
            }) => write!(f, " at line {line}, byte {offset}")?,
        }
        write!(f, ": {}", self.cause)?;
        match self.note {
            Some(note) => write!(f, "; {note}"),
            None => Ok(()),
        }
    }
}

impl Error for PathError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_in_the_file() {
        let path: Arc<Path> = Path::new("/x").into();
        let error = || PathError::new("read", &path, io::Error::other("wrong"));
        let told = |error: PathError| (error.to_string(), error.line(), error.offset());
        assert_eq!(told(error()), ("read /x: wrong".to_owned(), None, None));
        assert_eq!(
            told(error().at_byte(7)),
            ("read /x at byte 7: wrong".to_owned(), None, Some(7))
        );
        assert_eq!(
            told(error().at_line(2, 9)),
            (
                "read /x at line 2, byte 9: wrong".to_owned(),
                Some(2),
                Some(9)
            )
        );
    }
}
