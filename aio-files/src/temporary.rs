//! A file that goes away unless somebody says that it stays.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::error::PathError;
use crate::folder::Folder;
use crate::parting;

/// Takes a file away when it is dropped; that blocks, so it is dropped by jobs.
#[derive(Debug)]
pub(crate) struct Temporary {
    /// Absolute, so that it is the same file wherever the program goes.
    path: Arc<Path>,
    /// Where it is, also if its folder gets another name meanwhile.
    folder: Option<Folder>,
    stays: Stays,
}

/// Says of a temporary file, from any thread, that it stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stays(Arc<OnceLock<()>>);

impl Stays {
    pub(crate) fn say(&self) {
        self.0.get_or_init(|| ());
    }
}

impl Temporary {
    /// A file at an absolute path.
    pub(crate) fn at(path: Arc<Path>) -> Self {
        Self {
            path,
            folder: None,
            stays: Stays::default(),
        }
    }

    /// A file of an open folder.
    pub(crate) fn inside(folder: Folder, path: Arc<Path>) -> Self {
        let mut temporary = Self::at(path);
        temporary.folder = Some(folder);
        temporary
    }

    pub(crate) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    pub(crate) fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    pub(crate) fn switch(&self) -> Stays {
        self.stays.clone()
    }

    pub(crate) fn goes(&self) -> bool {
        self.stays.0.get().is_none()
    }

    /// Lets the file stay, and lets go of its folder.
    pub(crate) fn stays(self) {
        self.stays.say();
    }

    /// Takes the file away and says whether it is gone.
    pub(crate) fn remove(self) -> io::Result<()> {
        if !self.goes() {
            return Ok(());
        }
        self.stays.say();
        self.unlink().map_err(PathError::into_io)
    }

    fn unlink(&self) -> Result<(), PathError> {
        let name = self.path.file_name().unwrap_or_default();
        match &self.folder {
            Some(folder) => folder.remove(name),
            None => fs::remove_file(&self.path),
        }
        .map_err(|cause| PathError::new("remove", &self.path, cause))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.goes() {
            return;
        }
        match self.unlink() {
            // Who has taken it away has done what was to be done.
            Err(error) if error.kind() != io::ErrorKind::NotFound => parting::record(error),
            _ => {}
        }
    }
}
