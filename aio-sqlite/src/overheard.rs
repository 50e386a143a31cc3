//! The statements of a closure that has the connection, told apart by what
//! SQLite traces.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{Connection, ffi};

use crate::journal::{How, Journal, Reported};

/// The statements of a closure, as far as they have run.
pub(crate) struct Closure {
    handle: Handle,
    /// The text of the statement that runs.
    running: Option<Arc<str>>,
    changes_before: u64,
    /// A statement had not ended when another began.
    entangled: bool,
    runs: Vec<Run>,
    texts: HashSet<Arc<str>>,
    /// The texts of statements that SQLite says nothing of: they found nothing
    /// to do, or failed.
    idle: HashSet<Arc<str>>,
}

/// What is known of a statement in a closure.
pub(crate) struct Run {
    pub(crate) text: Option<Arc<str>>,
    pub(crate) reported: Reported,
    pub(crate) changes: u64,
    pub(crate) own: u64,
    pub(crate) how: How,
}

impl Run {
    /// Tells whether rows were reported of which SQLite counted none.
    pub(crate) fn counts_nothing(&self) -> bool {
        self.how == How::Unknown && self.changes == 0 && self.reported.count() > 0
    }

    /// Tells whether all that SQLite counted was reported, and kept.
    pub(crate) fn is_clear(&self) -> bool {
        self.how == How::Unknown && self.own > 0 && self.changes == self.reported.count()
    }
}

impl Closure {
    pub(crate) fn new(connection: &Connection) -> Closure {
        let handle = Handle::of(connection);
        let (changes_before, _) = handle.counters();
        Closure {
            handle,
            running: None,
            changes_before,
            entangled: false,
            runs: Vec::new(),
            texts: HashSet::new(),
            idle: HashSet::new(),
        }
    }

    /// A statement has ended, because another begins or the closure ends.
    pub(crate) fn cut(&mut self, journal: &mut Journal, next: Option<&str>) {
        let (all, own) = self.handle.counters();
        let changes = all - self.changes_before;
        // What a foreign key does is announced as the statement itself, before
        // the rows of that are counted.
        if next.is_some() && next == self.running.as_deref() && changes < journal.reported() {
            return;
        }
        let reported = journal.take_reported();
        let idles = changes == 0 && !self.spares_rows();
        let suspicious = changes < reported.count() || idles;
        let unended = suspicious && self.is_unended(next);
        self.entangled |= unended;
        let run = Run {
            text: self.running.take(),
            how: match unended || (self.entangled && changes > reported.count()) {
                true => How::Entangled,
                false => How::Unknown,
            },
            reported,
            changes,
            own,
        };
        self.changes_before = all;
        self.running = next.map(|text| match self.texts.get(text) {
            Some(text) => text.clone(),
            None => {
                let text: Arc<str> = text.into();
                self.texts.insert(text.clone());
                text
            }
        });
        if run.changes == 0 && run.reported.count() == 0 && !unended {
            self.idle.extend(run.text.filter(|_| idles && own == 0));
            return;
        }
        match self.runs.last_mut() {
            Some(last) if last.text == run.text && last.is_clear() && run.is_clear() => {
                last.changes += run.changes;
                last.reported.add(run.reported);
            }
            _ => self.runs.push(run),
        }
    }

    /// Tells whether what ran can be seen at once to write no rows.
    fn spares_rows(&self) -> bool {
        let text = self.running.as_deref().unwrap_or_default();
        ["select", "create", "drop", "alter", "pragma"]
            .iter()
            .any(|word| {
                let start = text.get(..word.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(word))
            })
    }

    /// Tells whether the statement that ran has not ended, although the next has
    /// begun: not all rows of its RETURNING have been read. What it writes is
    /// written, and will be counted when it ends.
    fn is_unended(&self, next: Option<&str>) -> bool {
        let begun = usize::from(next.is_some() && next == self.running.as_deref());
        next.is_some()
            && self
                .running
                .as_deref()
                .is_some_and(|running| self.handle.writers_under_way(running) > begun)
    }

    /// The texts of what may have failed, where nothing else says so.
    pub(crate) fn idle(&self) -> impl Iterator<Item = &Arc<str>> {
        self.idle.iter()
    }

    /// The texts of all that has run.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.texts.iter()
    }

    pub(crate) fn into_runs(self) -> Vec<Run> {
        self.runs
    }
}

/// A connection that is asked from within a callback of its own, where
/// rusqlite's may be borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Handle(*mut ffi::sqlite3);

impl Handle {
    #[expect(unsafe_code, reason = "rusqlite's handle is for such callbacks")]
    pub(crate) fn of(connection: &Connection) -> Handle {
        // SAFETY: the handle is used only on the connection's thread, while that
        // is borrowed by what runs there, and only to read.
        Handle(unsafe { connection.handle() })
    }

    /// All changes so far, and those of the last statement.
    #[expect(unsafe_code, reason = "rusqlite's counters borrow the connection")]
    pub(crate) fn counters(self) -> (u64, u64) {
        // SAFETY: see `of`; the connection is open, and both only read.
        let (all, own) = unsafe {
            (
                ffi::sqlite3_total_changes64(self.0),
                ffi::sqlite3_changes64(self.0),
            )
        };
        (all.cast_unsigned(), own.cast_unsigned())
    }

    /// The extended code of the last error, if nothing has succeeded since.
    #[expect(unsafe_code, reason = "rusqlite keeps the code to itself")]
    pub(crate) fn error_code(self) -> i32 {
        // SAFETY: see `of`; the connection is open, and this only reads.
        unsafe { ffi::sqlite3_extended_errcode(self.0) }
    }

    /// How many statements of a text have begun, not ended, and may write.
    #[expect(unsafe_code, reason = "rusqlite does not list statements")]
    fn writers_under_way(self, text: &str) -> usize {
        let mut count = 0;
        let mut statement = std::ptr::null_mut();
        loop {
            // SAFETY: see `of`; the list is of the connection's own statements,
            // all on this thread, of which none goes away meanwhile; the rest
            // reads their state and their text, which is copied by nobody.
            unsafe {
                statement = ffi::sqlite3_next_stmt(self.0, statement);
                if statement.is_null() {
                    return count;
                }
                if ffi::sqlite3_stmt_busy(statement) == 0
                    || ffi::sqlite3_stmt_readonly(statement) != 0
                {
                    continue;
                }
                let sql = ffi::sqlite3_sql(statement);
                if !sql.is_null() && std::ffi::CStr::from_ptr(sql).to_bytes() == text.as_bytes() {
                    count += 1;
                }
            }
        }
    }
}
