//! Which file, and which file system, a path leads to.
#![cfg(unix)]

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use crate::errand::Errand;
use crate::error::PathError;

/// Says whether two paths lead to one file: by the same path, a link, or a hard link.
///
/// # Errors
///
/// The system's, with the path that it is about.
///
/// # Cancel safety
///
/// Cancel safe: nothing is changed.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// assert!(aio_files::os::same_file("/", "/.").await?);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "samefile")]
pub async fn same_file(path: impl AsRef<Path>, other: impl AsRef<Path>) -> io::Result<bool> {
    let to: Arc<Path> = other.as_ref().into();
    Errand::reads("stat", path.as_ref())
        .to(other.as_ref())
        .run(move |path| {
            let named = |path: &Arc<Path>, cause| PathError::new("stat", path, cause).into_io();
            let one = fs::metadata(path).map_err(|cause| named(&path.into(), cause))?;
            let other = fs::metadata(&to).map_err(|cause| named(&to, cause))?;
            Ok(are_one(&one, &other))
        })
        .await
}

/// Says whether a file system is mounted at a path.
///
/// A link to one is no mount point, and where there is nothing, nothing is
/// mounted. On Linux what was bound there by `mount --bind` counts as well, also
/// if it is of the same file system.
///
/// # Errors
///
/// The system's, with the path, except that there is no such file.
///
/// # Cancel safety
///
/// Cancel safe: nothing is changed.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// assert!(aio_files::os::is_mount("/").await?);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "ismount")]
pub async fn is_mount(path: impl AsRef<Path>) -> io::Result<bool> {
    Errand::reads("stat", path.as_ref())
        .run(|path| match is_mounted(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            answer => answer,
        })
        .await
}

pub(super) fn are_one(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn is_mounted(path: &Path) -> io::Result<bool> {
    let own = fs::symlink_metadata(path)?;
    if own.is_symlink() {
        return Ok(false);
    }
    if is_root_of_a_mount(path) {
        return Ok(true);
    }
    let above = match own.is_dir() {
        true => path.join(".."),
        false => match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => ".".into(),
        },
    };
    let above = fs::metadata(above)?;
    // The root is its own parent.
    Ok(own.dev() != above.dev() || own.ino() == above.ino())
}

/// True if the kernel says so; older ones say nothing.
#[cfg(target_os = "linux")]
fn is_root_of_a_mount(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

    statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty()).is_ok_and(|status| {
        (status.stx_attributes & status.stx_attributes_mask).contains(StatxAttributes::MOUNT_ROOT)
    })
}

#[cfg(not(target_os = "linux"))]
fn is_root_of_a_mount(_: &Path) -> bool {
    false
}
