//! Messages as records: what JSONL and CSV have in common.

use std::io;

use aio_files::PathError;
use aio_itertools::prelude::*;
use aio_itertools::{Stream, next};
use async_stream::stream;
use serde::Deserialize;

use super::Batches;
use crate::batch::{Batch, Place};
use crate::error::Error;
use crate::incoming::{Identity, Incoming};
use crate::time;

/// The longest record, in bytes, as long as the longest mail.
pub(super) const MAX_LEN: usize = 32 << 20;

/// How many bytes of messages make a batch.
const BATCH_BYTES: usize = 256 << 10;

/// How many messages make a batch, if they are small: about a millisecond's
/// work, after which others have their turn.
const BATCH_LEN: usize = 256;

/// A message as it stands in a file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Record {
    pub(super) sender: String,
    pub(super) recipient: String,
    pub(super) subject: Option<String>,
    pub(super) body: String,
    pub(super) sent_at: Option<String>,
    pub(super) uid: Option<String>,
}

impl Record {
    /// Makes a message of it, or says why it is none.
    pub(super) fn message(self) -> Result<Incoming, String> {
        let Record {
            sender,
            recipient,
            subject,
            body,
            sent_at,
            uid,
        } = self;
        if sender.is_empty() && recipient.is_empty() && body.is_empty() {
            return Err("an empty message".into());
        }
        let sent_at = sent_at.as_deref().map(time::read).transpose();
        let sent_at = sent_at.map_err(|problem| format!("sent_at: {problem}"))?;
        let identity = match uid.filter(|uid| !uid.is_empty()) {
            Some(uid) => Identity::Named(uid),
            None => {
                let (subject, sent_at) = (subject.as_deref(), sent_at.as_deref());
                Identity::of_content(&sender, &recipient, subject, &body, sent_at)
            }
        };
        let message = Incoming {
            identity,
            sender,
            recipient,
            subject,
            body,
            sent_at,
        };
        match message.excess() {
            Some(cause) => Err(cause),
            None => Ok(message),
        }
    }
}

/// What comes of reading on in a file of records.
pub(super) enum Read {
    /// A message, or why there is none where one should be.
    Item(Place, Result<Incoming, String>),
    /// Nothing more comes.
    Failed(Error),
}

impl Read {
    /// What became of a record that aio-files gives, and where it begins.
    pub(super) fn of<T>(
        record: io::Result<T>,
        place: Place,
        message: impl FnOnce(T) -> Result<Incoming, String>,
    ) -> Read {
        match record {
            Ok(record) => Read::Item(place, message(record)),
            // It is the file's where there is no line that it could be of.
            Err(error) => match PathError::of(&error).and_then(cause_of_record) {
                Some(cause) => Read::Item(place, Err(cause)),
                None => Read::Failed(Error::File(error)),
            },
        }
    }

    fn weight(&self) -> usize {
        match self {
            Read::Item(_, Ok(message)) => message.weight(),
            Read::Item(..) | Read::Failed(_) => 0,
        }
    }
}

/// What is wrong with a record, without the name of the file and the place.
fn cause_of_record(error: &PathError) -> Option<String> {
    error.line()?;
    std::error::Error::source(error).map(ToString::to_string)
}

/// Gathers what is read into batches.
pub(super) fn batches(items: impl Stream<Item = Read> + Send + 'static) -> Batches {
    Box::pin(stream! {
        let groups = items.batched_weighted(BATCH_BYTES, Read::weight).max_len(BATCH_LEN);
        let mut groups = Box::pin(groups);
        while let Some(group) = next(&mut groups).await {
            let mut batch = Batch::default();
            let mut failure = None;
            for item in group {
                match item {
                    Read::Item(place, item) => {
                        batch.end = place.byte;
                        match item {
                            Ok(message) => batch.push(place, message),
                            Err(cause) => batch.rejected.push((place, cause)),
                        }
                    }
                    Read::Failed(error) => failure = Some(error),
                }
            }
            yield Ok(batch);
            if let Some(error) = failure {
                yield Err(error);
            }
        }
    })
}
