//! The connection in the hands of a caller's closure.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rusqlite::{Connection, TransactionState, ffi};

use crate::authorizer;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::handlers::Handlers;
use crate::observing::version;
use crate::options::Ownership;
use crate::recorder;
use crate::touched::Watching;
use crate::wakes;

impl Engine {
    /// Gives the connection to a closure. No cursor may be open.
    ///
    /// On a connection that is one of several, a transaction that the closure
    /// leaves open is rolled back: what others write next would be part of it
    /// and be acknowledged without a commit.
    pub(crate) fn lend<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        wakes::wake_at_once();
        let (handlers, watching) = (self.handlers, self.watching);
        let connection = self.own();
        let before = version(connection);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
        // The closure may have put handlers of its own in the place of ours.
        let mut restored = handlers.install(connection);
        if watching != Watching::Nothing {
            restored = restored.and(Handlers::watch(connection, watching));
        }
        if version(connection) != before {
            recorder::anything();
        }
        let left_open = handlers.ownership == Ownership::Shared && !self.is_autocommit();
        let ended = match left_open {
            true => self.roll_back_all(),
            false => Ok(()),
        };
        match outcome {
            Ok(Ok(value)) => {
                restored.map_err(|e| Error::sqlite("call", e))?;
                ended?;
                if left_open {
                    let reason = "the call left it open, so it was rolled back";
                    return Err(Error::Aborted {
                        reason: reason.into(),
                    });
                }
                Ok(value)
            }
            Ok(Err(source)) => Err(Error::sqlite("call", source)),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Lends the connection to a closure, which can't take it apart. `name`
    /// stands for its SQL where it fails.
    pub(crate) fn lend_shared<T>(
        &self,
        name: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        wakes::wake_at_once();
        let connection = self.connection();
        recorder::closure(connection, || work(connection))
            .map_err(|source| Error::sqlite(name, source))
    }

    /// Runs queries for which the database stands still. On a connection that
    /// writes too, as that of a database in memory, a write is an error: it is
    /// rolled back with the rest.
    pub(crate) fn standing_still<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.begin("BEGIN DEFERRED")?;
        let outcome = catch_unwind(AssertUnwindSafe(|| authorizer::as_read(work)));
        let written = self.refuse_written();
        let ended = self.roll_back_all();
        match outcome {
            Ok(outcome) => outcome.and_then(|value| written.and(ended).map(|()| value)),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Refuses a transaction in which anything was written, or that SQLite has
    /// rolled back because of that.
    fn refuse_written(&self) -> Result<()> {
        let state = self.connection().transaction_state(None::<&str>);
        let written =
            state.map_err(|source| Error::sqlite("read", source))? == TransactionState::Write;
        if !written && !self.is_autocommit() {
            return Ok(());
        }
        let code = ffi::Error::new(ffi::SQLITE_READONLY);
        let said = "a read can't write".to_owned();
        Err(Error::sqlite(
            "read",
            rusqlite::Error::SqliteFailure(code, Some(said)),
        ))
    }
}
