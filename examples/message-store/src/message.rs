//! Messages: those that are to be sent, and those that are there.

use aio_sqlite::{FromRow, Row};
use serde::Serialize;

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Who sends it.
    pub sender: String,
    /// Who is to read it.
    pub recipient: String,
    /// What it is about, if that is said; an empty one says nothing.
    pub subject: Option<String>,
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
            subject: None,
            body: body.into(),
        }
    }
}

/// A message of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its number, from 1, in the order in which messages were stored.
    pub id: i64,
    /// Who sent it.
    pub sender: String,
    /// Who is to read it.
    pub recipient: String,
    /// What it is about, if that is said: never empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its text.
    pub body: String,
    /// When it was sent, in UTC to the millisecond: `2025-12-31T18:00:00.000Z`.
    pub sent_at: String,
    /// Its name, which no other message of the store has, and which it keeps
    /// when it is exported and imported elsewhere.
    pub uid: String,
}

impl Message {
    /// The columns that a query for messages has, in any order.
    pub(crate) const COLUMNS: &str =
        "messages.id, messages.sender, messages.recipient, messages.subject, messages.body,
         messages.sent_at, messages.uid";
}

impl FromRow for Message {
    fn from_row(row: &Row) -> aio_sqlite::Result<Message> {
        Ok(Message {
            id: row.get("id")?,
            sender: row.get("sender")?,
            recipient: row.get("recipient")?,
            subject: row.get("subject")?,
            body: row.get("body")?,
            sent_at: row.get("sent_at")?,
            uid: row.get("uid")?,
        })
    }
}
