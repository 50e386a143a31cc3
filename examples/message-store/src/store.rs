//! The messages and their database.

use aio_sqlite::{Connection, FromRow, Result, Row, Rows};

/// A message that is to be sent.
pub struct NewMessage {
    pub sender: String,
    pub recipient: String,
    pub body: String,
}

/// A message of the store.
pub struct Message {
    pub id: i64,
    pub sender: String,
    pub recipient: String,
    pub body: String,
}

impl FromRow for Message {
    fn from_row(row: &Row) -> Result<Message> {
        Ok(Message {
            id: row.get("id")?,
            sender: row.get("sender")?,
            recipient: row.get("recipient")?,
            body: row.get("body")?,
        })
    }
}

/// The open store.
pub struct Store {
    db: Connection,
}

impl Store {
    pub async fn open(path: &str) -> Result<Store> {
        let db = aio_sqlite::connect(path).await?;
        db.execute_script(
            "CREATE TABLE IF NOT EXISTS messages(
                 id INTEGER PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT NOT NULL, body TEXT NOT NULL
             )",
        )
        .await?;
        Ok(Store { db })
    }

    pub async fn send(&self, new: &NewMessage) -> Result<i64> {
        let done = self
            .db
            .execute(
                "INSERT INTO messages(sender, recipient, body) VALUES (?1, ?2, ?3)",
                (&new.sender, &new.recipient, &new.body),
            )
            .await?;
        Ok(done.last_insert_rowid)
    }

    pub fn list(&self) -> Rows<'_, Message> {
        self.db
            .query_as(
                "SELECT id, sender, recipient, body FROM messages ORDER BY id",
                (),
            )
            .stream()
    }

    pub async fn close(self) -> Result<()> {
        self.db.close().await
    }
}
