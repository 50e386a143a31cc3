//! What is wrong with a record.

use std::error::Error;
use std::fmt;
use std::io;

/// The cause of an error that belongs to one record.
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

    pub(super) fn too_long(max_len: usize) -> Self {
        Self::new(format!("a record of more than {max_len} bytes"))
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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
