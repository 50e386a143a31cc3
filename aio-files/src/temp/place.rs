//! Where a temporary thing is made, and what its name is like.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

/// So many letters and digits are more than 64 random bits.
const RANDOM: usize = 12;

#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The system's folder for such things if it isn't said.
    pub(super) folder: Option<PathBuf>,
    pub(super) prefix: OsString,
    pub(super) suffix: OsString,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            folder: None,
            prefix: ".tmp".into(),
            suffix: OsString::new(),
        }
    }
}

impl Place {
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(env::temp_dir)
    }

    /// Calls `make` with names until one is free, and gives the absolute path.
    /// Blocks.
    pub(super) fn make<T>(
        &self,
        folder: &Path,
        mut make: impl FnMut(&Path) -> io::Result<T>,
    ) -> io::Result<(T, Arc<Path>)> {
        for affix in [&self.prefix, &self.suffix] {
            let mut bytes = affix.as_encoded_bytes().iter();
            if bytes.any(|&byte| path::is_separator(char::from(byte))) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("{affix:?} has a separator, and is to be a part of a name"),
                ));
            }
        }
        let made = tempfile::Builder::new()
            .prefix(&self.prefix)
            .suffix(&self.suffix)
            .rand_bytes(RANDOM)
            // Our guards do that, on a job's thread, and report.
            .disable_cleanup(true)
            .make_in(path::absolute(folder)?, |path| make(path))?;
        let path = made.path().into();
        Ok((made.into_parts().0, path))
    }
}
