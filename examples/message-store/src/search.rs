//! Words in, messages out: what full-text search finds, and where in the text.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use aio_sqlite::{FromRow, Row};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::error::Result;
use crate::excerpt::{Excerpt, PAGE};
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

/// The beginning of a message that was searched for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FoundExcerpt {
    /// The message, with the beginning of its text.
    pub message: Excerpt,
    /// Its subject in pieces, as in [`Found`].
    pub subject: Vec<Piece>,
    /// The beginning of its text in pieces.
    pub body: Vec<Piece>,
}

/// The best of the messages that were searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BestOf {
    /// They, the best first.
    pub found: Vec<FoundExcerpt>,
    /// Whether there are more.
    pub more: bool,
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

impl Serialize for Piece {
    /// An object: `{"text":"help","match":true}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut piece = serializer.serialize_struct("Piece", 2)?;
        piece.serialize_field("text", self.text())?;
        piece.serialize_field("match", &matches!(self, Piece::Match(_)))?;
        piece.end()
    }
}

impl FromRow for Found {
    fn from_row(row: &Row) -> aio_sqlite::Result<Found> {
        let message = Message::from_row(row)?;
        Ok(Found {
            subject: marked(row, "marked_subject", message.subject.as_deref())?,
            body: marked(row, "marked_body", Some(&message.body))?,
            message,
        })
    }
}

impl FromRow for FoundExcerpt {
    fn from_row(row: &Row) -> aio_sqlite::Result<FoundExcerpt> {
        let message = Excerpt::from_row(row)?;
        let whole = &message.message;
        Ok(FoundExcerpt {
            subject: marked(row, "marked_subject", whole.subject.as_deref())?,
            body: marked(row, "marked_body", Some(&whole.body))?,
            message,
        })
    }
}

/// A text, or the beginning of one, in pieces: as a column of the row has it
/// marked, or in one piece where nothing is marked.
fn marked(row: &Row, column: &str, text: Option<&str>) -> aio_sqlite::Result<Vec<Piece>> {
    let text = text.unwrap_or_default();
    let marks = (row.get("open")?, row.get("close")?);
    let marked = row.get::<Option<&str>>(column)?;
    Ok(pieces(marked.unwrap_or(text), marks, text))
}

/// Takes a text apart where FTS5 has put marks into it.
fn pieces(marked: &str, (open, close): (&str, &str), text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut left = text.len();
    for part in marked.split(open) {
        let (found, rest) = part.split_once(close).unwrap_or(("", part));
        pieces.push(Piece::Match(beginning(found, &mut left)));
        pieces.push(Piece::Plain(beginning(rest, &mut left)));
    }
    pieces.retain(|piece| !piece.text().is_empty());
    // FTS5 marks texts up to a NUL character only: rather no mark than half a
    // message.
    if pieces.iter().map(Piece::text).collect::<String>() != text {
        pieces = vec![Piece::Plain(text.to_owned())];
    }
    pieces
}

/// As much of a text as there is left of what is wanted, in bytes.
fn beginning(text: &str, left: &mut usize) -> String {
    let mut end = text.len().min(*left);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    *left -= end;
    text[..end].to_owned()
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
        let sql = search_sql(Message::COLUMNS, "best");
        self.listing(sql, search_parameters(words, None, limit))
    }

    /// Does as [`search`](Store::search), with the messages that contain words
    /// which begin so, and the beginnings of their texts: for a search that goes
    /// on while somebody types. It ends early behind 1 MiB of text.
    ///
    /// # Errors
    ///
    /// [`Error::Store`](crate::Error::Store) where the database can't be read.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only reads.
    pub async fn search_as_typed(&self, words: &str, limit: u32) -> Result<BestOf> {
        // One more than wanted tells whether there are more.
        let most = limit.saturating_add(1);
        let params = search_parameters(words, Some('*'), Some(most));
        let columns = format!("{}, shown.count", Excerpt::COLUMNS);
        let sql = search_sql(&columns, &beginning_of_best());
        let rows = self.db().query_as::<Counted>(sql, params);
        let mut rows = rows.await.map_err(|error| self.failed(error))?;
        let count = rows.first().map_or(0, |row| row.count);
        rows.truncate(limit as usize);
        Ok(BestOf {
            more: rows.len() < count,
            found: rows.into_iter().map(|row| row.found).collect(),
        })
    }
}

/// What a row of a search says beside its message: how many messages would have
/// been found if they were all short.
struct Counted {
    found: FoundExcerpt,
    count: usize,
}

impl FromRow for Counted {
    fn from_row(row: &Row) -> aio_sqlite::Result<Counted> {
        Ok(Counted {
            found: FoundExcerpt::from_row(row)?,
            count: row.get("count")?,
        })
    }
}

/// Those of the best that make a page. They are measured first: a window would
/// take their texts into a table of its own.
fn beginning_of_best() -> String {
    let octets = Excerpt::OCTETS;
    format!(
        "(WITH measured AS MATERIALIZED (
             SELECT id, score, {octets} AS octets FROM best JOIN messages USING (id)
         )
         SELECT id, score, count FROM (
             SELECT id, score, count(*) OVER () AS count,
                    sum(octets) OVER (ORDER BY score, id DESC) - octets AS before
             FROM measured
         ) WHERE before < {PAGE})"
    )
}

/// The parameters of [`search_sql`].
type Parameters = (String, String, String, Option<u32>);

/// The columns of the messages that are shown: all the `best`, or those of a query
/// of them.
fn search_sql(columns: &str, shown: &str) -> String {
    // FTS5 copies all it has marked so far at each further match: a long text
    // full of them would take minutes.
    //
    // The best are chosen by number and rank alone. Sorted as a whole, each text
    // with a common word would be read and marked before all but a few are
    // dropped.
    format!(
        "WITH best(id, score) AS MATERIALIZED (
             SELECT rowid, bm25(messages_fts) FROM messages_fts
             WHERE messages_fts MATCH ?1
             ORDER BY bm25(messages_fts), rowid DESC
             LIMIT ifnull(?4, -1)
         )
         SELECT {columns}, ?2 AS open, ?3 AS close,
                CASE WHEN octet_length(messages.subject) <= 16384
                     THEN highlight(messages_fts, 0, ?2, ?3) END AS marked_subject,
                CASE WHEN octet_length(messages.body) <= 16384
                     THEN highlight(messages_fts, 1, ?2, ?3) END AS marked_body
         FROM messages_fts
              CROSS JOIN {shown} AS shown ON shown.id = messages_fts.rowid
              CROSS JOIN messages ON messages.id = shown.id
         WHERE messages_fts MATCH ?1
         ORDER BY shown.score, shown.id DESC"
    )
}

/// Quotes each word, and has what follows a quote (`*`: any end) behind each.
fn search_parameters(words: &str, suffix: Option<char>, limit: Option<u32>) -> Parameters {
    // FTS5 reads its query up to a NUL character.
    let mut seen = HashSet::new();
    let mut quoted = words
        .split(|c: char| c.is_whitespace() || c == '\0')
        // A word that is there twice finds nothing else, and costs as much again.
        .filter(|word| !word.is_empty() && seen.insert(word.to_lowercase()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_looked_for_once() {
        let (query, ..) = search_parameters("the cat The \"cat\"  THE", Some('*'), None);
        assert_eq!(query, r#""the"* "cat"* """cat"""*"#);
        let (query, ..) = search_parameters(" \0 ", None, None);
        assert_eq!(query, r#""""#);
    }
}
