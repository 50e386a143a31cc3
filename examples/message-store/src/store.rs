//! The open store: messages in, messages out, and numbers about all of them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub use aio_sqlite::options::Access;
use aio_sqlite::params::IntoParams;
use aio_sqlite::{Database, FromRow, Rows};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::message::{Message, NewMessage};
use crate::schema;
use crate::since::Since;

/// Which messages are wanted: all that fit, by default all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this sender.
    pub from: Option<String>,
    /// To this recipient.
    pub to: Option<String>,
    /// Sent since then.
    pub since: Option<Since>,
    /// Stored behind the one of this number.
    pub after: Option<i64>,
    /// Stored before the one of this number.
    pub before: Option<i64>,
    /// The last so many of those that fit.
    pub limit: Option<u32>,
}

/// Numbers about the whole store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// How many messages there are.
    pub messages: u64,
    /// How many different senders they have.
    pub senders: u64,
    /// When the first was sent, if there is one.
    pub first: Option<String>,
    /// When the last was sent, if there is one.
    pub last: Option<String>,
    /// The size of the database, in bytes.
    pub bytes: u64,
    /// The size of its write-ahead log, in bytes: what is committed stands
    /// there first, and is taken over into the database now and then.
    pub log_bytes: u64,
    /// How SQLite waits for the disk: `FULL` means that a message which was
    /// acknowledged outlives a power cut.
    pub synchronous: &'static str,
}

/// The open store. Several processes can have the same one open, and clones of
/// it are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    db: Database,
    synchronous: &'static str,
    /// Which file it is, whatever is found at its path later.
    file: Option<WhichFile>,
}

/// What tells a file from all others: its device and its number there.
type WhichFile = (u64, u64);

fn identity(path: &Path) -> Option<WhichFile> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

impl Store {
    /// Opens the store in a file, which `access` may say to create.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] says what is wrong with the file.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: the tables of a new store are made whole or not at all.
    pub async fn open(path: &Path, access: Access) -> Result<Store> {
        let db = schema::open(path, access).await?;
        // Of the connection that writes, since each has its own. It stays as it
        // is, and later that connection may be waiting for another process.
        let asked = db.call(|db| db.pragma_query_value(None, "synchronous", |row| row.get(0)));
        let failed = |source| Error::Store {
            path: path.to_owned(),
            source,
        };
        let synchronous = match asked.await.map_err(failed)? {
            0_i64 => "OFF",
            1 => "NORMAL",
            2 => "FULL",
            _ => "EXTRA",
        };
        Ok(Store {
            db,
            synchronous,
            file: identity(path),
        })
    }

    /// Tells whether the file at its path is still the one that was opened.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] where that was deleted, moved or replaced: SQLite goes on
    /// reading and writing it, and all of that is lost when it is closed.
    pub fn is_there(&self) -> Result<()> {
        match identity(self.path()) == self.file {
            true => Ok(()),
            false => Err(Error::Gone {
                path: self.path().to_owned(),
            }),
        }
    }

    /// Stores a message and returns its number. When it returns, the message
    /// is on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database refuses; the message is not stored.
    /// [`Error::Gone`] where it was stored in a file that is not there any more.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: the message is stored whole or not at all.
    pub async fn send(&self, new: &NewMessage) -> Result<i64> {
        let sql = "INSERT INTO messages(sender, recipient, subject, body)
                   VALUES (?1, ?2, nullif(?3, ''), ?4)";
        self.is_there()?;
        let parts = (&new.sender, &new.recipient, &new.subject, &new.body);
        let done = self.db.execute(sql, parts).await;
        let done = done.map_err(|error| self.failed(error))?;
        self.is_there()?;
        Ok(done.last_insert_rowid)
    }

    /// Returns the message of a number, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database can't be read.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only reads.
    pub async fn get(&self, id: i64) -> Result<Option<Message>> {
        let columns = Message::COLUMNS;
        let sql = format!("SELECT {columns} FROM messages WHERE id = ?1");
        let message = self.db.query_as(sql, [id]).optional().await;
        message.map_err(|error| self.failed(error))
    }

    /// Returns how long the text of a message is, in bytes, without reading it.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database can't be read.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only reads.
    pub async fn octets(&self, id: i64) -> Result<Option<u64>> {
        let sql = "SELECT octet_length(body) FROM messages WHERE id = ?1";
        let octets = self.db.query_as(sql, [id]).optional().await;
        octets.map_err(|error| self.failed(error))
    }

    /// Returns the messages that fit, in the order in which they were stored.
    pub fn list(&self, filter: &Filter) -> Listing<Message> {
        // The last ones are found by walking backwards over the numbers alone;
        // the messages themselves are then read forwards, so that however many
        // there are, they stream.
        const FITS: &str = "(?1 IS NULL OR sender = ?1) AND (?2 IS NULL OR recipient = ?2)
             AND (?3 IS NULL OR
                  sent_at >= ifnull(strftime('%Y-%m-%dT%H:%M:%fZ', ?3, ?4), ''))
             AND id > ?5 AND id < ?6";
        let columns = Message::COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM messages
             WHERE {FITS} AND (?7 IS NULL OR id >= (
                 SELECT min(id) FROM (
                     SELECT id FROM messages WHERE {FITS} ORDER BY id DESC LIMIT ifnull(?7, 0)
                 )
             ))
             ORDER BY id"
        );
        let (time, shift) = match &filter.since {
            None => (None, None),
            Some(Since::Time(time)) => (Some(time.clone()), Some("+0 seconds".into())),
            // Longer ago than SQLite can reckon is NULL, and then everything fits.
            Some(Since::Ago(seconds)) => (Some("now".into()), Some(format!("-{seconds} seconds"))),
        };
        let after = filter.after.unwrap_or(i64::MIN);
        let before = filter.before.unwrap_or(i64::MAX);
        let (from, to) = (filter.from.as_ref(), filter.to.as_ref());
        self.listing(sql, (from, to, time, shift, after, before, filter.limit))
    }

    /// Returns numbers about the whole store.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database can't be read.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only reads.
    pub async fn stats(&self) -> Result<Stats> {
        type Counts = (u64, u64, Option<String>, Option<String>, u64);
        let sql = "SELECT count(*), count(DISTINCT sender), min(sent_at), max(sent_at),
                          (SELECT page_count * page_size
                           FROM pragma_page_count, pragma_page_size)
                   FROM messages";
        let counts = self.db.query_as::<Counts>(sql, ()).one().await;
        let (messages, senders, first, last, bytes) = counts.map_err(|error| self.failed(error))?;
        Ok(Stats {
            messages,
            senders,
            first,
            last,
            bytes,
            log_bytes: schema::log_bytes(self.db.path()),
            synchronous: self.synchronous,
        })
    }

    /// Closes the store, for its clones too.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database can't be closed.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped while it waits, the store stays open.
    pub async fn close(&self) -> Result<()> {
        self.db.close().await.map_err(|error| self.failed(error))
    }

    /// Returns the path of its file.
    pub fn path(&self) -> &Path {
        self.db.path()
    }

    pub(crate) fn db(&self) -> &Database {
        &self.db
    }

    pub(crate) fn listing<T: FromRow>(
        &self,
        sql: impl AsRef<str>,
        params: impl IntoParams,
    ) -> Listing<T> {
        Listing {
            store: self.clone(),
            rows: self.db.query_as(sql, params).stream(),
        }
    }

    pub(crate) fn failed(&self, source: aio_sqlite::Error) -> Error {
        Error::Store {
            path: self.db.path().to_owned(),
            source,
        }
    }
}

/// Messages, one after another, read as they are wanted.
#[must_use = "a listing reads nothing until it is asked"]
#[derive(Debug)]
pub struct Listing<T> {
    store: Store,
    rows: Rows<'static, T>,
}

impl<T> Listing<T> {
    /// Returns the next message, or `None` after the last.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database can't be read any further.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped before its answer, it has taken no message.
    pub async fn next(&mut self) -> Option<Result<T>> {
        let row = self.rows.next().await?;
        Some(row.map_err(|error| self.store.failed(error)))
    }
}
