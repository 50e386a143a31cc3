use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;

use super::commit::{Clobber, Commit};
use super::rights::Rights;
use crate::errand::Errand;
use crate::file::File;
use crate::like_a_file::like_a_file;
use crate::parting::Unheard;

/// The content that is to replace a file's: nobody sees it before [`commit`](Self::commit).
///
/// It is a [`File`], empty at first, for writing and for reading back what was
/// written. Its errors, and [`File::path`], name the file that it will replace.
///
/// A write or a sync that failed can't be made good by another: the commit fails
/// too, and the old content stays.
///
/// A clone of it, by [`File::try_clone`], is the same file also after the commit:
/// what it writes then is written to the target, in place.
#[derive(Debug)]
#[must_use = "dropping it leaves the old content: use `commit`"]
pub struct AtomicFile {
    file: File,
    /// Absolute, links followed if they are to be.
    target: Arc<Path>,
    clobber: Clobber,
    rights: Rights,
}

impl AtomicFile {
    pub(super) fn new(file: File, target: Arc<Path>, clobber: Clobber, rights: Rights) -> Self {
        Self {
            file,
            target,
            clobber,
            rights,
        }
    }

    /// Gives the target its new content. `Ok` survives a power cut.
    ///
    /// It writes what is buffered, syncs the file, renames it, and syncs the
    /// folder, after what has begun at that path before and before what follows.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again. The
    /// old content is in place then and the temporary file is gone, with one
    /// exception, whose [verb](crate::PathError::verb) is `sync folder of`: the
    /// new content is in place, and a power cut may bring the old one back.
    /// `AlreadyExists` with [`no_clobber`](super::Replace::no_clobber).
    ///
    /// # Cancel safety
    ///
    /// Runs on: a commit that has begun finishes before whatever follows at the
    /// same path, and an error goes to [`drained`](crate::drained). Cancelled
    /// earlier, while it waits for its turn, it abandons. Either way the target
    /// is whole.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// # std::fs::write(&path, "old")?;
    /// let mut file = aio_files::replace(&path).await?;
    /// file.write_all(b"new").await?;
    /// assert_eq!(std::fs::read(&path)?, b"old");
    /// file.commit().await?;
    /// assert_eq!(std::fs::read(&path)?, b"new");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn commit(self) -> io::Result<()> {
        let path = Arc::clone(self.file.shared_path());
        let commit = Commit {
            path: Arc::clone(&path),
            target: Arc::clone(&self.target),
            clobber: self.clobber,
            rights: self.rights,
        };
        let backing = self.file.into_backing().await?;
        let mut errand = Errand::changes("replace", &path);
        if path != self.target {
            errand = errand.to(&self.target);
        }
        errand
            .run_accounted(drop, move |_| Ok(Unheard::new(commit.run(*backing))))
            .await?
            .hear()
    }

    /// Leaves the old content and removes the temporary file.
    ///
    /// # Errors
    ///
    /// The system's, with the path of the temporary file, if it can't be removed.
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
    /// # let path = folder.path().join("x");
    /// let file = aio_files::replace(&path).await?;
    /// file.abandon().await?;
    /// assert!(std::fs::read_dir(folder.path())?.next().is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn abandon(self) -> io::Result<()> {
        let path = Arc::clone(self.file.shared_path());
        let backing = self.file.into_backing().await?;
        Errand::reads("remove", &path)
            .run_accounted(drop, move |_| Ok(Unheard::new(backing.remove())))
            .await?
            .hear()
    }
}

impl Deref for AtomicFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl DerefMut for AtomicFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.file
    }
}

like_a_file!(AtomicFile);
