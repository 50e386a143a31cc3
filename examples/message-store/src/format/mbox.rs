//! Mails one after another, each behind a line `From …`: the format of mail
//! programs.

use aio_files::replace::AtomicFile;
use aio_itertools::adaptors::batched_weighted;
use aio_itertools::pipeline::pipeline;
use aio_itertools::{Stream, next};
use async_stream::stream;
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Error, Result};
use crate::format::{Batch, Batches, Format};
use crate::mail::split::{Entry, LONGEST_MAIL, Splitter};
use crate::mail::workers::Workers;
use crate::mail::write;
use crate::message::Message;
use crate::source::Source;
use crate::store::Listing;

/// A batch is full with so many bytes of mail, which take milliseconds to read,
/// or with so many mails.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_MAILS: usize = 1000;

/// So much mail is read ahead of whoever takes it. A longer mail is read alone.
const AHEAD: usize = 4 << 20;

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
    /// Reads mails in other processes, which end with the stream. They work while
    /// its consumer is busy, on a task of its own.
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
            let (sender, mut batches) = mpsc::channel(1);
            let reading = tokio::spawn(read_batches(source, workers.clone(), sender));
            let reading = AbortOnDropHandle::new(reading);
            while let Some(batch) = batches.recv().await {
                let failed = batch.is_err();
                yield batch;
                if failed {
                    return workers.terminate().await;
                }
            }
            if let Err(lost) = reading.await && let Ok(panic) = lost.try_into_panic() {
                std::panic::resume_unwind(panic);
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
    eprintln!(
        "message-store: mail is read in processes {}",
        pids.join(", ")
    );
}

/// Sends what stands in a source, up to the end or the first error.
async fn read_batches(source: Source, workers: Workers, sender: mpsc::Sender<Result<Batch>>) {
    let mut failure = None;
    let batches = batched_weighted(entries(source, &mut failure), BATCH_BYTES, weight);
    let sent = pipeline(batches.max_len(BATCH_MAILS))
        .map_concurrent(AHEAD, |batch| workers.read(batch))
        .weight(|batch: &Vec<Entry>| batch.iter().map(weight).sum())
        .try_for_each(async |batch: Result<Batch>| {
            let failed = batch.is_err();
            match sender.send(batch).await {
                Ok(()) if !failed => Ok(()),
                _ => Err(()),
            }
        })
        .await;
    if let (Ok(()), Some(error)) = (sent, failure) {
        // If nobody listens any more, nobody misses it.
        let _ = sender.send(Err(error)).await;
    }
}

fn weight(entry: &Entry) -> usize {
    OVERHEAD + entry.mail.as_ref().map_or(0, |mail| mail.content.len())
}

/// What stands in a source. What ends it early is in `failure` then, and a mail
/// that isn't all there is none.
fn entries(source: Source, failure: &mut Option<Error>) -> impl Stream<Item = Entry> {
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
                yield entry;
            }
        }
        splitter.finish(&mut found);
        for entry in found {
            yield entry;
        }
    }
}
