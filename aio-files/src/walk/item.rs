//! What the steps of a walk come to.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{MAIN_SEPARATOR_STR, Path, PathBuf};
use std::sync::Arc;

use super::entry::Entry;
use crate::error::PathError;

/// What a walk gives, and at which depth.
#[derive(Debug)]
pub(super) struct Item {
    /// That of what was looked at before and not given, if it is less: so a
    /// folder that was left is known to be, whatever comes next.
    pub(super) depth: usize,
    pub(super) result: io::Result<Entry>,
}

/// What one step has come to.
pub(super) enum Step {
    Found(Item),
    /// Nothing yet: the next step may have it.
    Went,
    End,
}

pub(super) fn item(entry: Entry) -> Item {
    Item {
        depth: entry.depth,
        result: Ok(entry),
    }
}

pub(super) fn found_it(entry: Entry) -> Step {
    Step::Found(item(entry))
}

pub(super) fn failed(depth: usize, verb: &'static str, path: PathBuf, cause: io::Error) -> Item {
    Item {
        depth,
        result: Err(PathError::new(verb, &Arc::from(path), cause).into_io()),
    }
}

pub(super) fn loops(depth: usize, path: PathBuf, ancestor: &Path) -> Item {
    let cause = io::Error::from(rustix::io::Errno::LOOP);
    let error = PathError::new("follow", &Arc::from(path), cause).and_to(&Arc::from(ancestor));
    Item {
        depth,
        result: Err(error.into_io()),
    }
}

/// The path of a name, with room for nothing else.
pub(super) fn joined(folder: &Path, name: &OsStr) -> PathBuf {
    let folder = folder.as_os_str();
    let mut path = OsString::with_capacity(folder.len() + 1 + name.len());
    path.push(folder);
    if !folder
        .as_encoded_bytes()
        .ends_with(MAIN_SEPARATOR_STR.as_bytes())
    {
        path.push(MAIN_SEPARATOR_STR);
    }
    path.push(name);
    path.into()
}
