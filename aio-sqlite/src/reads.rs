//! What a query reads: the tables that SQLite names while it prepares the query,
//! and those that virtual tables read for it by statements of their own.
//!
//! Nothing of it is kept for the next run. The schema may have changed by then,
//! and SQLite says so to whoever runs a statement first: not to each.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::trace::TraceEvent;

use crate::recorder;
use crate::tables::Tables;

/// So many texts of virtual tables are looked at; what runs more reads anything.
const MOST: usize = 64;

thread_local! {
    /// The texts that have run since a query began; `None` while none is looked
    /// at.
    static RAN: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// A statement begins, whoever runs it.
pub(crate) fn traced(event: &TraceEvent<'_>) {
    let TraceEvent::Stmt(statement, _) = event else {
        return;
    };
    RAN.with_borrow_mut(|ran| {
        let Some(ran) = ran.as_mut().filter(|ran| ran.len() <= MOST) else {
            return;
        };
        let sql = statement.sql();
        if !ran.iter().any(|text| *text == sql) {
            ran.push(sql.into_owned());
        }
    });
}

/// The tables that a statement names, which is only prepared; and whether it
/// does no more than read.
pub(crate) fn named(connection: &Connection, sql: &str) -> rusqlite::Result<(Tables, bool)> {
    recorder::prepares();
    let readonly = connection.prepare(sql)?.readonly();
    let seen = recorder::seen();
    match seen.is_blank() {
        true => Ok((Tables::everything(), readonly)),
        false => Ok((seen.reads, readonly)),
    }
}

/// Runs a query, and returns what is read for it besides what it names. The
/// connection is traced.
pub(crate) fn unnamed<T>(connection: &Connection, work: impl FnOnce() -> T) -> (T, Tables) {
    RAN.set(Some(Vec::new()));
    let value = work();
    let ran = RAN.take().unwrap_or_default();
    // What was prepared while it ran: itself anew, since the schema had changed.
    let mut reads = recorder::seen().reads;
    if ran.len() > MOST {
        reads.add_everything();
        return (value, reads);
    }
    for sql in ran {
        match named(connection, &sql) {
            Ok((named, _)) => reads.add_all(&named),
            Err(_) => reads.add_everything(),
        }
    }
    (value, reads)
}
