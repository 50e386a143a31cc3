//! The database's handle: what only a whole database can do.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::call::Call;
use crate::error::Result;
use crate::from_row::FromRow;
use crate::params::IntoParams;
use crate::pool::Pool;
use crate::query::Query;
use crate::row::Row;
use crate::session::{Seat, Session};
use crate::transaction::Begin;

/// A database: one connection that writes and several that read; made by
/// [`open`](crate::open).
///
/// It dereferences to [`Session`], where `execute`, `query` and the rest are. A
/// statement goes where it belongs by SQLite's own word: what changes nothing
/// runs on whichever reader is free, everything else on the writer. Reads run
/// beside each other and beside a write; whatever was acknowledged before a
/// read begins is seen by it.
///
/// Independent writes that come while the writer is busy share the next
/// commit: each is acknowledged when it is durable, and one that fails, panics
/// or is cancelled harms itself only, and leaves nothing: `OR FAIL` keeps the
/// rows before the one that fails only where its statement had no company.
/// `PRAGMA`, `VACUUM` and
/// [`call`](Database::call) run by themselves. Statements that need one
/// connection for themselves (`BEGIN` and its kin, `ATTACH`, temporary tables)
/// are [`Error::UseConnection`](crate::Error::UseConnection), which names what
/// to use.
///
/// `SELECT last_insert_rowid()` and `changes()` only read, so that a reader
/// answers them, which has inserted nothing:
/// [`Done`](crate::Done) has both, of the statement itself.
///
/// Reads go on while a transaction is open and see the database without it. Its
/// guard lets temporary tables through: they are the writer's, seen by later
/// writes and by no read, so it is well to drop them before the commit.
///
/// The handle is cheap to clone and may be used from any task, thread and
/// runtime. Dropping the last one ends the threads; [`close`](Database::close)
/// does the same and says how it went.
#[derive(Clone)]
pub struct Database {
    session: Arc<Session>,
    pool: Arc<Pool>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path())
            .finish()
    }
}

impl Deref for Database {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Database {
    pub(crate) fn new(pool: Arc<Pool>) -> Database {
        Database {
            session: Arc::new(Session {
                seat: Seat::Pool(pool.clone()),
            }),
            pool,
        }
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Returns the path that was opened, as it was given.
    pub fn path(&self) -> &Path {
        self.pool.writer().link.path()
    }

    /// As [`Session::query`], and what it returns borrows nothing: its stream
    /// can be the body of a response.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: a query that is dropped stops.
    pub fn query(&self, sql: impl AsRef<str>, params: impl IntoParams) -> Query<'static, Row> {
        self.query_as(sql, params)
    }

    /// As [`Session::query_as`], and what it returns borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: a query that is dropped stops.
    pub fn query_as<T: FromRow>(
        &self,
        sql: impl AsRef<str>,
        params: impl IntoParams,
    ) -> Query<'static, T> {
        Query::new(self.statement(sql), params.into_params(), T::from_row)
    }

    /// Begins a transaction on the writer: `.await` gives its guard, `.with(…)`
    /// also finishes it. As [`Connection::begin`](crate::Connection::begin).
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: cancelled at any moment, no transaction stays open.
    pub fn begin(&self) -> Begin<'_> {
        Begin::new(self.pool.writer())
    }

    /// Runs a closure with the writer's [`rusqlite::Connection`], by itself. As
    /// [`Connection::call`](crate::Connection::call), except that a transaction
    /// which the closure leaves open is rolled back: where it returned Ok, the
    /// answer is then [`Error::Aborted`](crate::Error::Aborted).
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: a closure that has started runs to its end, but SQLite stops
    /// at what it has it do; one that is still queued never runs.
    pub fn call<T, F>(&self, work: F) -> Call<'_, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        Call::new(self.pool.writer(), work)
    }

    /// Closes the database for all its handles.
    ///
    /// Calls that came before are run, an open transaction is waited for as by
    /// any other write, half-read streams are ended. From the first poll on,
    /// other new calls give [`Error::Closed`](crate::Error::Closed). The writer
    /// is closed last, which moves the write-ahead log into the database unless
    /// another process has it open. Closing again is Ok.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`](crate::Error::Busy) where a transaction is open for too
    /// long, [`Error::Sqlite`](crate::Error::Sqlite) where SQLite refuses: the
    /// database is then still open, and closing can be tried again.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped while it waits, the database stays open; readers
    /// that were closed already are opened again when they are needed.
    pub async fn close(&self) -> Result<()> {
        self.pool.close().await
    }
}
