//! The processes that mail is read in: they can open nothing, and what becomes
//! of one costs the mail that it was reading.

use std::fmt;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use aio_pool::workers::{Limits, Output, Sandbox};
use aio_pool::{Exit, Never, Pool, TaskError};
use bytes::Bytes;
use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::parse::{Parsed, parse};
use super::split::{Entry, LONGEST_MAIL};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::report::say;

/// More processes than these have nothing to do, since one writes what all read.
const MOST_WORKERS: usize = 8;

/// What a worker may map: the longest mail, in the charset that takes twice the
/// room in UTF-8, with its answer. A mail of nothing but headers or parts could
/// take thirty times its length.
const ADDRESS_SPACE: u64 = 320 << 20;

/// How long a batch may take, and then each mail of it, though it takes
/// milliseconds. The more there is to read the longer, so that a file of nothing
/// but mails that take for ever is at its end in a time that is known.
const PATIENCE: Duration = Duration::from_secs(2);
const PATIENCE_PER_MIB: Duration = Duration::from_secs(1);

/// A mail on its way to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sealed {
    envelope: Envelope,
    content: Bytes,
}

aio_pool::task! {
    /// Reads mails.
    pub(crate) async fn read_mails(mails: Vec<Sealed>) -> Vec<Result<Parsed, String>> {
        let read = |mail: Sealed| {
            #[cfg(feature = "faults")]
            super::faults::strike(&mail.content);
            parse(&mail.envelope, &mail.content)
        };
        mails.into_iter().map(read).collect()
    }
}

/// The processes that read mail. Clones are the same ones; dropping the last
/// kills them.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    pool: Pool,
}

impl Workers {
    /// Starts them, shut in as far as the kernel can. Where it can't do all of
    /// it, that is said on standard error.
    ///
    /// # Errors
    ///
    /// [`Error::Workers`] where they can't be started.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: what was started is killed.
    pub(crate) async fn start() -> Result<Workers> {
        let allowed = getrlimit(Resource::As).maximum.unwrap_or(u64::MAX);
        let start = aio_pool::start()
            .workers(Workers::count())
            .tasks_per_worker(1)
            .limits(
                Limits::new()
                    .address_space(ADDRESS_SPACE.min(allowed))
                    .core_dumps(0),
            )
            // What a worker says in its last moments is in the error.
            .stdout(Output::Discard)
            .stderr(Output::Lines);
        let caged = start.clone().sandbox(Sandbox::new()).await;
        let pool = match caged {
            Ok(pool) => pool,
            Err(reason @ aio_pool::Error::NeverReady { .. }) => {
                let less = start.sandbox(Sandbox::new().best_effort()).await;
                let pool = less.map_err(Error::Workers)?;
                say(&format!(
                    "mail is read in processes that are not shut in as they should be: {reason}"
                ));
                pool
            }
            Err(error) => return Err(Error::Workers(error)),
        };
        Ok(Workers { pool })
    }

    /// Returns how many of them there are: as many as can compute at once.
    pub(crate) fn count() -> usize {
        thread::available_parallelism()
            .map_or(1, NonZero::get)
            .clamp(1, MOST_WORKERS)
    }

    /// Returns their process ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.pool.pids()
    }

    /// Reads the mails among what was found in an mbox.
    ///
    /// A mail that costs its worker, or takes too long, is rejected, and whatever
    /// was with it is read again.
    ///
    /// # Errors
    ///
    /// [`Error::Workers`] where all of them are gone.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: what was read is read again.
    pub(crate) async fn read(&self, entries: Vec<Entry>) -> Result<Batch> {
        let mut batch = Batch::up_to(entries.last().map_or(0, |entry| entry.end));
        let (mut places, mut mails) = (Vec::new(), Vec::new());
        for Entry { place, mail, .. } in entries {
            match mail {
                Ok(raw) => {
                    places.push(place);
                    mails.push(Sealed {
                        envelope: raw.envelope,
                        content: raw.content,
                    });
                }
                Err(cause) => batch.rejected.push((place, cause)),
            }
        }
        for (place, outcome) in places.into_iter().zip(self.outcomes(mails).await?) {
            match outcome {
                Ok(Parsed {
                    message,
                    attachments,
                }) => {
                    batch.push(place, message);
                    batch.attachments += u64::from(attachments);
                }
                Err(cause) => batch.rejected.push((place, cause)),
            }
        }
        batch.rejected.sort_by_key(|&(place, _)| place);
        Ok(batch)
    }

    /// What became of each mail.
    async fn outcomes(&self, mails: Vec<Sealed>) -> Result<Vec<Result<Parsed, String>>> {
        match mails.len() {
            0 => return Ok(Vec::new()),
            // It need not be kept: there is no other to be read again.
            1 => return self.outcomes_alone(mails).await,
            _ => {}
        }
        if let Ok(outcomes) = self.call(mails.clone()).await {
            return Ok(outcomes);
        }
        let mut outcomes = Vec::with_capacity(mails.len());
        for mail in mails {
            outcomes.extend(self.outcomes_alone(vec![mail]).await?);
        }
        Ok(outcomes)
    }

    /// What became of one mail.
    async fn outcomes_alone(&self, mail: Vec<Sealed>) -> Result<Vec<Result<Parsed, String>>> {
        let cause = match self.call(mail).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(TaskError::WorkerLost { exit, .. }) => format!("its worker {}", Ended(&exit)),
            Err(TaskError::TimedOut { after, .. }) => {
                format!("not read within {after:?}")
            }
            Err(TaskError::Panicked { message, .. }) => format!("reading it panicked: {message}"),
            Err(TaskError::Pool(
                error @ (aio_pool::Error::Encode { .. } | aio_pool::Error::Decode { .. }),
            )) => error.to_string(),
            Err(TaskError::Pool(error)) => return Err(Error::Workers(error)),
            Err(_) => return Err(Error::Workers(aio_pool::Error::Terminated)),
        };
        Ok(vec![Err(cause)])
    }

    async fn call(
        &self,
        mails: Vec<Sealed>,
    ) -> Result<Vec<Result<Parsed, String>>, TaskError<Never>> {
        let bytes = mails.iter().map(|mail| mail.content.len()).sum();
        let limit = patience(bytes);
        self.pool
            .call::<read_mails>(mails)
            .run_timeout(limit)
            // A process that is stopped doesn't even begin. Another mail may be
            // read before these.
            .timeout(limit + patience(LONGEST_MAIL))
            .await
    }

    /// Ends them when they have answered everything.
    ///
    /// # Errors
    ///
    /// [`Error::Workers`] where they were killed before that.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: they end whether or not anyone waits.
    pub(crate) async fn close(&self) -> Result<()> {
        match self.pool.close().await {
            // Its last mail took too long, and was rejected.
            Err(aio_pool::Error::Unwilling { .. }) => Ok(()),
            closed => closed.map_err(Error::Workers),
        }
    }

    /// Kills them.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: they are killed whether or not anyone waits.
    pub(crate) async fn terminate(&self) {
        self.pool.terminate().await;
    }
}

fn patience(bytes: usize) -> Duration {
    #[cfg(feature = "faults")]
    if let Some(patience) = super::faults::patience() {
        return patience;
    }
    // No batch has as many MiB as there are in 32 bits.
    PATIENCE + PATIENCE_PER_MIB * (bytes >> 20) as u32
}

/// How a worker ended, for the line of the mail that it was reading.
struct Ended<'e>(&'e Exit);

impl fmt::Display for Ended<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Exit::Signal(number) => match signal(*number) {
                Some(name) => write!(f, "was killed by {name}"),
                None => write!(f, "was killed by signal {number}"),
            },
            Exit::Code(code) => write!(f, "exited with status {code}"),
            exit => write!(f, "was lost: {exit}"),
        }
    }
}

/// What those signals are called that end a process by its own doing, or for want
/// of memory.
fn signal(number: i32) -> Option<&'static str> {
    use rustix::process::Signal;

    let names = [
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::ILL, "SIGILL"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::SYS, "SIGSYS"),
        (Signal::TERM, "SIGTERM"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::XCPU, "SIGXCPU"),
    ];
    let found = names
        .into_iter()
        .find(|(signal, _)| signal.as_raw() == number);
    found.map(|(_, name)| name)
}
