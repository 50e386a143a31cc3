use std::error::Error;
use std::fmt;
use std::io;

use super::Position;

/// The line, the byte and the cause inside the `io::Error` of a record.
///
/// It says which record is wrong; [`PathError::of`](crate::PathError::of) says
/// in which file. The two together print as
/// `read /var/x.csv: line 3, byte 26: field "people": invalid digit found in string`.
/// Errors of the file system have none: they belong to no record.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// std::fs::write(&path, "[1, 2]\n[3, 4\n")?;
/// let error = aio_files::records::<(u8, u8)>(&path).jsonl().await.unwrap_err();
/// let inside = aio_files::records::RecordError::of(&error).unwrap();
/// assert_eq!((inside.line(), inside.offset()), (2, 7));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RecordError {
    at: Position,
    says: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl RecordError {
    /// Finds what is said of the record in an `io::Error` of this crate.
    pub fn of(error: &io::Error) -> Option<&RecordError> {
        let cause = crate::PathError::of(error)?.source()?;
        cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
    }

    /// The line on which the record begins, counted from 1 by the line feeds
    /// before it.
    pub fn line(&self) -> u64 {
        self.at.line
    }

    /// How many bytes of the file are before the record.
    pub fn offset(&self) -> u64 {
        self.at.offset
    }

    pub(super) fn new(at: Position, fault: Fault) -> Self {
        Self {
            at,
            says: fault.says,
            cause: fault.cause,
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, offset } = self.at;
        write!(f, "line {line}, byte {offset}: {}", self.says)
    }
}

impl Error for RecordError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// What is wrong with a record, before it is said where that is.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: io::ErrorKind,
    says: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    pub(super) fn new(says: String) -> Self {
        Self {
            kind: io::ErrorKind::InvalidData,
            says,
            cause: None,
        }
    }

    pub(super) fn too_long(max: usize) -> Self {
        Self::new(format!("a record of more than {max} bytes"))
    }

    pub(super) fn panicked() -> Self {
        Self {
            kind: io::ErrorKind::Other,
            ..Self::new("its type panicked while it was made".to_owned())
        }
    }

    pub(super) fn because(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Box::new(cause)),
            ..self
        }
    }
}
