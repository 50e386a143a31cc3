//! The descriptor, the position and the buffers of a file: all that moves to a
//! job's thread and back. Its methods block.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::descriptor::{self, Reach};
use crate::error::PathError;
use crate::mode::{Access, Placement};
use crate::parting;
use crate::read_buffer::ReadBuffer;
use crate::turnstile::Ticket;

/// The most that one call passes to the kernel.
pub(crate) const MOST: usize = 2 * 1024 * 1024;

/// What a job does, always after the written bytes have been flushed.
#[derive(Debug)]
pub(crate) enum Work {
    Flush,
    /// Reads once, this much.
    Fill(usize),
    FillToEnd,
    Seek(SeekFrom),
    SetLen(u64),
    SyncAll,
    SyncData,
    Metadata,
    Close,
}

/// What a job has to say, apart from how its file has changed.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// Bytes read; zero is the end.
    Filled(usize),
    Metadata(Box<fs::Metadata>),
}

/// The error that every call reports from now on.
#[derive(Debug)]
struct Failure {
    error: PathError,
    reported: Reported,
}

#[derive(Debug, PartialEq, Eq)]
enum Reported {
    No,
    Yes,
}

#[derive(Debug)]
pub(crate) struct Backing {
    /// `None` after `close`.
    file: Option<fs::File>,
    path: Arc<Path>,
    pub(crate) access: Access,
    placement: Placement,
    pub(crate) reach: Reach,
    /// Where the next byte is read or written, buffers included.
    pub(crate) position: u64,
    /// Of each of the two buffers; zero is none.
    size: usize,
    pub(crate) read: ReadBuffer,
    written: Vec<u8>,
    /// The bytes of an unbuffered write that has reached the kernel and whose
    /// caller hasn't been told.
    direct: Vec<u8>,
    failure: Option<Failure>,
    pub(crate) outcome: Option<io::Result<Outcome>>,
    /// Filled when the file is dropped; it comes back after the last byte. Last,
    /// because fields are dropped in order and the descriptor goes first.
    _parting: Arc<OnceLock<Ticket>>,
}

impl Backing {
    pub(crate) fn new(
        file: fs::File,
        path: Arc<Path>,
        access: Access,
        placement: Placement,
        reach: Reach,
        size: usize,
        parting: Arc<OnceLock<Ticket>>,
    ) -> io::Result<Self> {
        let mut backing = Self {
            file: Some(file),
            path,
            access,
            placement,
            reach,
            position: 0,
            size,
            read: ReadBuffer::default(),
            written: Vec::new(),
            direct: Vec::new(),
            failure: None,
            outcome: None,
            _parting: parting,
        };
        if placement == Placement::AtEnd && reach == Reach::Positioned {
            backing.position = backing.file()?.seek(SeekFrom::End(0))?;
        }
        Ok(backing)
    }

    /// Does the work and keeps its outcome. What fails to be written or synced
    /// is a failure for good; other errors are this outcome's alone.
    pub(crate) fn run(&mut self, work: Work) {
        let flushed = self.flush();
        self.outcome = Some(match work {
            Work::Close => {
                let closed = self.close();
                flushed.and(closed).map(|()| Outcome::Done)
            }
            work => flushed.and_then(|()| self.perform(work)),
        });
    }

    fn perform(&mut self, work: Work) -> io::Result<Outcome> {
        match work {
            Work::Flush | Work::Close => Ok(Outcome::Done),
            Work::Fill(amount) => self
                .fill(amount)
                .map(Outcome::Filled)
                .map_err(|error| self.named("read", error)),
            Work::FillToEnd => self
                .fill_to_end()
                .map(Outcome::Filled)
                .map_err(|error| self.named("read", error)),
            Work::Seek(to) => self
                .seek(to)
                .map(|()| Outcome::Done)
                .map_err(|error| self.named("seek", error)),
            Work::SetLen(len) => {
                // What was read ahead may be gone now, or have become zeros.
                if self.reach == Reach::Positioned {
                    self.read.clear();
                }
                self.file()
                    .and_then(|file| file.set_len(len))
                    .map(|()| Outcome::Done)
                    .map_err(|error| self.named("truncate", error))
            }
            Work::SyncAll => self.synced(fs::File::sync_all),
            Work::SyncData => self.synced(fs::File::sync_data),
            Work::Metadata => self
                .file()
                .and_then(|file| file.metadata())
                .map(|metadata| Outcome::Metadata(Box::new(metadata)))
                .map_err(|error| self.named("stat", error)),
        }
    }

    fn synced(&mut self, sync: fn(&fs::File) -> io::Result<()>) -> io::Result<Outcome> {
        match self.file().and_then(sync) {
            Ok(()) => Ok(Outcome::Done),
            // The kernel tells of a failed write-back once, and a second sync is
            // answered with Ok: only we can remember it.
            Err(error) => Err(self.fail("sync", error)),
        }
    }

    fn fill(&mut self, amount: usize) -> io::Result<usize> {
        let at = self.position + self.read.waiting().len() as u64;
        let (file, reach) = (self.file.as_ref().ok_or_else(closed)?, self.reach);
        loop {
            let read = self.read.fill(amount, |into| match reach {
                Reach::Positioned => descriptor::read_at(file, into, at),
                Reach::InOrder => (&*file).read(into),
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn fill_to_end(&mut self) -> io::Result<usize> {
        // One more than what seems to be left, so that the end is met at once.
        let len = self.file()?.metadata()?.len();
        let seems = usize::try_from(len.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let mut amount = seems.saturating_add(1).clamp(8 * 1024, MOST);
        let mut filled = 0;
        loop {
            match self.fill(amount)? {
                0 => return Ok(filled),
                more => filled += more,
            }
            amount = (amount * 2).min(MOST);
        }
    }

    fn seek(&mut self, to: SeekFrom) -> io::Result<()> {
        if self.reach == Reach::Positioned {
            let position = match to {
                SeekFrom::End(_) => self.file()?.seek(to)?,
                to => moved(self.position, to)?,
            };
            self.move_to(position);
            return Ok(());
        }
        let to = match to {
            // The kernel's cursor is ahead by what we have read and not given.
            SeekFrom::Current(by) => {
                let waiting = i64::try_from(self.read.waiting().len()).unwrap_or(i64::MAX);
                SeekFrom::Current(by.checked_sub(waiting).ok_or_else(out_of_range)?)
            }
            to => to,
        };
        let position = self.file()?.seek(to)?;
        self.read.clear();
        self.position = position;
        Ok(())
    }

    /// Moves the position of a positioned file, and keeps what was read ahead
    /// if the new one is in it.
    pub(crate) fn move_to(&mut self, position: u64) {
        let ahead = position
            .checked_sub(self.position)
            .and_then(|by| usize::try_from(by).ok())
            .filter(|&by| by < self.read.waiting().len());
        match ahead {
            Some(by) => self.read.consume(by),
            None if position != self.position => self.read.clear(),
            None => {}
        }
        self.position = position;
    }

    /// Hands the written bytes to the kernel.
    fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        if self.written.is_empty() {
            return Ok(());
        }
        let written = std::mem::take(&mut self.written);
        let result = self.flush_bytes(&written);
        if let Err(error) = result {
            return Err(self.fail("write", error));
        }
        if self.size == 0 {
            self.direct = written;
        } else {
            // The allocation stays for the next bytes.
            self.written = written;
            self.written.clear();
        }
        Ok(())
    }

    fn flush_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let position = self.position;
        let mut file = self.file()?;
        match (self.reach, self.placement) {
            (Reach::Positioned, Placement::AtPosition) => {
                descriptor::write_all_at(file, bytes, position - bytes.len() as u64)
            }
            (Reach::Positioned, Placement::AtEnd) => {
                // The kernel chooses the place, and its cursor says which it was.
                file.write_all(bytes)?;
                self.position = file.stream_position()?;
                Ok(())
            }
            (Reach::InOrder, _) => file.write_all(bytes),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        match self.file.take() {
            Some(file) => descriptor::close(file).map_err(|error| self.fail("close", error)),
            None => Ok(()),
        }
    }

    /// Takes as many bytes as there is room for; none if it must be flushed first.
    pub(crate) fn accept(&mut self, bytes: &[u8]) -> usize {
        let room = match self.size {
            0 if self.written.is_empty() => MOST,
            size => size.saturating_sub(self.written.len()),
        };
        let accepted = &bytes[..bytes.len().min(room)];
        if self.reach == Reach::Positioned {
            self.read.clear();
        }
        self.written.extend_from_slice(accepted);
        self.position += accepted.len() as u64;
        accepted.len()
    }

    /// The length of an unbuffered write that is done, if it was of these bytes.
    ///
    /// A poll can't say whose it is. If the write of the poll before was
    /// cancelled and this is another one, its bytes differ and it begins anew;
    /// if they are the same bytes, they are there.
    pub(crate) fn take_direct(&mut self, bytes: &[u8]) -> Option<usize> {
        let direct = std::mem::take(&mut self.direct);
        (!direct.is_empty() && bytes.starts_with(&direct)).then_some(direct.len())
    }

    pub(crate) fn forget_direct(&mut self) {
        self.direct.clear();
    }

    pub(crate) fn is_buffered(&self) -> bool {
        self.size > 0
    }

    /// True if there are bytes that the kernel hasn't got.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.written.is_empty() && self.failure.is_none()
    }

    /// How much to read for a caller that wants `wanted` bytes.
    pub(crate) fn next_fill(&mut self, wanted: usize) -> usize {
        match self.size {
            0 => wanted.clamp(1, MOST),
            size => self.read.next_fill(wanted.min(MOST), size),
        }
    }

    /// Tells the caller of the failure of an earlier write or sync, if there was one.
    pub(crate) fn report(&mut self) -> io::Result<()> {
        let checked = self.check();
        if let Some(failure) = &mut self.failure {
            failure.reported = Reported::Yes;
        }
        checked
    }

    /// The same where nobody may be there to be told.
    fn check(&self) -> io::Result<()> {
        match &self.failure {
            Some(failure) => Err(failure.error.clone().into_io()),
            None => Ok(()),
        }
    }

    /// Refuses what the file wasn't opened for, before it is accepted.
    pub(crate) fn refuse(&self, verb: &'static str) -> io::Error {
        #[cfg(unix)]
        let cause = io::Error::from(rustix::io::Errno::BADF);
        #[cfg(not(unix))]
        let cause = io::Error::from(io::ErrorKind::PermissionDenied);
        self.named(verb, cause)
    }

    pub(crate) fn named(&self, verb: &'static str, cause: io::Error) -> io::Error {
        PathError::new(verb, &self.path, cause).into_io()
    }

    /// Makes an error the answer of every later call. It isn't reported before
    /// somebody has taken it: the future that it is for may be gone.
    fn fail(&mut self, verb: &'static str, cause: io::Error) -> io::Error {
        let error = PathError::new(verb, &self.path, cause);
        self.failure = Some(Failure {
            error: error.clone(),
            reported: Reported::No,
        });
        error.into_io()
    }

    fn file(&self) -> io::Result<&fs::File> {
        self.file.as_ref().ok_or_else(closed)
    }
}

impl Drop for Backing {
    /// On a job's thread whenever there is something to write: see `File::drop`.
    fn drop(&mut self) {
        if self.is_dirty() {
            // A failure is kept, and recorded below.
            drop(self.flush());
        }
        if let Some(Failure {
            error,
            reported: Reported::No,
        }) = self.failure.take()
        {
            parting::record(error);
        }
    }
}

/// The position that `to` means, relative to `from`, within what files can have.
pub(crate) fn moved(from: u64, to: SeekFrom) -> io::Result<u64> {
    let moved = match to {
        SeekFrom::Start(to) => Some(to),
        SeekFrom::Current(by) | SeekFrom::End(by) => from.checked_add_signed(by),
    };
    moved
        .filter(|&to| i64::try_from(to).is_ok())
        .ok_or_else(out_of_range)
}

fn out_of_range() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the position would be negative or past the largest offset",
    )
}

fn closed() -> io::Error {
    io::Error::other("the file is closed")
}
