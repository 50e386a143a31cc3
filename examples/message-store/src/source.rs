//! Where messages are read from: a file, or standard input.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use aio_files::records::ReadRecords;
use aio_files::stdio::stdin;
use aio_itertools::Stream;
use bytes::Bytes;

/// How much of a source is looked at, at most, to tell its format.
const START: usize = 4096;

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

    /// Returns how many bytes it has, if that is known.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only looks.
    pub(crate) async fn len(&self) -> Option<u64> {
        let Source::File(path) = self else {
            return None;
        };
        let metadata = aio_files::os::metadata(path).await.ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Returns its first bytes, which can be read again; `None` if they could
    /// not, as those of a pipe with a name.
    ///
    /// # Errors
    ///
    /// Those of the file system, with the path.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: nothing is taken.
    pub(crate) async fn start(&self) -> io::Result<Option<Vec<u8>>> {
        let path = match self {
            Source::File(path) => path,
            Source::Stdin => return Ok(Some(start_of_stdin().await?)),
        };
        if !aio_files::os::metadata(path).await?.is_file() {
            return Ok(None);
        }
        let mut file = aio_files::open(path).await?;
        let start = file.fill_buf().await?;
        Ok(Some(start[..start.len().min(START)].to_vec()))
    }

    /// Returns its bytes.
    pub(crate) fn chunks(&self) -> Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>> {
        match self {
            Source::File(path) => Box::pin(aio_files::chunks(path).stream()),
            Source::Stdin => Box::pin(stdin().chunks().stream()),
        }
    }

    /// Returns its records, once their format is said.
    pub(crate) fn records<T>(&self) -> ReadRecords<T> {
        match self {
            Source::File(path) => aio_files::records(path),
            Source::Stdin => stdin().records(),
        }
    }
}

/// The first line of standard input, or as much of it as is looked at. A pipe
/// may give it in many parts.
async fn start_of_stdin() -> io::Result<Vec<u8>> {
    let mut wanted = 1;
    loop {
        let mut start = stdin().peek(wanted).await?;
        let is_all = start.len() < wanted || start.len() >= START;
        if is_all || start.contains(&b'\n') {
            start.truncate(START);
            return Ok(start);
        }
        wanted = start.len() + 1;
    }
}
