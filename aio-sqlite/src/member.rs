//! Writes that may share a commit, on the worker that runs them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::ErrorCode;

use crate::authorizer;
use crate::budget;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::group::{Commit, Fate, Ground, Ran, commit_together};
use crate::handoff::{Found, Wait};
use crate::op::{Limit, OnLimit, Op, Promise, Reply, Stop, Stoppable, Used, running};
use crate::wakes::{self, contain};
use crate::work::{Member, Message, Outside, Permit, Shape, Sharing};
use crate::worker::{Worker, limit_that_stopped, panic_message};

/// How long a group collects what its members do before it commits: so long
/// can a replay take, and so long does one member keep the others waiting.
const TIME: Duration = Duration::from_millis(20);

/// A closure with the operation that it answers.
pub(crate) struct Write<T, F> {
    /// None once it is answered.
    promise: Option<Promise<T>>,
    permit: Option<Permit>,
    shape: Shape,
    work: F,
    outcome: Option<Result<T>>,
}

impl<T, F> Write<T, F>
where
    T: Send + 'static,
    F: FnMut(&Engine) -> Result<T> + Send + 'static,
{
    /// A write, as it is sent and as it is waited for.
    pub(crate) fn ask(limit: Option<Limit>, shape: Shape, work: F) -> (Box<Self>, Reply<T>) {
        let op = Op::new(limit, OnLimit::Stop);
        let reply = Reply::new(op.clone());
        let write = Write {
            promise: Some(Promise::new(op)),
            permit: None,
            shape,
            work,
            outcome: None,
        };
        (Box::new(write), reply)
    }

    /// Keeps the permit until the write is answered.
    pub(crate) fn admit(&mut self, permit: Permit) {
        self.permit = Some(permit);
    }

    fn promise(&self) -> &Promise<T> {
        self.promise.as_ref().expect("an answered write is not run")
    }
}

impl<T, F> Member for Write<T, F>
where
    T: Send + 'static,
    F: FnMut(&Engine) -> Result<T> + Send + 'static,
{
    fn claim(&self) -> bool {
        self.promise().claim()
    }

    fn put_back(&self) {
        self.promise().put_back();
    }

    fn operation(&self) -> Arc<dyn Stoppable> {
        self.promise().op().clone()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn run(&mut self, engine: &Engine) {
        self.outcome = Some((self.work)(engine));
    }

    fn error(&self) -> Option<&Error> {
        self.outcome.as_ref()?.as_ref().err()
    }

    fn fail(&mut self, error: Error) {
        let before = self.outcome.replace(Err(error));
        contain(|| drop(before));
    }

    fn answer(mut self: Box<Self>) {
        drop(self.permit.take());
        if let (Some(promise), Some(outcome)) = (self.promise.take(), self.outcome.take()) {
            promise.answer_with(outcome, Some(Used::new(self)));
        }
    }
}

/// What a group waits for another connection's lock with: until nobody waits
/// for any of its members.
struct Anybody(Vec<Arc<dyn Stoppable>>);

impl Stop for Anybody {
    fn must_stop(&self) -> bool {
        !self.0.iter().any(|operation| operation.token().is_wanted())
    }
}

/// After a failure, so many groups have a savepoint for each statement too. It
/// takes as long as a small statement does, and a failure without one costs a
/// replay: where statements fail now and then, that is more.
const WARY: u32 = 16;

/// As many writes as a group has at the most: as many as may be queued.
const MOST_MEMBERS: usize = 1024;

/// How long nobody may come before those who come back after a group are given
/// up.
const QUIET: Duration = Duration::from_micros(10);

impl Worker {
    /// The next write that may join a group of so many members: whatever is
    /// queued, up to the first work of another kind.
    fn next_member(&mut self, members: usize) -> Option<Box<dyn Member>> {
        if members >= MOST_MEMBERS {
            return None;
        }
        let mut quiet_since = None;
        loop {
            match self.waiting.front() {
                Some(Outside::Write(_, Sharing::Anybody)) => match self.waiting.pop_front() {
                    Some(Outside::Write(member, _)) => return Some(member),
                    _ => return None,
                },
                Some(_) => return None,
                None => {}
            }
            match self.messages.pop_front() {
                Some(Message::Write(member)) => return Some(member),
                // Levels that are over, and streams: nothing to do with these.
                Some(Message::Finish(finisher)) => self.finish(finisher),
                #[cfg(feature = "foreign-changes")]
                Some(Message::Rung(bell)) => self.rung(bell),
                Some(other) => {
                    self.messages.push_front(other);
                    return None;
                }
                None => {
                    let inbox = self.inbox.clone();
                    if inbox.has_news()
                        && inbox.take(&mut self.messages, Wait::Never) == Found::Messages
                    {
                        continue;
                    }
                    // Those who were answered together come back one by one:
                    // for them, and only for them, it pays to look again.
                    if members >= self.last_group {
                        return None;
                    }
                    let quiet_since = quiet_since.get_or_insert_with(Instant::now);
                    if quiet_since.elapsed() >= QUIET {
                        return None;
                    }
                    std::hint::spin_loop();
                }
            }
        }
    }

    /// Runs the group that begins with this member, and returns those that come
    /// again.
    pub(crate) fn run_group(
        &mut self,
        first: Box<dyn Member>,
        sharing: Sharing,
    ) -> Vec<(Box<dyn Member>, Sharing)> {
        self.watch_as_wanted();
        wakes::flush(); // a commit waits for the disk
        let second = match sharing {
            Sharing::Anybody => self.next_member(1),
            Sharing::Nobody => None,
        };
        if second.is_none() && first.shape() == Shape::Statement {
            self.last_group = 1;
            self.run_lone(first);
            return Vec::new();
        }
        let mut ground = OnWorker {
            worker: self,
            members: std::iter::once(first).chain(second).collect(),
            sharing,
            inside: false,
            began: Instant::now(),
            fault: None,
        };
        let there = ground.members.len();
        let fates = commit_together(there, &mut ground);
        let OnWorker { members, fault, .. } = ground;
        self.last_group = members.len();
        self.wary = self.wary.saturating_sub(1);
        self.publish();
        wakes::expect(members.len() + 1);
        let mut again = Vec::new();
        for (mut member, fate) in members.into_iter().zip(fates) {
            match fate {
                Fate::Committed | Fate::Failed => contain(|| member.answer()),
                Fate::NotBegun | Fate::NotCommitted => {
                    member.fail(fault.as_ref().map_or(Error::Closed, Error::again));
                    contain(|| member.answer());
                }
                Fate::Gone => contain(|| drop(member)),
                Fate::Postponed => {
                    member.put_back();
                    again.push((member, Sharing::Anybody));
                }
                Fate::Alone => {
                    member.put_back();
                    again.push((member, Sharing::Nobody));
                }
            }
        }
        again
    }

    /// Runs the only member of a group, a statement, which SQLite commits by
    /// itself.
    fn run_lone(&mut self, mut member: Box<dyn Member>) {
        if !member.claim() {
            contain(|| drop(member));
            return;
        }
        if let Err(message) = self.run_member(&mut *member) {
            self.abort(format!("rolled back after a panic: {message}"));
        }
        self.publish();
        contain(|| member.answer());
    }

    /// Runs a member under its own token. `Err` is the message of its panic,
    /// which is then its answer too.
    fn run_member(&mut self, member: &mut dyn Member) -> std::result::Result<(), String> {
        let operation = member.operation();
        let ran = running(operation.clone(), || {
            catch_unwind(AssertUnwindSafe(|| member.run(&self.engine)))
        });
        if let Err(panic) = ran {
            let message = panic_message(&*panic);
            contain(|| drop(panic));
            member.fail(Error::Panicked {
                message: message.clone(),
            });
            return Err(message);
        }
        let timed_out = member
            .error()
            .and_then(|error| limit_that_stopped(error, operation.token()));
        if let Some(error) = timed_out {
            member.fail(error);
        }
        Ok(())
    }
}

/// A group's members on the worker's connection.
struct OnWorker<'w> {
    worker: &'w mut Worker,
    members: Vec<Box<dyn Member>>,
    sharing: Sharing,
    /// The member that runs has a savepoint.
    inside: bool,
    began: Instant,
    /// Why the transaction could not be begun or committed.
    fault: Option<Error>,
}

impl Ground for OnWorker<'_> {
    fn begin(&mut self, due: &[usize]) -> bool {
        let waiting = due.iter().map(|&member| {
            let member = &self.members[member];
            member.put_back();
            member.operation()
        });
        let anybody = Arc::new(Anybody(waiting.collect()));
        let begun = running(anybody, || self.worker.engine.begin("BEGIN IMMEDIATE"));
        self.began = Instant::now();
        self.fault = begun.err();
        self.fault.is_none()
    }

    fn come(&mut self) -> bool {
        if self.sharing == Sharing::Nobody {
            return false;
        }
        let next = self.worker.next_member(self.members.len());
        let came = next.is_some();
        self.members.extend(next);
        came
    }

    fn run(&mut self, at: usize, others_wait: bool) -> Ran {
        let member = &mut *self.members[at];
        if !member.claim() {
            return Ran::Gone;
        }
        self.inside = member.shape() == Shape::Several || self.worker.wary > 0;
        if self.inside
            && let Err(error) = self.worker.engine.enter_member()
        {
            member.fail(error);
            return self.undo();
        }
        let until = others_wait.then(|| self.began + TIME);
        let (((), seen), spent) = budget::within(until, || {
            authorizer::as_member(|| {
                // The panic's message is the member's answer, and all that it
                // did is undone below.
                let _ = self.worker.run_member(member);
            })
        });
        if spent {
            let _ = self.worker.engine.roll_back_all();
            return Ran::Stopped;
        }
        if self.worker.engine.is_autocommit() {
            if member.error().is_none() {
                member.fail(Error::Aborted {
                    reason: "SQLite rolled it back".into(),
                });
            }
            return Ran::Lost;
        }
        let ran = self.leave(at);
        // SQLite also forgets what was to be checked, so that comes behind it.
        if seen.deferring
            && ran != Ran::Lost
            && let Err(error) = self.worker.engine.stop_deferring()
        {
            let _ = self.worker.engine.roll_back_all();
            self.members[at].fail(error);
            return Ran::Lost;
        }
        ran
    }

    fn is_time(&self) -> bool {
        self.began.elapsed() >= TIME
    }

    fn commit(&mut self) -> Commit {
        let Err(error) = self.worker.engine.commit() else {
            return Commit::Done;
        };
        let _ = self.worker.engine.roll_back_all();
        let code = match &error {
            Error::Sqlite { source, .. } => source.sqlite_error_code(),
            _ => None,
        };
        self.fault = Some(error);
        match code {
            // Too large for what is left of the disk, or against a rule: that
            // may be one member's doing.
            Some(ErrorCode::DiskFull | ErrorCode::ConstraintViolation) => Commit::Divisible,
            _ => Commit::Failed,
        }
    }
}

impl OnWorker<'_> {
    /// Keeps what the member has done that has just run, or undoes it where it
    /// failed.
    fn leave(&mut self, at: usize) -> Ran {
        let engine = &self.worker.engine;
        let member = &mut *self.members[at];
        match member.error() {
            // Nothing has run.
            Some(Error::Parameter { .. }) if !self.inside => return Ran::Undone,
            Some(_) => return self.undo(),
            None => {}
        }
        let mut left = engine.refuse_broken_references();
        if self.inside {
            left = left.and_then(|()| engine.leave_member());
        }
        match left {
            Ok(()) => Ran::Kept,
            Err(error) => {
                member.fail(error);
                self.undo()
            }
        }
    }

    /// Undoes the member that has just run: by itself where it has a savepoint,
    /// else with all the others, which are run again.
    ///
    /// In a transaction SQLite leaves some of what a failed statement did: with
    /// `OR FAIL`, and where it did not foresee the failure, as with a value that
    /// a STRICT table refuses.
    fn undo(&mut self) -> Ran {
        self.worker.wary = WARY;
        if self.inside && self.worker.engine.undo_member().is_ok() {
            return Ran::Undone;
        }
        let _ = self.worker.engine.roll_back_all();
        Ran::Lost
    }
}
