//! Queries that were taken from the queue together share one read transaction.
//!
//! To begin and to end a read costs two locks on the file and a look at its
//! size, which is a third of the time that a point select takes. So where a
//! worker has several queries to run, they share those.
//!
//! All of them had come before the shared transaction began, so each sees what
//! was committed before it was asked, as it would by itself. The transaction is
//! over before anything else happens on the connection, before the worker looks
//! into its queue again, and before the answer behind which no next query runs:
//! whoever has the last answer finds the file left alone. No query begins in
//! one that is older than [`LONGEST`], so that it keeps nobody else from the
//! file. Where a caller's code has run on the thread it doesn't begin: an SQL
//! function may write through another connection what the next query is to see.

use std::sync::Arc;
use std::time::{Duration, Instant};

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
            Queue::Own => {
                // All of it had come.
                let front = worker.messages.iter().take(most);
                front.take_while(|message| {
                    matches!(message, Message::Work(job) if job.reads() == Reads::Together)
                }).count()
            }
            Queue::Crew(readers) => readers.count_at_front(most, had_come(by)),
        }
    }

    /// Takes the next job if it is a query that had come by that instant.
    fn take(&self, worker: &mut Worker, by: Instant) -> Option<Box<dyn Job>> {
        if let Queue::Crew(readers) = self {
            return readers.take_if(had_come(by));
        }
        match worker.messages.pop_front() {
            Some(Message::Work(job)) if job.reads() == Reads::Together => Some(job),
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

/// Queries that run one after another in a transaction.
pub(crate) struct Round {
    queue: Queue,
    /// Whoever had come by then sees in the transaction what was committed
    /// before.
    began: Instant,
    /// The query that runs when the answer before it is given.
    next: Option<Box<dyn Job>>,
}

impl Worker {
    /// Runs a job of this worker's own queue, and the queries behind it where
    /// they share its read transaction.
    pub(crate) fn start_own(&mut self, job: Box<dyn Job>) {
        self.start_together(job, Queue::Own);
    }

    /// The same for a job of the crew.
    pub(crate) fn start_shared(&mut self, job: Box<dyn Job>) {
        match &self.membership {
            Some(membership) => {
                let queue = Queue::Crew(membership.readers.clone());
                self.start_together(job, queue);
            }
            None => self.start(job),
        }
    }

    fn start_together(&mut self, job: Box<dyn Job>, queue: Queue) {
        if job.reads() == Reads::Alone || !self.may_share() {
            return self.start(job);
        }
        let began = Instant::now();
        if queue.selects(self, began, FEWEST - 1) < FEWEST - 1 {
            return self.start(job);
        }
        let next = Some(job);
        self.round = Some(Round { queue, began, next });
        self.engine.shared.begin();
        while let Some(job) = self.round.as_mut().and_then(|round| round.next.take()) {
            self.start(job);
            self.look_ahead(); // where nobody waited for that one any more
        }
    }

    fn may_share(&self) -> bool {
        self.turn.is_free() && self.engine.is_autocommit() && !wakes::is_at_once()
    }

    /// Takes the next query of a round, or ends its transaction. It comes behind
    /// a query that has run, and before its answer.
    pub(crate) fn look_ahead(&mut self) {
        let Some(mut round) = self.round.take() else {
            return;
        };
        let goes_on = self.engine.shared.goes_on() && round.began.elapsed() < LONGEST;
        if round.next.is_none() && goes_on {
            round.next = round.queue.take(self, round.began);
        }
        match round.next {
            Some(_) => self.round = Some(round),
            None => self.engine.shared.end(),
        }
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
