//! The root of a walk, and what it is in.

use std::io;
use std::path::{Path, PathBuf};

use super::entry::Reached;
use super::folder::{Folder, Identity, Links, Seen};

/// What the root is for the caller, and whether there is a folder behind it.
pub(super) fn root_and_target(root: &Path, links: Links) -> io::Result<(Seen, Reached, bool)> {
    let seen = Folder::look_at(root, Links::Refused)?;
    if !seen.file_type.is_symlink() {
        return Ok((seen, Reached::Directly, seen.file_type.is_dir()));
    }
    // The caller names the root, and means what it leads to.
    let target = Folder::look_at(root, Links::Followed)?;
    let is_folder = target.file_type.is_dir();
    Ok(match links {
        Links::Followed => (target, Reached::ByLink, is_folder),
        Links::Refused => (seen, Reached::Directly, is_folder),
    })
}

/// The root as it stands above names: without the slashes and dots at its end,
/// which are lost when a name is taken off again.
pub(super) fn above_names(root: &Path) -> &Path {
    root.components().as_path()
}

/// The folders above the root, as they are without links.
pub(super) fn folders_above(root: &Path) -> Vec<(Identity, PathBuf)> {
    let Ok(root) = root.canonicalize() else {
        return Vec::new();
    };
    let above = root.ancestors().skip(1);
    above
        .filter_map(|path| {
            let seen = Folder::look_at(path, Links::Followed).ok()?;
            Some((seen.identity, path.to_owned()))
        })
        .collect()
}
