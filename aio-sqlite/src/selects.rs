//! Queries that were taken from the queue together share one read transaction.
//!
//! To begin and to end a read costs two locks on the file and a look at its
//! size, which is a third of the time that a point select takes. So where a
//! worker has taken several queries at once it keeps another one half read
//! beside them, and SQLite leaves the file as it is until that one ends.
//!
//! All of them had come before the shared transaction began, so each sees what
//! was committed before it was asked, as it would by itself. The transaction is
//! over before anything else happens on the connection, before the worker looks
//! into its queue again, and after [`LONGEST`], so that it keeps nobody else
//! from the file. Where a caller's code has run on the thread it doesn't begin:
//! an SQL function may write through another connection what the next query is
//! to see.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chunk::Buffers;
use crate::cursor::{After, Cursor, Fill};
use crate::engine::Engine;
use crate::op::{Stop, running};
use crate::params::Params;
use crate::reader::Readers;
use crate::turn::Scope;
use crate::wakes;
use crate::work::{Job, Message};
use crate::worker::Worker;

/// With fewer it costs as much as it saves.
const FEWEST: usize = 4;

/// No query begins in a transaction that has been shared for so long.
const LONGEST: Duration = Duration::from_millis(1);

/// Whether work may share a read transaction with what comes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// It is a query outside any transaction of ours.
    Together,
    /// It is something else, or nobody knows.
    Alone,
}

impl Reads {
    /// What begins with SELECT can be nothing but a query: whatever changes the
    /// database begins with another word.
    pub(crate) fn of(sql: &str, scope: Scope) -> Reads {
        let word = sql.trim_ascii_start().as_bytes().get(..6);
        match word {
            Some(word) if scope == Scope::Root && word.eq_ignore_ascii_case(b"SELECT") => {
                Reads::Together
            }
            _ => Reads::Alone,
        }
    }
}

/// Where the jobs come from that follow a query.
enum Queue {
    /// What this worker has taken from its own queue.
    Own,
    /// What waits for any worker of the crew.
    Crew(Arc<Readers>),
}

impl Queue {
    /// How many queries there are at its front, up to `most`, that had come by
    /// that instant.
    fn selects(&self, worker: &Worker, by: Instant, most: usize) -> usize {
        match self {
            Queue::Own => worker
                .messages
                .iter()
                .take(most)
                .take_while(|message| match message {
                    Message::Work(job) => job.reads() == Reads::Together,
                    _ => false,
                })
                .count(),
            Queue::Crew(readers) => readers.count_at_front(most, had_come(by)),
        }
    }

    fn take(&self, worker: &mut Worker, by: Instant) -> Option<Box<dyn Job>> {
        if let Queue::Crew(readers) = self {
            return readers.take_if(had_come(by));
        }
        match worker.messages.pop_front() {
            Some(Message::Work(job)) => Some(job),
            Some(other) => {
                worker.messages.push_front(other);
                None
            }
            None => None,
        }
    }
}

fn had_come(by: Instant) -> impl Fn(Instant, &Box<dyn Job>) -> bool {
    move |since, job| since <= by && job.reads() == Reads::Together
}

impl Worker {
    /// Runs a job of this worker's own queue, and the queries behind it where
    /// they share its read transaction.
    pub(crate) fn start_own(&mut self, job: Box<dyn Job>) {
        self.start_together(job, &Queue::Own);
    }

    /// The same for a job of the crew.
    pub(crate) fn start_shared(&mut self, job: Box<dyn Job>) {
        match &self.membership {
            Some(membership) => {
                let queue = Queue::Crew(membership.readers.clone());
                self.start_together(job, &queue);
            }
            None => self.start(job),
        }
    }

    fn start_together(&mut self, mut job: Box<dyn Job>, queue: &Queue) {
        // Whoever has come by now sees in the transaction what was committed
        // before.
        let now = Instant::now();
        let pays =
            job.reads() == Reads::Together && queue.selects(self, now, FEWEST - 1) == FEWEST - 1;
        if !pays {
            return self.start(job);
        }
        let Some(shared) = self.begin_read() else {
            return self.start(job);
        };
        while queue.selects(self, now, 1) > 0 && now.elapsed() < LONGEST {
            self.start(job);
            match queue.take(self, now) {
                Some(next) => job = next,
                None => return, // another worker was quicker
            }
        }
        // The last caller finds the file left alone.
        drop(shared);
        self.start(job);
    }

    /// Begins a read transaction, which ends when what is returned is dropped;
    /// `None` where SQLite would have to wait, or must not.
    fn begin_read(&self) -> Option<Cursor> {
        if !self.turn.is_free() || !self.engine.is_autocommit() || wakes::is_at_once() {
            return None;
        }
        running(Arc::new(Impatient), || half_read(&self.engine))
    }
}

/// A query that is half read, and so has begun to read the file. A file without
/// tables has no row to stop at, and nothing that would be quick to read.
fn half_read(engine: &Engine) -> Option<Cursor> {
    let sql = "SELECT 1 FROM main.sqlite_schema".into();
    let mut cursor = engine.cursor(sql, &Params::default()).ok()?;
    let one = Fill {
        rows: 1,
        bytes: usize::MAX,
        time: None,
    };
    let (_, after) = cursor.fill(Buffers::default(), one);
    matches!(after, After::More).then_some(cursor)
}

/// What is done for nobody: it must not wait for another connection's lock.
struct Impatient;

impl Stop for Impatient {
    fn must_stop(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_select_outside_transactions_reads_together() {
        for sql in ["SELECT 1", " \n\tselect 1", "Select(1)"] {
            assert_eq!(Reads::of(sql, Scope::Root), Reads::Together, "{sql}");
            assert_eq!(Reads::of(sql, Scope::Transaction(1)), Reads::Alone);
        }
        let others = [
            "",
            "SELEC",
            "WITH t AS (SELECT 1) DELETE FROM u",
            "PRAGMA x",
            "sélect",
        ];
        for sql in others {
            assert_eq!(Reads::of(sql, Scope::Root), Reads::Alone, "{sql}");
        }
    }
}
