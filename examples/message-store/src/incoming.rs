//! Messages from elsewhere: kept if they are not there yet.

use std::sync::Arc;

use aio_sqlite::rusqlite::{self, CachedStatement, OptionalExtension, TransactionBehavior};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::store::Store;

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
    /// them is stored.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: all of them are stored or none.
    pub async fn add(&self, messages: Arc<[Incoming]>) -> Result<Vec<Added>> {
        // A transaction of its own. One that is shared with other writers can
        // be undone in part, for which SQLite keeps a copy of each page.
        let added = self.db().call(move |db| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut adding = Adding::prepare(&tx)?;
            let added = messages
                .iter()
                .map(|message| adding.add(message))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            drop(adding);
            tx.commit()?;
            Ok(added)
        });
        added.await.map_err(|error| self.failed(error))
    }
}

/// The statements of adding, on the thread of the connection that writes.
struct Adding<'c> {
    count: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    compare: CachedStatement<'c>,
}

impl<'c> Adding<'c> {
    fn prepare(tx: &'c rusqlite::Connection) -> rusqlite::Result<Adding<'c>> {
        Ok(Adding {
            count: tx.prepare_cached(
                "INSERT INTO occurrences VALUES (?1, 1)
                 ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times",
            )?,
            insert: tx.prepare_cached(
                "INSERT INTO messages(uid, sender, recipient, subject, body, sent_at)
                 VALUES (?1, ?2, ?3, nullif(?4, ''), ?5, ifnull(
                     max(strftime('%Y-%m-%dT%H:%M:%fZ', ?6), '0000-01-01T00:00:00.000Z'),
                     strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
                 ))
                 ON CONFLICT DO NOTHING",
            )?,
            compare: tx.prepare_cached(
                "SELECT id FROM messages
                 WHERE uid = ?1
                   AND NOT (sender, recipient, subject, body) IS (?2, ?3, nullif(?4, ''), ?5)",
            )?,
        })
    }

    fn add(&mut self, message: &Incoming) -> rusqlite::Result<Added> {
        let uid = match &message.identity {
            Identity::Named(name) => name.clone(),
            Identity::Content(digest) => {
                let times: i64 = self.count.query_row([digest], |row| row.get(0))?;
                format!("sha256:{}:{times}", hex(digest))
            }
        };
        let Incoming {
            sender,
            recipient,
            subject,
            body,
            sent_at,
            ..
        } = message;
        let parts = (&uid, sender, recipient, subject, body, sent_at);
        if self.insert.execute(parts)? == 1 {
            return Ok(Added::New);
        }
        let parts = (&uid, sender, recipient, subject, body);
        let other = self.compare.query_row(parts, |row| row.get(0)).optional()?;
        Ok(other.map_or(Added::Known, Added::Contradicts))
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
