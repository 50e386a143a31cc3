//! A worker's place among the readers of a database.

use std::any::Any;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::crew::{Crew, Held, Submitted};
use crate::error::{Error, Result};
use crate::handoff::{Inbox, Reached};
use crate::wakes::contain;
use crate::work::{Job, Message};
use crate::worker::Worker;

/// The workers that share a queue, seen from there.
pub(crate) type Readers = Crew<Box<dyn Job>, Arc<Inbox<Message>>>;

/// Whoever can start one more worker of a crew.
pub(crate) trait Recruit: Send + Sync {
    fn recruit(&self);
}

/// A worker's place in a crew.
pub(crate) struct Membership {
    pub(crate) id: u64,
    pub(crate) readers: Arc<Readers>,
    pub(crate) recruiter: Weak<dyn Recruit>,
    /// Kept until the worker's connection is closed.
    pub(crate) _keep: Arc<dyn Any + Send + Sync>,
}

impl Membership {
    pub(crate) fn recruit(&self) {
        if let Some(recruiter) = self.recruiter.upgrade() {
            recruiter.recruit();
        }
    }

    /// Hands a job on to whoever else may do it, since this worker goes.
    pub(crate) fn hand_on(&self, job: Box<dyn Job>) {
        // Without a recruiter there is no handle, and nobody who waits.
        match self.recruiter.upgrade() {
            Some(recruiter) => drop(give(&self.readers, job, || recruiter.recruit())),
            None => contain(|| drop(job)),
        }
    }

    /// Says to the crew that this worker has gone, or why it did not come.
    pub(crate) fn leave(&self, error: Option<&Error>) {
        let left = self.readers.lose_worker(self.id);
        for job in left.jobs {
            match error {
                Some(error) => contain(|| job.refuse(error.again())),
                None => self.hand_on(job),
            }
        }
        watch(&left.watch);
    }
}

/// Gives a job to a crew of readers and tells where its worker was.
pub(crate) fn give(
    readers: &Readers,
    mut job: Box<dyn Job>,
    recruit: impl FnOnce(),
) -> Result<Reached> {
    loop {
        match readers.submit(job, Instant::now()) {
            Submitted::Hand(inbox, handed) => match inbox.deliver(Message::Shared(handed)) {
                Ok(reached) => return Ok(reached),
                // It has gone since it was idle: to the next.
                Err(Message::Shared(back)) => job = back,
                Err(_) => return Err(Error::Closed),
            },
            Submitted::Queued => break,
            Submitted::Recruit => {
                recruit();
                break;
            }
            Submitted::Watch(held) => {
                watch(&held);
                break;
            }
            Submitted::Closed(refused) => {
                contain(|| drop(refused));
                return Err(Error::Closed);
            }
        }
    }
    Ok(Reached::Asleep)
}

/// How a worker stands with its crew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is busy, or looks for a job.
    Up,
    /// It is entered as idle: a job may be handed to it.
    Idle,
    /// It takes no jobs: somebody reads a stream on it.
    Held,
}

/// Tells workers that are held that jobs wait for a reader.
fn watch(held: &[Arc<Inbox<Message>>]) {
    for inbox in held {
        // One that has gone meanwhile is no longer held: then others take the
        // jobs.
        let _ = inbox.deliver(Message::Look);
    }
}

impl Worker {
    /// The next job of the crew, unless this worker has work of its own. A
    /// worker with a half-read stream takes none: it sees the database as it
    /// was when the stream began.
    pub(crate) fn next_shared(&mut self) -> Option<Box<dyn Job>> {
        let membership = self.membership.as_ref()?;
        let held = !self.flows.is_empty();
        match (self.standing, held) {
            (Standing::Idle, _) | (Standing::Held, true) => return None,
            (Standing::Up, true) => {
                self.standing = Standing::Held;
                let way = self.inbox.clone();
                match membership.readers.hold(membership.id, way) {
                    Held::Enough => {}
                    Held::Recruit => membership.recruit(),
                    Held::Watch(held) => watch(&held),
                }
                return None;
            }
            (Standing::Held, false) => {
                membership.readers.release(membership.id);
                self.standing = Standing::Up;
            }
            (Standing::Up, false) => {}
        }
        let job = membership
            .readers
            .take(membership.id, || self.inbox.clone());
        if job.is_none() {
            self.standing = Standing::Idle;
        }
        job
    }

    /// Ends the waiting of those who wait for a reader while streams hold all
    /// that there may be.
    pub(crate) fn refuse_shared(&mut self) {
        let Some(membership) = &self.membership else {
            return;
        };
        let readers = &membership.readers;
        while let Some(job) = readers.take_expired(Instant::now()) {
            let error = Error::NoReader {
                readers: readers.workers(),
                waited: readers.patience(),
            };
            contain(|| job.refuse(error));
        }
    }
}
