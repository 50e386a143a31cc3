//! The thread that owns a connection: takes messages, keeps their turn, answers.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::ErrorCode;

#[cfg(feature = "foreign-changes")]
use crate::bell::Due;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::handoff::{Found, Inbox, Wait};
use crate::observers::{LastWord, Observers};
use crate::op::{Promise, Stoppable, Token, running};
use crate::options::Options;
use crate::pipe::{Flow, Home};
use crate::reader::{Membership, Standing};
use crate::receipt::Settling;
use crate::selects::Round;
use crate::turn::{Scope, Turn, Verdict};
use crate::wakes::contain;
use crate::work::{Finisher, Job, Message, Outside, Sharing};

/// A connection's thread, as its jobs see it.
pub(crate) struct Worker {
    pub(crate) engine: Engine,
    pub(crate) turn: Turn,
    /// The streams that are half read.
    pub(crate) flows: HashMap<u64, Flow>,
    /// What came with the last look into the queue, in order.
    pub(crate) messages: VecDeque<Message>,
    /// Work from outside that waits for the open transaction to end, in order.
    pub(crate) waiting: VecDeque<Outside>,
    /// Work of the open transaction that waits for an operation inside it, in
    /// order, and since when.
    pub(crate) inside: VecDeque<(Instant, Box<dyn Job>)>,
    /// Whoever asks what an open transaction came to.
    pub(crate) settling: HashMap<u64, Settling>,
    /// How many members the last group had.
    pub(crate) last_group: usize,
    /// So many groups are run with a savepoint for each member.
    pub(crate) wary: u32,
    pub(crate) inbox: Arc<Inbox<Message>>,
    pub(crate) membership: Option<Arc<Membership>>,
    pub(crate) standing: Standing,
    /// The queries that run one after another in a transaction.
    pub(crate) round: Option<Round>,
    /// Who is told of commits, where this worker writes.
    pub(crate) observers: Option<Arc<Observers>>,
    /// When to look whether anybody else has committed.
    #[cfg(feature = "foreign-changes")]
    pub(crate) due: Option<Due>,
    closed: bool,
    pub(crate) max_hold: Duration,
}

/// Leaves the crew and ends the queue when the worker's thread ends, in
/// whatever way.
struct EndOfQueue {
    inbox: Arc<Inbox<Message>>,
    membership: Option<Arc<Membership>>,
    /// Why there is no connection.
    error: Option<Error>,
}

impl Drop for EndOfQueue {
    fn drop(&mut self) {
        let Some(membership) = &self.membership else {
            drop(self.inbox.end());
            return;
        };
        // From here on nobody is told of this worker, but somebody may have
        // been just before.
        membership.leave(self.error.as_ref());
        for message in self.inbox.end() {
            if let Message::Shared(job) = message {
                membership.hand_on(job);
            }
        }
    }
}

/// Starts a worker, which opens its connection and says so.
pub(crate) fn spawn(
    options: Options,
    inbox: Arc<Inbox<Message>>,
    opened: Promise<()>,
    membership: Option<Arc<Membership>>,
) -> Result<()> {
    let path = options.path.clone();
    // A thread's name has room for 15 bytes, none of them NUL.
    let name = match options.path.file_stem() {
        Some(stem) => format!("sqlite-{}", stem.to_string_lossy().replace('\0', "")),
        None => "sqlite".into(),
    };
    let main = move || {
        let mut end = EndOfQueue {
            inbox,
            membership,
            error: None,
        };
        let last_word = LastWord(options.observers.clone());
        if !opened.claim() {
            return;
        }
        let opening = running(opened.op().clone(), || Engine::open(&options));
        match opening {
            Err(error) => {
                end.error = Some(error.again());
                drop(end);
                opened.answer(Err(error));
            }
            Ok(engine) => {
                opened.answer(Ok(()));
                let mut worker = Worker {
                    engine,
                    turn: Turn::default(),
                    flows: HashMap::new(),
                    messages: VecDeque::new(),
                    waiting: VecDeque::new(),
                    inside: VecDeque::new(),
                    settling: HashMap::new(),
                    last_group: 1,
                    wary: 0,
                    inbox: end.inbox.clone(),
                    membership: end.membership.clone(),
                    standing: Standing::Up,
                    round: None,
                    observers: last_word.0.clone(),
                    #[cfg(feature = "foreign-changes")]
                    due: None,
                    closed: false,
                    max_hold: options.max_hold,
                };
                worker.run();
            }
        }
    };
    thread::Builder::new()
        .name(name)
        .spawn(main)
        .map(drop) // nobody joins it: it ends with the last handle
        .map_err(|source| Error::Thread { path, source })
}

impl Worker {
    /// Serves messages until the connection is closed or every handle has gone.
    fn run(&mut self) {
        let inbox = self.inbox.clone();
        while !self.closed {
            self.end_patience();
            #[cfg(feature = "foreign-changes")]
            contain(|| self.look_abroad());
            if let Some(work) = self.next_waiting() {
                self.start_outside(work);
                continue;
            }
            if let Some(message) = self.messages.pop_front() {
                match message {
                    Message::Work(job) => self.start_own(job),
                    Message::Write(member) => {
                        self.start_outside(Outside::Write(member, Sharing::Anybody));
                    }
                    Message::Shared(job) => {
                        self.standing = Standing::Up;
                        self.start_shared(job);
                    }
                    Message::Finish(finisher) => self.finish(finisher),
                    Message::Look => {} // the next turn of the loop does
                    #[cfg(feature = "foreign-changes")]
                    Message::Rung(bell) => self.rung(bell),
                }
                continue;
            }
            if let Some(job) = self.next_shared() {
                self.start_shared(job);
                continue;
            }
            // A reader that waits gets a chunk after each look into the queue,
            // however busy that is; reading ahead is for when it is empty.
            if let Some(id) = self.next_flow(Flow::is_starved) {
                self.fill(id);
            }
            let flow = self.next_flow(Flow::is_wanted);
            let wait = match flow {
                Some(_) => Wait::Never,
                None => self.patience(),
            };
            match (inbox.take(&mut self.messages, wait), flow) {
                (Found::Nothing, Some(id)) => self.fill(id),
                (Found::Nothing | Found::Messages, _) => {}
                (Found::Orphaned, _) => break,
            }
        }
        self.end_flows(|_| true, "close");
        // Nobody is left to be told; SQLite rolls back what is open.
        let _ = self.engine.close();
        for message in self.messages.drain(..) {
            if let Message::Shared(job) = message {
                // Back to where the end of this thread finds it.
                let _ = inbox.deliver(Message::Shared(job));
            }
        }
    }

    /// Where this worker's streams are read on and forgotten.
    pub(crate) fn home(&self) -> Arc<dyn Home> {
        self.inbox.clone()
    }

    /// The work that has waited and whose turn it is now.
    fn next_waiting(&mut self) -> Option<Outside> {
        if let Some((_, job)) = self.inside.front()
            && self.turn.judge(job.scope()) != Verdict::Wait
        {
            return self.inside.pop_front().map(|(_, job)| Outside::Job(job));
        }
        if self.turn.is_free() {
            return self.waiting.pop_front();
        }
        None
    }

    fn start_outside(&mut self, work: Outside) {
        match work {
            Outside::Job(job) => self.start(job),
            Outside::Write(..) if !self.turn.is_free() => self.waiting.push_back(work),
            Outside::Write(first, sharing) => {
                for (member, sharing) in self.run_group(first, sharing).into_iter().rev() {
                    self.waiting.push_front(Outside::Write(member, sharing));
                }
            }
        }
    }

    /// Runs a job, keeps it for later, or tells its caller why it can't run.
    pub(crate) fn start(&mut self, job: Box<dyn Job>) {
        let scope = job.scope();
        match self.turn.judge(scope) {
            Verdict::Wait if scope == Scope::Root => {
                self.waiting.push_back(Outside::Job(job));
                return;
            }
            Verdict::Wait => {
                self.inside.push_back((Instant::now(), job));
                return;
            }
            Verdict::Over(reason) => {
                contain(|| job.refuse(Error::Aborted { reason }));
                return;
            }
            Verdict::RunWithout { forgotten } => self.roll_back_savepoint(forgotten),
            Verdict::Run => {}
        }
        if job.claim() {
            contain(|| job.run(self));
            if !self.turn.is_free() {
                self.turn.used(Instant::now());
            }
        } else {
            contain(|| drop(job));
        }
    }

    /// Runs the work of an operation: with its token in force, its panic
    /// caught, and the state of the transaction checked behind it.
    pub(crate) fn guarded<T, O: Stoppable + 'static>(
        &mut self,
        scope: Scope,
        op: &Arc<O>,
        work: impl FnOnce(&mut Worker) -> Result<T>,
    ) -> Result<T> {
        self.watch_as_wanted();
        let outcome = running(op.clone(), || catch_unwind(AssertUnwindSafe(|| work(self))));
        let answer = match outcome {
            Ok(answer) => answer,
            Err(panic) => Err(self.after_panic(panic)),
        };
        self.check_transaction(scope, answer.as_ref().err());
        self.publish();
        answer.map_err(|error| limit_that_stopped(&error, op.token()).unwrap_or(error))
    }

    /// Notices that SQLite has ended the transaction of a guard: by an
    /// automatic rollback, or because a statement said so.
    fn check_transaction(&mut self, scope: Scope, error: Option<&Error>) {
        let Some(id) = scope.transaction() else {
            return;
        };
        if self.turn.holder() == Some(id) && self.engine.is_autocommit() {
            let settling = self.settling.remove(&id);
            let by_statement: Option<Arc<str>> = match error {
                None => Some("a COMMIT or ROLLBACK statement ended it".into()),
                Some(error) => statement_that_ended(error),
            };
            if let (Some(settling), Some(_)) = (settling, &by_statement) {
                settling.ended();
            }
            let reason = by_statement.unwrap_or_else(|| match error {
                Some(error) => format!("SQLite rolled it back: {error}").into(),
                None => "SQLite rolled it back".into(),
            });
            self.turn.aborted(id, reason);
            self.end_flows_of_closed_levels();
        }
    }

    fn after_panic(&mut self, panic: Box<dyn Any + Send>) -> Error {
        let message = panic_message(&*panic);
        contain(|| drop(panic));
        self.abort(format!("rolled back after a panic: {message}"));
        Error::Panicked { message }
    }

    /// Rolls back whatever is open, and tells the transaction's guard why when
    /// it comes.
    pub(crate) fn abort(&mut self, reason: String) {
        // It fails only where SQLite has rolled back already.
        let _ = self.engine.roll_back_all();
        if let Some(id) = self.turn.holder() {
            drop(self.settling.remove(&id));
            self.turn.aborted(id, reason.into());
        }
        self.end_flows_of_closed_levels();
    }

    pub(crate) fn finish(&mut self, finisher: Finisher) {
        match finisher {
            Finisher::RollBack(level) => {
                if self.turn.is_open(level) {
                    // It fails only where SQLite has rolled back already.
                    let _ = self.roll_back_level(level);
                } else if let Scope::Transaction(id) = level {
                    self.turn.finished(id); // its guard has gone
                }
            }
            Finisher::EndStream(id) => {
                self.flows.remove(&id);
            }
            Finisher::ReadOn(id) => {
                if let Some(flow) = self.flows.get_mut(&id) {
                    flow.read_on();
                }
            }
        }
    }

    /// Closes the connection; the worker ends when it is closed.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.end_flows(|_| true, "close");
        self.engine.close()?;
        self.closed = true;
        if let Some(observers) = &self.observers {
            observers.close();
        }
        Ok(())
    }
}

/// What to say in place of SQLite's word that it was stopped, where a limit did
/// that.
pub(crate) fn limit_that_stopped(error: &Error, token: &Token) -> Option<Error> {
    let (sql, source) = match error {
        Error::Sqlite { sql, source } => (sql, source),
        Error::Batch { source, .. } => return limit_that_stopped(source, token),
        _ => return None,
    };
    let stopped = matches!(
        source.sqlite_error_code(),
        Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy)
    );
    let limit = token.stopped_by_limit().filter(|_| stopped)?;
    Some(Error::TimedOut {
        limit,
        sql: Some(sql.clone()),
    })
}

/// What the work said where it stopped because one of its own statements had
/// ended the transaction.
fn statement_that_ended(error: &Error) -> Option<Arc<str>> {
    match error {
        Error::Aborted { reason } => Some(reason.clone()),
        Error::Batch { source, .. } => statement_that_ended(source),
        _ => None,
    }
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}
