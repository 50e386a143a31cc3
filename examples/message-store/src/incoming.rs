//! Messages from elsewhere: kept if they are not there yet.

use aio_sqlite::rusqlite::{self, Connection, TransactionBehavior};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::store::Store;

/// No message has a longer text, in bytes: SQLite has it three times over while
/// it is stored.
pub const LONGEST_BODY: usize = 20 << 20;

/// What else a message says is no longer either, taken together. In all forms
/// that an export writes it is short enough beside the longest text, so that it
/// can be imported again.
pub(crate) const LONGEST_HEAD: usize = 512 << 10;

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
        size_of::<Incoming>() + self.head() + self.body.len()
    }

    /// Says what of it is too long, if anything is.
    pub fn excess(&self) -> Option<String> {
        if self.body.len() > LONGEST_BODY {
            let most = LONGEST_BODY >> 20;
            Some(format!("its text is longer than {most} MiB"))
        } else if self.head() > LONGEST_HEAD {
            let most = LONGEST_HEAD >> 10;
            Some(format!(
                "what it says beside its text is longer than {most} KiB"
            ))
        } else {
            None
        }
    }

    fn head(&self) -> usize {
        let name = match &self.identity {
            Identity::Named(name) => name.len(),
            Identity::Content(_) => 0,
        };
        let subject = self.subject.as_ref().map_or(0, String::len);
        name + self.sender.len() + self.recipient.len() + subject
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
    pub async fn add(&self, messages: Vec<Incoming>) -> Result<Vec<Added>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        // A transaction of its own. One that is shared with other writers can
        // be undone in part, for which SQLite keeps a copy of each page.
        let added = self.db().call(move |db| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let staged = messages.len();
            stage(&tx, messages)?;
            let added = store(&tx, staged)?;
            tx.execute("DELETE FROM incoming", ())?;
            tx.commit()?;
            Ok(added)
        });
        let added = added.await.map_err(|error| self.failed(error))?;
        self.is_there()?;
        Ok(added)
    }
}

/// Puts messages into a table of this connection, each with its name, so that
/// one statement can store all of them: at each that adds to the full-text index,
/// SQLite has that write what it has gathered, in case the statement is undone.
///
/// A message that is in the table is nowhere else any more: SQLite needs a long
/// one several times over to store it.
fn stage(tx: &Connection, messages: Vec<Incoming>) -> rusqlite::Result<()> {
    let mut count = tx.prepare_cached(
        "INSERT INTO occurrences VALUES (?1, 1)
         ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times",
    )?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO incoming(uid, sender, recipient, subject, body, sent_at)
         VALUES (?1, ?2, ?3, nullif(?4, ''), ?5, ?6)",
    )?;
    for message in messages {
        let Incoming {
            identity,
            sender,
            recipient,
            subject,
            body,
            sent_at,
        } = message;
        let uid = match identity {
            Identity::Named(name) => name,
            Identity::Content(digest) => {
                let times: i64 = count.query_row([digest], |row| row.get(0))?;
                format!("sha256:{}:{times}", hex(&digest))
            }
        };
        insert.execute((uid, sender, recipient, subject, body, sent_at))?;
    }
    Ok(())
}

/// Stores those messages of the table that are not there yet, and returns what
/// became of each.
fn store(tx: &Connection, staged: usize) -> rusqlite::Result<Vec<Added>> {
    let before: i64 = tx
        .prepare_cached("SELECT ifnull(max(id), 0) FROM messages")?
        .query_row((), |row| row.get(0))?;
    let new = tx
        .prepare_cached(
            "INSERT INTO messages(uid, sender, recipient, subject, body, sent_at)
             SELECT uid, sender, recipient, subject, body, ifnull(
                        max(strftime('%Y-%m-%dT%H:%M:%fZ', sent_at), '0000-01-01T00:00:00.000Z'),
                        strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
                    )
             FROM incoming WHERE true ORDER BY n
             ON CONFLICT DO NOTHING",
        )?
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

/// Bytes as two digits each.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Identity, Incoming, LONGEST_BODY, LONGEST_HEAD};

    fn message(subject: usize, body: usize) -> Incoming {
        Incoming {
            identity: Identity::Named("uid".into()),
            sender: "bob".into(),
            recipient: "all".into(),
            subject: Some("s".repeat(subject)),
            body: "b".repeat(body),
            sent_at: None,
        }
    }

    #[test]
    fn what_is_too_long_is_said() {
        let rest = "bob all uid".len() - 2;
        assert_eq!(message(LONGEST_HEAD - rest, LONGEST_BODY).excess(), None);
        let cause = message(0, LONGEST_BODY + 1).excess().expect("it is");
        assert_eq!(cause, "its text is longer than 20 MiB");
        let cause = message(LONGEST_HEAD - rest + 1, 0).excess().expect("it is");
        assert_eq!(cause, "what it says beside its text is longer than 512 KiB");
    }
}
