//! Where messages are read from: a file, or standard input.

use std::path::{Path, PathBuf};

/// A file or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file of this path.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// Returns what an argument names: `-` is standard input.
    pub fn of_argument(argument: &Path) -> Source {
        match argument == "-" {
            true => Source::Stdin,
            false => Source::File(argument.to_owned()),
        }
    }

    /// Returns its name in reports.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::Stdin => "standard input".into(),
        }
    }
}
