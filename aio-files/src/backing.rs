//! The descriptor, the position and the buffers of a file: all that moves to a
//! job's thread and back. Its methods block, except where they say so.

mod reads;
mod writes;

use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::cached::Cached;
use crate::descriptor::{self, Reach};
use crate::error::PathError;
use crate::failure::{Failure, Synced};
use crate::handed::Handed;
use crate::mode::{Access, Placement};
use crate::read_buffer::ReadBuffer;
use crate::temporary::Temporary;
use crate::turnstile::Ticket;
use crate::work::{Outcome, Work};

/// The most that one call passes to the kernel.
pub(crate) const MOST: usize = 2 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Backing {
    /// `None` after `close`.
    file: Option<fs::File>,
    path: Arc<Path>,
    pub(crate) access: Access,
    pub(crate) placement: Placement,
    pub(crate) reach: Reach,
    cached: Cached,
    /// Where the end was when it was last learnt. It decides how much is asked
    /// of the page cache and nothing else: it may be wrong at any time.
    seen_len: u64,
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
    synced: Synced,
    pub(crate) outcome: Option<io::Result<Outcome>>,
    /// Takes the file away after the descriptor is closed, unless it is to stay.
    pub(crate) temporary: Option<Temporary>,
    /// Filled when the file is dropped; it comes back after the last byte. Last,
    /// because fields are dropped in order and the descriptor goes first.
    parting: Arc<OnceLock<Ticket>>,
}

/// How a file is used, by those who open it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) access: Access,
    pub(crate) placement: Placement,
    /// Of each of the two buffers; zero is none.
    pub(crate) buffer: usize,
    pub(crate) cached: Cached,
}

/// Where a descriptor comes from, which says where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// From us, just now.
    Opened,
    /// From somebody who may have used it: where it is, it goes on.
    Adopted,
}

impl Backing {
    pub(crate) fn new(
        mut file: fs::File,
        path: Arc<Path>,
        manner: Manner,
        origin: Origin,
        parting: Arc<OnceLock<Ticket>>,
    ) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let reach = descriptor::reach_of(&metadata);
        let position = match (reach, origin, manner.placement) {
            (Reach::InOrder, ..) | (_, Origin::Opened, Placement::AtPosition) => 0,
            (_, Origin::Opened, Placement::AtEnd) => file.seek(SeekFrom::End(0))?,
            (_, Origin::Adopted, _) => file.stream_position()?,
        };
        Ok(Self {
            file: Some(file),
            path,
            access: manner.access,
            placement: manner.placement,
            reach,
            cached: manner.cached,
            seen_len: metadata.len(),
            position,
            size: manner.buffer,
            read: ReadBuffer::default(),
            written: Vec::new(),
            direct: Vec::new(),
            failure: None,
            synced: Synced::default(),
            outcome: None,
            temporary: None,
            parting,
        })
    }

    /// Another for a second descriptor of the same opening. It doesn't block.
    pub(crate) fn twin(&self, file: fs::File, parting: Arc<OnceLock<Ticket>>) -> Self {
        Self {
            file: Some(file),
            path: Arc::clone(&self.path),
            read: ReadBuffer::default(),
            written: Vec::new(),
            direct: Vec::new(),
            failure: None,
            synced: self.synced.clone(),
            outcome: None,
            temporary: None,
            parting,
            ..*self
        }
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

    /// The same for a job that goes on with it.
    pub(crate) fn done(&mut self, work: Work) -> io::Result<()> {
        self.run(work);
        self.outcome.take().unwrap_or(Ok(Outcome::Done)).map(drop)
    }

    /// Closes a temporary file, takes it away, and says whether it is gone.
    pub(crate) fn remove(mut self) -> io::Result<()> {
        self.give_up();
        drop(self.file.take());
        match self.temporary.take() {
            Some(temporary) => temporary.remove(),
            None => Ok(()),
        }
    }

    /// Forgets what is buffered, and what has failed, of a file that goes away:
    /// none of it can be lost.
    fn give_up(&mut self) {
        self.written.clear();
        if let Some(mut failure) = self.failure.take() {
            drop(failure.report());
        }
    }

    /// True of a temporary file that goes with this.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.as_ref().is_some_and(Temporary::goes)
    }

    /// Makes a temporary file one that stays, under this name; whoever has it
    /// next has no part in what waited for the one before.
    pub(crate) fn stays_as(&mut self, path: Arc<Path>) -> Arc<OnceLock<Ticket>> {
        if let Some(temporary) = self.temporary.take() {
            temporary.stays();
        }
        self.path = path;
        self.parting = Arc::default();
        Arc::clone(&self.parting)
    }

    fn perform(&mut self, work: Work) -> io::Result<Outcome> {
        let verb = match &work {
            Work::Fill(_) | Work::FillToEnd | Work::ReadRanges(_) => "read",
            Work::Seek(_) | Work::Align => "seek",
            Work::SetLen(_) => "truncate",
            Work::Metadata => "stat",
            Work::Duplicate | Work::Release => "hand over",
            // Their errors have their names already.
            Work::Flush
            | Work::Close
            | Work::WriteAt { .. }
            | Work::Send { .. }
            | Work::SyncAll
            | Work::SyncData => "use",
        };
        let done = match work {
            Work::Flush | Work::Close => Ok(Outcome::Done),
            Work::WriteAt { bytes, at } => return self.write_at(&bytes, at),
            Work::Send { from, len } => return self.send(from, len).map(Outcome::Sent),
            Work::SyncAll => return self.sync(fs::File::sync_all),
            Work::SyncData => return self.sync(fs::File::sync_data),
            Work::Fill(amount) => self.fill(amount).map(Outcome::Filled),
            Work::FillToEnd => self.fill_to_end().map(Outcome::Filled),
            Work::ReadRanges(ranges) => self.read_ranges(&ranges).map(Outcome::Pieces),
            Work::Seek(to) => self.seek(to).map(|()| Outcome::Done),
            Work::SetLen(len) => self.truncate(len).map(|()| Outcome::Done),
            Work::Metadata => self
                .stat()
                .map(|metadata| Outcome::Metadata(Box::new(metadata))),
            Work::Align => self.align().map(|()| Outcome::Done),
            Work::Duplicate => self.duplicate().map(Outcome::Descriptor),
            Work::Release => self.release().map(Outcome::Descriptor),
        };
        done.map_err(|error| self.named(verb, error))
    }

    fn sync(&mut self, sync: fn(&fs::File) -> io::Result<()>) -> io::Result<Outcome> {
        let file = self.file.as_ref().ok_or_else(closed)?;
        let path = &self.path;
        let name = |error| PathError::new("sync", path, error);
        match self.synced.sync(file, sync, name) {
            Ok(()) => Ok(Outcome::Done),
            // The kernel tells of a failed write-back once, and a second sync is
            // answered with Ok: only we can remember it.
            Err(error) => Err(self.fail(error)),
        }
    }

    fn stat(&mut self) -> io::Result<fs::Metadata> {
        let metadata = self.file()?.metadata()?;
        self.seen_len = metadata.len();
        Ok(metadata)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        // What was read ahead may be gone now, or have become zeros.
        if self.reach == Reach::Positioned {
            self.read.clear();
        }
        self.file()?.set_len(len)?;
        self.seen_len = len;
        Ok(())
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
    /// if the new one is in it. It doesn't block.
    pub(crate) fn move_to(&mut self, position: u64) {
        // What was answered to a future that is gone, such as the end, was said of
        // where it was.
        self.outcome = None;
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

    /// Brings the kernel's cursor to the position; what was read ahead is
    /// forgotten, since the file may be written behind our back from now on.
    fn align(&mut self) -> io::Result<()> {
        if self.reach == Reach::Positioned {
            self.file()?.seek(SeekFrom::Start(self.position))?;
            self.read.clear();
        }
        Ok(())
    }

    fn duplicate(&mut self) -> io::Result<Handed> {
        self.align()?;
        self.file()?.try_clone().map(Handed::new)
    }

    fn release(&mut self) -> io::Result<Handed> {
        self.align()?;
        match self.read.waiting().len() {
            0 => self.file.take().map(Handed::new).ok_or_else(closed),
            waiting => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{waiting} bytes that were read ahead would be lost: read them first"),
            )),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        match self.file.take() {
            Some(file) => descriptor::close(file)
                .map_err(|error| self.fail(PathError::new("close", &self.path, error))),
            None => Ok(()),
        }
    }

    /// Tells the caller of the failure of an earlier write or sync, if there was
    /// one. It doesn't block.
    pub(crate) fn report(&mut self) -> io::Result<()> {
        match &mut self.failure {
            Some(failure) => Err(failure.report()),
            None => Ok(()),
        }
    }

    /// The same where nobody may be there to be told.
    fn check(&self) -> io::Result<()> {
        match &self.failure {
            Some(failure) => Err(failure.error()),
            None => Ok(()),
        }
    }

    /// Makes an error the answer of every later call, if it is the first.
    fn fail(&mut self, error: PathError) -> io::Error {
        if self.failure.is_none() {
            self.failure = Some(Failure::new(error.clone()));
        }
        error.into_io()
    }

    /// Refuses what the file wasn't opened for, before it is accepted. It doesn't
    /// block.
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

    /// The descriptor, for a caller who has the turn. It doesn't block.
    pub(crate) fn file(&self) -> io::Result<&fs::File> {
        self.file.as_ref().ok_or_else(closed)
    }
}

impl Drop for Backing {
    /// On a job's thread whenever there is something to write: see `File::drop`.
    fn drop(&mut self) {
        if self.is_temporary() {
            self.give_up();
        }
        if self.is_dirty() {
            // A failure is kept, and recorded when it is dropped.
            drop(self.flush());
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

pub(crate) fn out_of_range() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the position would be negative or past the largest offset",
    )
}

fn closed() -> io::Error {
    io::Error::other("the file is closed")
}
