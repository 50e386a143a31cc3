//! A file system on a loop device, in a mount namespace of the calling thread,
//! whose power can be cut.

#![expect(
    unsafe_code,
    reason = "the shutdown request of a file system, and a mount namespace for a thread, have no safe wrapper"
)]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::ioctl::{self, Opcode, Setter, opcode};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::{FileSystem, SIZE};
use crate::watchdog::LIMIT;

/// Between two tries to unmount what somebody still has open.
const TICK: Duration = Duration::from_millis(1);

/// A mounted file system; dropping it unmounts it and leaves nothing behind.
#[derive(Debug)]
pub(super) struct Disk {
    kind: FileSystem,
    // The folder is hidden by a tmpfs of this namespace, which holds the image,
    // so that all of it is gone when the last process in the namespace is:
    // also when the test itself is killed.
    folder: tempfile::TempDir,
    mounted: bool,
}

/// Gives the calling thread, and what it starts, mounts of their own.
pub(super) fn enter_namespace() -> io::Result<()> {
    // SAFETY: descriptors stay shared; mounts and the working directory, which
    // the thread has for itself from here on, are no matter of memory.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS)? };
    // What is mounted here must not be seen, nor stay, outside.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)?;
    Ok(())
}

impl Disk {
    /// Makes a new file system and mounts it.
    pub(super) fn new(kind: FileSystem) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("chaos-disk-").tempdir()?;
        mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), None)?;
        let mut disk = Self {
            kind,
            folder,
            mounted: false,
        };
        File::create(disk.image())?.set_len(SIZE)?;
        fs::create_dir(disk.path())?;
        let (program, arguments) = kind.maker();
        run(Command::new(program).args(arguments).arg(disk.image()))?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    /// Writes all that there is to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(self.path())?)?)
    }

    /// Cuts the power: from here on nothing reaches the disk, not even the log.
    pub(super) fn cut(&self) -> io::Result<()> {
        /// Of ext4 and xfs alike: `_IOR('X', 125, u32)`.
        const SHUTDOWN: Opcode = opcode::read::<u32>(b'X', 125);
        /// Without flushing the log first.
        const AT_ONCE: u32 = 2;
        let root = File::open(self.path())?;
        // SAFETY: the request reads a `u32` from where its argument points.
        unsafe { ioctl::ioctl(&root, Setter::<SHUTDOWN, u32>::new(AT_ONCE))? };
        Ok(())
    }

    /// Brings the power back: the file system recovers from its log.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.unmount()?;
        self.mount()
    }

    fn mount(&mut self) -> io::Result<()> {
        // The program sets the loop device up, and marks it to go with the mount.
        run(Command::new("mount")
            .args(["-t", self.kind.name(), "-o", "loop"])
            .args([&self.image(), &self.path()]))?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> io::Result<()> {
        // A process that another test forks meanwhile has our descriptors too,
        // until its exec closes them.
        let end = Instant::now() + LIMIT;
        loop {
            match unmount(self.path(), UnmountFlags::empty()) {
                Err(Errno::BUSY) if Instant::now() < end => std::thread::sleep(TICK),
                outcome => {
                    self.mounted = outcome.is_err();
                    return Ok(outcome?);
                }
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted && unmount(self.path(), UnmountFlags::empty()).is_err() {
            unmount(self.path(), UnmountFlags::DETACH).ok();
        }
        unmount(self.folder.path(), UnmountFlags::DETACH).ok();
    }
}

/// Says whether a program can be started at all.
pub(super) fn is_installed(program: &str) -> bool {
    let output = Command::new(program).arg("-V").output();
    !output.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "{}: {}",
            Path::new(command.get_program()).display(),
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
    }
}
