//! A read transaction that several queries share, on their connection.
//!
//! It is a query that is kept half read beside them: SQLite leaves the file as
//! it is until that one ends.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use rusqlite::Connection;

use crate::by_text::ByText;
use crate::chunk::Buffers;
use crate::cursor::{After, Cursor, Fill};
use crate::engine::Engine;
use crate::op::{Stop, running};
use crate::params::Params;

/// So many texts are remembered.
const MOST: usize = 128;

/// The transaction that the queries of a round share, on their connection.
pub(crate) struct Shared {
    /// There is a round, and what has run in it was fit for that.
    wanted: Cell<bool>,
    /// A query that is half read: the transaction has begun.
    open: RefCell<Option<Cursor>>,
    /// Which texts are fit to run in it. Where the schema changes under one, it
    /// counts as what it was.
    fit: RefCell<ByText<Fit>>,
}

/// What is known of a text.
#[derive(Clone, Copy)]
enum Fit {
    /// It has come once. It is looked at when it comes again: a program that
    /// puts values into its texts has any number, of which none does.
    Unknown,
    Yes,
    No,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared {
            wanted: Cell::default(),
            open: RefCell::default(),
            fit: RefCell::new(ByText::new(MOST)),
        }
    }
}

impl Shared {
    /// Says that a round begins.
    pub(crate) fn begin(&self) {
        self.wanted.set(true);
    }

    /// Tells whether another query may follow.
    pub(crate) fn goes_on(&self) -> bool {
        self.wanted.get()
    }

    /// Leaves the file alone.
    pub(crate) fn end(&self) {
        self.wanted.set(false);
        drop(self.open.take());
    }
}

impl Engine {
    /// Begins the shared transaction before the first statement of a round.
    ///
    /// It ends before one which, by itself, would not read the main database or
    /// would read another too: that may run for any time, or wait for another's
    /// lock, and must keep no more from others than its own. It doesn't begin
    /// where SQLite would have to wait.
    pub(crate) fn share_read(&self, sql: &Arc<str>) {
        let shared = &self.shared;
        if !shared.wanted.get() {
            return;
        }
        if !self.is_fit(sql) {
            return shared.end();
        }
        if shared.open.borrow().is_none() {
            match running(Arc::new(Impatient), || half_read(self)) {
                None => shared.end(),
                begun => drop(shared.open.replace(begun)),
            }
        }
    }

    fn is_fit(&self, sql: &Arc<str>) -> bool {
        let mut texts = self.shared.fit.borrow_mut();
        let fit = match texts.get(sql) {
            Some(Fit::Yes) => return true,
            Some(Fit::No) => return false,
            Some(Fit::Unknown) => match reads_main_alone(self.connection(), sql) {
                Ok(true) => Fit::Yes,
                Ok(false) => Fit::No,
                Err(_) => return false, // it is no statement yet
            },
            None => Fit::Unknown,
        };
        texts.keep(sql.clone(), fit);
        matches!(fit, Fit::Yes)
    }
}

/// Tells whether a statement reads the main database and no other but the
/// temporary one, by the transactions that SQLite would begin for it.
fn reads_main_alone(connection: &Connection, sql: &str) -> rusqlite::Result<bool> {
    const MAIN: i64 = 0;
    const TEMP: i64 = 1;
    let mut explain = connection.prepare(&format!("EXPLAIN {sql}"))?;
    let mut steps = explain.raw_query();
    let mut reads_main = false;
    while let Some(step) = steps.next()? {
        if step.get_ref("opcode")?.as_str() == Ok("Transaction") {
            match step.get("p1")? {
                MAIN => reads_main = true,
                TEMP => {}
                _ => return Ok(false),
            }
        }
    }
    Ok(reads_main)
}

/// A query that is half read, and so has begun to read the file. A file without
/// tables has no row to stop at, and nothing that would be quick to read.
fn half_read(engine: &Engine) -> Option<Cursor> {
    let sql = "SELECT 1 FROM main.sqlite_schema".into();
    let mut cursor = engine.cursor(sql, &Params::default()).ok()?;
    let one = Fill {
        rows: 1,
        bytes: usize::MAX,
        time: None,
    };
    let (_, after) = cursor.fill(Buffers::default(), one);
    matches!(after, After::More).then_some(cursor)
}

/// What is done for nobody: it must not wait for another connection's lock.
pub(crate) struct Impatient;

impl Stop for Impatient {
    fn must_stop(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_the_databases_that_it_reads() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE a(n); CREATE TEMP TABLE b(n);
                 ATTACH ':memory:' AS other; CREATE TABLE other.c(n);
                 CREATE TEMP VIEW both AS SELECT a.n FROM a, c",
            )
            .unwrap();
        let fits = |sql| reads_main_alone(&connection, sql);
        for sql in [
            "SELECT n FROM a WHERE n = ?1",
            "SELECT a.n FROM a, b",
            "SELECT 1 FROM sqlite_schema",
            "SELECT CASE ?1 WHEN 1 THEN (SELECT n FROM a) END",
        ] {
            assert_eq!(fits(sql), Ok(true), "{sql}");
        }
        for sql in [
            "SELECT ?1",
            "SELECT n FROM b",
            "SELECT n FROM c",
            "SELECT n FROM both",
        ] {
            assert_eq!(fits(sql), Ok(false), "{sql}");
        }
        assert!(fits("SELECT n FROM nothing").is_err());
    }
}
