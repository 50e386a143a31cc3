//! Messages from elsewhere: kept if they are not there yet.

use std::borrow::Cow;
use std::sync::Arc;

use aio_sqlite::rusqlite::{self, Connection, TransactionBehavior};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::store::Store;

/// A message of so many bytes is stored by itself: on the way through a table
/// SQLite holds it five times.
const LONG: usize = 1 << 20;

/// A message from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incoming {
    /// By what it is known again.
    pub identity: Identity,
    /// Who sent it.
    pub sender: String,
    /// Who is to read it.
    pub recipient: String,
    /// What it is about, if that is said; an empty one says nothing.
    pub subject: Option<String>,
    /// Its text.
    pub body: String,
    /// When it was sent, in a form that SQLite reads; now, if that is not said, or
    /// lies behind the year 9999. What lies before the year 0 in UTC, as a time
    /// of that year's first day can, becomes its beginning: a store has no
    /// negative years.
    pub sent_at: Option<String>,
}

impl Incoming {
    /// Returns about how much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        let subject = self.subject.as_ref().map_or(0, String::len);
        size_of::<Incoming>() + self.sender.len() + self.recipient.len() + subject + self.body.len()
    }

    fn is_long(&self) -> bool {
        self.weight() >= LONG
    }
}

/// By what a message is known again when it comes a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// It has a name: its Message-ID, or the `uid` of a store.
    Named(String),
    /// It has none: all that it says is its name. Of equal ones in one file the
    /// second is known apart from the first.
    Content([u8; 32]),
}

impl Identity {
    /// The identity of a message without a name: the SHA-256 digest of its parts.
    pub fn of_content(
        sender: &str,
        recipient: &str,
        subject: Option<&str>,
        body: &str,
        sent_at: Option<&str>,
    ) -> Identity {
        let subject = subject.filter(|subject| !subject.is_empty());
        let mut digest = Sha256::new();
        let parts = [Some(sender), Some(recipient), subject, Some(body), sent_at];
        for part in parts {
            // Each with its length, so that no text can pass for two.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            digest.update(length.to_le_bytes());
            digest.update(part.unwrap_or_default());
        }
        Identity::Content(digest.finalize().into())
    }
}

/// What became of a message from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is in the store now.
    New,
    /// It was there.
    Known,
    /// Another message has its name: the one of this number, which stays.
    Contradicts(i64),
}

impl Store {
    /// Says that what is added from now on stands in another file: equal
    /// messages without a name are counted anew.
    ///
    /// # Errors
    ///
    /// [`Error::Store`](crate::Error::Store) where the database refuses.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: the count is whole or begins anew.
    pub async fn begin_file(&self) -> Result<()> {
        // On the connection that adds, since each has a table of its own.
        let emptied = self
            .db()
            .call(|db| db.execute("DELETE FROM occurrences", ()));
        emptied.await.map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// Adds messages from elsewhere in one transaction, and returns what became
    /// of each. When it returns, they are on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Store`](crate::Error::Store) where the database refuses; none of
    /// them is stored. [`Error::Gone`](crate::Error::Gone) where they were stored
    /// in a file that is not there any more.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: all of them are stored, or none.
    pub async fn add(&self, messages: Arc<[Incoming]>) -> Result<Vec<Added>> {
        // A transaction of its own. One that is shared with other writers can
        // be undone in part, for which SQLite keeps a copy of each page.
        let added = self.db().call(move |db| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut added = Vec::with_capacity(messages.len());
            for run in messages.chunk_by(|one, next| !one.is_long() && !next.is_long()) {
                match run {
                    [long] if long.is_long() => added.push(store_long(&tx, long)?),
                    run => added.append(&mut store_staged(&tx, run)?),
                }
            }
            tx.commit()?;
            Ok(added)
        });
        let added = added.await.map_err(|error| self.failed(error))?;
        self.is_there()?;
        Ok(added)
    }
}

/// The name of a message. Equal ones without a name are counted, so that each
/// has another.
fn name<'m>(tx: &Connection, message: &'m Incoming) -> rusqlite::Result<Cow<'m, str>> {
    let digest = match &message.identity {
        Identity::Named(name) => return Ok(Cow::Borrowed(name)),
        Identity::Content(digest) => digest,
    };
    let times: i64 = tx
        .prepare_cached(
            "INSERT INTO occurrences VALUES (?1, 1)
             ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times",
        )?
        .query_row([digest], |row| row.get(0))?;
    Ok(Cow::Owned(format!("sha256:{}:{times}", hex(digest))))
}

/// The time of a message, as the store has times.
macro_rules! sent_at {
    ($said:literal) => {
        concat!(
            "ifnull(
                 max(strftime('%Y-%m-%dT%H:%M:%fZ', ",
            $said,
            "), '0000-01-01T00:00:00.000Z'),
                 strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
             )"
        )
    };
}

/// Stores a message if it is not there yet.
fn store_long(tx: &Connection, message: &Incoming) -> rusqlite::Result<Added> {
    let Incoming {
        sender,
        recipient,
        subject,
        body,
        sent_at,
        ..
    } = message;
    let uid = name(tx, message)?;
    let new = tx
        .prepare_cached(concat!(
            "INSERT INTO messages(uid, sender, recipient, subject, body, sent_at)
             VALUES (?1, ?2, ?3, nullif(?4, ''), ?5, ",
            sent_at!("?6"),
            ") ON CONFLICT DO NOTHING"
        ))?
        .execute((&uid, sender, recipient, subject, body, sent_at))?;
    if new == 1 {
        return Ok(Added::New);
    }
    tx.prepare_cached(
        "SELECT id, (sender, recipient, subject, body) IS (?2, ?3, nullif(?4, ''), ?5)
         FROM messages WHERE uid = ?1",
    )?
    .query_row((&uid, sender, recipient, subject, body), |row| {
        Ok(match row.get(1)? {
            true => Added::Known,
            false => Added::Contradicts(row.get(0)?),
        })
    })
}

/// Stores those messages that are not there yet by one statement, from a table
/// of this connection: at each statement that adds to the full-text index, SQLite
/// has that write what it has gathered, in case the statement is undone.
fn store_staged(tx: &Connection, messages: &[Incoming]) -> rusqlite::Result<Vec<Added>> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO incoming(uid, sender, recipient, subject, body, sent_at)
         VALUES (?1, ?2, ?3, nullif(?4, ''), ?5, ?6)",
    )?;
    for message in messages {
        let Incoming {
            sender,
            recipient,
            subject,
            body,
            sent_at,
            ..
        } = message;
        let uid = name(tx, message)?;
        insert.execute((&uid, sender, recipient, subject, body, sent_at))?;
    }
    let added = store(tx, messages.len())?;
    tx.execute("DELETE FROM incoming", ())?;
    Ok(added)
}

/// Stores those messages of the table that are not there yet, and returns what
/// became of each.
fn store(tx: &Connection, staged: usize) -> rusqlite::Result<Vec<Added>> {
    let before: i64 = tx
        .prepare_cached("SELECT ifnull(max(id), 0) FROM messages")?
        .query_row((), |row| row.get(0))?;
    let new = tx
        .prepare_cached(concat!(
            "INSERT INTO messages(uid, sender, recipient, subject, body, sent_at)
             SELECT uid, sender, recipient, subject, body, ",
            sent_at!("sent_at"),
            " FROM incoming WHERE true ORDER BY n ON CONFLICT DO NOTHING"
        ))?
        .execute(())?;
    if new == staged {
        return Ok(vec![Added::New; new]);
    }
    let mut found = tx.prepare_cached(
        "SELECT messages.id,
                (messages.sender, messages.recipient, messages.subject, messages.body)
                    IS (incoming.sender, incoming.recipient, incoming.subject, incoming.body)
         FROM incoming JOIN messages USING (uid) ORDER BY n",
    )?;
    // Those that are new have the next numbers, in their order. Of equal names
    // in the batch the first has one, and the others find that.
    let mut last = before;
    let added = found.query_map((), |row| {
        let (id, same) = (row.get(0)?, row.get(1)?);
        Ok(if id > last {
            last = id;
            Added::New
        } else if same {
            Added::Known
        } else {
            Added::Contradicts(id)
        })
    })?;
    added.collect()
}

/// A digest as digits.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
