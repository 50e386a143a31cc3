//! The system calls that change files, and where each keeps its file and its bytes.

use libc::c_long;

/// What a system call does to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Opens a file so that it is created or emptied.
    Create,
    /// Writes bytes into a regular file.
    Write,
    /// Writes bytes to standard output or standard error: traced, and no point.
    Output,
    /// Gives a file another length, or room.
    Resize,
    /// Asks that what was written reach the disk.
    Sync,
    /// Gives a file another name.
    Rename,
    /// Gives a file one more name.
    Link,
    /// Takes a name away, a folder's too.
    Remove,
    /// Makes a folder.
    Folder,
}

/// Which arguments name the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    /// A descriptor.
    Fd(usize),
    /// A path, from the working directory.
    Path(usize),
    /// A folder's descriptor and a path.
    At(usize, usize),
    /// Two paths, from the working directory.
    Paths(usize, usize),
    /// Two pairs of a folder's descriptor and a path.
    Ats([usize; 4]),
    /// None.
    Unnamed,
}

/// Where the bytes of a write are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bytes {
    None,
    /// Address and length.
    Plain(usize, usize),
    /// Address and number of a list of addresses and lengths.
    List(usize, usize),
    /// Only a length: they come from another file.
    Count(usize),
}

/// One system call that the filter sends to the supervisor.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: c_long,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) subject: Subject,
    pub(super) bytes: Bytes,
    /// The argument with the offset in the file.
    pub(super) offset: Option<usize>,
    /// The argument with the flags of an `open`, where they decide whether it changes anything.
    pub(super) flags: Option<usize>,
}

/// The flags that make an `open` change something. `O_TMPFILE` holds the bit of `O_DIRECTORY`.
pub(super) const CHANGING: u32 =
    (libc::O_CREAT | libc::O_TRUNC | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32;

const fn call(number: c_long, name: &'static str, kind: Kind, subject: Subject) -> Entry {
    Entry {
        number,
        name,
        kind,
        subject,
        bytes: Bytes::None,
        offset: None,
        flags: None,
    }
}

impl Entry {
    const fn bytes(mut self, bytes: Bytes) -> Entry {
        self.bytes = bytes;
        self
    }

    const fn offset(mut self, argument: usize) -> Entry {
        self.offset = Some(argument);
        self
    }

    const fn flags(mut self, argument: usize) -> Entry {
        self.flags = Some(argument);
        self
    }
}

/// Every call that is counted. Not among them: changes of rights, owners, times
/// and attributes, and stores into mapped memory, which are no calls at all.
#[rustfmt::skip]
pub(super) const CALLS: &[Entry] = &[
    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_open, "open", Kind::Create, Subject::Path(0)).flags(1),
    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_creat, "creat", Kind::Create, Subject::Path(0)),
    call(libc::SYS_openat, "openat", Kind::Create, Subject::At(0, 1)).flags(2),
    // Its flags are in memory, which a filter can't read: the supervisor does.
    call(libc::SYS_openat2, "openat2", Kind::Create, Subject::At(0, 1)),

    call(libc::SYS_write, "write", Kind::Write, Subject::Fd(0)).bytes(Bytes::Plain(1, 2)),
    call(libc::SYS_pwrite64, "pwrite64", Kind::Write, Subject::Fd(0)).bytes(Bytes::Plain(1, 2)).offset(3),
    call(libc::SYS_writev, "writev", Kind::Write, Subject::Fd(0)).bytes(Bytes::List(1, 2)),
    call(libc::SYS_pwritev, "pwritev", Kind::Write, Subject::Fd(0)).bytes(Bytes::List(1, 2)).offset(3),
    call(libc::SYS_pwritev2, "pwritev2", Kind::Write, Subject::Fd(0)).bytes(Bytes::List(1, 2)).offset(3),
    call(libc::SYS_sendfile, "sendfile", Kind::Write, Subject::Fd(0)).bytes(Bytes::Count(3)),
    call(libc::SYS_copy_file_range, "copy_file_range", Kind::Write, Subject::Fd(2)).bytes(Bytes::Count(4)),
    call(libc::SYS_splice, "splice", Kind::Write, Subject::Fd(2)).bytes(Bytes::Count(4)),

    call(libc::SYS_truncate, "truncate", Kind::Resize, Subject::Path(0)).offset(1),
    call(libc::SYS_ftruncate, "ftruncate", Kind::Resize, Subject::Fd(0)).offset(1),
    call(libc::SYS_fallocate, "fallocate", Kind::Resize, Subject::Fd(0)).offset(2),

    call(libc::SYS_fsync, "fsync", Kind::Sync, Subject::Fd(0)),
    call(libc::SYS_fdatasync, "fdatasync", Kind::Sync, Subject::Fd(0)),
    call(libc::SYS_sync_file_range, "sync_file_range", Kind::Sync, Subject::Fd(0)),
    call(libc::SYS_syncfs, "syncfs", Kind::Sync, Subject::Fd(0)),
    call(libc::SYS_sync, "sync", Kind::Sync, Subject::Unnamed),
    call(libc::SYS_msync, "msync", Kind::Sync, Subject::Unnamed),

    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_rename, "rename", Kind::Rename, Subject::Paths(0, 1)),
    call(libc::SYS_renameat, "renameat", Kind::Rename, Subject::Ats([0, 1, 2, 3])),
    call(libc::SYS_renameat2, "renameat2", Kind::Rename, Subject::Ats([0, 1, 2, 3])),

    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_link, "link", Kind::Link, Subject::Paths(0, 1)),
    call(libc::SYS_linkat, "linkat", Kind::Link, Subject::Ats([0, 1, 2, 3])),
    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_symlink, "symlink", Kind::Link, Subject::Path(1)),
    call(libc::SYS_symlinkat, "symlinkat", Kind::Link, Subject::At(1, 2)),

    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_unlink, "unlink", Kind::Remove, Subject::Path(0)),
    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_rmdir, "rmdir", Kind::Remove, Subject::Path(0)),
    call(libc::SYS_unlinkat, "unlinkat", Kind::Remove, Subject::At(0, 1)),

    #[cfg(target_arch = "x86_64")]
    call(libc::SYS_mkdir, "mkdir", Kind::Folder, Subject::Path(0)),
    call(libc::SYS_mkdirat, "mkdirat", Kind::Folder, Subject::At(0, 1)),
];

/// The entry of a system call by its number.
pub(super) fn find(number: c_long) -> Option<&'static Entry> {
    CALLS.iter().find(|entry| entry.number == number)
}
