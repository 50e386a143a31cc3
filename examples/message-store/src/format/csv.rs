//! CSV: a message is a row, and the first row names the columns.

use std::mem;

use ::csv::{Writer, WriterBuilder};
use aio_files::replace::AtomicFile;
use async_stream::stream;
use async_trait::async_trait;

use super::record::{MAX_LEN, Read, Record, batches};
use super::{Batches, Format};
use crate::batch::Place;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::source::Source;
use crate::store::Listing;

/// The columns that are written.
const COLUMNS: [&str; 6] = ["sender", "recipient", "subject", "body", "sent_at", "uid"];

/// Those of them that must be there to be read.
const NEEDED: [&str; 3] = ["sender", "recipient", "body"];

/// How many bytes of rows are written at once.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// How many bytes of a row are written at once.
const WRITER_ROOM: usize = 1 << 20;

/// The format: a row a message, the columns in any order and among others. What
/// a message doesn't say is an empty field.
#[derive(Clone, Copy, Debug)]
pub struct Csv;

#[async_trait]
impl Format for Csv {
    fn read(&self, source: Source) -> Batches {
        batches(stream! {
            let rows = source.records::<Vec<String>>().csv().no_header();
            let mut rows = rows.max_len(MAX_LEN).stream();
            let columns = match rows.next().await {
                None => return,
                // What the fields mean isn't known then.
                Some(Err(error)) => return yield Read::Failed(Error::File(error)),
                Some(Ok(header)) => Columns::of(&header),
            };
            let columns = match columns {
                Ok(columns) => columns,
                Err(problem) => return yield Read::Failed(Error::Format {
                    path: source.name().into(),
                    problem,
                }),
            };
            while let Some(row) = rows.next().await {
                let at = rows.position();
                let place = Place { line: at.line, byte: at.offset };
                yield Read::of(row, place, |row| columns.record(row).message());
            }
        })
    }

    async fn write(&self, mut messages: Listing<Message>, file: &mut AtomicFile) -> Result<u64> {
        let mut rows = Rows::new().map_err(Error::File)?;
        let mut count = 0;
        while let Some(message) = messages.next().await {
            rows.push(&message?).map_err(Error::File)?;
            if rows.len() >= WRITTEN_AT_ONCE {
                let written = rows.take().map_err(Error::File)?;
                file.write_all(&written).await.map_err(Error::File)?;
            }
            count += 1;
        }
        let written = rows.take().map_err(Error::File)?;
        file.write_all(&written).await.map_err(Error::File)?;
        Ok(count)
    }
}

/// Whether a name, as it stands in a file, is that of a column that must be there.
pub(super) fn is_needed(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    let name = name.strip_prefix(b"\"").unwrap_or(name);
    let name = name.strip_suffix(b"\"").unwrap_or(name);
    let is = |needed: &&str| name.eq_ignore_ascii_case(needed.as_bytes());
    NEEDED.iter().any(is)
}

/// Where in a row each of [`COLUMNS`] is, if it is there.
#[derive(Clone, Copy, Debug)]
struct Columns([Option<usize>; 6]);

impl Columns {
    /// Finds the columns by their names, or says what is wrong with those.
    fn of(header: &[String]) -> Result<Columns, String> {
        let mut places = [None; 6];
        for (name, place) in COLUMNS.iter().zip(&mut places) {
            let is = |(_, found): &(usize, &String)| found.trim().eq_ignore_ascii_case(name);
            let mut found = header.iter().enumerate().filter(is);
            *place = found.next().map(|(at, _)| at);
            if found.next().is_some() {
                return Err(format!("its first row names two columns {name}"));
            }
            if place.is_none() && NEEDED.contains(name) {
                return Err(format!("its first row names no column {name}"));
            }
        }
        Ok(Columns(places))
    }

    fn record(&self, mut row: Vec<String>) -> Record {
        let mut fields = self.0.map(|place| match place {
            Some(place) => row.get_mut(place).map(mem::take).unwrap_or_default(),
            None => String::new(),
        });
        let [sender, recipient, subject, body, sent_at, uid] = fields.each_mut().map(mem::take);
        let said = |field: String| Some(field).filter(|field| !field.is_empty());
        Record {
            sender,
            recipient,
            subject: said(subject),
            body,
            sent_at: said(sent_at),
            uid: said(uid),
        }
    }
}

/// A writer of rows. Each time its room is full it looks for a quote in all that
/// is left of a field, so there is much room for long ones.
fn writer() -> Writer<Vec<u8>> {
    WriterBuilder::new()
        .buffer_capacity(WRITER_ROOM)
        .from_writer(Vec::new())
}

/// Rows that are not yet in the file.
#[derive(Debug)]
struct Rows(Writer<Vec<u8>>);

impl Rows {
    fn new() -> std::io::Result<Rows> {
        let mut rows = writer();
        rows.write_record(COLUMNS)?;
        Ok(Rows(rows))
    }

    fn push(&mut self, message: &Message) -> std::io::Result<()> {
        self.0.write_record([
            &message.sender,
            &message.recipient,
            message.subject.as_deref().unwrap_or_default(),
            &message.body,
            &message.sent_at,
            &message.uid,
        ])?;
        self.0.flush()
    }

    fn len(&self) -> usize {
        self.0.get_ref().len()
    }

    fn take(&mut self) -> std::io::Result<Vec<u8>> {
        let rows = mem::replace(&mut self.0, writer());
        rows.into_inner().map_err(|error| error.into_error())
    }
}
