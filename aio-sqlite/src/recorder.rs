//! A worker thread's record of what its connection reads and writes.
//!
//! SQLite says it to hooks, which have no other way to their connection than
//! the thread: each worker's thread owns exactly one. Nothing here is borrowed
//! while SQLite runs.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::ffi::SQLITE_CONSTRAINT_DATATYPE;
use rusqlite::hooks::{Action, AuthContext};
use rusqlite::trace::TraceEvent;

use crate::attached::databases;
use crate::by_text::ByText;
use crate::change::Op;
use crate::footprint::Footprint;
use crate::journal::{How, Journal, Ran, Reported};
use crate::marks::Mark;
use crate::overheard::{Closure, Handle};
use crate::tables::Tables;
use crate::touched::{Touched, Watching};

/// So many footprints are kept.
const MOST: usize = 1024;

thread_local! {
    static RECORD: RefCell<Option<Record>> = const { RefCell::new(None) };
    /// A closure runs of which the statements are to be told apart.
    static TRACING: Cell<bool> = const { Cell::new(false) };
}

/// Whose connection the thread has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Reads,
    Writes,
}

struct Record {
    /// What the authorizer was asked since the last look.
    seen: Footprint,
    /// The footprints of statements, by their texts.
    footprints: ByText<Rc<Footprint>>,
    /// What is changed, on a connection that changes anything.
    journal: Option<Journal>,
    /// The schema was changed in the open transaction.
    schema_changed: bool,
    closure: Option<Closure>,
}

impl Record {
    fn keep(&mut self, text: Arc<str>, footprint: Footprint) -> Rc<Footprint> {
        let footprint = Rc::new(footprint);
        self.footprints.keep(text, footprint.clone());
        footprint
    }

    /// A statement of a closure has ended.
    fn cut(&mut self, next: Option<&str>) {
        if let (Some(closure), Some(journal)) = (&mut self.closure, &mut self.journal) {
            closure.cut(journal, next);
        }
    }
}

fn with<T>(work: impl FnOnce(&mut Record) -> T) -> Option<T> {
    RECORD.with_borrow_mut(|record| record.as_mut().map(work))
}

fn with_journal<T>(work: impl FnOnce(&mut Journal) -> T) -> Option<T> {
    with(|record| record.journal.as_mut().map(work)).flatten()
}

/// Begins the record of this thread's connection.
pub(crate) fn begin(role: Role) {
    let record = Record {
        seen: Footprint::default(),
        footprints: ByText::new(MOST),
        journal: (role == Role::Writes).then(Journal::default),
        schema_changed: false,
        closure: None,
    };
    RECORD.set(Some(record));
}

/// Tells whether changes are recorded here.
pub(crate) fn keeps_journal() -> bool {
    RECORD.with_borrow(|record| {
        record
            .as_ref()
            .is_some_and(|record| record.journal.is_some())
    })
}

fn watching() -> Watching {
    with_journal(|journal| journal.watching).unwrap_or_default()
}

/// Says how closely to look from now on; the hooks for that are installed.
pub(crate) fn watch(watching: Watching) {
    with(|record| {
        if let Some(journal) = &mut record.journal {
            // What a footprint tells depends on who listened.
            if watching != journal.watching {
                record.footprints.clear();
            }
            if watching == Watching::Nothing {
                journal.forget_names();
            }
            journal.watching = watching;
        }
    });
}

// What the hooks say.

pub(crate) fn saw(context: &AuthContext<'_>) {
    with(|record| record.seen.saw(context));
}

pub(crate) fn row(action: Action, database: &str, table: &str, rowid: i64) {
    let op = match action {
        Action::SQLITE_INSERT => Op::Insert,
        Action::SQLITE_DELETE => Op::Delete,
        _ => Op::Update,
    };
    with_journal(|journal| journal.row(database, table, op, rowid));
}

pub(crate) fn committing() {
    with_journal(Journal::committing);
}

pub(crate) fn rolled_back() {
    forget_new_schema();
    with_journal(Journal::rolled_back);
}

/// A statement begins; SQLite says so of triggers and nested ones too, with
/// another text than the statement's.
pub(crate) fn traced(event: &TraceEvent<'_>) {
    let TraceEvent::Stmt(statement, text) = event else {
        return;
    };
    if !TRACING.get() {
        if let Some(mark) = Mark::of(text) {
            with_journal(|journal| journal.does(mark));
        }
        return;
    }
    let sql = statement.sql();
    if sql == *text {
        with(|record| record.cut(Some(&sql)));
    }
}

// What the worker says.

/// A savepoint has been set.
pub(crate) fn marked(savepoint: u64) {
    with_journal(|journal| journal.marked(savepoint));
}

/// A savepoint has been released.
pub(crate) fn released(savepoint: u64) {
    with_journal(|journal| journal.released(savepoint));
}

/// A savepoint has been rolled back and is gone.
pub(crate) fn rolled_back_to(savepoint: u64) {
    forget_new_schema();
    with_journal(|journal| journal.rolled_back_to(savepoint));
}

/// Footprints of a schema that has been undone are of no use.
fn forget_new_schema() {
    with(|record| {
        if record.schema_changed {
            record.footprints.clear();
        }
    });
}

/// Anything may have happened, and have been committed.
pub(crate) fn anything() {
    with(|record| {
        record.footprints.clear();
        if let Some(journal) = &mut record.journal {
            journal.anything();
        }
    });
}

/// Takes what has been committed.
pub(crate) fn take(autocommit: bool) -> Option<Touched> {
    with(|record| {
        let journal = record.journal.as_mut()?;
        journal.settle(autocommit);
        record.schema_changed &= !autocommit;
        journal.take()
    })
    .flatten()
}

/// Forgets what was seen before: a statement is to be prepared.
pub(crate) fn prepares() {
    with(|record| record.seen = Footprint::default());
}

/// The footprint of a statement that has just been prepared, or was taken from
/// the cache; `None` where none are kept.
pub(crate) fn footprint(connection: &Connection, sql: &str) -> Option<Rc<Footprint>> {
    let known = with(|record| {
        let seen = std::mem::take(&mut record.seen);
        if seen.is_blank() {
            return record.footprints.get(sql).ok_or(None);
        }
        Err(Some(seen))
    })?;
    let seen = match known {
        Ok(footprint) => return Some(footprint),
        Err(Some(seen)) => seen,
        Err(None) => {
            // It came out of the cache, or nothing is asked about it.
            let prepared = connection.prepare(sql).is_ok();
            let seen = with(|record| std::mem::take(&mut record.seen))?;
            if prepared && !seen.is_blank() {
                seen
            } else {
                Footprint::unknown()
            }
        }
    };
    let replaces = watching() == Watching::Rows && may_replace(connection, sql);
    with(|record| {
        // That asked too, and not for the statement.
        record.seen = Footprint::default();
        let footprint = Footprint { replaces, ..seen };
        record.keep(sql.into(), footprint)
    })
}

/// Takes what SQLite has asked since the last look.
pub(crate) fn seen() -> Footprint {
    with(|record| std::mem::take(&mut record.seen)).unwrap_or_default()
}

/// Tells whether a statement may delete rows to make room for others, which
/// SQLite does not report: it says REPLACE itself, or some table or trigger
/// does.
fn may_replace(connection: &Connection, sql: &str) -> bool {
    const WORD: &[u8] = b"replace";
    let says = |text: &[u8]| {
        text.windows(WORD.len())
            .any(|word| word.eq_ignore_ascii_case(WORD))
    };
    let schema_says = |database: String| {
        let schema = format!(
            "SELECT 1 FROM \"{}\".sqlite_schema
                WHERE type IN ('table', 'trigger') AND sql LIKE '%replace%'",
            database.replace('"', "\"\"")
        );
        connection
            .prepare(&schema)
            .and_then(|mut schema| schema.exists(()))
            .unwrap_or(true)
    };
    says(sql.as_bytes()) || databases(connection).any(schema_says)
}

/// The STRICT tables; all there are, where they can't be listed.
fn strict_tables(connection: &Connection) -> Tables {
    let listed = || {
        let sql = "SELECT schema, name FROM pragma_table_list WHERE strict";
        let mut list = connection.prepare(sql)?;
        let mut rows = list.query(())?;
        let mut strict = Tables::default();
        while let Some(row) = rows.next()? {
            let (schema, name): (String, String) = (row.get(0)?, row.get(1)?);
            strict.add_named(Some(&schema), &name);
        }
        Ok::<_, rusqlite::Error>(strict)
    };
    let strict = listed().unwrap_or_else(|_| Tables::everything());
    prepares(); // what was asked about that is no statement's
    strict
}

/// A statement has ended.
fn ran(sql: &Arc<str>, ran: Ran<'_>, autocommit: bool) {
    with(|record| {
        // Asked while it ran: the schema had changed, or a virtual table
        // prepared statements of its own.
        let seen = std::mem::take(&mut record.seen);
        let merged = (!seen.is_blank()).then(|| {
            let mut merged = ran.footprint.clone();
            merged.add(&seen);
            record.keep(sql.clone(), merged)
        });
        let footprint = merged.as_deref().unwrap_or(ran.footprint);
        if footprint.opaque {
            record.footprints.clear();
            record.schema_changed = true;
        }
        if let Some(journal) = &mut record.journal {
            journal.ran(Ran { footprint, ..ran });
            if autocommit {
                // VACUUM numbers rows anew, and commits past the hook for that.
                if ran.how == How::Whole && footprint.writes.is_everything() {
                    journal.anything();
                }
                journal.settle(autocommit);
            }
        }
    });
}

/// Runs a closure that has the connection, inside a transaction, and records
/// what its statements do.
pub(crate) fn closure<T>(connection: &Connection, work: impl FnOnce() -> T) -> T {
    if !keeps_journal() {
        return work();
    }
    prepares();
    if watching() == Watching::Nothing {
        let handle = Handle::of(connection);
        let (changes_before, _) = handle.counters();
        let value = work();
        let (all, own) = handle.counters();
        if connection.is_autocommit() {
            return value; // SQLite has rolled it back
        }
        with(|record| {
            let seen = std::mem::take(&mut record.seen);
            let footprint = Footprint {
                opaque: seen.opaque,
                ..Footprint::unknown()
            };
            let ran = Ran {
                how: How::Unknown,
                footprint: &footprint,
                changes: all - changes_before,
                own,
            };
            record.ran_in_closure(ran, Reported::default());
        });
        return value;
    }
    let _end = Tracing::start(Closure::new(connection));
    let value = work();
    TRACING.set(false);
    if connection.is_autocommit() {
        return value; // SQLite has rolled it back
    }
    let closure = with(|record| {
        record.cut(None);
        let seen = std::mem::take(&mut record.seen);
        (record.closure.take(), seen)
    });
    if let Some((Some(closure), seen)) = closure {
        with(|record| record.forget_stale(&closure, &seen));
        let none = Footprint::default();
        let strict = OnceCell::new();
        let is_strict = |footprint: &Footprint| {
            let strict = strict.get_or_init(|| strict_tables(connection));
            strict.meet(&footprint.writes)
        };
        for text in closure.idle() {
            let footprint = footprint(connection, text);
            if let Some(footprint) = footprint.filter(|footprint| is_strict(footprint)) {
                let ran = Ran {
                    how: How::Torn,
                    footprint: &footprint,
                    changes: 0,
                    own: 0,
                };
                with(|record| record.ran_in_closure(ran, Reported::default()));
            }
        }
        for run in closure.into_runs() {
            let footprint = match &run.text {
                // Its rows tell all.
                Some(_) if run.is_clear() && watching() == Watching::Tables => None,
                Some(text) => footprint(connection, text),
                None => None,
            };
            let how = match &footprint {
                Some(footprint) if run.counts_nothing() && is_strict(footprint) => How::Torn,
                _ => run.how,
            };
            let ran = Ran {
                how,
                footprint: footprint.as_deref().unwrap_or(&none),
                changes: run.changes,
                own: run.own,
            };
            with(|record| record.ran_in_closure(ran, run.reported));
        }
        if seen.opaque {
            let ran = Ran {
                how: How::Unknown,
                footprint: &seen,
                changes: 0,
                own: 0,
            };
            with(|record| record.ran_in_closure(ran, Reported::default()));
        }
    }
    value
}

impl Record {
    /// Forgets what is known of a closure's statements, where SQLite has said
    /// more of them just now: it prepares them anew when another connection has
    /// changed the schema.
    fn forget_stale(&mut self, closure: &Closure, seen: &Footprint) {
        let mut known = Tables::default();
        for text in closure.texts() {
            if let Some(footprint) = self.footprints.get(text) {
                known.add_all(&footprint.writes);
            }
        }
        if !known.cover(&seen.writes) {
            for text in closure.texts() {
                self.footprints.remove(text);
            }
        }
    }

    fn ran_in_closure(&mut self, ran: Ran<'_>, reported: Reported) {
        if ran.footprint.opaque {
            self.footprints.clear();
            self.schema_changed = true;
        }
        if let Some(journal) = &mut self.journal {
            journal.ran_and_reported(ran, reported);
        }
    }
}

/// Ends the record of a closure in whatever way that ends: one that panics is
/// undone.
struct Tracing;

impl Tracing {
    fn start(closure: Closure) -> Tracing {
        with(|record| record.closure = Some(closure));
        TRACING.set(true);
        Tracing
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        TRACING.set(false);
        with(|record| record.closure = None);
    }
}

/// A statement that writes, while it runs; dropped when it has ended.
pub(crate) struct Noted {
    connection: Rc<Connection>,
    sql: Arc<str>,
    footprint: Rc<Footprint>,
    changes_before: u64,
    how: How,
}

impl Noted {
    /// Notes a statement that has just been prepared, where that is recorded.
    pub(crate) fn new(connection: &Rc<Connection>, sql: &Arc<str>) -> Option<Noted> {
        with_journal(Journal::absorb)?;
        Some(Noted {
            connection: connection.clone(),
            sql: sql.clone(),
            footprint: footprint(connection, sql)?,
            changes_before: connection.total_changes(),
            how: How::Failed,
        })
    }

    /// Says that it has not failed.
    pub(crate) fn succeeded(&mut self) {
        self.how = How::Whole;
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let torn = self.how == How::Failed
            && Handle::of(&self.connection).error_code() == SQLITE_CONSTRAINT_DATATYPE;
        let ended = Ran {
            how: if torn { How::Torn } else { self.how },
            footprint: &self.footprint,
            changes: self.connection.total_changes() - self.changes_before,
            own: self.connection.changes(),
        };
        ran(&self.sql, ended, self.connection.is_autocommit());
    }
}
