//! A folder that is held open, and what is done to the names in it: neither a
//! change of the working directory nor a renamed folder leads elsewhere.
//!
//! Its methods block.

#[cfg(unix)]
mod at;
#[cfg(not(unix))]
mod by_path;

use std::fs;

#[cfg(unix)]
pub(crate) use at::{Folder, rename_new};
#[cfg(not(unix))]
pub(crate) use by_path::{Folder, rename_new};

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    /// A FIFO, a device, a socket.
    Special,
}

/// Whether the last name is followed if it is a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    Followed,
    Kept,
}

/// What is known of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) permissions: fs::Permissions,
    #[cfg(unix)]
    pub(crate) owner: rustix::fs::Uid,
    #[cfg(unix)]
    pub(crate) group: rustix::fs::Gid,
}

/// Who may use a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner alone.
    Private,
    /// Whoever the program's mask and the folder leave in: what std's files have.
    Usual,
}
