//! Mails one after another, each behind a line `From …`: the format of mail
//! programs.

use aio_files::replace::AtomicFile;
use aio_itertools::prelude::*;
use aio_itertools::{Stream, next};
use async_stream::stream;
use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Batches, Format};
use crate::error::{Error, Result};
use crate::mail::split::{Entry, LONGEST_MAIL, Splitter};
use crate::mail::workers::Workers;
use crate::mail::write;
use crate::message::Message;
use crate::report::say;
use crate::source::Source;
use crate::store::Listing;

/// A batch is full with so many bytes of mail, which take milliseconds to read,
/// or with so many mails.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_MAILS: usize = 1000;

/// Nothing is read ahead of a longer mail: it takes its length many times over
/// until it is stored, and another one is not to be there beside it.
const LONG: usize = 4 << 20;

/// What a mail costs beside its bytes.
const OVERHEAD: usize = 512;

/// So many bytes are handed to the file at once.
const WRITE: usize = 256 << 10;

/// Whether to say which processes read the mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Only what went wrong is said.
    #[default]
    Quiet,
    /// On standard error, before the first mail is read.
    Verbose,
}

/// The format mbox.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mbox {
    verbosity: Verbosity,
}

impl Mbox {
    /// Returns the format.
    pub fn new(verbosity: Verbosity) -> Mbox {
        Mbox { verbosity }
    }
}

#[async_trait]
impl Format for Mbox {
    /// Reads mails in other processes, which end with the stream.
    fn read(&self, source: Source) -> Batches {
        let Mbox { verbosity } = *self;
        Box::pin(stream! {
            let workers = match Workers::start().await {
                Ok(workers) => workers,
                Err(error) => {
                    yield Err(error);
                    return;
                }
            };
            if verbosity == Verbosity::Verbose {
                tell(&workers.pids());
            }
            let (stored, mut failure) = (Notify::new(), None);
            let entries = entries(source, &stored, &mut failure);
            let batches = entries.batched_weighted(BATCH_BYTES, weight).max_len(BATCH_MAILS);
            let mut batches = Box::pin(batches.map_spawned(Workers::count() + 1, |batch: Vec<Entry>| {
                let workers = workers.clone();
                async move {
                    let is_long = batch.iter().any(|entry| weight(entry) > LONG);
                    (workers.read(batch).await, is_long)
                }
            }));
            while let Some((batch, is_long)) = next(&mut batches).await {
                let failed = batch.is_err();
                yield batch;
                if failed {
                    return workers.terminate().await;
                }
                if is_long {
                    // There is room for more, since more is asked for.
                    stored.notify_one();
                }
            }
            drop(batches);
            if let Some(error) = failure {
                yield Err(error);
            }
            if let Err(error) = workers.close().await {
                yield Err(error);
            }
        })
    }

    async fn write(&self, mut messages: Listing<Message>, file: &mut AtomicFile) -> Result<u64> {
        let (mut mbox, mut written) = (String::new(), 0);
        while let Some(message) = messages.next().await {
            write::add(&mut mbox, &message?);
            written += 1;
            if mbox.len() >= WRITE {
                file.write_all(mbox.as_bytes()).await.map_err(Error::File)?;
                mbox.clear();
            }
        }
        file.write_all(mbox.as_bytes()).await.map_err(Error::File)?;
        Ok(written)
    }
}

fn tell(pids: &[u32]) {
    let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
    say(&format!("mail is read in processes {}", pids.join(", ")));
}

fn weight(entry: &Entry) -> usize {
    OVERHEAD + entry.mail.as_ref().map_or(0, |mail| mail.content.len())
}

/// What stands in a source. What ends it early is in `failure` then, and a mail
/// that isn't all there is none.
fn entries(
    source: Source,
    stored: &Notify,
    failure: &mut Option<Error>,
) -> impl Stream<Item = Entry> {
    stream! {
        let mut chunks = source.chunks();
        let (mut splitter, mut found) = (Splitter::new(LONGEST_MAIL), Vec::new());
        while let Some(chunk) = next(&mut chunks).await {
            match chunk {
                Ok(chunk) => splitter.feed(chunk, &mut found),
                Err(error) => {
                    *failure = Some(Error::File(error));
                    return;
                }
            }
            for entry in found.drain(..) {
                let is_long = weight(&entry) > LONG;
                yield entry;
                if is_long {
                    stored.notified().await;
                }
            }
        }
        splitter.finish(&mut found);
        for entry in found {
            yield entry;
        }
    }
}
