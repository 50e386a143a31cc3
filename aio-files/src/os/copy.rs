//! A file, copied by the kernel.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::errand::Errand;

/// Copies a file's content and permissions, and gives the number of its bytes.
///
/// What has the other name is overwritten. Where the file system can, the bytes
/// are shared or copied by the kernel itself.
///
/// # Errors
///
/// The system's, with both paths; the target may then have a part of it.
/// `InvalidInput` if the source is no regular file, or if both paths lead to one
/// file: copying would empty it.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the target.
/// Cancelled earlier, it never happens. Changes of the source don't wait for it,
/// as they don't wait for a read.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (from, to) = (folder.path().join("x"), folder.path().join("y"));
/// aio_files::write(&from, "Bob").await?;
/// assert_eq!(aio_files::os::copy(&from, &to).await?, 3);
/// # Ok(())
/// # }
/// ```
#[doc(alias("copyfile", "sendfile"))]
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let target: Arc<Path> = to.as_ref().into();
    Errand::reads_and_changes("copy", from.as_ref(), to.as_ref())
        .run_even_at_a_fifo(move |from| {
            let source = fs::metadata(from)?;
            // Asked before it is opened, which may wait for ever.
            if !source.is_file() {
                return Err(invalid("the source is not a regular file"));
            }
            if fs::metadata(&target).is_ok_and(|target| are_one(&source, &target)) {
                return Err(invalid("both are the same file"));
            }
            fs::copy(from, target)
        })
        .await
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(unix)]
use super::same::are_one;

/// Elsewhere the system itself refuses to open a file twice for this.
#[cfg(not(unix))]
fn are_one(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}
