//! Opening a database.

use std::future::{Future, IntoFuture};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Value;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::link::{Link, Place};
use crate::migrate::{Migrations, migrate};
use crate::observers::Observers;
use crate::op::Limit;
use crate::options::{
    Access, Durability, ForeignKeys, JournalMode, Options, Ownership, Synchronous, WalRace,
};
use crate::params::IntoValue;
use crate::pool::{Pool, Size};
use crate::turn::Scope;
use crate::wal_race;

/// A database to be opened: `.await` opens it, `.with(…)` also closes it.
///
/// Made by [`open`].
///
/// # Cancel safety
///
/// *Cancel safe*: connections that nobody waits for any more are closed again.
#[must_use = "a builder does nothing until it is awaited or entered with `.with`"]
#[derive(Clone, Debug)]
pub struct Open {
    options: Options,
    size: Size,
    wal_race: WalRace,
    migrations: Option<Migrations>,
    limit: Option<Duration>,
}

/// Opens a database: one connection that writes and several that read, over a
/// write-ahead log.
///
/// The path is a file's, taken as it is (no URI), and created where there is
/// none, unless [`access`](Open::access) says otherwise; or `":memory:"`, which only
/// its writer can see, so that it reads too.
/// Commits are durable: `synchronous` is `FULL`. Foreign keys are enforced, a
/// locked database is waited for up to 5 s, and each connection keeps 128
/// prepared statements. Each setting is read back.
///
/// # Errors
///
/// When awaited: [`Error::Open`] names the path, [`Error::Pragma`] a setting
/// that did not take, [`Error::WalRace`] a version of SQLite that is not safe
/// for several connections.
///
/// # Cancel safety
///
/// *Cancel safe*: connections that nobody waits for any more are closed again.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let scratch = tempfile::tempdir()?;
/// # let path = scratch.path().join("app.db");
/// let db = aio_sqlite::open(path).readers(2).await?;
/// db.execute("CREATE TABLE log(line TEXT)", ()).await?;
///
/// // Independent writes that come at the same time share their commit.
/// let sql = "INSERT INTO log VALUES (?1)";
/// let (one, two) = tokio::join!(db.execute(sql, ["one"]), db.execute(sql, ["two"]));
/// (one?, two?);
///
/// assert_eq!(db.query_as::<i64>("SELECT count(*) FROM log", ()).one().await?, 2);
/// db.close().await?;
/// # Ok(())
/// # }
/// ```
pub fn open(path: impl AsRef<Path>) -> Open {
    Open {
        options: Options::of(path.as_ref(), Ownership::Shared),
        size: Size {
            readers: 4,
            most: 16,
        },
        wal_race: WalRace::default(),
        migrations: None,
        limit: None,
    }
}

impl Open {
    /// Says what may be done with the file; default: [`Access::Create`].
    ///
    /// With [`Access::ReadOnly`] a write is an error. So is a file that has never
    /// had a write-ahead log, since that would have to be written
    /// ([`Error::Pragma`]); [`connect`](crate::connect()) takes it as it is. Live
    /// queries have no news then: with the feature `foreign-changes`, where they
    /// should have, they are an error.
    pub fn access(mut self, access: Access) -> Open {
        self.options.access = access;
        self
    }

    /// Says how many connections read, each on a thread of its own, at least
    /// one; default: 4.
    pub fn readers(mut self, readers: usize) -> Open {
        self.size.readers = readers.max(1);
        self
    }

    /// Says how many readers there may be; default: 16.
    ///
    /// A half-read stream keeps a reader for itself. When all readers are kept,
    /// more are opened, up to this many; they stay. Then calls wait for the
    /// busy timeout and fail with [`Error::NoReader`].
    pub fn max_readers(mut self, most: usize) -> Open {
        self.size.most = most;
        self
    }

    /// Says what a power cut may lose; default: [`Durability::Durable`].
    pub fn durability(mut self, durability: Durability) -> Open {
        self.options.synchronous = match durability {
            Durability::Durable => Synchronous::Full,
            Durability::Relaxed => Synchronous::Normal,
        };
        self
    }

    /// Says whether foreign keys are checked; default: [`ForeignKeys::Enforced`].
    pub fn foreign_keys(mut self, foreign_keys: ForeignKeys) -> Open {
        self.options.foreign_keys = foreign_keys;
        self
    }

    /// Says how long a statement waits for another process's lock, and a call
    /// for a reader while streams keep them all; default: 5 s.
    pub fn busy_timeout(mut self, timeout: Duration) -> Open {
        self.options.busy_timeout = timeout;
        self
    }

    /// Says how many prepared statements each connection keeps; default: 128.
    pub fn statement_cache(mut self, statements: usize) -> Open {
        self.options.statement_cache = statements;
        self
    }

    /// Says how long a transaction may keep other writes waiting; default: 30 s.
    ///
    /// As [`Connect::max_hold`](crate::builders::Connect::max_hold). A half-read
    /// stream that is not read on for so long counts as lost too, and ends with
    /// [`Error::StreamEnded`]: it keeps a reader, and the write-ahead log from
    /// being taken over into the database, which then grows.
    pub fn max_hold(mut self, max_hold: Duration) -> Open {
        self.options.max_hold = max_hold;
        self
    }

    /// Sets any other pragma on each connection, in the order of the calls,
    /// after the ones above.
    ///
    /// What SQLite reads back must be the same number, or the same word without
    /// regard to case.
    pub fn pragma(mut self, name: impl Into<String>, value: impl IntoValue) -> Open {
        let value = value.into_value().unwrap_or(Value::Null);
        self.options.pragmas.push((name.into(), value));
        self
    }

    /// Runs a script on each connection when it is opened, behind what the
    /// calls before gave: for what a connection has for itself, such as
    /// attached databases and temporary views.
    pub fn on_connect(mut self, script: impl AsRef<str>) -> Open {
        self.options.script.push_str(script.as_ref());
        self.options.script.push_str(";\n");
        self
    }

    /// Brings the file to the schema that the program expects, before anything
    /// else is done with it; see [`migrate`](crate::migrate). Default: the file
    /// is left as it is.
    ///
    /// As [`Connect::migrations`](crate::builders::Connect::migrations). The
    /// readers are opened when the last step is done.
    pub fn migrations(mut self, migrations: impl Into<Migrations>) -> Open {
        self.migrations = Some(migrations.into());
        self
    }

    /// Says what to do where the SQLite that is linked can lose commits;
    /// default: [`WalRace::Refuse`].
    pub fn wal_race(mut self, wal_race: WalRace) -> Open {
        self.wal_race = wal_race;
        self
    }

    /// Limits the time from the first poll to the open database: its settings
    /// may have to wait for another process's lock, and its migrations take
    /// time.
    pub fn timeout(mut self, limit: Duration) -> Open {
        self.limit = Some(limit);
        self
    }

    /// Opens the database, runs `body` with it and closes it, whether `body`
    /// returns Ok or Err.
    ///
    /// # Errors
    ///
    /// Those of opening; then the body's own; then those of
    /// [`close`](Database::close).
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped, the connections are closed by their threads, and
    /// what was open on them is rolled back.
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Database) -> Result<T, E>,
        E: From<Error>,
    {
        let mut database = self.await?;
        let outcome = body(&mut database).await;
        let closed = database.close().await;
        let value = outcome?;
        closed?;
        Ok(value)
    }

    async fn start(self) -> Result<Database> {
        let limit = Limit::starting_now(self.limit);
        // Memory and a nameless file are seen by the connection that made them.
        let shared = !matches!(self.options.path.to_str(), Some("" | ":memory:"));
        let mut options = self.options;
        if shared {
            wal_race::check(rusqlite::version_number(), self.wal_race)?;
            options.journal_mode = Some(JournalMode::Wal);
        }
        // Each open of a builder, which can be cloned, has its own.
        let observers = Arc::new(Observers::default());
        options.observers = Some(observers.clone());
        let writer = Link::open(options.clone(), limit, None).await?;
        if let Some(migrations) = &self.migrations {
            let link = writer.clone();
            let scope = Scope::Root;
            if let Err(error) = migrate(&Place { link, scope }, migrations, limit).await {
                // The migration's error is the answer; nothing is left open.
                let _ = writer.close().await;
                return Err(error);
            }
        }
        let reading = shared.then(|| options.for_reading());
        let size = Size {
            most: self.size.most.max(self.size.readers),
            ..self.size
        };
        let pool = Pool::open(writer, observers, reading, size, limit).await?;
        Ok(Database::new(pool))
    }
}

impl IntoFuture for Open {
    type Output = Result<Database>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Database>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}
