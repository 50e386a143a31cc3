//! Words in, messages out: what full-text search finds, and where in the text.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use aio_sqlite::{FromRow, Row};

use crate::message::Message;
use crate::store::{Listing, Store};

/// A message that was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The message.
    pub message: Message,
    /// Its subject in pieces, those that match apart from the others; none if it
    /// has no subject.
    pub subject: Vec<Piece>,
    /// Its text in pieces.
    pub body: Vec<Piece>,
}

/// A piece of a text that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What lies between the matches.
    Plain(String),
    /// What was looked for, as it is written in the text.
    Match(String),
}

impl Piece {
    /// Returns what it says.
    pub fn text(&self) -> &str {
        match self {
            Piece::Plain(text) | Piece::Match(text) => text,
        }
    }
}

impl FromRow for Found {
    fn from_row(row: &Row) -> aio_sqlite::Result<Found> {
        let message = Message::from_row(row)?;
        let marks = (row.get::<&str>("open")?, row.get::<&str>("close")?);
        let subject = row.get::<Option<&str>>("marked_subject")?;
        let subject = subject.unwrap_or_default();
        Ok(Found {
            subject: pieces(subject, marks, message.subject.as_deref().unwrap_or("")),
            body: pieces(row.get("marked_body")?, marks, &message.body),
            message,
        })
    }
}

/// Takes a text apart where FTS5 has put marks into it.
fn pieces(marked: &str, (open, close): (&str, &str), text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in marked.split(open) {
        let (found, rest) = part.split_once(close).unwrap_or(("", part));
        pieces.push(Piece::Match(found.to_owned()));
        pieces.push(Piece::Plain(rest.to_owned()));
    }
    pieces.retain(|piece| !piece.text().is_empty());
    // FTS5 marks texts up to a NUL character only: rather no mark than half a
    // message.
    if pieces.iter().map(Piece::text).collect::<String>() != text {
        pieces = vec![Piece::Plain(text.to_owned())];
    }
    pieces
}

impl Store {
    /// Returns the messages whose subject and text contain all the words, the
    /// best match first, and of equally good ones the newest.
    ///
    /// The words are words and nothing else: what FTS5 has of operators and
    /// signs means nothing here, so no text is a wrong query.
    ///
    /// In a text of more than 16 KiB the matches are not told apart.
    pub fn search(&self, words: &str, limit: Option<u32>) -> Listing<Found> {
        self.listing(search_sql(), search_parameters(words, None, limit))
    }

    /// As [`search`](Store::search), of the messages that contain words which
    /// begin so: for a search that goes on while somebody types.
    pub fn search_as_typed(&self, words: &str, limit: Option<u32>) -> Listing<Found> {
        self.listing(search_sql(), search_parameters(words, Some('*'), limit))
    }
}

/// The parameters of [`search_sql`].
type Parameters = (String, String, String, Option<u32>);

fn search_sql() -> String {
    // FTS5 copies all it has marked so far at each further match: a long text
    // full of them would take minutes. Without marks it is one piece.
    //
    // The best are chosen by number and rank alone. Sorted as a whole, each text
    // with a common word would be read and marked before all but a few are
    // dropped.
    let columns = Message::COLUMNS;
    format!(
        "WITH best(id, score) AS MATERIALIZED (
             SELECT rowid, bm25(messages_fts) FROM messages_fts
             WHERE messages_fts MATCH ?1
             ORDER BY bm25(messages_fts), rowid DESC
             LIMIT ifnull(?4, -1)
         )
         SELECT {columns}, ?2 AS open, ?3 AS close,
                CASE WHEN octet_length(messages.subject) <= 16384
                     THEN highlight(messages_fts, 0, ?2, ?3)
                     ELSE messages.subject END AS marked_subject,
                CASE WHEN octet_length(messages.body) <= 16384
                     THEN highlight(messages_fts, 1, ?2, ?3)
                     ELSE messages.body END AS marked_body
         FROM messages_fts
              CROSS JOIN best ON best.id = messages_fts.rowid
              CROSS JOIN messages ON messages.id = best.id
         WHERE messages_fts MATCH ?1
         ORDER BY best.score, best.id DESC"
    )
}

/// Quotes each word, and has what follows a quote (`*`: any end) behind each.
fn search_parameters(words: &str, suffix: Option<char>, limit: Option<u32>) -> Parameters {
    // FTS5 reads its query up to a NUL character.
    let mut quoted = words
        .split(|c: char| c.is_whitespace() || c == '\0')
        .filter(|word| !word.is_empty())
        .map(|word| {
            let suffix = suffix.map(String::from).unwrap_or_default();
            format!("\"{}\"{suffix}", word.replace('"', "\"\""))
        })
        .collect::<Vec<_>>()
        .join(" ");
    if quoted.is_empty() {
        // No query at all is a wrong one; an empty phrase finds nothing.
        quoted.push_str("\"\"");
    }
    // The marks around a match must not occur in any message, not even one
    // written to mislead: they are drawn anew for each search.
    let mark = RandomState::new().build_hasher().finish();
    let (open, close) = (format!("<{mark:016x}>"), format!("</{mark:016x}>"));
    (quoted, open, close, limit)
}
