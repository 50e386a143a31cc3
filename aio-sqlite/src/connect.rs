//! Opening a connection.

use std::future::{Future, IntoFuture};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use rusqlite::types::Value;

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::link::Link;
use crate::migrate::{Migrations, migrate};
use crate::op::Limit;
use crate::options::{Access, ForeignKeys, JournalMode, Options, Ownership, Synchronous};

/// A connection to be opened: `.await` opens it, `.with(…)` also closes it.
///
/// Made by [`connect`].
///
/// # Cancel safety
///
/// *Cancel safe*: a connection that nobody waits for any more is closed again.
#[must_use = "a builder does nothing until it is awaited or entered with `.with`"]
#[derive(Clone, Debug)]
pub struct Connect {
    options: Options,
    migrations: Option<Migrations>,
    limit: Option<Duration>,
}

/// Opens one connection to a database, on a thread of its own.
///
/// The path is a file's, taken as it is (no URI), or `":memory:"` for a database
/// that lives as long as the connection. The journal mode of the file is left as it is; `synchronous`
/// is `FULL`, foreign keys are enforced, a locked database is waited for up to
/// 5 s, and 128 prepared statements are kept. Each setting is read back.
///
/// # Errors
///
/// When awaited: [`Error::Open`] names the path, [`Error::Pragma`] a setting
/// that did not take.
///
/// # Cancel safety
///
/// *Cancel safe*: a connection that nobody waits for any more is closed again.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aio_sqlite::Result<()> {
/// let answer = aio_sqlite::connect(":memory:")
///     .with(async |db| -> aio_sqlite::Result<_> {
///         db.query_as::<i64>("SELECT 6 * 7", ()).one().await
///     })
///     .await?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
pub fn connect(path: impl AsRef<Path>) -> Connect {
    Connect {
        options: Options::of(path.as_ref(), Ownership::Caller),
        migrations: None,
        limit: None,
    }
}

impl Connect {
    /// Says what the connection may do with the file; default: [`Access::Create`].
    pub fn access(mut self, access: Access) -> Connect {
        self.options.access = access;
        self
    }

    /// Sets the journal mode; default: the file's own is left as it is.
    pub fn journal_mode(mut self, mode: JournalMode) -> Connect {
        self.options.journal_mode = Some(mode);
        self
    }

    /// Says when a commit waits for the disk; default: [`Synchronous::Full`].
    pub fn synchronous(mut self, synchronous: Synchronous) -> Connect {
        self.options.synchronous = synchronous;
        self
    }

    /// Says whether foreign keys are checked; default: [`ForeignKeys::Enforced`].
    pub fn foreign_keys(mut self, foreign_keys: ForeignKeys) -> Connect {
        self.options.foreign_keys = foreign_keys;
        self
    }

    /// Says how long a statement waits for another connection's lock; default: 5 s.
    pub fn busy_timeout(mut self, timeout: Duration) -> Connect {
        self.options.busy_timeout = timeout;
        self
    }

    /// Says how many prepared statements are kept; default: 128.
    pub fn statement_cache(mut self, statements: usize) -> Connect {
        self.options.statement_cache = statements;
        self
    }

    /// Says how long a transaction may keep the others waiting; default: 30 s.
    ///
    /// Callers that wait for a transaction longer than that, counted from its
    /// beginning, get [`Error::Busy`]. One that has run no statement for so
    /// long counts as lost: it is rolled back for whoever comes next, and its
    /// guard answers [`Error::Aborted`].
    pub fn max_hold(mut self, max_hold: Duration) -> Connect {
        self.options.max_hold = max_hold;
        self
    }

    /// Sets any other pragma, in the order of the calls, after the ones above.
    ///
    /// What SQLite reads back must be the same number, or the same word without
    /// regard to case.
    pub fn pragma(
        mut self,
        name: impl Into<String>,
        value: impl crate::params::IntoValue,
    ) -> Connect {
        let value = value.into_value().unwrap_or(Value::Null);
        self.options.pragmas.push((name.into(), value));
        self
    }

    /// Brings the file to the schema that the program expects, before anything
    /// else is done with it; see [`migrate`](crate::migrate). Default: the file
    /// is left as it is.
    ///
    /// A step that fails is undone, and its error, [`Error::Migration`], is the
    /// answer; those before it stay applied. When the opening is cancelled, it
    /// is the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// let db = aio_sqlite::connect(":memory:")
    ///     .migrations(["CREATE TABLE log(line)", "ALTER TABLE log ADD COLUMN at"])
    ///     .await?;
    /// db.execute("INSERT INTO log(line, at) VALUES ('hi', 1)", ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn migrations(mut self, migrations: impl Into<Migrations>) -> Connect {
        self.migrations = Some(migrations.into());
        self
    }

    /// Limits the time from the first poll to the open connection: its
    /// settings may have to wait for another connection's lock, and its
    /// migrations take time.
    pub fn timeout(mut self, limit: Duration) -> Connect {
        self.limit = Some(limit);
        self
    }

    /// Opens the connection, runs `body` with it and closes it, whether `body`
    /// returns Ok or Err.
    ///
    /// # Errors
    ///
    /// Those of opening; then the body's own; then those of
    /// [`close`](Connection::close).
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped, the connection is closed by its thread, and what
    /// was open on it is rolled back.
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Connection) -> Result<T, E>,
        E: From<Error>,
    {
        let mut connection = self.await?;
        let outcome = body(&mut connection).await;
        let closed = connection.close().await;
        let value = outcome?;
        closed?;
        Ok(value)
    }
}

impl IntoFuture for Connect {
    type Output = Result<Connection>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Connection>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let limit = Limit::starting_now(self.limit);
            let connection = Connection::new(Link::open(self.options, limit, None).await?);
            if let Some(migrations) = &self.migrations {
                let place = connection.session.seat.place();
                if let Err(error) = migrate(place, migrations, limit).await {
                    // The migration's error is the answer; nothing is left open.
                    let _ = connection.close().await;
                    return Err(error);
                }
            }
            Ok(connection)
        })
    }
}
