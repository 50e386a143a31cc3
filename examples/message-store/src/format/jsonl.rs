//! JSONL: a message is a JSON object on a line of its own.

use aio_files::replace::AtomicFile;
use async_stream::stream;
use async_trait::async_trait;

use super::record::{MAX_LEN, Read, Record, batches};
use super::{Batches, Format};
use crate::batch::Place;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::output::json_line;
use crate::source::Source;
use crate::store::Listing;

/// The format: the objects of `list --json`, of which all fields may be missing
/// but sender, recipient and body.
#[derive(Clone, Copy, Debug)]
pub struct Jsonl;

#[async_trait]
impl Format for Jsonl {
    fn read(&self, source: Source) -> Batches {
        batches(stream! {
            let mut records = source.records::<Record>().jsonl().max_len(MAX_LEN).stream();
            while let Some(record) = records.next().await {
                let at = records.position();
                let place = Place { line: at.line, byte: at.offset };
                yield Read::of(record, place, Record::message);
            }
        })
    }

    async fn write(&self, mut messages: Listing<Message>, file: &mut AtomicFile) -> Result<u64> {
        let mut count = 0;
        while let Some(message) = messages.next().await {
            let mut line = Vec::new();
            json_line(&message?, &mut line)?;
            file.write_all(&line).await.map_err(Error::File)?;
            count += 1;
        }
        Ok(count)
    }
}
