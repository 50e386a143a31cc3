//! Messages to a file, which is there as a whole or not at all.

use std::io;
use std::path::Path;

use crate::cli::Export as Args;
use crate::ending::Ending;
use crate::error::{Error, Result};
use crate::format::mbox::Verbosity;
use crate::format::{Formats, Kind};
use crate::output::Output;
use crate::signals::Asked;
use crate::store::{Filter, Store};

/// Writes all messages to a file, which takes the place of another one of its
/// name when it is complete and on the disk.
///
/// # Errors
///
/// [`Error::Format`] for a file that can't be replaced or whose format isn't
/// known; [`Error::File`] and [`Error::Store`] where writing or reading fails.
/// What had the name keeps it.
///
/// # Cancel safety
///
/// *Rolls back*: what had the name keeps it.
pub async fn export(store: &Store, args: &Args, mut output: Output) -> Result<Ending> {
    let path = &args.file;
    let asked = Asked::listen().map_err(Error::File)?;
    let refused = |problem: &str| Error::Format {
        path: path.clone(),
        problem: problem.into(),
    };
    if let Some(problem) = check(store, path).await {
        return Err(refused(problem));
    }
    let kind = args.format.or_else(|| Kind::of_name(path));
    let unknown = "its name doesn't tell its format: say it with --format";
    let kind = kind.ok_or_else(|| refused(unknown))?;

    let formats = Formats::new(Verbosity::Quiet);
    let format = formats.of(kind);
    let written = aio_files::replace(path)
        .follow_link()
        .with(async |file| {
            let messages = store.list(&Filter::default());
            tokio::select! {
                biased;
                () = asked.to_end() => Err(Stopped::Asked),
                count = format.write(messages, file) => Ok(count?),
            }
        })
        .await;
    match written {
        Ok(count) => {
            output.line(&format!("exported {count} to {}", path.display()))?;
            Ok(Ending::Well)
        }
        Err(Stopped::Asked) => Ok(Ending::Interrupted),
        Err(Stopped::Failed(error)) => Err(error),
    }
}

/// Why a file was not replaced.
enum Stopped {
    Asked,
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Stopped {
        Stopped::Failed(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Stopped {
        Stopped::Failed(Error::File(error))
    }
}

/// Says why what has this name can't be replaced, if that is so: a device or a
/// pipe would be gone, and with its database the store.
async fn check(store: &Store, path: &Path) -> Option<&'static str> {
    if path == "-" {
        return Some("a file is written as a whole, and standard output can't be: name a file");
    }
    let found = aio_files::os::metadata(path).await.ok()?;
    if found.is_dir() {
        return Some("a directory, not a file");
    }
    if !found.is_file() {
        return Some("not a regular file");
    }
    // Its parts stand beside the file itself, wherever a link to that stands.
    let database = aio_files::os::canonicalize(store.path()).await.ok()?;
    for suffix in ["", "-wal", "-shm"] {
        let mut part = database.as_os_str().to_owned();
        part.push(suffix);
        if aio_files::os::same_file(part, path)
            .await
            .is_ok_and(|is| is)
        {
            return Some("the store itself");
        }
    }
    None
}
