//! The error that every later call reports.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::PathError;
use crate::parting;

/// A failed write, sync or close of one file, and whether anybody knows of it.
#[derive(Debug)]
pub(crate) struct Failure {
    error: PathError,
    reported: Reported,
}

#[derive(Debug, PartialEq, Eq)]
enum Reported {
    No,
    Yes,
}

impl Failure {
    /// It isn't reported before somebody has taken it: the future that it is for
    /// may be gone.
    pub(crate) fn new(error: PathError) -> Self {
        Self {
            error,
            reported: Reported::No,
        }
    }

    pub(crate) fn error(&self) -> io::Error {
        self.error.clone().into_io()
    }

    /// The same for somebody who is there to be told.
    pub(crate) fn report(&mut self) -> io::Error {
        self.reported = Reported::Yes;
        self.error()
    }
}

impl Drop for Failure {
    fn drop(&mut self) {
        if self.reported == Reported::No {
            parting::record(self.error.clone());
        }
    }
}

/// What has become of the syncs of one opening, for all files that share it.
///
/// The kernel tells of a failed write-back once for each opening, to whichever
/// descriptor syncs first: after that, no sync of another may answer with `Ok`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Synced(Arc<Mutex<Option<PathError>>>);

impl Synced {
    /// Syncs, unless that has failed before. It blocks.
    pub(crate) fn sync(
        &self,
        file: &fs::File,
        sync: fn(&fs::File) -> io::Result<()>,
        name: impl FnOnce(io::Error) -> PathError,
    ) -> Result<(), PathError> {
        // Held meanwhile: another's failure may be on its way to it.
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_none() {
            *failed = sync(file).err().map(name);
        }
        failed.clone().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// As the kernel does: a failed write-back is told to the first sync alone.
    fn tells_once(_: &fs::File) -> io::Result<()> {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        match CALLS.fetch_add(1, Ordering::Relaxed) {
            1 => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    #[test]
    fn a_sync_that_failed_for_one_is_ok_for_none() {
        let path: Arc<Path> = Path::new("x").into();
        let file = fs::File::open("/dev/null").unwrap();
        let one = Synced::default();
        let other = one.clone();
        let sync = |synced: &Synced| {
            let name = |error| PathError::new("sync", &path, error);
            synced
                .sync(&file, tells_once, name)
                .map_err(|error| error.into_io().kind())
        };
        assert_eq!(sync(&one), Ok(()));
        assert_eq!(sync(&other), Err(io::ErrorKind::StorageFull));
        assert_eq!(sync(&one), Err(io::ErrorKind::StorageFull));
        assert_eq!(sync(&other), Err(io::ErrorKind::StorageFull));
    }
}
