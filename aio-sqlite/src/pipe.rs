//! The way of a stream's rows: chunks from the worker to the reader, credit and
//! empty buffers back.
//!
//! The reader holds one chunk and the worker fills the next meanwhile. Credit
//! for another goes back when a chunk has been read to its end, so a reader
//! that stops has made the worker step through two chunks at the most.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::chunk::{Buffers, Chunk, Chunks};
use crate::cursor::{After, Cursor, Fill};
use crate::error::{Error, Result};
use crate::op::{Stoppable, Token};
use crate::turn::Scope;
use crate::wakes::{self, wake};

/// Chunks that the worker may fill before the reader has read one.
const CREDIT: u32 = 2;
/// The first chunk is small, so that a reader of a few rows gets them soon …
const FIRST_ROWS: usize = 16;
/// … and each that follows is larger, up to where more rows gain nothing.
const GROWTH: usize = 4;
const MOST_ROWS: usize = 2048;
const MOST_BYTES: usize = 256 << 10;
/// A chunk of slow rows ends after so long, since others wait meanwhile.
const LONGEST: Duration = Duration::from_millis(5);

/// Where a stream is read: its worker, as its reader knows it. Neither call
/// waits.
pub(crate) trait Home: Send + Sync {
    /// Asks for another chunk of that stream.
    fn read_on(&self, stream: u64);
    /// Says that nobody reads that stream any more.
    fn forget(&self, stream: u64);
}

/// What reader and worker share of one stream.
pub(crate) struct Pipe {
    token: Token,
    /// Set before the stream is claimed, so that a reader that goes later finds
    /// it.
    home: OnceLock<Arc<dyn Home>>,
    lane: Mutex<Lane>,
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").field("token", &self.token).finish()
    }
}

#[derive(Default)]
struct Lane {
    chunks: VecDeque<Chunk>,
    /// Set once: nothing follows the chunks, but for an error.
    end: Option<Option<Error>>,
    waker: Option<Waker>,
    spare: Option<Buffers>,
}

/// What a reader finds.
pub(crate) enum Flowed {
    Chunk(Chunk),
    End(Option<Error>),
}

impl Pipe {
    pub(crate) fn new() -> Arc<Pipe> {
        Arc::new(Pipe {
            token: Token::new(None),
            home: OnceLock::new(),
            lane: Mutex::default(),
        })
    }

    fn lane(&self) -> MutexGuard<'_, Lane> {
        // Nothing that can panic runs under this lock.
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Lane)) {
        let mut lane = self.lane();
        change(&mut lane);
        let waker = lane.waker.take();
        drop(lane);
        wake(waker);
    }

    /// Takes the next chunk, or waits for it.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Flowed> {
        let mut lane = self.lane();
        if let Some(chunk) = lane.chunks.pop_front() {
            return Poll::Ready(Flowed::Chunk(chunk));
        }
        if let Some(end) = lane.end.take() {
            return Poll::Ready(Flowed::End(end));
        }
        match &mut lane.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Says that nothing follows the chunks that are there but an error.
    pub(crate) fn fail(&self, error: Error) {
        self.lane().end = Some(Some(error));
    }

    /// Gives the vectors of a chunk that has been read back to the worker.
    pub(crate) fn give_back(&self, buffers: Buffers) {
        self.lane().spare = Some(buffers);
    }

    /// Hands over all the rows there are, where they were read as a whole.
    pub(crate) fn deliver(&self, chunks: Chunks) {
        self.change(|lane| {
            lane.chunks.extend(chunks);
            lane.end = Some(None);
        });
    }

    /// Asks for another chunk.
    pub(crate) fn read_on(&self, stream: u64) {
        if let Some(home) = self.home.get() {
            home.read_on(stream);
        }
    }

    /// Says that the reader has gone.
    pub(crate) fn abandon(&self, stream: u64) {
        self.token.abandon();
        if let Some(home) = self.home.get() {
            home.forget(stream);
        }
    }
}

impl Stoppable for Pipe {
    fn token(&self) -> &Token {
        &self.token
    }
}

/// The worker's end of a stream.
pub(crate) struct Flow {
    cursor: Cursor,
    scope: Scope,
    pipe: Arc<Pipe>,
    credit: u32,
    rows: usize,
    last_filled: Instant,
}

impl Flow {
    /// The flow of a statement that is to be read, unless its reader has gone.
    pub(crate) fn new(
        cursor: Cursor,
        scope: Scope,
        pipe: Arc<Pipe>,
        home: Arc<dyn Home>,
    ) -> Option<Flow> {
        let _ = pipe.home.set(home); // a stream is opened once
        pipe.token.claim().then(|| Flow {
            cursor,
            scope,
            pipe,
            credit: CREDIT,
            rows: FIRST_ROWS,
            last_filled: Instant::now(),
        })
    }

    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    pub(crate) fn pipe(&self) -> &Arc<Pipe> {
        &self.pipe
    }

    pub(crate) fn last_filled(&self) -> Instant {
        self.last_filled
    }

    /// Tells whether there is room for another chunk.
    pub(crate) fn is_wanted(&self) -> bool {
        self.credit > 0
    }

    /// Tells whether the reader has read all that there was.
    pub(crate) fn is_starved(&self) -> bool {
        self.credit == CREDIT
    }

    pub(crate) fn read_on(&mut self) {
        self.credit += 1;
    }

    /// Reads one chunk, or, of a statement that writes, all there is: the
    /// write is done when the statement has run to its end, and until then no
    /// other write on the connection would be committed. `true` says that
    /// there may be more.
    pub(crate) fn fill(&mut self) -> Result<bool> {
        wakes::flush(); // a chunk takes its time
        self.last_filled = Instant::now();
        loop {
            let fill = Fill {
                rows: self.rows,
                bytes: MOST_BYTES,
                time: Some(LONGEST),
            };
            let spare = self.pipe.lane().spare.take().unwrap_or_default();
            let (chunk, after) = self.cursor.fill(spare, fill);
            self.rows = (self.rows * GROWTH).min(MOST_ROWS);
            self.credit = self.credit.saturating_sub(1);
            if chunk.rows() > 0 {
                self.pipe.change(|lane| lane.chunks.push_back(chunk));
            }
            match after {
                After::More if self.cursor.is_readonly() => return Ok(true),
                After::More => {}
                After::End => return Ok(false),
                After::Failed(error) => return Err(error),
            }
        }
    }

    /// Says that nothing follows, and why.
    pub(crate) fn end(self, error: Option<Error>) {
        let Flow { cursor, pipe, .. } = self;
        drop(cursor); // the statement is done before its reader hears of it
        pipe.change(|lane| lane.end = Some(error));
    }
}
