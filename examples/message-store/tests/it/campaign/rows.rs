//! What is in a store, compared with what should be.

use std::fmt;

use aio_sqlite::{FromRow, Row};

use crate::folder::Folder;
use crate::mailbox::{Kept, Mailbox};

/// A row, as far as an import decides on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stored {
    sender: String,
    recipient: String,
    subject: Option<String>,
    sent_at: String,
    body: String,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> aio_sqlite::Result<Stored> {
        Ok(Stored {
            sender: row.get("sender")?,
            recipient: row.get("recipient")?,
            subject: row.get("subject")?,
            sent_at: row.get("sent_at")?,
            body: row.get("body")?,
        })
    }
}

/// What is wrong with a store.
#[derive(Debug)]
pub(super) struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns how many rows a store has, which are the first ones of a mailbox in
/// the order of the file, or what is wrong.
pub(super) fn first_of(mailbox: &Mailbox, folder: &Folder, store: &str) -> Result<usize, Wrong> {
    is_sound(folder, store)?;
    let rows = read(folder, store);
    if rows.len() > mailbox.kept.len() {
        return Err(Wrong(format!(
            "{} rows of {}",
            rows.len(),
            mailbox.kept.len()
        )));
    }
    let wrong = rows.iter().zip(&mailbox.kept).enumerate();
    let wrong = wrong.filter_map(|(at, (row, kept))| Some((at, difference(row, kept)?)));
    none_of(wrong.map(|(at, difference)| format!("row {}: {difference}", at + 1)))?;
    Ok(rows.len())
}

/// Says what is wrong with a store that should have all mails of a mailbox, in
/// whatever order.
pub(super) fn all_of(mailbox: &Mailbox, folder: &Folder, store: &str) -> Result<(), Wrong> {
    is_sound(folder, store)?;
    let mut rows = read(folder, store);
    rows.sort();
    let mut all: Vec<&Kept> = mailbox.kept.iter().collect();
    all.sort();
    if rows.len() != all.len() {
        return Err(Wrong(format!("{} rows of {}", rows.len(), all.len())));
    }
    none_of(
        rows.iter()
            .zip(all)
            .filter_map(|(row, kept)| difference(row, kept)),
    )
}

/// Whether the database and its index are whole, and of one mind.
fn is_sound(folder: &Folder, store: &str) -> Result<(), Wrong> {
    let said: String = folder.value(store, "PRAGMA integrity_check");
    if said != "ok" {
        return Err(Wrong(said));
    }
    let check = "INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)";
    folder
        .try_with(store, async |db| db.execute_script(check).await)
        .map_err(|error| Wrong(format!("the index: {error}")))
}

fn read(folder: &Folder, store: &str) -> Vec<Stored> {
    let sql = "SELECT sender, recipient, subject, sent_at, body FROM messages ORDER BY id";
    folder.with(store, async |db| db.query_as(sql, ()).await)
}

fn difference(row: &Stored, kept: &Kept) -> Option<String> {
    let Stored {
        sender,
        recipient,
        subject,
        sent_at,
        body,
    } = row;
    let said = [
        ("sender", Some(sender), Some(&kept.sender)),
        ("recipient", Some(recipient), Some(&kept.recipient)),
        ("subject", subject.as_ref(), kept.subject.as_ref()),
        ("sent_at", Some(sent_at), Some(&kept.sent_at)),
    ];
    let wrong = said.iter().find(|(_, is, right)| is != right);
    let wrong = wrong.map(|(what, is, right)| format!("{what} is {is:?}, not {right:?}"));
    let wrong = wrong.or_else(|| {
        let is_right = kept.body.is(body);
        (!is_right).then(|| format!("body is {body:?}, not {:?}", kept.body))
    })?;
    Some(format!("a mail that is {}: {wrong:.2000}", kept.kind))
}

fn none_of(wrong: impl Iterator<Item = String>) -> Result<(), Wrong> {
    let wrong: Vec<String> = wrong.collect();
    match wrong.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Wrong(format!("{} rows are wrong: {first}", wrong.len()))),
    }
}
