//! What the platforms do differently with a descriptor.

use std::fs;
use std::io;
use std::path::Path;

use crate::mode::{Access, Placement};

/// How the kernel is asked for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// At a position that we keep: moving it is arithmetic.
    Positioned,
    /// At the kernel's cursor, in order: FIFOs, terminals, devices.
    InOrder,
}

/// Files, folders and disks are addressed; all else comes in order.
#[cfg(unix)]
pub(crate) fn reach_of(metadata: &fs::Metadata) -> Reach {
    use std::os::unix::fs::FileTypeExt;

    let kind = metadata.file_type();
    match kind.is_file() || kind.is_dir() || kind.is_block_device() {
        true => Reach::Positioned,
        false => Reach::InOrder,
    }
}

#[cfg(not(unix))]
pub(crate) fn reach_of(metadata: &fs::Metadata) -> Reach {
    match metadata.is_file() || metadata.is_dir() {
        true => Reach::Positioned,
        false => Reach::InOrder,
    }
}

/// True of FIFOs and devices, where opening may wait for another process.
pub(crate) fn may_wait(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| reach_of(&metadata) == Reach::InOrder)
}

/// What an open file may be used for, and where its written bytes go.
#[cfg(unix)]
pub(crate) fn opened_for(file: &fs::File) -> io::Result<(Access, Placement)> {
    use rustix::fs::{OFlags, fcntl_getfl};

    let flags = fcntl_getfl(file)?;
    let access = match flags & OFlags::RWMODE {
        OFlags::RDWR => Access::ReadWrite,
        OFlags::WRONLY => Access::Write,
        _ => Access::Read,
    };
    let placement = match flags.contains(OFlags::APPEND) {
        true => Placement::AtEnd,
        false => Placement::AtPosition,
    };
    Ok((access, placement))
}

/// Nobody can be asked: what it isn't open for, the kernel refuses.
#[cfg(not(unix))]
pub(crate) fn opened_for(_: &fs::File) -> io::Result<(Access, Placement)> {
    Ok((Access::ReadWrite, Placement::AtPosition))
}

/// Makes a call again that a signal has interrupted.
pub(crate) fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(unix)]
pub(crate) fn read_at(file: &fs::File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(unix)]
pub(crate) fn write_all_at(file: &fs::File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

/// Appends what is left of a file that seems to have `seems` bytes. A read that
/// gives less than it could, and ends there, has met the end.
#[cfg(unix)]
pub(crate) fn read_to_end(file: &fs::File, into: &mut Vec<u8>, seems: usize) -> io::Result<()> {
    use rustix::buffer::spare_capacity;

    loop {
        if into.capacity() == into.len() {
            into.try_reserve(into.len().max(8 * 1024))?;
        }
        match rustix::io::read(file, spare_capacity(into)) {
            Ok(0) => return Ok(()),
            Ok(_) if into.len() == seems && into.capacity() > seems => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn read_to_end(mut file: &fs::File, into: &mut Vec<u8>, _: usize) -> io::Result<()> {
    io::Read::read_to_end(&mut file, into).map(drop)
}

#[cfg(windows)]
pub(crate) fn read_at(file: &fs::File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

#[cfg(windows)]
pub(crate) fn write_all_at(file: &fs::File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                at += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Closes and says what the kernel says; std's drop swallows it.
#[cfg(unix)]
pub(crate) fn close(file: fs::File) -> io::Result<()> {
    use std::os::fd::IntoRawFd;

    let descriptor = file.into_raw_fd();
    // SAFETY: the descriptor was owned by `file`, which has just given it up, so
    // it is open and nobody else closes it.
    #[expect(unsafe_code, reason = "close(2) with an answer has no safe wrapper")]
    let closed = unsafe { rustix::io::try_close(descriptor) };
    match closed {
        // The descriptor is gone also then, and closing it again would close
        // somebody else's.
        Err(rustix::io::Errno::INTR) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
pub(crate) fn close(file: fs::File) -> io::Result<()> {
    drop(file);
    Ok(())
}
