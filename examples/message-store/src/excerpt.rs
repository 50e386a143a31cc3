//! The beginnings of messages: what a page of many messages shows of each.

use aio_sqlite::{FromRow, Row};
use serde::Serialize;

use crate::error::Result;
use crate::message::Message;
use crate::store::Store;

/// A message with the beginning of its text, which for most messages is all of
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The message; its text has at most [`Excerpt::CHARACTERS`].
    #[serde(flatten)]
    pub message: Message,
    /// Whether its text goes on.
    #[serde(skip_serializing_if = "is_whole")]
    pub cut: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_whole(cut: &bool) -> bool {
    !cut
}

impl Excerpt {
    /// How much of a text it has, in characters.
    pub const CHARACTERS: usize = 10_000;

    /// The columns that a query for excerpts has, in any order.
    ///
    /// SQLite counts the characters of a text up to a NUL only, so the beginning
    /// is taken as bytes. A character has at most four.
    pub(crate) const COLUMNS: &str =
        "messages.id, messages.sender, messages.recipient, messages.subject,
         substr(CAST(messages.body AS BLOB), 1, 40000) AS body, messages.sent_at, messages.uid,
         octet_length(messages.body) AS octets";

    /// About how many bytes of text it has, known without reading them.
    pub(crate) const OCTETS: &str = "(min(octet_length(body), 40000) + octet_length(sender)
         + octet_length(recipient) + ifnull(octet_length(subject), 0))";

    /// Cuts a text to what an excerpt has of it.
    pub(crate) fn of(text: &str) -> &str {
        let end = text.char_indices().nth(Excerpt::CHARACTERS);
        end.map_or(text, |(end, _)| &text[..end])
    }

    /// Returns how many bytes of text it has.
    pub(crate) fn octets(&self) -> usize {
        let Message {
            sender,
            recipient,
            subject,
            body,
            ..
        } = &self.message;
        let subject = subject.as_ref().map_or(0, String::len);
        sender.len() + recipient.len() + subject + body.len()
    }
}

impl FromRow for Excerpt {
    fn from_row(row: &Row) -> aio_sqlite::Result<Excerpt> {
        // The last character may be in pieces, but then it is one too many.
        let beginning = String::from_utf8_lossy(row.get("body")?);
        let body = Excerpt::of(&beginning).to_owned();
        let octets: usize = row.get("octets")?;
        Ok(Excerpt {
            cut: body.len() < octets,
            message: Message {
                id: row.get("id")?,
                sender: row.get("sender")?,
                recipient: row.get("recipient")?,
                subject: row.get("subject")?,
                body,
                sent_at: row.get("sent_at")?,
                uid: row.get("uid")?,
            },
        })
    }
}

/// Which messages a page is of, the newest first.
#[derive(Clone, Debug, Default)]
pub struct PageOf {
    /// From this sender.
    pub from: Option<String>,
    /// To this recipient.
    pub to: Option<String>,
    /// Stored before the one of this number.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// Some of the messages, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The messages.
    pub messages: Vec<Excerpt>,
    /// The number before which the next page begins, if there is one.
    pub next: Option<i64>,
}

/// What a row of a page says beside its message: the number of the last one
/// that would fit if they were all short.
struct Placed {
    excerpt: Excerpt,
    last: i64,
}

impl FromRow for Placed {
    fn from_row(row: &Row) -> aio_sqlite::Result<Placed> {
        Ok(Placed {
            excerpt: Excerpt::from_row(row)?,
            last: row.get("last")?,
        })
    }
}

impl Store {
    /// Returns a page of the messages that fit, the newest first.
    ///
    /// However many pages lie before it, it is found at once. It ends early
    /// behind 1 MiB of text.
    ///
    /// # Errors
    ///
    /// [`Error::Store`](crate::Error::Store) where the database can't be read.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only reads.
    pub async fn page(&self, of: &PageOf) -> Result<Page> {
        let fits = "id < ?1 AND (?4 IS NULL OR sender = ?4) AND (?5 IS NULL OR recipient = ?5)
                    ORDER BY id DESC";
        let before = of.before.unwrap_or(i64::MAX);
        // One more than wanted tells whether there is a next page.
        let most = i64::from(of.limit) + 1;
        let params = (before, most, PAGE, of.from.as_ref(), of.to.as_ref());
        let rows = self.db().query_as::<Placed>(bounded(fits, "DESC"), params);
        let mut rows = rows.await.map_err(|error| self.failed(error))?;
        rows.truncate(of.limit as usize);
        let next = rows
            .last()
            .filter(|row| row.last < row.excerpt.message.id)
            .map(|row| row.excerpt.message.id);
        Ok(Page {
            messages: rows.into_iter().map(|row| row.excerpt).collect(),
            next,
        })
    }

    /// Returns the messages stored behind the one of a number, at most so many
    /// and about 64 KiB of text, in the order in which they were stored. None
    /// means that there are none.
    ///
    /// Whoever follows the store keeps them for as long as it takes a slow
    /// reader to hear them, and there may be a thousand such readers.
    ///
    /// # Errors
    ///
    /// [`Error::Store`](crate::Error::Store) where the database can't be read.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only reads.
    pub async fn stored_after(&self, id: i64, most: u32) -> Result<Vec<Excerpt>> {
        let sql = bounded("id > ?1 ORDER BY id", "ASC");
        let excerpts = self.db().query_as::<Excerpt>(sql, (id, most, STEP)).await;
        excerpts.map_err(|error| self.failed(error))
    }
}

/// How much text ends a page, in bytes.
pub(crate) const PAGE: i64 = 1 << 20;

/// How much text ends what is read to be told, in bytes.
const STEP: i64 = 64 << 10;

/// The messages that fit, at most ?2, as many as make ?3 bytes of text. Their
/// lengths are known without reading them.
fn bounded(fits: &str, order: &str) -> String {
    let (columns, octets) = (Excerpt::COLUMNS, Excerpt::OCTETS);
    format!(
        "WITH fitting AS MATERIALIZED (
             SELECT id, {octets} AS octets FROM messages WHERE {fits} LIMIT ?2
         ), measured AS (
             SELECT id, sum(octets) OVER (ORDER BY id {order}) - octets AS before,
                    last_value(id) OVER (
                        ORDER BY id {order}
                        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                    ) AS last
             FROM fitting
         )
         SELECT {columns}, last FROM measured JOIN messages USING (id)
         WHERE before < ?3 ORDER BY id {order}"
    )
}
