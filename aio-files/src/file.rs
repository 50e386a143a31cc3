use std::fmt;
use std::fs;
use std::future::poll_fn;
use std::io::{self, SeekFrom};
use std::mem;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::backing::Backing;
use crate::descriptor::Reach;
use crate::error::PathError;
use crate::mode::{Access, Placement};
use crate::offload::{self, Lane};
use crate::turnstile::{self, Claim, Ticket};
use crate::work::{Outcome, Work};

/// An open file: buffered, ordered, and truthful about what was written.
///
/// It has tokio's `AsyncRead`, `AsyncBufRead`, `AsyncWrite` and `AsyncSeek`, so
/// `AsyncBufReadExt::lines` and `tokio::io::copy` work on it. The methods here
/// need no import and take the same arguments as tokio's of the same name.
///
/// Reading and writing share one position. Operations take effect in the order
/// of their calls, also when one of them is cancelled: what has begun finishes
/// before the next one begins.
///
/// What is in the page cache is read without a hop to another thread, where the
/// file system allows it, by all methods but `read_to_end` and `read_to_string`,
/// which ask for the end and hop once for all of it.
///
/// A failed write or sync is reported with its path and OS code, and again by
/// every later call until the file is closed: after it, nobody knows what is on
/// the disk, and no later `Ok` may pretend otherwise.
///
/// Finish it with [`close`](Self::close), which reports, or drop it, which hands
/// what is buffered to this crate's own thread: see [`drained`](crate::drained).
#[must_use = "dropping it writes what is buffered, but can't report an error: use `close`"]
pub struct File {
    state: State,
    pub(crate) seek: Seeking,
    path: Arc<Path>,
    lane: Lane,
    access: Access,
    reach: Reach,
    placement: Placement,
    /// Shared with the backing, wherever that is when this is dropped.
    parting: Arc<OnceLock<Ticket>>,
}

/// Where the backing is: the turnstile of the file. Who holds it, has the turn.
enum State {
    Idle(Box<Backing>),
    /// With a job, maybe of a future that is gone.
    Busy(oneshot::Receiver<Box<Backing>>),
    /// Closed, or lost to a panic.
    Gone,
}

/// A seek that was asked for by `start_seek`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seeking {
    No,
    Asked(SeekFrom),
    /// A job computes it.
    Sent,
}

impl File {
    pub(crate) fn new(backing: Backing, path: Arc<Path>, parting: Arc<OnceLock<Ticket>>) -> Self {
        let lane = match backing.reach {
            Reach::Positioned => Lane::Shared,
            Reach::InOrder => Lane::Alone,
        };
        Self {
            access: backing.access,
            reach: backing.reach,
            placement: backing.placement,
            state: State::Idle(Box::new(backing)),
            seek: Seeking::No,
            path,
            lane,
            parting,
        }
    }

    /// The path, as it was given to [`open`](crate::open()).
    #[doc(alias = "name")]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn shared_path(&self) -> &Arc<Path> {
        &self.path
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }

    pub(crate) fn placement(&self) -> Placement {
        self.placement
    }

    /// Gives length, times, permissions and kind, of what was written so far.
    ///
    /// Buffered bytes are written first, so that the length counts them.
    ///
    /// # Errors
    ///
    /// The system's, with the path; an earlier failed write or sync, again.
    ///
    /// # Cancel safety
    ///
    /// Runs on: buffered bytes are written.
    #[doc(alias = "stat")]
    pub async fn metadata(&mut self) -> io::Result<fs::Metadata> {
        match self.perform(Work::Metadata).await? {
            Outcome::Metadata(metadata) => Ok(*metadata),
            other => Err(other.unexpected()),
        }
    }

    /// Writes what is buffered, closes, and says whether all of it arrived.
    ///
    /// It doesn't sync: a power cut may still lose what was written.
    ///
    /// # Errors
    ///
    /// Everything that dropping would keep to itself: the system's, of the last
    /// write and of the close, with the path; an earlier failed write or sync,
    /// again. The file is closed in any case.
    ///
    /// # Cancel safety
    ///
    /// Runs on: the file is written and closed, only the answer is lost; an error
    /// goes to [`drained`](crate::drained) then.
    pub async fn close(mut self) -> io::Result<()> {
        let mut work = Some(Work::Close);
        poll_fn(|cx| {
            loop {
                let backing = ready!(self.poll_turn(cx))?;
                if let Some(work) = work.take() {
                    self.start(work);
                    continue;
                }
                let failed = backing.report();
                let closed = backing.outcome.take().unwrap_or(Ok(Outcome::Done));
                self.end();
                return Poll::Ready(failed.and(closed.map(drop)));
            }
        })
        .await
    }

    /// Drops a backing whose descriptor is closed or given away, which leaves
    /// nothing for a job.
    pub(crate) fn end(&mut self) {
        self.state = State::Gone;
    }

    /// The backing of a file that has the turn; an error if it was lost to a panic.
    pub(crate) fn idle(&mut self) -> io::Result<&mut Backing> {
        match &mut self.state {
            State::Idle(backing) => Ok(&mut **backing),
            _ => Err(PathError::new("use", &self.path, offload::lost()).into_io()),
        }
    }

    /// The backing, if no operation is under way.
    #[inline]
    pub(crate) fn at_rest(&mut self) -> Option<&mut Backing> {
        match &mut self.state {
            State::Idle(backing) => Some(backing),
            _ => None,
        }
    }

    /// Takes all of `bytes` if that is a copy into the buffer and nothing else.
    #[inline]
    pub(crate) fn accept_whole(&mut self, bytes: &[u8]) -> bool {
        self.seek = Seeking::No;
        self.at_rest()
            .is_some_and(|backing| backing.accept_whole(bytes))
    }

    /// Waits for the turn, also behind an operation whose future is gone.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Backing>> {
        if let State::Busy(answer) = &mut self.state {
            self.state = match ready!(Pin::new(answer).poll(cx)) {
                Ok(backing) => State::Idle(backing),
                Err(_) => State::Gone,
            };
        }
        Poll::Ready(self.idle())
    }

    /// The same for an operation that a failed write or sync forbids.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Backing>> {
        let backing = ready!(self.poll_turn(cx))?;
        backing.report()?;
        Poll::Ready(Ok(backing))
    }

    /// Hands the turn to a job.
    pub(crate) fn start(&mut self, work: Work) {
        let mut backing = match mem::replace(&mut self.state, State::Gone) {
            State::Idle(backing) => backing,
            // Whoever has not got the turn has nothing to start.
            other => return self.state = other,
        };
        backing.outcome = None;
        backing.forget_direct();
        let (reply, answer) = oneshot::channel();
        self.state = State::Busy(answer);
        offload::submit(self.lane, move || {
            backing.run(work);
            // Nobody takes it: then the file was dropped, and this is its end.
            drop(reply.send(backing));
        });
    }

    /// Waits for the turn, and forgets what was answered to a future that is gone:
    /// the end of the file may have moved since.
    pub(crate) async fn forget_answers(&mut self) -> io::Result<&mut Backing> {
        self.seek = Seeking::No;
        poll_fn(|cx| self.poll_ready(cx).map_ok(drop)).await?;
        let backing = self.idle()?;
        backing.outcome = None;
        backing.forget_direct();
        Ok(backing)
    }

    /// Does one piece of work and gives its outcome.
    pub(crate) async fn perform(&mut self, work: Work) -> io::Result<Outcome> {
        self.seek = Seeking::No;
        let mut work = Some(work);
        poll_fn(|cx| {
            loop {
                let backing = ready!(self.poll_ready(cx))?;
                if let Some(work) = work.take() {
                    self.start(work);
                    continue;
                }
                return Poll::Ready(backing.outcome.take().unwrap_or(Ok(Outcome::Done)));
            }
        })
        .await
    }

    /// Waits for the turn and gives all of the file to a job to come, for whose end
    /// [`drained`](crate::drained) waits.
    pub(crate) async fn into_backing(mut self) -> io::Result<Box<Backing>> {
        poll_fn(|cx| self.poll_turn(cx).map_ok(drop)).await?;
        match mem::replace(&mut self.state, State::Gone) {
            State::Idle(backing) => {
                // Without a claim: the job may wait for others of its path.
                self.parting.get_or_init(|| turnstile::begun(None));
                Ok(backing)
            }
            _ => Err(PathError::new("use", &self.path, offload::lost()).into_io()),
        }
    }

    /// Drops it and all that goes with it, on a job's thread.
    pub(crate) fn end_here(mut self) {
        self.state = State::Gone;
    }

    /// Takes a place in the order that lasts until the backing is dropped. A file
    /// that only reads leaves nothing to wait for, and may wait for ever itself.
    fn depart(&self) {
        if self.access.writes() {
            self.parting.get_or_init(|| {
                // Nobody waits for a FIFO, which may never have a reader.
                let claim = (self.lane == Lane::Shared).then(|| Claim::on(&self.path));
                turnstile::begun(claim)
            });
        }
    }

    /// Hands the end of the backing to a thread: closing it may take as long as
    /// writing what it has.
    fn leave(&self, backing: Box<Backing>) {
        let lane = match self.lane {
            // In the order of the drops.
            Lane::Shared if backing.is_dirty() => Lane::InOrder,
            lane => lane,
        };
        offload::submit(lane, move || drop(backing));
    }
}

impl Drop for File {
    /// Hands the last bytes over, and never waits.
    fn drop(&mut self) {
        match mem::replace(&mut self.state, State::Gone) {
            State::Idle(backing) => {
                if backing.is_dirty() || backing.is_temporary() {
                    self.depart();
                }
                self.leave(backing);
            }
            State::Busy(mut answer) => {
                // Every job begins by flushing, and drops what nobody takes: there
                // is nothing left to write behind it.
                self.depart();
                answer.close();
                if let Ok(backing) = answer.try_recv() {
                    self.leave(backing);
                }
            }
            State::Gone => {}
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Idle(_) => "idle",
            State::Busy(_) => "busy",
            State::Gone => "gone",
        };
        f.debug_struct("File")
            .field("path", &self.path)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
