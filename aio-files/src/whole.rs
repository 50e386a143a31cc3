//! A whole file in one hop.

use std::fs;
use std::io;
use std::path::Path;

use crate::descriptor::{self, Reach, reach_of};
use crate::errand::Errand;

/// Reads a file to its end.
///
/// It waits for what dropped files and cancelled operations still have to write
/// to that path.
///
/// # Errors
///
/// The system's, with the path.
///
/// # Cancel safety
///
/// Cancel safe: what was read is dropped.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// aio_files::write(&path, [1, 2, 3]).await?;
/// assert_eq!(aio_files::read(&path).await?, [1, 2, 3]);
/// # Ok(())
/// # }
/// ```
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    Errand::reads("read", path.as_ref())
        .run_even_at_a_fifo(|path| fs::read(path))
        .await
}

/// Reads a file to its end, as text.
///
/// It waits for what dropped files and cancelled operations still have to write
/// to that path.
///
/// # Errors
///
/// The system's, with the path; and `InvalidData`, with the path and where it is
/// wrong, if the file isn't UTF-8.
///
/// # Cancel safety
///
/// Cancel safe: what was read is dropped.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// aio_files::write(&path, "Bob\n").await?;
/// assert_eq!(aio_files::read_to_string(&path).await?, "Bob\n");
/// # Ok(())
/// # }
/// ```
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    Errand::reads("read", path.as_ref())
        .run_even_at_a_fifo(|path| {
            String::from_utf8(fs::read(path)?).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                let cause = format!("not UTF-8 at byte {at}");
                io::Error::new(io::ErrorKind::InvalidData, cause)
            })
        })
        .await
}

/// Writes a file: creates it or replaces its content.
///
/// What is owned is moved to the thread that writes it; what is borrowed is
/// copied. `Ok` says that the kernel has all of it.
///
/// # Errors
///
/// The system's, with the path. The file may then have a part of it.
///
/// # Cancel safety
///
/// Runs on: once it has begun it finishes, before whatever follows on the same
/// path. Cancelled earlier, it never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x");
/// aio_files::write(&path, "I need your help.").await?;
/// assert_eq!(std::fs::read_to_string(&path)?, "I need your help.");
/// # Ok(())
/// # }
/// ```
pub async fn write(path: impl AsRef<Path>, content: impl Into<Vec<u8>>) -> io::Result<()> {
    let content = content.into();
    Errand::changes("write", path.as_ref())
        .run_even_at_a_fifo(move |path| fs::write(path, content))
        .await
}

/// Reads a file to its end, except where opening it may wait: `None` then.
pub(crate) fn read_soon(path: &Path) -> Option<io::Result<Vec<u8>>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) if reach_of(&metadata) == Reach::InOrder => return None,
        Ok(metadata) => metadata,
        Err(error) => return Some(Err(error)),
    };
    Some(read_sized(path, metadata.len()))
}

/// Reads a file that seems to have `len` bytes.
fn read_sized(path: &Path, len: u64) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let mut content = Vec::new();
    let seems = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    // One more, so that a read that ends there has met the end.
    content.try_reserve_exact(seems.saturating_add(1))?;
    descriptor::read_to_end(&file, &mut content, seems)?;
    Ok(content)
}
