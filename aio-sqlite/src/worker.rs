//! The thread that owns a connection: takes messages, keeps their turn, answers.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::handoff::{Found, Inbox, Wait};
use crate::op::{Promise, Stoppable, running};
use crate::options::Options;
use crate::pipe::Flow;
use crate::turn::{Hold, Scope, Turn, Verdict};

/// What the handles send.
pub(crate) enum Message {
    /// Work that somebody waits for.
    Work(Box<dyn Job>),
    /// What a guard's drop leaves behind; nobody waits for it.
    Finish(Finisher),
    /// The end of the connection.
    Close(Promise<()>),
}

/// What a guard's drop leaves behind. Each names what it is about and is
/// nothing where that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Finisher {
    /// Roll that level back.
    RollBack(Scope),
    /// Forget that stream.
    EndStream(u64),
    /// Read on for that stream: its reader has room for a chunk.
    ReadOn(u64),
}

/// Work of one operation, whatever its answer's type. Dropped, it tells its
/// caller that the connection is closed.
pub(crate) trait Job: Send {
    fn scope(&self) -> Scope;
    /// Tells whether somebody still waits, and marks the operation as running.
    fn claim(&self) -> bool;
    fn run(self: Box<Self>, worker: &mut Worker);
    fn refuse(self: Box<Self>, error: Error);
}

/// Leave to have work in the queue; given back when it is dropped.
pub(crate) struct Permit(Arc<Inbox<Message>>);

impl Permit {
    pub(crate) fn new(inbox: Arc<Inbox<Message>>) -> Permit {
        Permit(inbox)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.permits.add_permits(1);
    }
}

/// A closure with the operation that it answers.
pub(crate) struct Work<T, F> {
    promise: Promise<T>,
    scope: Scope,
    permit: Option<Permit>,
    work: F,
}

impl<T, F> Work<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Worker) -> Result<T> + Send + 'static,
{
    pub(crate) fn new(promise: Promise<T>, scope: Scope, permit: Option<Permit>, work: F) -> Self {
        Work {
            promise,
            scope,
            permit,
            work,
        }
    }
}

impl<T, F> Job for Work<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Worker) -> Result<T> + Send + 'static,
{
    fn scope(&self) -> Scope {
        self.scope
    }

    fn claim(&self) -> bool {
        self.promise.claim()
    }

    fn run(self: Box<Self>, worker: &mut Worker) {
        let Work {
            promise,
            scope,
            permit,
            work,
        } = *self;
        let answer = worker.guarded(scope, promise.op().clone(), work);
        drop(permit);
        promise.answer(answer);
    }

    fn refuse(self: Box<Self>, error: Error) {
        self.promise.answer(Err(error));
    }
}

/// A connection's thread, as its jobs see it.
pub(crate) struct Worker {
    pub(crate) engine: Engine,
    pub(crate) turn: Turn,
    /// The streams that are half read.
    pub(crate) flows: HashMap<u64, Flow>,
    /// What came with the last look into the queue, in order.
    messages: VecDeque<Message>,
    /// Work that waits for the open transaction to end, in order.
    waiting: VecDeque<Waiting>,
    max_hold: Duration,
}

enum Waiting {
    Job(Box<dyn Job>),
    Close(Promise<()>),
}

impl Waiting {
    fn refuse(self, error: Error) {
        match self {
            Waiting::Job(job) => job.refuse(error),
            Waiting::Close(promise) => promise.answer(Err(error)),
        }
    }
}

/// Ends the queue when the worker's thread ends, in whatever way.
struct EndOfQueue(Arc<Inbox<Message>>);

impl Drop for EndOfQueue {
    fn drop(&mut self) {
        drop(self.0.end());
    }
}

/// Starts a worker, which opens its connection and says so.
pub(crate) fn spawn(
    options: Options,
    inbox: Arc<Inbox<Message>>,
    opened: Promise<()>,
) -> Result<()> {
    let path = options.path.clone();
    // A thread's name has room for 15 bytes, none of them NUL.
    let name = match options.path.file_stem() {
        Some(stem) => format!("sqlite-{}", stem.to_string_lossy().replace('\0', "")),
        None => "sqlite".into(),
    };
    let main = move || {
        let inbox = EndOfQueue(inbox);
        if !opened.claim() {
            return;
        }
        match Engine::open(&options) {
            Err(error) => opened.answer(Err(error)),
            Ok(engine) => {
                opened.answer(Ok(()));
                let mut worker = Worker {
                    engine,
                    turn: Turn::default(),
                    flows: HashMap::new(),
                    messages: VecDeque::new(),
                    waiting: VecDeque::new(),
                    max_hold: options.max_hold,
                };
                worker.run(&inbox.0);
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
    fn run(&mut self, inbox: &Inbox<Message>) {
        loop {
            while self.turn.is_free()
                && let Some(waiting) = self.waiting.pop_front()
            {
                match waiting {
                    Waiting::Job(job) => self.start(job),
                    Waiting::Close(promise) => {
                        if self.close(promise, inbox) {
                            return;
                        }
                    }
                }
            }
            if let Some(message) = self.messages.pop_front() {
                match message {
                    Message::Work(job) => self.start(job),
                    Message::Finish(finisher) => self.finish(finisher),
                    Message::Close(promise) => self.waiting.push_back(Waiting::Close(promise)),
                }
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
            match inbox.take(&mut self.messages, wait) {
                Found::Messages => {}
                Found::Nothing => match flow {
                    Some(id) => self.fill(id),
                    None => self.end_patience(),
                },
                Found::Orphaned => break,
            }
        }
        self.end_flows(|_| true, "close");
        // Nobody is left to be told; SQLite rolls back what is open.
        let _ = self.engine.close();
    }

    /// Runs a job, keeps it for later, or tells its caller why it can't run.
    fn start(&mut self, job: Box<dyn Job>) {
        let scope = job.scope();
        match self.turn.judge(scope) {
            Verdict::Wait => {
                self.waiting.push_back(Waiting::Job(job));
                self.end_patience();
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
            self.turn.used(Instant::now());
        } else {
            contain(|| drop(job));
        }
    }

    /// Runs the work of an operation: with its token in force, its panic
    /// caught, and the state of the transaction checked behind it.
    pub(crate) fn guarded<T, O: Stoppable + 'static>(
        &mut self,
        scope: Scope,
        op: Arc<O>,
        work: impl FnOnce(&mut Worker) -> Result<T>,
    ) -> Result<T> {
        let outcome = running(op.clone(), || catch_unwind(AssertUnwindSafe(|| work(self))));
        let answer = match outcome {
            Ok(answer) => answer,
            Err(panic) => Err(self.after_panic(panic)),
        };
        self.check_transaction(scope, answer.as_ref().err());
        match (answer, op.token().stopped_by_limit()) {
            (Err(Error::Sqlite { sql, source }), Some(limit))
                if source.sqlite_error_code()
                    == Some(rusqlite::ErrorCode::OperationInterrupted)
                    || is_busy(&source) =>
            {
                Err(Error::TimedOut {
                    limit,
                    sql: Some(sql),
                })
            }
            (answer, _) => answer,
        }
    }

    /// Notices that SQLite has ended the transaction of a guard: by an
    /// automatic rollback, or because a statement said so.
    fn check_transaction(&mut self, scope: Scope, error: Option<&Error>) {
        let Some(id) = scope.transaction() else {
            return;
        };
        if self.turn.holder() == Some(id) && self.engine.is_autocommit() {
            let reason = match error {
                Some(error) => format!("SQLite rolled it back: {error}"),
                None => "a COMMIT or ROLLBACK statement ended it".into(),
            };
            self.turn.aborted(id, reason.into());
            self.end_flows(|flow| flow.scope().transaction() == Some(id), "ROLLBACK");
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
    fn abort(&mut self, reason: String) {
        self.end_flows(|_| true, "ROLLBACK");
        // It fails only where SQLite has rolled back already.
        let _ = self.engine.roll_back_all();
        if let Some(id) = self.turn.holder() {
            self.turn.aborted(id, reason.into());
        }
    }

    fn finish(&mut self, finisher: Finisher) {
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

    /// Opens a level: begins a transaction by that statement, or sets a savepoint.
    pub(crate) fn open_level(&mut self, level: Scope, begin: &str) -> Result<()> {
        match level {
            Scope::Root => {}
            Scope::Transaction(id) => {
                self.engine.begin(begin)?;
                self.turn.began(id, Instant::now());
            }
            Scope::Savepoint { savepoint, .. } => {
                self.engine.control(&format!("SAVEPOINT aio_{savepoint}"))?;
                self.turn.entered(savepoint);
            }
        }
        Ok(())
    }

    /// Commits a transaction, or makes what a savepoint did part of it.
    pub(crate) fn commit_level(&mut self, level: Scope) -> Result<()> {
        match level {
            Scope::Root => Ok(()),
            Scope::Transaction(id) => self.commit(id),
            Scope::Savepoint { savepoint, .. } => {
                self.engine.control(&format!("RELEASE aio_{savepoint}"))?;
                self.turn.left(savepoint);
                Ok(())
            }
        }
    }

    /// Does `work` in a level, which is rolled back at once where that fails:
    /// its guard may not be polled for a while, and others wait.
    pub(crate) fn or_roll_back<T>(
        &mut self,
        level: Scope,
        work: impl FnOnce(&mut Worker) -> Result<T>,
    ) -> Result<T> {
        let outcome = work(self);
        if outcome.is_err() && self.turn.is_open(level) {
            // The error of the work is the answer.
            let _ = self.roll_back_level(level);
        }
        outcome
    }

    /// Undoes what a level did and closes it.
    pub(crate) fn roll_back_level(&mut self, level: Scope) -> Result<()> {
        match level {
            Scope::Root => Ok(()),
            Scope::Transaction(id) => self.roll_back(id),
            Scope::Savepoint { savepoint, .. } => {
                self.roll_back_savepoint(savepoint);
                Ok(())
            }
        }
    }

    /// Commits the open transaction; a commit that fails rolls back, since its
    /// guard is used up.
    fn commit(&mut self, id: u64) -> Result<()> {
        match self.engine.control("COMMIT") {
            Ok(()) => {
                self.turn.finished(id);
                Ok(())
            }
            Err(error) => {
                let _ = self.roll_back(id);
                Err(error)
            }
        }
    }

    /// Rolls the open transaction back, and ends the streams that read in it.
    fn roll_back(&mut self, id: u64) -> Result<()> {
        self.end_flows(|_| true, "ROLLBACK");
        let outcome = self.engine.roll_back_all();
        self.turn.finished(id);
        outcome
    }

    fn roll_back_savepoint(&mut self, savepoint: u64) {
        self.end_flows(|_| true, "ROLLBACK");
        let sql = format!("ROLLBACK TO aio_{savepoint}; RELEASE aio_{savepoint}");
        // It fails only where an automatic rollback took the savepoint along,
        // and then there is nothing to undo.
        let _ = self.engine.control(&sql);
        self.turn.left(savepoint);
    }

    /// Ends the streams that `which` picks, and tells their readers why.
    pub(crate) fn end_flows(&mut self, which: impl Fn(&Flow) -> bool, by: &'static str) {
        for (_, flow) in self.flows.extract_if(|_, flow| which(flow)) {
            flow.end(Some(Error::StreamEnded { by }));
        }
    }

    /// Of the streams that `which` picks, the one that has waited longest. Those
    /// that the open transaction does not own wait for its end: they would read
    /// what it has not committed.
    fn next_flow(&self, which: impl Fn(&Flow) -> bool) -> Option<u64> {
        let holder = self.turn.holder();
        self.flows
            .iter()
            .filter(|(_, flow)| which(flow))
            .filter(|(_, flow)| holder.is_none() || flow.scope().transaction() == holder)
            .min_by_key(|(_, flow)| flow.last_filled())
            .map(|(&id, _)| id)
    }

    /// Reads the next chunk of a stream.
    pub(crate) fn fill(&mut self, id: u64) {
        let Some(mut flow) = self.flows.remove(&id) else {
            return;
        };
        let scope = flow.scope();
        let filled = self.guarded(scope, flow.pipe().clone(), |_| flow.fill());
        match filled {
            Ok(true) => {
                self.flows.insert(id, flow);
            }
            Ok(false) => flow.end(None),
            Err(error) => flow.end(Some(error)),
        }
        self.turn.used(Instant::now());
    }

    /// How long to wait for messages while somebody waits for the connection.
    fn patience(&self) -> Wait {
        if self.nobody_waits() {
            return Wait::Forever;
        }
        match self.turn.hold(Instant::now(), self.max_hold) {
            Hold::WaitUntil(Some(instant)) => Wait::Until(instant),
            Hold::WaitUntil(None) => Wait::Forever,
            Hold::TooLong { .. } | Hold::Lost => Wait::Never,
        }
    }

    fn nobody_waits(&self) -> bool {
        self.waiting.is_empty() && !self.starved_flows().any(|_| true)
    }

    /// The streams whose reader waits for the open transaction's end.
    fn starved_flows(&self) -> impl Iterator<Item = u64> {
        let holder = self.turn.holder();
        self.flows
            .iter()
            .filter(move |(_, flow)| {
                holder.is_some() && flow.scope().transaction() != holder && flow.is_starved()
            })
            .map(|(&id, _)| id)
    }

    /// Ends the waiting of those who wait for a transaction that holds the
    /// connection for too long, or that transaction itself if it is lost.
    fn end_patience(&mut self) {
        if self.nobody_waits() {
            return;
        }
        match self.turn.hold(Instant::now(), self.max_hold) {
            Hold::WaitUntil(_) => {}
            Hold::TooLong { held_for } => {
                for waiting in self.waiting.drain(..) {
                    contain(|| waiting.refuse(Error::Busy { held_for }));
                }
                let starved: Vec<u64> = self.starved_flows().collect();
                for id in starved {
                    if let Some(flow) = self.flows.remove(&id) {
                        flow.end(Some(Error::Busy { held_for }));
                    }
                }
            }
            Hold::Lost => self.abort(format!(
                "rolled back after {:.1?} without a statement, for others that waited",
                self.max_hold
            )),
        }
    }

    /// Closes the connection, and tells whether it is closed.
    fn close(&mut self, promise: Promise<()>, inbox: &Inbox<Message>) -> bool {
        if !promise.claim() {
            inbox.reopen(); // whoever closed has thought better of it
            return false;
        }
        self.end_flows(|_| true, "close");
        let closed = self.engine.close();
        let is_closed = closed.is_ok();
        if !is_closed {
            inbox.reopen();
        }
        promise.answer(closed);
        is_closed
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

/// Keeps a panic of the caller's code away from the worker: of a waker, or of
/// the drop of a value that nobody waits for any more.
fn contain(what: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(what)) {
        // A panic's payload may panic too when it is dropped; there it ends.
        std::mem::forget(panic);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}
