//! Who is told of commits. Being told is a note and a wake-up, so that no
//! observer can keep a writer waiting: what an observer then does, it does in
//! its own time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::change::Change;
use crate::change_log::{ChangeLog, Entry};
use crate::error::{Error, Result};
use crate::tables::{Table, Tables};
use crate::touched::{Touched, Watching};
use crate::wakes::contain;

/// The observers of a database, shared by its handles and its writer.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    list: Mutex<List>,
    /// How many observers there are of either kind; read before each job.
    live: AtomicUsize,
    rows: AtomicUsize,
}

#[derive(Debug, Default)]
struct List {
    live: Vec<Arc<LiveSeat>>,
    rows: Vec<Arc<RowSeat>>,
    /// Nothing will be told any more.
    closed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observers {
    /// How closely changes have to be looked at.
    pub(crate) fn want(&self) -> Watching {
        if self.rows.load(Ordering::Acquire) > 0 {
            Watching::Rows
        } else if self.live.load(Ordering::Acquire) > 0 {
            Watching::Tables
        } else {
            Watching::Nothing
        }
    }

    /// Tells everybody of what has been committed. `all` are the tables that
    /// there are, where it is not known which of them changed.
    pub(crate) fn publish(&self, touched: &Touched, all: &[Table]) {
        let mut wakers = Vec::new();
        let list = lock(&self.list);
        for seat in &list.live {
            wakers.extend(seat.told(touched));
        }
        for seat in &list.rows {
            wakers.extend(seat.told(touched, all));
        }
        drop(list);
        for waker in wakers {
            contain(|| waker.wake());
        }
    }

    /// Tells everybody that it can't be seen whether others have committed, once
    /// for the same reason.
    #[cfg(feature = "foreign-changes")]
    pub(crate) fn fail(&self, error: &Error) {
        let mut wakers = Vec::new();
        let list = lock(&self.list);
        for seat in &list.live {
            let mut state = lock(&seat.0);
            wakers.extend(state.sight.fails(error).then(|| state.waker.take()));
        }
        for seat in &list.rows {
            let mut state = lock(&seat.0);
            wakers.extend(state.sight.fails(error).then(|| state.waker.take()));
        }
        drop(list);
        for waker in wakers.into_iter().flatten() {
            contain(|| waker.wake());
        }
    }

    /// Says that it can be seen again. Whoever has not been told that it could not
    /// be is not told any more: the news has come.
    #[cfg(feature = "foreign-changes")]
    pub(crate) fn see(&self) {
        let list = lock(&self.list);
        for seat in &list.live {
            lock(&seat.0).sight = Sight::default();
        }
        for seat in &list.rows {
            lock(&seat.0).sight = Sight::default();
        }
    }

    /// Tells everybody that nothing more will be told.
    pub(crate) fn close(&self) {
        let mut wakers = Vec::new();
        let mut list = lock(&self.list);
        list.closed = true;
        for seat in &list.live {
            let mut state = lock(&seat.0);
            state.closed = true;
            wakers.extend(state.waker.take());
        }
        for seat in &list.rows {
            let mut state = lock(&seat.0);
            state.closed = true;
            wakers.extend(state.waker.take());
        }
        drop(list);
        for waker in wakers {
            contain(|| waker.wake());
        }
    }

    /// Enters a live query, of which it is not known yet what it reads.
    pub(crate) fn enter_live(self: &Arc<Observers>) -> LiveEntry {
        self.live.fetch_add(1, Ordering::AcqRel);
        let seat = Arc::new(LiveSeat::default());
        let mut list = lock(&self.list);
        lock(&seat.0).closed = list.closed;
        list.live.push(seat.clone());
        LiveEntry {
            observers: self.clone(),
            seat,
        }
    }

    /// Enters somebody who wants to know each row.
    pub(crate) fn enter_rows(self: &Arc<Observers>) -> RowEntry {
        self.rows.fetch_add(1, Ordering::AcqRel);
        let seat = Arc::new(RowSeat::default());
        let mut list = lock(&self.list);
        lock(&seat.0).closed = list.closed;
        list.rows.push(seat.clone());
        RowEntry {
            observers: self.clone(),
            seat,
        }
    }
}

/// Tells the observers that nothing will be told any more, when the writer's
/// thread ends, in whatever way.
pub(crate) struct LastWord(pub(crate) Option<Arc<Observers>>);

impl Drop for LastWord {
    fn drop(&mut self) {
        if let Some(observers) = &self.0 {
            observers.close();
        }
    }
}

/// Whether it can be seen what others commit.
#[derive(Debug, Default)]
struct Sight {
    /// Why not, until it can be again.
    #[cfg(feature = "foreign-changes")]
    reason: Option<String>,
    /// The same, until it has been told.
    error: Option<Error>,
}

#[cfg(feature = "foreign-changes")]
impl Sight {
    /// Tells whether that is news.
    fn fails(&mut self, error: &Error) -> bool {
        let reason = Some(error.to_string());
        let is_new = self.reason != reason;
        if is_new {
            self.reason = reason;
            self.error = Some(error.again());
        }
        is_new
    }
}

/// Why a live query is to be run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stir {
    /// What it reads may have changed, or its last run has seen that already:
    /// the same result is no news.
    Perhaps,
    /// What it reads has changed since its last run.
    Surely,
}

/// What a live query has been told.
#[derive(Debug)]
pub(crate) enum Told {
    Stir(Stir),
    /// It can't be seen what others commit.
    Failed(Error),
    Closed,
}

#[derive(Debug, Default)]
struct LiveSeat(Mutex<LiveState>);

#[derive(Debug, Default)]
struct LiveState {
    /// What the query reads; `None` until it has run.
    reads: Option<Arc<Tables>>,
    /// What changed before it was known what the run reads: it may have seen
    /// that or may not.
    early: Tables,
    /// The query runs.
    running: bool,
    stir: Option<Stir>,
    sight: Sight,
    closed: bool,
    waker: Option<Waker>,
}

impl LiveState {
    fn judge(reads: &Tables, touched: &Touched) -> Option<Stir> {
        if reads.share_a_name(&touched.surely) {
            return Some(Stir::Surely);
        }
        let perhaps = reads.meet(&touched.perhaps) || reads.meet(&touched.surely);
        perhaps.then_some(Stir::Perhaps)
    }

    fn stir(&mut self, stir: Stir) {
        self.stir = self.stir.max(Some(stir));
    }
}

impl LiveSeat {
    fn told(&self, touched: &Touched) -> Option<Waker> {
        let mut state = lock(&self.0);
        // A run may come to read other tables than the one before it did.
        let Some(reads) = state.reads.clone().filter(|_| !state.running) else {
            state.early.add_all(&touched.surely);
            state.early.add_all(&touched.perhaps);
            return None; // its own run wakes it
        };
        let stir = LiveState::judge(&reads, touched)?;
        state.stir(stir);
        state.waker.take()
    }
}

/// A live query among the observers; dropped, it is one no more.
#[derive(Debug)]
pub(crate) struct LiveEntry {
    observers: Arc<Observers>,
    seat: Arc<LiveSeat>,
}

impl LiveEntry {
    /// Waits until the query is to be run again.
    pub(crate) fn poll_told(&self, cx: &mut Context<'_>) -> Poll<Told> {
        let mut state = lock(&self.seat.0);
        if state.closed {
            return Poll::Ready(Told::Closed);
        }
        if let Some(error) = state.sight.error.take() {
            return Poll::Ready(Told::Failed(error));
        }
        if let Some(stir) = state.stir.take() {
            return Poll::Ready(Told::Stir(stir));
        }
        let old = state.waker.replace(cx.waker().clone());
        drop(state);
        drop(old); // may be a task's last, and drop another observer with it
        Poll::Pending
    }

    /// Says that the query is run now: what was told before is settled by that.
    pub(crate) fn runs(&self) {
        let mut state = lock(&self.seat.0);
        state.running = true;
        state.stir = None;
        state.early = Tables::default();
    }

    /// Says that the query has run, and what it reads; without that, it reads
    /// what it read before, or anything.
    pub(crate) fn has_run(&self, reads: Option<Arc<Tables>>) {
        let mut state = lock(&self.seat.0);
        state.running = false;
        let reads = match (reads, &state.reads) {
            (Some(reads), _) => reads,
            // Whatever it was that failed, any commit may have mended it.
            (None, _) => Arc::new(Tables::everything()),
        };
        let early = std::mem::take(&mut state.early);
        if reads.meet(&early) {
            state.stir(Stir::Perhaps);
        }
        state.reads = Some(reads);
    }
}

impl Drop for LiveEntry {
    fn drop(&mut self) {
        self.observers.live.fetch_sub(1, Ordering::AcqRel);
        let mut list = lock(&self.observers.list);
        list.live.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
    }
}

#[derive(Debug, Default)]
struct RowSeat(Mutex<RowState>);

#[derive(Debug, Default)]
struct RowState {
    log: ChangeLog,
    sight: Sight,
    closed: bool,
    waker: Option<Waker>,
}

impl RowSeat {
    fn told(&self, touched: &Touched, all: &[Table]) -> Option<Waker> {
        let mut state = lock(&self.0);
        for entry in touched.log.entries() {
            state.log.push(entry.clone());
        }
        if touched.unnamed {
            let named = |table: &Table| {
                let mut entries = touched.log.entries();
                entries.any(|entry| matches!(entry, Entry::Table(other) if other.is_same(table)))
            };
            for table in all.iter().filter(|table| !named(table)) {
                state.log.push(Entry::Table(table.clone()));
            }
        }
        if state.log.is_empty() {
            return None;
        }
        state.waker.take()
    }
}

/// Somebody who is told each row; dropped, he is told no more.
#[derive(Debug)]
pub(crate) struct RowEntry {
    observers: Arc<Observers>,
    seat: Arc<RowSeat>,
}

impl RowEntry {
    /// Waits for the next change; `None` says that there will be none.
    pub(crate) fn poll_change(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Change>>> {
        let mut state = lock(&self.seat.0);
        if let Some(entry) = state.log.pop() {
            return Poll::Ready(Some(Ok(entry.to_change())));
        }
        if let Some(error) = state.sight.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        let old = state.waker.replace(cx.waker().clone());
        drop(state);
        drop(old); // may be a task's last, and drop another observer with it
        Poll::Pending
    }

    /// How many changes wait to be read.
    pub(crate) fn len(&self) -> usize {
        lock(&self.seat.0).log.len()
    }
}

impl Drop for RowEntry {
    fn drop(&mut self) {
        self.observers.rows.fetch_sub(1, Ordering::AcqRel);
        let mut list = lock(&self.observers.list);
        list.rows.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
    }
}
