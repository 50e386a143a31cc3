//! What the arguments of a waiting system call mean, read from the victim itself.

use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::calls::{Bytes, Entry, Subject};
use super::listener::Notice;

/// As much of one write is kept for the trace.
const KEPT: usize = 64 * 1024;

/// A thread of the victim that stands still inside a system call.
pub(super) struct Stopped<'a> {
    thread: u32,
    arguments: &'a [u64; 6],
}

impl<'a> Stopped<'a> {
    pub(super) fn at(notice: &'a Notice) -> Self {
        Self {
            thread: notice.pid,
            arguments: &notice.data.args,
        }
    }

    fn proc(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.thread).into()
    }

    fn argument(&self, index: usize) -> u64 {
        self.arguments[index]
    }

    /// Descriptors are the lower half of an argument, whatever the upper one holds.
    pub(super) fn descriptor(&self, index: usize) -> i32 {
        self.argument(index) as i32
    }

    /// The process that the thread belongs to.
    pub(super) fn process(&self) -> Option<i32> {
        fs::read_to_string(self.proc("status"))
            .ok()?
            .lines()
            .find_map(|line| line.strip_prefix("Tgid:"))?
            .trim()
            .parse()
            .ok()
    }

    /// Says whether a descriptor is a regular file that some disk may hold.
    pub(super) fn is_regular(&self, descriptor: i32) -> bool {
        fs::metadata(self.proc(&format!("fd/{descriptor}"))).is_ok_and(|file| file.is_file())
    }

    /// The path or paths that the call is about, as absolute ones.
    pub(super) fn paths(&self, subject: Subject) -> (PathBuf, Option<PathBuf>) {
        match subject {
            Subject::Fd(fd) => (self.opened(self.descriptor(fd)), None),
            Subject::Path(path) => (self.path(libc::AT_FDCWD, path), None),
            Subject::At(folder, path) => (self.path(self.descriptor(folder), path), None),
            Subject::Paths(from, to) => (
                self.path(libc::AT_FDCWD, from),
                Some(self.path(libc::AT_FDCWD, to)),
            ),
            Subject::Ats([from_folder, from, to_folder, to]) => (
                self.path(self.descriptor(from_folder), from),
                Some(self.path(self.descriptor(to_folder), to)),
            ),
            Subject::Unnamed => (PathBuf::new(), None),
        }
    }

    fn opened(&self, descriptor: i32) -> PathBuf {
        fs::read_link(self.proc(&format!("fd/{descriptor}"))).unwrap_or_default()
    }

    fn path(&self, folder: i32, argument: usize) -> PathBuf {
        let path = PathBuf::from(std::ffi::OsString::from_vec(
            self.text(self.argument(argument)),
        ));
        if path.is_absolute() {
            return path;
        }
        let folder = match folder {
            libc::AT_FDCWD => fs::read_link(self.proc("cwd")).unwrap_or_default(),
            folder => self.opened(folder),
        };
        // An empty path means the descriptor itself.
        match path == Path::new("") {
            true => folder,
            false => folder.join(path),
        }
    }

    /// The bytes of a write, as far as they are kept, and how many it has in all.
    pub(super) fn bytes(&self, entry: &Entry) -> (Vec<u8>, usize) {
        match entry.bytes {
            Bytes::None => (Vec::new(), 0),
            Bytes::Count(length) => (Vec::new(), self.argument(length) as usize),
            Bytes::Plain(address, length) => {
                let length = self.argument(length) as usize;
                (self.memory(self.argument(address), length), length)
            }
            Bytes::List(address, number) => {
                let number = self.argument(number).min(1024) as usize;
                let (mut kept, mut length) = (Vec::new(), 0);
                for part in self.memory(self.argument(address), number * 16).chunks(16) {
                    let Ok([at, size]) = <[[u8; 8]; 2]>::try_from(
                        part.chunks_exact(8)
                            .map(|half| half.try_into().unwrap_or_default())
                            .collect::<Vec<[u8; 8]>>(),
                    ) else {
                        break;
                    };
                    let (at, size) = (u64::from_ne_bytes(at), u64::from_ne_bytes(size) as usize);
                    length += size;
                    kept.extend(self.memory(at, size.min(KEPT.saturating_sub(kept.len()))));
                }
                (kept, length)
            }
        }
    }

    /// The flags of an `openat2`, whose third argument points to them.
    pub(super) fn pointed_flags(&self) -> u32 {
        let flags = self.memory(self.argument(2), 8);
        <[u8; 8]>::try_from(flags).map_or(u32::MAX, |flags| u64::from_ne_bytes(flags) as u32)
    }

    pub(super) fn offset(&self, entry: &Entry) -> Option<u64> {
        entry.offset.map(|argument| self.argument(argument))
    }

    fn memory(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length.min(KEPT)];
        let read = File::open(self.proc("mem"))
            .and_then(|memory| memory.read_at(&mut bytes, address))
            .unwrap_or(0);
        bytes.truncate(read);
        bytes
    }

    /// A text that ends with a zero. It may end just before memory that can't be read.
    fn text(&self, address: u64) -> Vec<u8> {
        const PAGE: u64 = 4096;
        let mut text = Vec::new();
        let mut at = address;
        while text.len() < KEPT {
            let part = self.memory(at, (PAGE - at % PAGE) as usize);
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                text.extend(&part[..end]);
                break;
            }
            if part.is_empty() {
                break;
            }
            at += part.len() as u64;
            text.extend(part);
        }
        text
    }
}
