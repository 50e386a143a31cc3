use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::names;
use crate::errand::Errand;
use crate::error::PathError;
use crate::folder::Folder;

/// Removes what replacements of dead processes have left in a folder, and says
/// how many files that were.
///
/// A process that is killed can't remove its temporary file. As long as it lives
/// it holds a lock on it, in whichever process it is; so this removes the files
/// that have such a name and that nobody holds, and nothing else. It doesn't look
/// into folders below, and follows no link. What this process may not read it
/// leaves alone, since it can't say whether somebody holds it.
///
/// # Errors
///
/// The system's, with the path, if the folder can't be read or a file can't be
/// removed; the other files are removed all the same.
///
/// # Cancel safety
///
/// Runs on.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// // At the start of a program, for the folders in which it replaces files.
/// let left_over = aio_files::replace::sweep(folder.path()).await?;
/// assert_eq!(left_over, 0);
/// # Ok(())
/// # }
/// ```
pub async fn sweep(folder: impl AsRef<Path>) -> io::Result<usize> {
    Errand::reads("sweep", folder.as_ref())
        .run(|path| {
            let folder = Folder::open(path)?;
            let (mut removed, mut failed) = (0, None);
            for name in folder.names(names::is_ours)? {
                match remove_abandoned(&folder, &name) {
                    Ok(Swept::Removed) => removed += 1,
                    Ok(Swept::Left) => {}
                    Err(cause) => {
                        let file: Arc<Path> = path.join(&name).into();
                        failed.get_or_insert(PathError::new("remove", &file, cause));
                    }
                }
            }
            match failed {
                Some(error) => Err(error.into_io()),
                None => Ok(removed),
            }
        })
        .await
}

enum Swept {
    Removed,
    Left,
}

/// Removes a file that nobody holds, while holding it: whoever has just created
/// it and wants to lock it sees that, and creates another one.
fn remove_abandoned(folder: &Folder, name: &OsStr) -> io::Result<Swept> {
    let Ok(file) = folder.open_no_follow(name) else {
        // A link, gone already, or none of our business.
        return Ok(Swept::Left);
    };
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file || file.try_lock().is_err() {
        return Ok(Swept::Left);
    }
    match folder.remove(name) {
        Ok(()) => Ok(Swept::Removed),
        // It has become the target, or another sweep was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Swept::Left),
        Err(error) => Err(error),
    }
}
