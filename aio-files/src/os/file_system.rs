//! The file system that a path is on.
#![cfg(unix)]

use std::io;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

use crate::errand::Errand;

/// The size of a file system, and what is left of it; given by [`statvfs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileSystem {
    /// How many bytes it has.
    #[doc(alias = "f_blocks")]
    pub total: u64,
    /// How many bytes are free, with those that are kept for root.
    #[doc(alias = "f_bfree")]
    pub free: u64,
    /// How many bytes are free for others than root.
    #[doc(alias = "f_bavail")]
    pub available: u64,
    /// In how many bytes at once files are best read and written.
    #[doc(alias = "f_bsize")]
    pub block_size: u64,
    /// How many files, folders and links it has room for. Some file systems have
    /// no limit, and say 0.
    #[doc(alias = "f_files")]
    pub inodes: u64,
    /// How many more of them it has room for.
    #[doc(alias = "f_ffree")]
    pub inodes_free: u64,
    /// The same for others than root.
    #[doc(alias = "f_favail")]
    pub inodes_available: u64,
    /// How many bytes a file's name may have.
    #[doc(alias = "f_namemax")]
    pub name_max: u64,
    /// Whether it is mounted read only.
    #[doc(alias = "ST_RDONLY")]
    pub read_only: bool,
}

/// Gives the size of the file system that a path is on, and what is left of it.
///
/// # Errors
///
/// The system's, with the path.
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
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// let disk = aio_files::os::statvfs(path).await?;
/// assert!(disk.available <= disk.free && disk.free <= disk.total);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "disk_usage")]
pub async fn statvfs(path: impl AsRef<Path>) -> io::Result<FileSystem> {
    Errand::reads("stat", path.as_ref())
        .run(|path| {
            let found = rustix::fs::statvfs(path)?;
            let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
            Ok(FileSystem {
                total: bytes(found.f_blocks),
                free: bytes(found.f_bfree),
                available: bytes(found.f_bavail),
                block_size: found.f_bsize,
                inodes: found.f_files,
                inodes_free: found.f_ffree,
                inodes_available: found.f_favail,
                name_max: found.f_namemax,
                read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
            })
        })
        .await
}
