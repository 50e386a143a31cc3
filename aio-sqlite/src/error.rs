//! The one error of this crate: a variant for each decision that a caller can take.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::ErrorCode;
use rusqlite::types::Type;

/// The result of an operation on a database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a database gave no answer.
///
/// The message names what it is about: the path, the SQL text, the parameter,
/// the column.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The database could not be opened.
    Open {
        /// The path that was asked for.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A setting did not take: SQLite reads it back as something else.
    Pragma {
        /// The pragma's name.
        name: String,
        /// The value that was asked for.
        wanted: String,
        /// The value that SQLite reports.
        got: String,
    },
    /// The SQLite that is linked can lose commits of a database with several
    /// connections.
    ///
    /// [`WalRace::Accept`](crate::options::WalRace::Accept) opens it all the same.
    WalRace {
        /// The version of SQLite that is linked.
        version: String,
    },
    /// A migration failed. It is undone; those before it stay applied.
    Migration {
        /// Which one, from 1: the version that it would have led to.
        number: usize,
        /// Its SQL text, shortened when it is long, or its name.
        step: String,
        /// Why.
        source: Box<Error>,
    },
    /// The version of the database is none that the migrations lead to: a newer
    /// program made it, or another.
    SchemaVersion {
        /// The version that the database has, its `user_version`.
        found: i64,
        /// The newest version that the migrations lead to.
        newest: usize,
    },
    /// SQLite refused a statement, or failed at it.
    ///
    /// Constraint violations and locks are here too:
    /// [`Error::is_constraint`] and [`Error::is_locked`] tell them apart.
    Sqlite {
        /// The SQL text, shortened when it is long.
        sql: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The parameters do not fit the statement: their number, a name or a value.
    Parameter {
        /// The SQL text, shortened when it is long; empty where there is no
        /// statement yet.
        sql: String,
        /// What does not fit, by number or name.
        problem: String,
    },
    /// A column is missing, or holds something else than what was asked for.
    Column {
        /// The column's name, or its number from 0 where it has none. Several
        /// names where it can't be told which of them it is.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// One row was asked for and the query has none.
    NoRow {
        /// The SQL text, shortened when it is long.
        sql: String,
    },
    /// At most one row was asked for and the query has more.
    ManyRows {
        /// The SQL text, shortened when it is long.
        sql: String,
    },
    /// The connection is closed.
    Closed,
    /// A call through the plain handle inside the body of a transaction, which
    /// would wait for that very transaction, or inside a closure that holds the
    /// connection which the call needs.
    Reentrant,
    /// Another transaction has held the connection longer than a caller waits.
    Busy {
        /// How long that transaction has been open.
        held_for: Duration,
    },
    /// A statement that needs one connection for itself was given to a
    /// database, which has several.
    UseConnection {
        /// The SQL text, shortened when it is long.
        sql: String,
        /// What does the same for a database.
        instead: &'static str,
    },
    /// Half-read streams hold all the readers of a database, as many as it may
    /// have.
    NoReader {
        /// How many readers there are.
        readers: usize,
        /// How long the call waited for one: the busy timeout.
        waited: Duration,
    },
    /// A statement of a batch failed, and nothing of the batch has happened,
    /// unless that statement was a `COMMIT`.
    Batch {
        /// Which one, from 0.
        index: usize,
        /// Why.
        source: Box<Error>,
    },
    /// The time limit of the operation passed.
    TimedOut {
        /// The limit that was set.
        limit: Duration,
        /// The SQL text, shortened when it is long; `None` where none had started.
        sql: Option<String>,
    },
    /// The transaction is over although its guard is alive, and what it wrote
    /// is rolled back unless the reason says otherwise.
    Aborted {
        /// What ended it.
        reason: Arc<str>,
    },
    /// A half-read stream was ended by another operation on its connection.
    StreamEnded {
        /// The operation.
        by: &'static str,
    },
    /// Code of the caller panicked on the worker thread. What it had open is
    /// rolled back and the connection goes on.
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// The write-ahead log could not be watched for the commits of other
    /// processes, or it could not be found out whether they have committed.
    #[cfg(feature = "foreign-changes")]
    Watch {
        /// The log's path.
        path: PathBuf,
        /// What the system said, or SQLite.
        source: std::io::Error,
    },
    /// The operating system gave no thread for the connection.
    Thread {
        /// The path that was to be opened.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Tells whether a constraint (unique, not null, check, foreign key) said no.
    pub fn is_constraint(&self) -> bool {
        self.code() == Some(ErrorCode::ConstraintViolation)
    }

    /// Tells whether another connection to the same database held a lock for
    /// longer than the busy timeout.
    pub fn is_locked(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    /// Returns SQLite's primary result code, where the error is SQLite's.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Open { source, .. } | Error::Sqlite { source, .. } => source.sqlite_error_code(),
            Error::Batch { source, .. } | Error::Migration { source, .. } => source.code(),
            _ => None,
        }
    }

    /// The same error for one more caller that it concerns. What concerns
    /// several is a failure of SQLite's own, or that there is no connection.
    pub(crate) fn again(&self) -> Error {
        match self {
            Error::Sqlite {
                sql,
                source: rusqlite::Error::SqliteFailure(code, message),
            } => Error::Sqlite {
                sql: sql.clone(),
                source: rusqlite::Error::SqliteFailure(*code, message.clone()),
            },
            Error::Open {
                path,
                source: rusqlite::Error::SqliteFailure(code, message),
            } => Error::Open {
                path: path.clone(),
                source: rusqlite::Error::SqliteFailure(*code, message.clone()),
            },
            #[cfg(feature = "foreign-changes")]
            Error::Watch { path, source } => Error::Watch {
                path: path.clone(),
                source: std::io::Error::new(source.kind(), source.to_string()),
            },
            Error::Thread { path, source } => Error::Thread {
                path: path.clone(),
                source: std::io::Error::new(source.kind(), source.to_string()),
            },
            other => Error::Sqlite {
                sql: String::new(),
                source: rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
                    Some(other.to_string()),
                ),
            },
        }
    }

    pub(crate) fn sqlite(sql: &str, source: rusqlite::Error) -> Error {
        Error::Sqlite {
            sql: excerpt(sql),
            source,
        }
    }

    pub(crate) fn parameter(sql: &str, problem: impl Into<String>) -> Error {
        Error::Parameter {
            sql: excerpt(sql),
            problem: problem.into(),
        }
    }

    pub(crate) fn column(column: impl fmt::Display, problem: impl Into<String>) -> Error {
        Error::Column {
            column: column.to_string(),
            problem: problem.into(),
        }
    }
}

/// The beginning of an SQL text, on one line: an error message is read by people.
pub(crate) fn excerpt(sql: &str) -> String {
    const LIMIT: usize = 200;
    let mut short = String::new();
    for word in sql.split_whitespace() {
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
        if short.len() > LIMIT {
            return short.chars().take(LIMIT).chain(['…']).collect();
        }
    }
    short
}

/// The name of a storage class, as SQLite's `typeof` spells it.
pub(crate) fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Null => "null",
        Type::Integer => "integer",
        Type::Real => "real",
        Type::Text => "text",
        Type::Blob => "blob",
    }
}

/// What SQLite said, without the SQL text that rusqlite adds to some messages:
/// ours carry it already.
struct Said<'a>(&'a rusqlite::Error);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            rusqlite::Error::SqlInputError { msg, offset, .. } if *offset >= 0 => {
                write!(f, "{msg} (at byte {offset})")
            }
            rusqlite::Error::SqlInputError { msg, .. } => f.write_str(msg),
            rusqlite::Error::MultipleStatement => {
                f.write_str("more than one statement: use execute_script")
            }
            other => write!(f, "{other}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Open { path, source } => {
                write!(f, "open {}: {}", path.display(), Said(source))
            }
            Error::Pragma { name, wanted, got } => {
                write!(f, "pragma {name}: asked for {wanted}, SQLite says {got}")
            }
            Error::WalRace { version } => write!(
                f,
                "SQLite {version} can lose commits of a write-ahead log that several connections \
                 share: link 3.51.3 or newer, or accept that with WalRace::Accept"
            ),
            Error::Migration {
                number,
                step,
                source,
            } => match &**source {
                // A step of one statement is shown already.
                Error::Sqlite { sql, .. } if sql == step => {
                    write!(f, "migration {number}: {source}")
                }
                _ => write!(f, "migration {number} ({step}): {source}"),
            },
            Error::SchemaVersion { found, newest } => write!(
                f,
                "the database has version {found}, and the migrations lead to {newest}"
            ),
            Error::Sqlite { sql, source } => write!(f, "{}: {sql}", Said(source)),
            Error::Parameter { sql, problem } if sql.is_empty() => f.write_str(problem),
            Error::Parameter { sql, problem } => write!(f, "{problem}: {sql}"),
            Error::Column { column, problem } => write!(f, "column {column}: {problem}"),
            Error::NoRow { sql } => write!(f, "the query has no row: {sql}"),
            Error::ManyRows { sql } => write!(f, "the query has more than one row: {sql}"),
            Error::Closed => f.write_str("the connection is closed"),
            Error::Reentrant => f.write_str(
                "a call through the plain handle would wait for the transaction or closure that \
                 makes it: call it on the transaction, or on the connection that the closure has",
            ),
            Error::Busy { held_for } => write!(
                f,
                "another transaction has held the connection for {held_for:.1?}"
            ),
            Error::UseConnection { sql, instead } => {
                write!(
                    f,
                    "a database has several connections: use {instead}: {sql}"
                )
            }
            Error::NoReader { readers, waited } => write!(
                f,
                "half-read streams hold all {readers} readers, for {waited:.1?} and longer"
            ),
            Error::Batch { index, source } => write!(f, "statement {index} of the batch: {source}"),
            Error::TimedOut { limit, sql: None } => {
                write!(f, "timed out after {limit:.1?} without an answer")
            }
            Error::TimedOut {
                limit,
                sql: Some(sql),
            } => write!(f, "timed out after {limit:.1?}: {sql}"),
            Error::Aborted { reason } => write!(f, "the transaction is over: {reason}"),
            Error::StreamEnded { by } => write!(f, "the stream was ended by {by}"),
            Error::Panicked { message } => {
                write!(f, "code on the connection's thread panicked: {message}")
            }
            #[cfg(feature = "foreign-changes")]
            Error::Watch { path, source } => {
                write!(f, "watch {}: {source}", path.display())
            }
            Error::Thread { path, source } => {
                write!(f, "start a thread for {}: {source}", path.display())
            }
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Open { source, .. } | Error::Sqlite { source, .. } => Some(source),
            Error::Thread { source, .. } => Some(source),
            #[cfg(feature = "foreign-changes")]
            Error::Watch { source, .. } => Some(source),
            Error::Batch { source, .. } | Error::Migration { source, .. } => Some(source),
            _ => None,
        }
    }
}
