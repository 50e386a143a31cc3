//! What the open transaction has changed: kept until it is committed, and cut
//! back with each savepoint that is rolled back.
//!
//! Pure: SQLite is not in it, only what SQLite said. Two voices are put
//! together. The update hook names each row that changed, but not those of
//! tables without rowids, of a bare DELETE, of virtual tables. The footprint of
//! a statement names all tables that it may write. Where SQLite counts as many
//! changes as the hook reported, the hook has told all; where it counts more,
//! the tables that only the footprint names have changed too.

use crate::change::Op;
use crate::change_log::{ChangeLog, Entry};
use crate::footprint::Footprint;
use crate::marks::Mark;
use crate::tables::Tables;
use crate::touched::{Touched, Watching};

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// One statement, or one several times: all of it was done.
    Whole,
    /// It failed; what it had done is undone, unless it is `OR FAIL`.
    Failed,
    /// It failed, and what it had done may be there, uncounted: SQLite does not
    /// foresee a value that a STRICT table refuses.
    Torn,
    /// It was somebody else's, who keeps to himself whether it failed.
    Unknown,
    /// Somebody else's, and another's that had not ended ran beside it: what
    /// SQLite counts in it may be that one's, and it may count its own later.
    Entangled,
}

/// What is known of a run when it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran<'f> {
    pub(crate) how: How,
    pub(crate) footprint: &'f Footprint,
    /// How many changes SQLite has counted in it, those of triggers and foreign
    /// keys included.
    pub(crate) changes: u64,
    /// How many of the last statement's own changes were kept.
    pub(crate) own: u64,
}

/// What the update hook has said since a run began.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    tables: Tables,
    rows: ChangeLog,
    count: u64,
}

impl Reported {
    /// How many rows were reported.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Adds what was reported later.
    pub(crate) fn add(&mut self, later: Reported) {
        self.tables.add_all(&later.tables);
        self.rows.append(later.rows);
        self.count += later.count;
    }
}

/// What a savepoint has seen.
#[derive(Debug)]
struct Level {
    savepoint: Savepoint,
    touched: Touched,
}

/// How a savepoint is known.
#[derive(Debug)]
enum Savepoint {
    /// One of ours, by its number.
    Own(u64),
    /// One that a statement has set, by the name that it gave.
    Named(String),
}

/// The open transaction's changes, and those that were committed and not told.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) watching: Watching,
    reported: Reported,
    outermost: Touched,
    savepoints: Vec<Level>,
    /// SQLite has begun to commit, and may yet fail.
    committing: bool,
    committed: Touched,
}

impl Journal {
    /// A row has changed, by the update hook.
    pub(crate) fn row(&mut self, database: &str, table: &str, op: Op, rowid: i64) {
        let reported = &mut self.reported;
        reported.count += 1;
        let table = reported.tables.added(Some(database), table);
        if self.watching == Watching::Rows {
            let table = table.clone();
            reported.rows.push(Entry::Row { table, op, rowid });
        }
    }

    /// How many rows were reported since the last run ended.
    pub(crate) fn reported(&self) -> u64 {
        self.reported.count
    }

    /// Takes what was reported since the last run ended.
    pub(crate) fn take_reported(&mut self) -> Reported {
        std::mem::take(&mut self.reported)
    }

    /// A run has ended.
    pub(crate) fn ran(&mut self, ran: Ran<'_>) {
        let reported = self.take_reported();
        self.ran_and_reported(ran, reported);
    }

    /// A run has ended, which had reported that.
    pub(crate) fn ran_and_reported(&mut self, ran: Ran<'_>, reported: Reported) {
        let Ran {
            how,
            footprint,
            changes,
            own,
        } = ran;
        // A failed statement that changes the schema is undone.
        let opaque = footprint.opaque && !matches!(how, How::Failed | How::Torn);
        let entangled = how == How::Entangled;
        let uncounted = entangled || how == How::Torn;
        if changes == 0 && !opaque && !uncounted {
            return;
        }
        let rows_are_known = self.watching == Watching::Rows;
        let unheard = self.watching == Watching::Nothing;
        let touched = match unheard {
            true => &mut self.outermost,
            false => self.innermost(),
        };
        let written = &footprint.writes;
        // What the statement may write and the hook did not report.
        let left = || {
            let mut left = Tables::default();
            for table in written.named() {
                if !reported.tables.names(table) {
                    left.add(table);
                }
            }
            left
        };
        let undone = match how {
            How::Whole => false,
            How::Failed | How::Torn => true,
            // Of a statement that failed none of its own changes are left.
            How::Unknown => own == 0,
            How::Entangled => false,
        };
        if entangled {
            let left = left();
            touched.surely.add_all(&reported.tables);
            touched.perhaps.add_all(&left);
            touched.unnamed |= written.is_everything();
            touched.log.append(reported.rows);
            if !rows_are_known || footprint.replaces {
                touched.log_tables(reported.tables.named());
            }
            touched.log_tables(left.named());
            let cleared = footprint.clears.named().iter();
            touched.log_tables(cleared.filter(|table| reported.tables.names(table)));
        } else if changes == 0 && !uncounted {
            // Of the schema only: nothing of the tables is to be said.
        } else if unheard {
            touched.perhaps.add_all(written);
            touched.log_tables(written.named());
            touched.unnamed |= written.is_everything();
        } else if undone || changes < reported.count {
            // Some of what was reported may have been undone since.
            touched.perhaps.add_all(&reported.tables);
            touched.perhaps.add_all(written);
            touched.unnamed |= written.is_everything();
            if rows_are_known && own > 0 && changes == reported.count {
                touched.log.append(reported.rows);
            } else {
                touched.log_tables(reported.tables.named());
                touched.log_tables(left().named());
            }
        } else {
            touched.surely.add_all(&reported.tables);
            if rows_are_known {
                touched.log.append(reported.rows);
            }
            if !rows_are_known || footprint.replaces {
                touched.log_tables(reported.tables.named());
            }
            if changes > reported.count {
                if written.is_everything() || written.is_empty() {
                    touched.add_everything();
                }
                let left = left();
                let left = if left.is_empty() { written } else { &left };
                for table in left.named() {
                    touched.surely.add(table);
                }
                touched.log_tables(left.named());
                // Of these some rows were reported, and not those, it may be.
                let cleared = footprint.clears.named().iter();
                touched.log_tables(cleared.filter(|table| reported.tables.names(table)));
            }
        }
        if opaque {
            touched.perhaps.add_everything();
            touched.log_tables(written.named());
            touched.unnamed |= written.is_everything();
        }
    }

    /// Anything may have happened, and may be committed already.
    pub(crate) fn anything(&mut self) {
        self.reported = Reported::default();
        self.innermost().add_everything();
        self.committed.add_everything();
    }

    fn innermost(&mut self) -> &mut Touched {
        match self.savepoints.last_mut() {
            Some(level) => &mut level.touched,
            None => &mut self.outermost,
        }
    }

    /// A savepoint has been set.
    ///
    /// While nobody listens it is not kept apart what each savepoint did: who
    /// comes later is told what may have changed, at the cost of no work for
    /// each of many small savepoints.
    pub(crate) fn marked(&mut self, savepoint: u64) {
        if self.watching == Watching::Nothing {
            return;
        }
        self.set(Savepoint::Own(savepoint));
    }

    fn set(&mut self, savepoint: Savepoint) {
        self.absorb();
        self.savepoints.push(Level {
            savepoint,
            touched: Touched::default(),
        });
    }

    /// Takes in what virtual tables have written beside the statements, as when
    /// a savepoint is set.
    pub(crate) fn absorb(&mut self) {
        if self.reported.count == 0 {
            return;
        }
        let reported = self.take_reported();
        let rows_are_known = self.watching == Watching::Rows;
        let touched = self.innermost();
        touched.surely.add_all(&reported.tables);
        match rows_are_known {
            true => touched.log.append(reported.rows),
            false => touched.log_tables(reported.tables.named()),
        }
    }

    /// A savepoint has been released: what it did is the outer level's now.
    pub(crate) fn released(&mut self, savepoint: u64) {
        if let Some(at) = self.position(savepoint) {
            self.release(at);
        }
    }

    fn release(&mut self, at: usize) {
        self.absorb();
        let mut touched = Touched::default();
        for level in self.savepoints.drain(at..) {
            touched.add(level.touched);
        }
        self.innermost().add(touched);
    }

    /// A savepoint has been rolled back and is gone.
    pub(crate) fn rolled_back_to(&mut self, savepoint: u64) {
        self.reported = Reported::default();
        match self.position(savepoint) {
            Some(at) => self.savepoints.truncate(at),
            None => self.doubt(),
        }
    }

    /// A savepoint was rolled back that had not been marked, so what it did can't
    /// be told apart.
    fn doubt(&mut self) {
        self.outermost.doubt();
        for level in &mut self.savepoints {
            level.touched.doubt();
        }
    }

    /// A statement begins which sets a savepoint of its own, or ends one.
    pub(crate) fn does(&mut self, mark: Mark<'_>) {
        match mark {
            Mark::Set(name) => self.set(Savepoint::Named(name.to_owned())),
            Mark::Release(name) => {
                if let Some(at) = self.position_of(name) {
                    self.release(at);
                }
            }
            // The savepoint itself stays.
            Mark::RollBackTo(name) => {
                self.reported = Reported::default();
                match self.position_of(name) {
                    Some(at) => {
                        self.savepoints.truncate(at + 1);
                        self.savepoints[at].touched = Touched::default();
                    }
                    None => self.doubt(),
                }
            }
        }
    }

    /// Nobody listens from now on, so that it will not be heard what becomes of
    /// savepoints that statements have set.
    pub(crate) fn forget_names(&mut self) {
        let named = |level: &Level| matches!(level.savepoint, Savepoint::Named(_));
        while let Some(at) = self.savepoints.iter().rposition(named) {
            let level = self.savepoints.remove(at);
            let outer = match at.checked_sub(1) {
                Some(outer) => &mut self.savepoints[outer].touched,
                None => &mut self.outermost,
            };
            outer.add(level.touched);
        }
    }

    fn position_of(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(
            |level| matches!(&level.savepoint, Savepoint::Named(own) if own.eq_ignore_ascii_case(name)),
        )
    }

    fn position(&self, savepoint: u64) -> Option<usize> {
        self.savepoints
            .iter()
            .position(|level| matches!(level.savepoint, Savepoint::Own(own) if own == savepoint))
    }

    /// SQLite commits, by the commit hook; it may still fail.
    pub(crate) fn committing(&mut self) {
        self.committing = true;
    }

    /// SQLite has rolled back, by the rollback hook.
    pub(crate) fn rolled_back(&mut self) {
        self.committing = false;
        self.reported = Reported::default();
        self.outermost = Touched::default();
        self.savepoints.clear();
    }

    /// Notices how the transaction ended, if it has: a commit that failed has
    /// either left it open or rolled it back.
    pub(crate) fn settle(&mut self, autocommit: bool) {
        let committing = std::mem::take(&mut self.committing);
        if !autocommit {
            return;
        }
        let mut touched = std::mem::take(&mut self.outermost);
        for level in self.savepoints.drain(..) {
            touched.add(level.touched);
        }
        if committing {
            // What virtual tables wrote while they were committed.
            let reported = std::mem::take(&mut self.reported);
            touched.surely.add_all(&reported.tables);
            touched.log.append(reported.rows);
            self.committed.add(touched);
        }
        self.reported = Reported::default();
    }

    /// Takes what has been committed, if that is anything.
    pub(crate) fn take(&mut self) -> Option<Touched> {
        if self.committed.is_nothing() {
            return None;
        }
        Some(std::mem::take(&mut self.committed))
    }
}

#[cfg(test)]
mod tests;
