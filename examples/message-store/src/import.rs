//! Messages from files: read while those before them are stored.

mod ahead;
mod choice;
mod counts;
mod progress;

use std::pin::pin;

use crate::batch::{Batch, Place};
use crate::cli::Import as Args;
use crate::ending::Ending;
use crate::error::{Error, Result};
use crate::format::{Formats, Kind};
use crate::output::Output;
use crate::signals::Asked;
use crate::source::Source;
use crate::store::Store;
use ahead::Ahead;
use choice::choose;
use counts::Counts;
use progress::Progress;

/// Stores the messages of files that are not there yet, and says of each file
/// how many they were.
///
/// A file that can't be read, or not to its end, is reported and doesn't keep
/// the others from being imported.
///
/// # Errors
///
/// [`Error::Store`] where the database refuses; what was counted until then is
/// stored. [`Error::Gone`] where the store's file is not there any more.
///
/// # Cancel safety
///
/// *Not cancel safe*: a part of the messages may be stored, in whole batches.
pub async fn import(store: &Store, args: &Args, mut output: Output) -> Result<Ending> {
    let asked = Asked::listen().map_err(Error::File)?;
    let formats = Formats::new(args.verbosity());
    let (mut failed, mut rejected) = (false, false);
    let mut printed = Ok(());
    for argument in &args.files {
        let source = Source::of_argument(argument);
        let mut file = File {
            progress: Progress::of(&source).await,
            counts: Counts::default(),
            source,
        };
        let outcome = file.import(store, &formats, args.format, &asked).await;
        file.progress.finish();
        rejected |= file.counts.rejected > 0;
        if outcome.is_ok() || file.counts != Counts::default() {
            let line = format!("{}: {}", file.source.name(), file.counts);
            // Whoever doesn't read it doesn't stop the import.
            printed = printed.and(output.line(&line));
        }
        match outcome {
            Ok(End::Reached) => {}
            Ok(End::Early) => return Ok(Ending::Interrupted),
            Err(error @ (Error::Store { .. } | Error::Gone { .. })) => return Err(error),
            Err(error) => {
                file.progress.say(&[error.to_string()]).await;
                failed = true;
            }
        }
    }
    match printed {
        Err(error) if !error.is_closed_output() => return Err(error),
        _ => {}
    }
    Ok(match (failed, rejected) {
        (true, _) => Ending::Failed,
        (false, true) => Ending::Rejected,
        (false, false) => Ending::Well,
    })
}

/// A file that is being imported.
#[derive(Debug)]
struct File {
    source: Source,
    counts: Counts,
    progress: Progress,
}

/// Whether there is more in a file.
enum End {
    Reached,
    /// Somebody asked the program to end.
    Early,
}

impl File {
    async fn import(
        &mut self,
        store: &Store,
        formats: &Formats,
        format: Option<Kind>,
        asked: &Asked,
    ) -> Result<End> {
        let kind = tokio::select! {
            biased;
            () = asked.to_end() => return Ok(End::Early),
            kind = choose(&self.source, format) => kind?,
        };
        store.begin_file().await?;
        let mut ahead = Ahead::of(formats.of(kind).read(self.source.clone()));
        loop {
            // What is being read can be read again, but what is being stored is
            // stored and counted before it ends.
            let batch = tokio::select! {
                biased;
                () = asked.to_end() => return Ok(End::Early),
                batch = ahead.take() => batch,
            };
            let Some(batch) = batch else {
                return Ok(End::Reached);
            };
            let batch = batch?;
            let filling = ahead.fill(batch.weight());
            let mut storing = pin!(self.store(store, batch));
            tokio::select! {
                stored = &mut storing => stored?,
                () = filling => storing.await?,
            }
        }
    }

    /// Stores a batch, and reports what is rejected of it.
    async fn store(&mut self, store: &Store, batch: Batch) -> Result<()> {
        let Batch {
            messages,
            mut rejected,
            attachments,
            end,
            ..
        } = batch;
        let (places, messages): (Vec<Place>, Vec<_>) = messages.into_iter().unzip();
        let added = store.add(messages).await?;
        self.counts.rejected += rejected.len() as u64;
        self.counts.attachments += attachments;
        for (place, added) in places.into_iter().zip(added) {
            rejected.extend(self.counts.add(added).map(|cause| (place, cause)));
        }
        self.progress.reached(end);
        if !rejected.is_empty() {
            rejected.sort_by_key(|(place, _)| *place);
            let name = self.source.name();
            let lines: Vec<String> = rejected
                .into_iter()
                .map(|(Place { line, byte }, cause)| {
                    format!("{name}: line {line}, byte {byte}: {cause}")
                })
                .collect();
            self.progress.say(&lines).await;
        }
        Ok(())
    }
}
