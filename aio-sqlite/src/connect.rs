//! Opening a connection: the options, and what SQLite makes of them.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection as Raw, OpenFlags};

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::link::Link;

/// What a connection may do with the database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Access {
    /// Read and write; a file that does not exist is created.
    #[default]
    Create,
    /// Read and write; a file that does not exist is an error.
    ReadWrite,
    /// Read only; a file that does not exist is an error.
    ReadOnly,
}

/// How SQLite keeps a transaction that is being written apart from the
/// database ([journal_mode](https://www.sqlite.org/pragma.html#pragma_journal_mode)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalMode {
    /// A rollback journal, deleted at each commit: SQLite's own default.
    Delete,
    /// A rollback journal, cut to nothing at each commit.
    Truncate,
    /// A rollback journal, overwritten at each commit.
    Persist,
    /// A write-ahead log: readers and one writer don't wait for each other.
    Wal,
    /// A rollback journal in memory: a crash can ruin the database.
    Memory,
}

/// When a commit waits for the disk
/// ([synchronous](https://www.sqlite.org/pragma.html#pragma_synchronous)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// Never: a power cut can ruin the database.
    Off,
    /// Less often: with a write-ahead log a power cut can lose the last commits.
    Normal,
    /// At each commit: what is acknowledged survives a power cut.
    Full,
    /// As `Full`, and the directory of a deleted journal is synced too.
    Extra,
}

/// Whether SQLite checks foreign keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignKeys {
    /// It does: the default here.
    Enforced,
    /// It does not: SQLite's own historical default.
    Ignored,
}

/// The settings of a connection to be opened.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) access: Access,
    pub(crate) journal_mode: Option<JournalMode>,
    pub(crate) synchronous: Synchronous,
    pub(crate) foreign_keys: ForeignKeys,
    pub(crate) busy_timeout: Duration,
    pub(crate) statement_cache: usize,
    pub(crate) max_hold: Duration,
    pub(crate) pragmas: Vec<(String, Value)>,
}

/// A connection to be opened: `.await` opens it, `.with(…)` also closes it.
///
/// Made by [`connect`].
#[must_use = "a builder does nothing until it is awaited or entered with `.with`"]
#[derive(Clone, Debug)]
pub struct Connect(Options);

/// Opens one connection to a database, on a thread of its own.
///
/// The path is a file's, or `":memory:"` for a database that lives as long as
/// the connection. The journal mode of the file is left as it is; `synchronous`
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
    Connect(Options {
        path: path.as_ref().to_owned(),
        access: Access::default(),
        journal_mode: None,
        synchronous: Synchronous::Full,
        foreign_keys: ForeignKeys::Enforced,
        busy_timeout: Duration::from_secs(5),
        statement_cache: 128,
        max_hold: Duration::from_secs(30),
        pragmas: Vec::new(),
    })
}

impl Connect {
    /// Says what the connection may do with the file; default: [`Access::Create`].
    pub fn access(mut self, access: Access) -> Connect {
        self.0.access = access;
        self
    }

    /// Sets the journal mode; default: the file's own is left as it is.
    pub fn journal_mode(mut self, mode: JournalMode) -> Connect {
        self.0.journal_mode = Some(mode);
        self
    }

    /// Says when a commit waits for the disk; default: [`Synchronous::Full`].
    pub fn synchronous(mut self, synchronous: Synchronous) -> Connect {
        self.0.synchronous = synchronous;
        self
    }

    /// Says whether foreign keys are checked; default: [`ForeignKeys::Enforced`].
    pub fn foreign_keys(mut self, foreign_keys: ForeignKeys) -> Connect {
        self.0.foreign_keys = foreign_keys;
        self
    }

    /// Says how long a statement waits for another connection's lock; default: 5 s.
    pub fn busy_timeout(mut self, timeout: Duration) -> Connect {
        self.0.busy_timeout = timeout;
        self
    }

    /// Says how many prepared statements are kept; default: 128.
    pub fn statement_cache(mut self, statements: usize) -> Connect {
        self.0.statement_cache = statements;
        self
    }

    /// Says how long a transaction may keep the others waiting; default: 30 s.
    ///
    /// Callers that wait for a transaction longer than that, counted from its
    /// beginning, get [`Error::Busy`]. One that has run no statement for so
    /// long counts as lost: it is rolled back for whoever comes next, and its
    /// guard answers [`Error::Aborted`].
    pub fn max_hold(mut self, max_hold: Duration) -> Connect {
        self.0.max_hold = max_hold;
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
        self.0.pragmas.push((name.into(), value));
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
        Box::pin(async move { Ok(Connection::new(Link::open(self.0).await?)) })
    }
}

impl Options {
    /// Opens the file and applies the settings, each read back.
    pub(crate) fn open(&self) -> Result<Raw> {
        let opened = |source| Error::Open {
            path: self.path.clone(),
            source,
        };
        let access = match self.access {
            Access::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        // Only the worker's thread touches the connection, so SQLite need not
        // lock it.
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Raw::open_with_flags(&self.path, flags).map_err(opened)?;
        connection
            .busy_timeout(self.busy_timeout.min(MAX_BUSY))
            .map_err(opened)?;
        connection.set_prepared_statement_cache_capacity(self.statement_cache);
        // SQLite opens lazily: only a read finds out that a file is no database.
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))
            .map_err(opened)?;
        if let Some(mode) = self.journal_mode {
            self.set(&connection, "journal_mode", mode.word().to_owned().into())?;
        }
        self.set(&connection, "synchronous", self.synchronous.number().into())?;
        let foreign_keys = i64::from(self.foreign_keys == ForeignKeys::Enforced);
        self.set(&connection, "foreign_keys", foreign_keys.into())?;
        for (name, value) in &self.pragmas {
            self.set(&connection, name, value.clone())?;
        }
        Ok(connection)
    }

    fn set(&self, connection: &Raw, name: &str, value: Value) -> Result<()> {
        let failed = |source| Error::sqlite(&format!("PRAGMA {name}"), source);
        connection
            .pragma_update(None, name, &value)
            .map_err(failed)?;
        let mut got = None;
        connection
            .pragma_query(None, name, |row| {
                got.get_or_insert(row.get(0)?);
                Ok(())
            })
            .map_err(failed)?;
        if got.as_ref().is_some_and(|got| same(&value, got)) {
            return Ok(());
        }
        Err(Error::Pragma {
            name: name.to_owned(),
            wanted: Shown(&value).to_string(),
            got: got.map_or("nothing".into(), |got| Shown(&got).to_string()),
        })
    }
}

/// The longest busy timeout that SQLite itself can be told; ours, set after
/// opening, has no such bound.
const MAX_BUSY: Duration = Duration::from_millis(i32::MAX as u64);

impl JournalMode {
    fn word(self) -> &'static str {
        match self {
            JournalMode::Delete => "delete",
            JournalMode::Truncate => "truncate",
            JournalMode::Persist => "persist",
            JournalMode::Wal => "wal",
            JournalMode::Memory => "memory",
        }
    }
}

impl Synchronous {
    fn number(self) -> i64 {
        match self {
            Synchronous::Off => 0,
            Synchronous::Normal => 1,
            Synchronous::Full => 2,
            Synchronous::Extra => 3,
        }
    }
}

/// Whether SQLite took a setting; it answers some words with their number.
fn same(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Text(wanted), Value::Text(got)) => wanted.eq_ignore_ascii_case(got),
        (Value::Text(wanted), Value::Integer(got)) => {
            let word = wanted.to_ascii_lowercase();
            match word.as_str() {
                "off" | "no" | "false" | "none" | "default" => *got == 0,
                "on" | "yes" | "true" | "full" | "file" => *got == 1,
                "incremental" | "memory" => *got == 2,
                _ => word.parse() == Ok(*got),
            }
        }
        (wanted, got) => wanted == got,
    }
}

struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ValueRef::from(self.0) {
            ValueRef::Null => f.write_str("NULL"),
            ValueRef::Integer(number) => write!(f, "{number}"),
            ValueRef::Real(number) => write!(f, "{number}"),
            ValueRef::Text(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            ValueRef::Blob(bytes) => write!(f, "a blob of {} bytes", bytes.len()),
        }
    }
}
