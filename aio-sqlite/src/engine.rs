//! The connection itself, and what is done with it on its thread.

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection, ErrorCode, Rows, ffi};

use crate::authorizer;
use crate::chunk::{Buffers, Chunks};
use crate::columns::Headings;
use crate::cursor::{After, Cursor, Fill, at_once, interrupted};
use crate::error::{Error, Result, excerpt};
use crate::handlers::Handlers;
use crate::look::Look;
#[cfg(feature = "foreign-changes")]
use crate::observing::data_version;
use crate::op::{current_must_stop, shielded};
use crate::options::{Access, Options, Ownership};
use crate::params::Params;
use crate::recorder::{self, Noted, Role};
use crate::sets::Sets;
use crate::shared_read::Shared;
use crate::touched::Watching;
use crate::turn::Scope;
use crate::unfit::{refuse_empty, refuse_script, refuse_text};
use crate::wakes;

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

/// The savepoint of the member that runs; there is one at a time.
const MEMBER: u64 = 0;

/// One chunk holds everything of a result that is awaited as a whole, up to
/// this size; then the next begins.
const WHOLE: Fill = Fill {
    rows: usize::MAX,
    bytes: 1 << 20,
    time: None,
};

const USER_VERSION: &str = "user_version";

/// The open connection of a worker.
pub(crate) struct Engine {
    /// Shared with the open cursors only; `None` once it is closed.
    pub(crate) open: Option<Rc<Connection>>,
    headings: Headings,
    /// The read transaction that queries share, while they do.
    pub(crate) shared: Shared,
    control: Control,
    pub(crate) handlers: Handlers,
    /// How closely it is looked at what changes.
    pub(crate) watching: Watching,
    /// What SQLite last called the state that other connections left.
    #[cfg(feature = "foreign-changes")]
    pub(crate) data_version: i64,
}

/// The statements around the members of a group. A member's own code shares
/// the statement cache, so it must not be able to name them.
struct Control {
    savepoint: String,
    release: String,
    roll_back: String,
    commit: String,
}

impl Control {
    fn new() -> Control {
        let secret = RandomState::new().hash_one("member");
        Control {
            savepoint: format!("SAVEPOINT aio_{secret:x}"),
            release: format!("RELEASE aio_{secret:x}"),
            roll_back: format!("ROLLBACK TO aio_{secret:x}"),
            commit: format!("COMMIT -- {secret:x}"),
        }
    }
}

impl Engine {
    pub(crate) fn open(options: &Options) -> Result<Engine> {
        let mut connection = options.open_file()?;
        // Before the settings, which may have to wait for another's lock.
        let handlers = Handlers {
            busy_timeout: options.busy_timeout,
            ownership: options.ownership,
            role: match options.access {
                Access::ReadOnly => Role::Reads,
                _ => Role::Writes,
            },
        };
        if options.ownership == Ownership::Shared {
            recorder::begin(handlers.role);
        }
        handlers
            .install(&mut connection)
            .map_err(|source| Error::Open {
                path: options.path.clone(),
                source,
            })?;
        options.apply(&connection)?;
        // A script of the caller's may have set a busy timeout of its own.
        handlers
            .install(&mut connection)
            .map_err(|source| Error::sqlite("handlers", source))?;
        #[cfg(feature = "foreign-changes")]
        let data_version = data_version(&connection)?;
        Ok(Engine {
            open: Some(Rc::new(connection)),
            headings: Headings::default(),
            shared: Shared::default(),
            control: Control::new(),
            handlers,
            watching: Watching::Nothing,
            #[cfg(feature = "foreign-changes")]
            data_version,
        })
    }

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        self.open.as_ref().expect("a closed connection is not used")
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Tells whether no transaction is open: SQLite's own word, which nothing
    /// that we count could replace.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.connection().is_autocommit()
    }

    pub(crate) fn cursor(&self, sql: Arc<str>, params: &Params) -> Result<Cursor> {
        Cursor::open(self.connection(), &self.headings, sql, params)
    }

    /// Runs a statement to its end.
    pub(crate) fn execute(&self, sql: Arc<str>, params: &Params) -> Result<Done> {
        self.share_read(&sql);
        let before = self.connection().total_changes();
        at_once(self.connection(), &self.headings, sql, params, |cursor| {
            cursor.finish()
        })?;
        Ok(self.done_since(before))
    }

    /// Runs a statement to its end, and returns its rows too.
    pub(crate) fn execute_with_rows(
        &self,
        sql: Arc<str>,
        params: &Params,
    ) -> Result<(Done, Chunks)> {
        let before = self.connection().total_changes();
        let chunks = self.collect(sql, params, usize::MAX, Buffers::default())?;
        Ok((self.done_since(before), chunks))
    }

    /// Runs a statement once for each set of parameters, in order, inside a
    /// level.
    pub(crate) fn execute_all(&self, sql: &Arc<str>, sets: &Sets) -> Result<Done> {
        wakes::flush();
        let connection = self.connection();
        let fail = |source| Error::sqlite(sql, source);
        refuse_text(sql)?;
        let mut noted = None; // dropped behind the statement
        recorder::prepares();
        let mut statement = connection.prepare_cached(sql).map_err(fail)?;
        refuse_empty(sql, &statement)?;
        if !statement.readonly() {
            noted = Noted::new(connection, sql);
        }
        let parameters = statement.parameter_count();
        let mut changes = 0;
        let mut before = connection.total_changes();
        for set in sets.each() {
            set.bind(sql, &mut statement, parameters)?;
            let mut rows = statement.raw_query();
            while rows.next().map_err(fail)?.is_some() {}
            drop(rows);
            self.refuse_to_go_on_alone(sql)?;
            let total = connection.total_changes();
            if std::mem::replace(&mut before, total) != total {
                changes += connection.changes();
            }
        }
        if let Some(noted) = &mut noted {
            noted.succeeded();
        }
        Ok(Done {
            changes,
            last_insert_rowid: connection.last_insert_rowid(),
        })
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

    /// Runs the statements of a script on a connection that is not the caller's
    /// alone: each is a transaction of its own.
    pub(crate) fn execute_shared_script(&self, script: &str) -> Result<()> {
        let (outcome, seen) = authorizer::scripted(|| self.execute_script(script, Scope::Root));
        let look = match () {
            () if seen.control => Look::Control,
            () if seen.attach || seen.temporary => Look::OwnConnection,
            () => return outcome,
        };
        match outcome {
            Err(Error::Sqlite { sql, source })
                if source.sqlite_error_code()
                    == Some(ErrorCode::AuthorizationForStatementDenied) =>
            {
                Err(look.refused(&sql).unwrap_or(Error::Sqlite { sql, source }))
            }
            outcome => outcome,
        }
    }

    /// Runs the statements of a script one after another. Inside a level, one
    /// that ends the transaction ends the script: what follows would run by
    /// itself.
    pub(crate) fn execute_script(&self, script: &str, level: Scope) -> Result<()> {
        wakes::flush();
        refuse_script(script)?;
        let mut batch = Batch::new(self.connection(), script);
        loop {
            let mut noted = None; // dropped behind the statement
            recorder::prepares();
            let next = batch.next().map_err(|source| match &source {
                // What is left of the script, from the statement that is wrong on.
                rusqlite::Error::SqlInputError { sql, .. } => Error::sqlite(&sql.clone(), source),
                _ => Error::sqlite(script, source),
            })?;
            let Some(mut statement) = next else {
                return Ok(());
            };
            let sql = statement.expanded_sql().unwrap_or_default();
            if !statement.readonly() {
                noted = Noted::new(self.connection(), &sql.as_str().into());
            }
            if current_must_stop() {
                return Err(interrupted(&sql)); // short statements never ask
            }
            refuse_empty(&sql, &statement)?;
            let parameters = statement.parameter_count();
            if parameters > 0 {
                return Err(Error::parameter(
                    &sql,
                    format!("a script takes no parameters, and here are {parameters}"),
                ));
            }
            let mut rows = statement.raw_query();
            while rows.next().map_err(|e| Error::sqlite(&sql, e))?.is_some() {}
            if let Some(noted) = &mut noted {
                noted.succeeded();
            }
            if level != Scope::Root {
                self.refuse_to_go_on_alone(&sql)?;
            }
        }
    }

    /// Says that a statement has ended the transaction around it: what follows
    /// would be committed by itself.
    pub(crate) fn refuse_to_go_on_alone(&self, sql: &str) -> Result<()> {
        if !self.is_autocommit() {
            return Ok(());
        }
        Err(Error::Aborted {
            reason: format!("a statement ended it: {}", excerpt(sql)).into(),
        })
    }

    /// Runs a query and returns its rows, at most `limit` of them.
    pub(crate) fn collect(
        &self,
        sql: Arc<str>,
        params: &Params,
        limit: usize,
        mut buffers: Buffers,
    ) -> Result<Chunks> {
        self.share_read(&sql);
        let run = |cursor: &mut Cursor<Rows<'_>>| {
            let columns = cursor.columns().clone();
            let mut chunks = Chunks::default();
            let mut left = limit;
            loop {
                let fill = Fill {
                    rows: left,
                    ..WHOLE
                };
                let (chunk, after) = cursor.fill(std::mem::take(&mut buffers), fill);
                left -= chunk.rows();
                if chunk.rows() > 0 {
                    chunks.push(chunk);
                }
                if !Arc::ptr_eq(cursor.columns(), &columns) {
                    self.headings.keep(&sql, cursor.columns()); // the schema changed
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
        };
        at_once(self.connection(), &self.headings, sql.clone(), params, run)
    }

    /// Begins a transaction, which may wait for another connection's lock.
    pub(crate) fn begin(&self, sql: &str) -> Result<()> {
        wakes::flush();
        self.connection()
            .execute_batch(sql)
            .map_err(|e| Error::sqlite(sql, e))
    }

    /// Says what a statement needs, without running it.
    pub(crate) fn look_at(&self, sql: &str) -> Result<Look> {
        refuse_text(sql)?;
        let connection = self.connection();
        let (prepared, seen) = authorizer::looking(|| connection.prepare(sql));
        if seen.control {
            return Ok(Look::Control);
        }
        if seen.attach || seen.temporary {
            return Ok(Look::OwnConnection);
        }
        if seen.pragma {
            return Ok(Look::Alone);
        }
        let statement = prepared.map_err(|source| Error::sqlite(sql, source))?;
        Ok(match statement.readonly() {
            true if seen.select => Look::Read,
            // It finds nothing to do just now: DROP TRIGGER IF EXISTS, REINDEX.
            true => Look::Write,
            false if seen.change => Look::Write,
            // VACUUM, which begins transactions of its own.
            false => Look::Alone,
        })
    }

    /// Sets the savepoint in which a member of a group runs.
    pub(crate) fn enter_member(&self) -> Result<()> {
        self.control_often(&self.control.savepoint)?;
        recorder::marked(MEMBER);
        Ok(())
    }

    /// Keeps what the member has done.
    pub(crate) fn leave_member(&self) -> Result<()> {
        self.control_often(&self.control.release)?;
        recorder::released(MEMBER);
        Ok(())
    }

    /// Undoes what the member has done.
    pub(crate) fn undo_member(&self) -> Result<()> {
        self.control_often(&self.control.roll_back)?;
        recorder::rolled_back_to(MEMBER);
        self.leave_member()
    }

    /// Has foreign keys checked again when SQLite would: a member's wish to have
    /// them checked later is not its neighbours'.
    pub(crate) fn stop_deferring(&self) -> Result<()> {
        self.control("PRAGMA defer_foreign_keys = OFF")
    }

    /// Commits the open transaction.
    pub(crate) fn commit(&self) -> Result<()> {
        self.control_often(&self.control.commit)
    }

    /// Refuses what has left references without their targets. SQLite says so
    /// at the commit only, and then it can't tell whose they are.
    pub(crate) fn refuse_broken_references(&self) -> Result<()> {
        if self.broken_references() == 0 {
            return Ok(());
        }
        let code = ffi::Error::new(ffi::SQLITE_CONSTRAINT_FOREIGNKEY);
        let said = "FOREIGN KEY constraint failed".to_owned();
        Err(Error::sqlite(
            "COMMIT",
            rusqlite::Error::SqliteFailure(code, Some(said)),
        ))
    }

    /// How many deferred references have no target: zero or not zero is all
    /// that SQLite tells
    /// ([SQLITE_DBSTATUS_DEFERRED_FKS](https://www.sqlite.org/c3ref/c_dbstatus_options.html)).
    fn broken_references(&self) -> i32 {
        let (mut now, mut most) = (0, 0);
        #[expect(
            unsafe_code,
            reason = "rusqlite has no safe wrapper for sqlite3_db_status"
        )]
        // SAFETY: the handle belongs to the open connection, which this thread
        // owns, and both pointers are to live integers.
        let code = unsafe {
            ffi::sqlite3_db_status(
                self.connection().handle(),
                ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
                &raw mut now,
                &raw mut most,
                0,
            )
        };
        debug_assert_eq!(code, ffi::SQLITE_OK);
        now
    }

    /// As [`control`](Engine::control), for statements that come again and
    /// again.
    fn control_often(&self, sql: &str) -> Result<()> {
        shielded(|| self.connection().prepare_cached(sql)?.execute(()))
            .map(drop)
            .map_err(|e| Error::sqlite(sql, e))
    }

    /// The number that the application keeps in the file's header.
    pub(crate) fn user_version(&self) -> Result<i64> {
        self.connection()
            .pragma_query_value(None, USER_VERSION, |row| row.get(0))
            .map_err(|source| Error::sqlite("PRAGMA user_version", source))
    }

    pub(crate) fn set_user_version(&self, version: i64) -> Result<()> {
        self.connection()
            .pragma_update(None, USER_VERSION, version)
            .map_err(|source| Error::sqlite("PRAGMA user_version", source))
    }

    /// Lets nobody commit the open transaction until the seal is broken: a
    /// COMMIT fails and rolls it back. No cursor may be open.
    pub(crate) fn seal(&mut self) -> Result<()> {
        self.hook_commits(Some(authorizer::refuse_commit))?;
        authorizer::seal();
        Ok(())
    }

    /// Lets everybody commit again. No cursor may be open.
    pub(crate) fn break_seal(&mut self) -> Result<()> {
        authorizer::break_seal();
        self.hook_commits(None)
    }

    /// Sets the commit hook, which the connections of a database always have.
    fn hook_commits(&mut self, hook: Option<fn() -> bool>) -> Result<()> {
        if self.handlers.ownership == Ownership::Shared {
            return Ok(());
        }
        self.own()
            .commit_hook(hook)
            .map_err(|source| Error::sqlite("commit hook", source))
    }

    /// The connection for this thread alone. No cursor may be open.
    pub(crate) fn own(&mut self) -> &mut Connection {
        self.open
            .as_mut()
            .and_then(Rc::get_mut)
            .expect("no cursor shares the connection")
    }

    /// Runs a statement of the crate's own that nothing may interrupt.
    pub(crate) fn control(&self, sql: &str) -> Result<()> {
        wakes::flush();
        shielded(|| self.connection().execute_batch(sql)).map_err(|e| Error::sqlite(sql, e))
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
        wakes::flush();
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
