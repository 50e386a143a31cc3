//! An open folder, by its descriptor.
//!
//! What is in a folder is opened from the folder's descriptor and by its own
//! name alone, so that nothing that happens to the folders above can lead
//! elsewhere; and without following, a name that has become a link is refused by
//! the kernel in the same call that would have opened it.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::{Errno, retry_on_intr};

use super::entry::FileType;
use super::names::Names;

/// What becomes of a name that is a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    Followed,
    Refused,
}

/// What a folder is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its names are read.
    Listing,
    /// Others are opened from it. Nothing of it is read.
    Passing,
}

/// A file or folder, whatever its names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) number: u64,
}

/// What the kernel says of a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) file_type: FileType,
    pub(super) identity: Identity,
}

/// Whether a folder has more to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    MayCome,
    None,
}

/// Where the kernel writes names before they are sorted out: one for all folders.
pub(super) struct Scratch {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    buffer: Vec<u8>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            buffer: Vec::with_capacity(32 * 1024),
        }
    }
}

#[derive(Debug)]
pub(super) struct Folder {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    descriptor: OwnedFd,
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    listing: rustix::fs::Dir,
}

impl Folder {
    /// By its path, with all links in it followed: for the root, and what is above.
    pub(super) fn at(path: &Path, purpose: Purpose) -> io::Result<Self> {
        Self::new(open(CWD, path.as_os_str(), purpose, OFlags::empty())?)
    }

    /// A folder in this one.
    pub(super) fn open(&self, name: &OsStr, links: Links, purpose: Purpose) -> io::Result<Self> {
        let flags = match links {
            Links::Followed => OFlags::empty(),
            Links::Refused => OFlags::NOFOLLOW,
        };
        Self::new(open(self.descriptor()?, name, purpose, flags)?)
    }

    /// The folder that it is in now, to pass through.
    pub(super) fn above(&self) -> io::Result<Self> {
        self.open(OsStr::new(".."), Links::Refused, Purpose::Passing)
    }

    pub(super) fn identity(&self) -> io::Result<Identity> {
        Ok(identity_of(&fstat(self.descriptor()?)?))
    }

    /// What the kernel says of a name in it.
    pub(super) fn look(&self, name: &OsStr, links: Links) -> io::Result<Seen> {
        look(self.descriptor()?, name, links)
    }

    /// What it says of a path.
    pub(super) fn look_at(path: &Path, links: Links) -> io::Result<Seen> {
        look(CWD, path.as_os_str(), links)
    }

    /// Whether there is anything of that name in it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.look(OsStr::new(name), Links::Refused).is_ok()
    }

    /// The content of a small file in it; `None` if there is none of that name,
    /// or it is something else than a file. A FIFO doesn't stop it.
    pub(super) fn content(&self, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let descriptor = self.descriptor()?;
        let opened = retry_on_intr(|| openat(descriptor, name, flags, Mode::empty()));
        let file = match opened {
            Ok(file) => fs::File::from(file),
            // A link, a socket, a device without a driver: nothing that has rules.
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NODEV) => return Ok(None),
            Err(cause) => return Err(cause.into()),
        };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut content = Vec::new();
        file.take(most + 1).read_to_end(&mut content)?;
        match content.len() as u64 > most {
            true => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it has more than {most} bytes"),
            )),
            false => Ok(Some(content)),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Folder {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn new(descriptor: OwnedFd) -> io::Result<Self> {
        Ok(Self { descriptor })
    }

    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn descriptor(&self) -> io::Result<&OwnedFd> {
        Ok(&self.descriptor)
    }

    /// Reads as many names as one call to the kernel gives.
    pub(super) fn read(&mut self, scratch: &mut Scratch, into: &mut Names) -> io::Result<More> {
        let buffer = scratch.buffer.spare_capacity_mut();
        let mut entries = rustix::fs::RawDir::new(&self.descriptor, buffer);
        loop {
            match entries.next() {
                None => return Ok(More::None),
                // It was removed after it had been opened, which is its end.
                Some(Err(Errno::NOENT)) => return Ok(More::None),
                Some(Err(Errno::INTR)) => {}
                Some(Err(cause)) => return Err(cause.into()),
                Some(Ok(entry)) => {
                    let name = entry.file_name().to_bytes();
                    into.push(name, entry.file_type().into(), entry.ino());
                    if entries.is_buffer_empty() {
                        return Ok(More::MayCome);
                    }
                }
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Folder {
    fn new(descriptor: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            listing: rustix::fs::Dir::new(descriptor)?,
        })
    }

    fn descriptor(&self) -> io::Result<rustix::fd::BorrowedFd<'_>> {
        Ok(self.listing.fd()?)
    }

    /// Reads some names.
    pub(super) fn read(&mut self, _: &mut Scratch, into: &mut Names) -> io::Result<More> {
        for _ in 0..512 {
            match self.listing.read() {
                None => return Ok(More::None),
                Some(Err(cause)) => return Err(cause.into()),
                Some(Ok(entry)) => into.push(
                    entry.file_name().to_bytes(),
                    entry.file_type().into(),
                    entry.ino(),
                ),
            }
        }
        Ok(More::MayCome)
    }
}

fn open(
    from: impl rustix::fd::AsFd,
    name: &OsStr,
    purpose: Purpose,
    links: OFlags,
) -> io::Result<OwnedFd> {
    let purpose = match purpose {
        // With a path's descriptor nothing can be read, whatever it leads to.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Purpose::Passing => OFlags::PATH,
        _ => OFlags::RDONLY,
    };
    let flags = purpose | links | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| {
        openat(from.as_fd(), name, flags, Mode::empty())
    })?)
}

fn look(from: impl rustix::fd::AsFd, name: &OsStr, links: Links) -> io::Result<Seen> {
    let flags = match links {
        Links::Followed => AtFlags::empty(),
        Links::Refused => AtFlags::SYMLINK_NOFOLLOW,
    };
    let stat = retry_on_intr(|| statat(from.as_fd(), name, flags))?;
    Ok(Seen {
        file_type: rustix::fs::FileType::from_raw_mode(stat.st_mode).into(),
        identity: identity_of(&stat),
    })
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "the types differ from system to system"
)]
fn identity_of(stat: &Stat) -> Identity {
    Identity {
        device: stat.st_dev as u64,
        number: stat.st_ino as u64,
    }
}

impl From<rustix::fs::FileType> for FileType {
    fn from(kind: rustix::fs::FileType) -> Self {
        use rustix::fs::FileType as Kind;

        match kind {
            Kind::RegularFile => Self::File,
            Kind::Directory => Self::Dir,
            Kind::Symlink => Self::Symlink,
            Kind::Fifo => Self::Fifo,
            Kind::Socket => Self::Socket,
            Kind::CharacterDevice => Self::CharDevice,
            Kind::BlockDevice => Self::BlockDevice,
            _ => Self::Unknown,
        }
    }
}
