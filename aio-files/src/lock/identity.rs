//! Which file a name or a descriptor stands for.

use std::fs;
use std::io;
use std::path::Path;

/// The file itself, whatever its names are. It is another file's once nobody has
/// this one open and no name is left.
#[cfg(unix)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl Identity {
    pub(super) fn of(file: &fs::File, _: &Path) -> io::Result<Self> {
        Ok(Self::among(&file.metadata()?))
    }

    /// The one that the path names now.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::among(&fs::metadata(path)?))
    }

    fn among(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// Elsewhere std tells no identity, and an open file can't be replaced: its name
/// stands for it.
#[cfg(not(unix))]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity(std::path::PathBuf);

#[cfg(not(unix))]
impl Identity {
    pub(super) fn of(_: &fs::File, path: &Path) -> io::Result<Self> {
        Self::at(path)
    }

    pub(super) fn at(path: &Path) -> io::Result<Self> {
        fs::canonicalize(path).map(Self)
    }
}

/// Opens the file to be locked, or creates it; never empties it.
///
/// A lock needs no right to write, so a file that can't be written is read.
pub(super) fn opened(path: &Path) -> io::Result<fs::File> {
    // Looked at first: a device may do something when it is opened.
    if let Ok(metadata) = fs::metadata(path) {
        regular(&metadata)?;
    }
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        // Should it have become a FIFO since, nobody waits at it.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let mut writing = options.clone();
    let file = match writing.write(true).create(true).open(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            // The first error says why there is none.
            options.open(path).map_err(|_| error)?
        }
        opened => opened?,
    };
    regular(&file.metadata()?)?;
    Ok(file)
}

fn regular(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    if metadata.is_dir() {
        #[cfg(unix)]
        return Err(rustix::io::Errno::ISDIR.into());
        #[cfg(not(unix))]
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "not a regular file",
    ))
}
