//! Why a command failed, in a line that names the thing and the cause.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::{fmt, io};

/// The result of a command, or of a part of one.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command failed.
#[derive(Debug)]
pub enum Error {
    /// The file can't be opened as a message store.
    Open {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The store was opened, and then failed.
    Store {
        /// Its file.
        path: PathBuf,
        /// What the database said.
        source: aio_sqlite::Error,
    },
    /// The file of the store was deleted, moved or replaced while it was open.
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// What was read is no message.
    Input {
        /// The part of the message.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A file can't be read or written; the error names it.
    File(io::Error),
    /// The format of a file isn't known.
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The processes that read mail can't be started, or all of them are gone.
    Workers(aio_pool::Error),
    /// The address can't be listened on.
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The result can't be written.
    Output(io::Error),
}

impl Error {
    /// Tells whether the reader of our output has gone away.
    pub fn is_closed_output(&self) -> bool {
        matches!(self, Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Open { path, problem } => write!(f, "{}: {problem}", path.display()),
            Error::Store { path, source } if source.is_locked() => {
                write!(f, "{}: another process keeps it locked", path.display())
            }
            Error::Store { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Gone { path } => {
                let gone = "deleted, moved or replaced while it was open";
                write!(f, "{}: {gone}", path.display())
            }
            Error::Input { what, problem } => write!(f, "the {what} {problem}"),
            Error::File(source) => write!(f, "{source}"),
            Error::Format { path, problem } => write!(f, "{}: {problem}", path.display()),
            Error::Workers(source) => write!(f, "reading mail: {source}"),
            Error::Listen { addr, source } => write!(f, "{addr}: {source}"),
            Error::Output(source) => write!(f, "standard output: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Store { source, .. } => Some(source),
            Error::Workers(source) => Some(source),
            Error::File(source) | Error::Listen { source, .. } | Error::Output(source) => {
                Some(source)
            }
            Error::Open { .. }
            | Error::Gone { .. }
            | Error::Input { .. }
            | Error::Format { .. } => None,
        }
    }
}

impl From<io::Error> for Error {
    /// Everything else has its own error, so what is left is standard output.
    fn from(source: io::Error) -> Error {
        Error::Output(source)
    }
}
