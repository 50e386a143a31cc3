//! The connection itself, and what is done with it on its thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection};

use crate::chunk::{Buffers, Chunk};
use crate::cursor::{After, Cursor, Fill, interrupted, refuse_nul, refuse_unfit};
use crate::error::{Error, Result, excerpt};
use crate::op::{current_must_stop, shielded};
use crate::options::Options;
use crate::params::Params;
use crate::turn::Scope;

/// What an executed statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// How many rows the statement inserted, changed or deleted, not counting
    /// those that triggers and foreign keys did.
    pub changes: u64,
    /// The rowid of the connection's last insert, taken right after the
    /// statement: 0 where nothing was inserted yet.
    pub last_insert_rowid: i64,
}

/// How many instructions of SQLite's machine run between two looks at the
/// token: some 10 µs.
const STEPS_BETWEEN_LOOKS: i32 = 1000;

/// One chunk holds everything of a result that is awaited as a whole, up to
/// this size; then the next begins.
const WHOLE: Fill = Fill {
    rows: usize::MAX,
    bytes: 1 << 20,
    time: None,
};

/// The open connection of a worker.
pub(crate) struct Engine {
    /// Shared with the open cursors only; `None` once it is closed.
    open: Option<Rc<Connection>>,
    busy_timeout: Duration,
}

impl Engine {
    pub(crate) fn open(options: &Options) -> Result<Engine> {
        let mut connection = options.open_file()?;
        // Before the settings, which may have to wait for another's lock.
        install_handlers(&mut connection, options.busy_timeout).map_err(|source| Error::Open {
            path: options.path.clone(),
            source,
        })?;
        options.apply(&connection)?;
        Ok(Engine {
            open: Some(Rc::new(connection)),
            busy_timeout: options.busy_timeout,
        })
    }

    fn connection(&self) -> &Rc<Connection> {
        self.open.as_ref().expect("a closed connection is not used")
    }

    /// Tells whether no transaction is open: SQLite's own word, which nothing
    /// that we count could replace.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.connection().is_autocommit()
    }

    pub(crate) fn cursor(&self, sql: Arc<str>, params: &Params) -> Result<Cursor> {
        Cursor::open(self.connection(), sql, params)
    }

    /// Runs a statement to its end.
    pub(crate) fn execute(&self, sql: Arc<str>, params: &Params) -> Result<Done> {
        let before = self.connection().total_changes();
        self.cursor(sql, params)?.finish()?;
        Ok(self.done_since(before))
    }

    /// Runs a statement once for each set of parameters, in order.
    pub(crate) fn execute_all(&self, sql: &Arc<str>, rows: &[Params]) -> Result<Done> {
        let fail = |source| Error::sqlite(sql, source);
        refuse_nul(sql)?;
        let mut statement = self.connection().prepare_cached(sql).map_err(fail)?;
        refuse_unfit(sql, &statement)?;
        let mut all = Done {
            changes: 0,
            last_insert_rowid: self.connection().last_insert_rowid(),
        };
        for params in rows {
            let before = self.connection().total_changes();
            params.bind(sql, &mut statement)?;
            let mut rows = statement.raw_query();
            while rows.next().map_err(fail)?.is_some() {}
            drop(rows);
            let done = self.done_since(before);
            all.changes += done.changes;
            all.last_insert_rowid = done.last_insert_rowid;
        }
        Ok(all)
    }

    fn done_since(&self, total_changes: u64) -> Done {
        // SQLite keeps the count of the last statement that wrote: a statement
        // that wrote nothing would repeat it.
        let wrote = self.connection().total_changes() != total_changes;
        Done {
            changes: if wrote {
                self.connection().changes()
            } else {
                0
            },
            last_insert_rowid: self.connection().last_insert_rowid(),
        }
    }

    /// Runs the statements of a script one after another. Inside a level, one
    /// that ends the transaction ends the script: what follows would run by
    /// itself.
    pub(crate) fn execute_script(&self, script: &str, level: Scope) -> Result<()> {
        refuse_nul(script)?;
        let mut batch = Batch::new(self.connection(), script);
        while let Some(mut statement) = batch.next().map_err(|source| match &source {
            // What is left of the script, from the statement that is wrong on.
            rusqlite::Error::SqlInputError { sql, .. } => Error::sqlite(&sql.clone(), source),
            _ => Error::sqlite(script, source),
        })? {
            let sql = statement.expanded_sql().unwrap_or_default();
            if current_must_stop() {
                return Err(interrupted(&sql)); // short statements never ask
            }
            refuse_unfit(&sql, &statement)?;
            let parameters = statement.parameter_count();
            if parameters > 0 {
                return Err(Error::parameter(
                    &sql,
                    format!("a script takes no parameters, and here are {parameters}"),
                ));
            }
            let mut rows = statement.raw_query();
            while rows.next().map_err(|e| Error::sqlite(&sql, e))?.is_some() {}
            if level != Scope::Root && self.is_autocommit() {
                return Err(Error::Aborted {
                    reason: format!("a statement of a script ended it: {}", excerpt(&sql)).into(),
                });
            }
        }
        Ok(())
    }

    /// Runs a query and returns its rows, at most `limit` of them.
    pub(crate) fn collect(
        &self,
        sql: Arc<str>,
        params: &Params,
        limit: usize,
    ) -> Result<Vec<Arc<Chunk>>> {
        let mut cursor = self.cursor(sql, params)?;
        let mut chunks = Vec::new();
        let mut left = limit;
        loop {
            let fill = Fill {
                rows: left,
                ..WHOLE
            };
            let (chunk, after) = cursor.fill(Buffers::default(), fill);
            left -= chunk.rows();
            if chunk.rows() > 0 {
                chunks.push(Arc::new(chunk));
            }
            match after {
                After::More => {}
                After::End => return Ok(chunks),
                After::Failed(error) => return Err(error),
            }
            if left == 0 {
                if !cursor.is_readonly() {
                    cursor.finish()?; // a statement that writes runs whole
                }
                return Ok(chunks);
            }
        }
    }

    /// Begins a transaction, which may wait for another connection's lock.
    pub(crate) fn begin(&self, sql: &str) -> Result<()> {
        self.connection()
            .execute_batch(sql)
            .map_err(|e| Error::sqlite(sql, e))
    }

    /// Runs a statement of the crate's own that nothing may interrupt.
    pub(crate) fn control(&self, sql: &str) -> Result<()> {
        shielded(|| self.connection().execute_batch(sql)).map_err(|e| Error::sqlite(sql, e))
    }

    /// Gives the connection to a closure. No cursor may be open.
    ///
    /// A panic in it comes back as the error's message.
    pub(crate) fn lend<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let connection = self
            .open
            .as_mut()
            .and_then(Rc::get_mut)
            .expect("no cursor shares the connection");
        let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
        // The closure may have put handlers of its own in the place of ours.
        let restored = install_handlers(connection, self.busy_timeout);
        match outcome {
            Ok(Ok(value)) => {
                restored.map_err(|e| Error::sqlite("call", e))?;
                Ok(value)
            }
            Ok(Err(source)) => Err(Error::sqlite("call", source)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Rolls back what is open, if anything is.
    pub(crate) fn roll_back_all(&self) -> Result<()> {
        if self.is_autocommit() {
            return Ok(());
        }
        self.control("ROLLBACK")
    }

    /// Closes the connection; where SQLite refuses, it stays open. No cursor
    /// may be open.
    pub(crate) fn close(&mut self) -> Result<()> {
        let Some(connection) = self.open.take() else {
            return Ok(());
        };
        let connection = Rc::into_inner(connection).expect("no cursor shares the connection");
        connection.close().map_err(|(connection, source)| {
            self.open = Some(Rc::new(connection));
            Error::sqlite("close", source)
        })
    }
}

/// Makes SQLite ask the running operation's token, both while it computes and
/// while it waits for another connection's lock.
///
/// `sqlite3_interrupt` would do neither well: it doesn't end a busy wait, and
/// it hits whatever runs on the connection when it arrives.
fn install_handlers(connection: &mut Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(current_must_stop))?;
    let mut waiting_since = Instant::now();
    connection.busy_handler(Some(move |attempt| {
        if attempt == 0 {
            waiting_since = Instant::now();
        }
        if current_must_stop() || waiting_since.elapsed() >= busy_timeout {
            return false;
        }
        thread::sleep(busy_pause(attempt));
        true
    }))
}

/// How long to leave the lock's holder alone: short at first, since most locks
/// are, and never longer than a caller who has gone should be kept.
fn busy_pause(attempt: i32) -> Duration {
    const MILLISECONDS: [u64; 5] = [1, 1, 2, 5, 10];
    let index = usize::try_from(attempt).unwrap_or(usize::MAX);
    Duration::from_millis(MILLISECONDS[index.min(MILLISECONDS.len() - 1)])
}
