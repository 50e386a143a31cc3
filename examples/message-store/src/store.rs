//! Messages, and the queries for them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

pub use aio_sqlite::options::Access;
use aio_sqlite::{Connection, FromRow, Row, Rows};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::schema;
use crate::since::Since;

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Who sends it.
    pub sender: String,
    /// Who is to read it.
    pub recipient: String,
    /// Its text, which may have many lines.
    pub body: String,
}

impl NewMessage {
    /// Returns a message of three parts.
    pub fn new(
        sender: impl Into<String>,
        recipient: impl Into<String>,
        body: impl Into<String>,
    ) -> NewMessage {
        NewMessage {
            sender: sender.into(),
            recipient: recipient.into(),
            body: body.into(),
        }
    }
}

/// A message of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its number, from 1, in the order of sending.
    pub id: i64,
    /// Who sent it.
    pub sender: String,
    /// Who is to read it.
    pub recipient: String,
    /// Its text.
    pub body: String,
    /// When it was stored, in UTC to the millisecond: `2025-12-31T18:00:00.000Z`.
    pub sent_at: String,
}

impl FromRow for Message {
    fn from_row(row: &Row) -> aio_sqlite::Result<Message> {
        Ok(Message {
            id: row.get("id")?,
            sender: row.get("sender")?,
            recipient: row.get("recipient")?,
            body: row.get("body")?,
            sent_at: row.get("sent_at")?,
        })
    }
}

/// A message that was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The message.
    pub message: Message,
    /// Its text in pieces, those that match apart from the others.
    pub pieces: Vec<Piece>,
}

/// A piece of a text that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What lies between the matches.
    Plain(String),
    /// What was looked for, as it is written in the text.
    Match(String),
}

impl FromRow for Found {
    fn from_row(row: &Row) -> aio_sqlite::Result<Found> {
        let message = Message::from_row(row)?;
        let (open, close) = (row.get::<&str>("open")?, row.get::<&str>("close")?);
        let mut pieces = Vec::new();
        for part in row.get::<&str>("marked")?.split(open) {
            let (found, rest) = part.split_once(close).unwrap_or(("", part));
            pieces.push(Piece::Match(found.to_owned()));
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        pieces.retain(|piece| !piece.text().is_empty());
        // FTS5 marks texts up to a NUL character only: rather no mark than
        // half a message.
        if pieces.iter().map(Piece::text).collect::<String>() != message.body {
            pieces = vec![Piece::Plain(message.body.clone())];
        }
        Ok(Found { message, pieces })
    }
}

impl Piece {
    fn text(&self) -> &str {
        match self {
            Piece::Plain(text) | Piece::Match(text) => text,
        }
    }
}

/// Which messages are wanted: all that fit, by default all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this sender.
    pub from: Option<String>,
    /// To this recipient.
    pub to: Option<String>,
    /// Sent since then.
    pub since: Option<Since>,
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
}

impl FromRow for Stats {
    fn from_row(row: &Row) -> aio_sqlite::Result<Stats> {
        Ok(Stats {
            messages: row.get("messages")?,
            senders: row.get("senders")?,
            first: row.get("first")?,
            last: row.get("last")?,
            bytes: row.get("bytes")?,
        })
    }
}

/// The open store. Several processes can have the same one open.
#[derive(Debug)]
pub struct Store {
    db: Connection,
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
        Ok(Store { db })
    }

    /// Stores a message and returns its number. When it returns, the message
    /// is on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database refuses; the message is not stored.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: the message is stored whole or not at all.
    pub async fn send(&self, new: &NewMessage) -> Result<i64> {
        let sql = "INSERT INTO messages(sender, recipient, body) VALUES (?1, ?2, ?3)";
        let parts = (&new.sender, &new.recipient, &new.body);
        let done = self.db.execute(sql, parts).await;
        Ok(done.map_err(|error| self.failed(error))?.last_insert_rowid)
    }

    /// Returns the messages that fit, in the order of sending.
    pub fn list(&self, filter: &Filter) -> Listing<'_, Message> {
        // The last ones are found by walking backwards over the numbers alone;
        // the messages themselves are then read forwards, so that however many
        // there are, they stream.
        const FITS: &str = "(?1 IS NULL OR sender = ?1) AND (?2 IS NULL OR recipient = ?2)
             AND (?3 IS NULL OR
                  sent_at >= ifnull(strftime('%Y-%m-%dT%H:%M:%fZ', ?3, ?4), ''))";
        let sql = format!(
            "SELECT id, sender, recipient, body, sent_at FROM messages
             WHERE {FITS} AND (?5 IS NULL OR id >= (
                 SELECT min(id) FROM (
                     SELECT id FROM messages WHERE {FITS} ORDER BY id DESC LIMIT ifnull(?5, 0)
                 )
             ))
             ORDER BY id"
        );
        let (time, shift) = match &filter.since {
            None => (None, None),
            Some(Since::Time(time)) => (Some(time.as_str()), Some("+0 seconds".into())),
            // Longer ago than SQLite can reckon is NULL, and then everything fits.
            Some(Since::Ago(seconds)) => (Some("now"), Some(format!("-{seconds} seconds"))),
        };
        let (from, to) = (filter.from.as_ref(), filter.to.as_ref());
        self.listing(self.db.query_as(sql, (from, to, time, shift, filter.limit)))
    }

    /// Returns the messages that contain all the words, the best match first,
    /// and of equally good ones the newest.
    ///
    /// The words are words and nothing else: what FTS5 has of operators and
    /// signs means nothing here, so no text is a wrong query.
    ///
    /// In a text of more than 16 KiB the matches are not told apart.
    pub fn search(&self, words: &str, limit: Option<u32>) -> Listing<'_, Found> {
        // FTS5 reads its query up to a NUL character.
        let quoted = words
            .split(|c: char| c.is_whitespace() || c == '\0')
            .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
            .collect::<Vec<_>>()
            .join(" ");
        // The marks around a match must not occur in any message, not even one
        // written to mislead: they are drawn anew for each search.
        let mark = RandomState::new().build_hasher().finish();
        let (open, close) = (format!("<{mark:016x}>"), format!("</{mark:016x}>"));
        // FTS5 copies all it has marked so far at each further match: a long
        // text full of them would take minutes. Without marks it is one piece.
        let sql = "SELECT messages.*, ?2 AS open, ?3 AS close,
                          CASE WHEN octet_length(messages.body) <= 16384
                               THEN highlight(messages_fts, 0, ?2, ?3)
                               ELSE messages.body END AS marked
                   FROM messages_fts JOIN messages ON messages.id = messages_fts.rowid
                   WHERE messages_fts MATCH ?1
                   ORDER BY bm25(messages_fts), id DESC
                   LIMIT ifnull(?4, -1)";
        self.listing(self.db.query_as(sql, (quoted, open, close, limit)))
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
        let sql = "SELECT count(*) AS messages, count(DISTINCT sender) AS senders,
                          min(sent_at) AS first, max(sent_at) AS last,
                          (SELECT page_count * page_size
                           FROM pragma_page_count, pragma_page_size) AS bytes
                   FROM messages";
        let stats = self.db.query_as(sql, ()).one().await;
        stats.map_err(|error| self.failed(error))
    }

    /// Closes the store.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database can't be closed.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: the store is closed when its last user is gone.
    pub async fn close(self) -> Result<()> {
        self.db.close().await.map_err(|error| self.failed(error))
    }

    fn listing<'s, T>(&'s self, query: aio_sqlite::builders::Query<'s, T>) -> Listing<'s, T> {
        Listing {
            store: self,
            rows: query.stream(),
        }
    }

    fn failed(&self, source: aio_sqlite::Error) -> Error {
        Error::Store {
            path: self.db.path().to_owned(),
            source,
        }
    }
}

/// Messages, one after another, read as they are wanted.
#[must_use = "a listing reads nothing until it is asked"]
#[derive(Debug)]
pub struct Listing<'s, T> {
    store: &'s Store,
    rows: Rows<'s, T>,
}

impl<T> Listing<'_, T> {
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
