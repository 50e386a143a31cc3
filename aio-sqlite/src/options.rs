//! The settings of a connection, and what SQLite makes of them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection as Raw, OpenFlags};

use crate::error::{Error, Result};
use crate::observers::Observers;
use crate::op::current_must_stop;

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

/// What a power cut may lose of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing that was acknowledged: each commit waits for the disk
    /// (`synchronous=FULL`).
    #[default]
    Durable,
    /// The last commits, at worst all since the last checkpoint, but never half
    /// of one (`synchronous=NORMAL`). A crash of the program alone loses
    /// nothing.
    Relaxed,
}

/// What to do where the SQLite that is linked can lose commits of a write-ahead
/// log that several connections share: one older than 3.51.3, except 3.50.7 and
/// 3.44.6 and what follows them in their lines.
///
/// With the feature `bundled`, the default, that never comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WalRace {
    /// Don't open the database: [`Error::WalRace`].
    #[default]
    Refuse,
    /// Open it all the same. It is rare: two checkpoints and a commit must meet
    /// at the wrong instant. Then acknowledged commits are lost, or the file is
    /// corrupt.
    Accept,
}

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// The caller's: everything is allowed on it, and its hooks are the
    /// caller's too.
    Caller,
    /// One of a database's.
    Shared,
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
    /// What is run when all that is set.
    pub(crate) script: String,
    pub(crate) ownership: Ownership,
    /// Who is told of what the connection commits.
    pub(crate) observers: Option<Arc<Observers>>,
}

impl Options {
    /// The settings that hold where nothing else is said.
    pub(crate) fn of(path: &Path, ownership: Ownership) -> Options {
        Options {
            path: path.to_owned(),
            access: Access::Create,
            journal_mode: None,
            synchronous: Synchronous::Full,
            foreign_keys: ForeignKeys::Enforced,
            busy_timeout: Duration::from_secs(5),
            statement_cache: 128,
            max_hold: Duration::from_secs(30),
            pragmas: Vec::new(),
            script: String::new(),
            ownership,
            observers: None,
        }
    }

    /// Opens the file, and reads nothing of it yet.
    pub(crate) fn open_file(&self) -> Result<Raw> {
        let access = match self.access {
            Access::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        // Only the worker's thread touches the connection, so SQLite need not
        // lock it.
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // Some builds of SQLite, the bundled one too, take any name that begins
        // so for a URI, in which the same words may name a database for each
        // connection.
        let name = self.path.as_os_str().as_encoded_bytes();
        let path = match name.starts_with(b"file:") {
            true => &Path::new(".").join(&self.path),
            false => &self.path,
        };
        let connection = Raw::open_with_flags(path, flags).map_err(|source| self.failed(source))?;
        connection.set_prepared_statement_cache_capacity(self.statement_cache);
        Ok(connection)
    }

    /// The same for a connection that only reads.
    pub(crate) fn for_reading(&self) -> Options {
        Options {
            access: Access::ReadOnly,
            journal_mode: None,
            // For attached and temporary databases too.
            script: format!("{}PRAGMA query_only = 1;", self.script),
            observers: None,
            ..self.clone()
        }
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Open {
            path: self.path.clone(),
            source,
        }
    }

    /// Applies the settings, each read back.
    pub(crate) fn apply(&self, connection: &Raw) -> Result<()> {
        // SQLite opens lazily: only a read finds out that a file is no database.
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))
            .map_err(|source| self.failed(source))?;
        if let Some(mode) = self.journal_mode {
            self.set_journal_mode(connection, mode)?;
        }
        set(connection, "synchronous", self.synchronous.number().into())?;
        let foreign_keys = i64::from(self.foreign_keys == ForeignKeys::Enforced);
        set(connection, "foreign_keys", foreign_keys.into())?;
        for (name, value) in &self.pragmas {
            if name.eq_ignore_ascii_case("busy_timeout") {
                return Err(Error::Pragma {
                    name: name.clone(),
                    wanted: Shown(value).to_string(),
                    got: "nothing: it is set by Connect::busy_timeout".into(),
                });
            }
            // What the file itself has, only those can set who write to it.
            if self.access == Access::ReadOnly
                && read_back(connection, name)?.is_some_and(|got| same(name, value, &got))
            {
                continue;
            }
            set(connection, name, value.clone())?;
        }
        connection
            .execute_batch(&self.script)
            .map_err(|source| Error::sqlite(&self.script, source))?;
        Ok(())
    }

    /// Switches the journal, which several processes may do to a new file at
    /// once: SQLite turns all but one away without waiting, since a wait could
    /// be a deadlock there. Trying anew can't be one.
    fn set_journal_mode(&self, connection: &Raw, mode: JournalMode) -> Result<()> {
        if self.access == Access::ReadOnly {
            // Setting it would be a write, and name neither of the two.
            let got = read_back(connection, "journal_mode")?;
            return took("journal_mode", &mode.word().to_owned().into(), got);
        }
        let begun = Instant::now();
        loop {
            let waits = begun.elapsed() < self.busy_timeout && !current_must_stop();
            match set(connection, "journal_mode", mode.word().to_owned().into()) {
                Err(error) if error.is_locked() && waits => {
                    thread::sleep(JOURNAL_PAUSE);
                }
                outcome => return outcome,
            }
        }
    }
}

/// Sets a pragma and reads it back.
fn set(connection: &Raw, name: &str, value: Value) -> Result<()> {
    let failed = |source| Error::sqlite(&format!("PRAGMA {name}"), source);
    connection
        .pragma_update(None, name, &value)
        .map_err(failed)?;
    let got = read_back(connection, name)?;
    // Some pragmas can only be set; one that SQLite does not know is a mistake
    // that it keeps to itself.
    if got.is_none()
        && connection
            .prepare("SELECT 1 FROM pragma_pragma_list WHERE name = ?1")
            .and_then(|mut list| list.exists([name.to_ascii_lowercase()]))
            .map_err(failed)?
    {
        return Ok(());
    }
    took(name, &value, got)
}

/// Says whether a pragma is what it should be.
fn took(name: &str, wanted: &Value, got: Option<Value>) -> Result<()> {
    if got.as_ref().is_some_and(|got| same(name, wanted, got)) {
        return Ok(());
    }
    Err(Error::Pragma {
        name: name.to_owned(),
        wanted: Shown(wanted).to_string(),
        got: got.map_or("nothing".into(), |got| Shown(&got).to_string()),
    })
}

/// What SQLite says a pragma is set to, if it says anything.
fn read_back(connection: &Raw, name: &str) -> Result<Option<Value>> {
    let mut got = None;
    connection
        .pragma_query(None, name, |row| {
            got.get_or_insert(row.get(0)?);
            Ok(())
        })
        .map_err(|source| Error::sqlite(&format!("PRAGMA {name}"), source))?;
    Ok(got)
}

/// Between two tries to switch the journal.
const JOURNAL_PAUSE: Duration = Duration::from_millis(5);

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

/// Whether SQLite took a setting; it answers many words with their number.
fn same(name: &str, wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Text(wanted), Value::Text(got)) => {
            let (wanted, got) = (wanted.to_ascii_lowercase(), got.to_ascii_lowercase());
            // An encoding is answered with its byte order.
            wanted == got || (name.eq_ignore_ascii_case("encoding") && got.starts_with(&wanted))
        }
        (Value::Text(wanted), Value::Integer(got)) => {
            let word = wanted.to_ascii_lowercase();
            let words: &[&str] = match name.to_ascii_lowercase().as_str() {
                "synchronous" => &["off", "normal", "full", "extra"],
                "temp_store" => &["default", "file", "memory"],
                "auto_vacuum" => &["none", "full", "incremental"],
                "secure_delete" => &["off", "on", "fast"],
                _ => &[],
            };
            let number = match (words.iter().position(|each| *each == word), word.as_str()) {
                (Some(number), _) => i64::try_from(number).ok(),
                (None, "off" | "no" | "false") => Some(0),
                (None, "on" | "yes" | "true") => Some(1),
                (None, other) => other.parse().ok(),
            };
            number == Some(*got)
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
