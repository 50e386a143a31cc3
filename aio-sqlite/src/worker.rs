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
use crate::op::{Promise, Stoppable, contain, running};
use crate::options::Options;
use crate::pipe::Flow;
use crate::turn::{Hold, Scope, Turn, Verdict};

/// What the handles send.
pub(crate) enum Message {
    /// Work that somebody waits for.
    Work(Box<dyn Job>),
    /// What a guard's drop leaves behind; nobody waits for it.
    Finish(Finisher),
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
    /// Work from outside that waits for the open transaction to end, in order.
    waiting: VecDeque<Box<dyn Job>>,
    /// Work of the open transaction that waits for an operation inside it, in
    /// order, and since when.
    inside: VecDeque<(Instant, Box<dyn Job>)>,
    closed: bool,
    max_hold: Duration,
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
        let opening = running(opened.op().clone(), || Engine::open(&options));
        match opening {
            Err(error) => opened.answer(Err(error)),
            Ok(engine) => {
                opened.answer(Ok(()));
                let mut worker = Worker {
                    engine,
                    turn: Turn::default(),
                    flows: HashMap::new(),
                    messages: VecDeque::new(),
                    waiting: VecDeque::new(),
                    inside: VecDeque::new(),
                    closed: false,
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
        while !self.closed {
            self.end_patience();
            if let Some(job) = self.next_waiting() {
                self.start(job);
                continue;
            }
            if let Some(message) = self.messages.pop_front() {
                match message {
                    Message::Work(job) => self.start(job),
                    Message::Finish(finisher) => self.finish(finisher),
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
            match (inbox.take(&mut self.messages, wait), flow) {
                (Found::Nothing, Some(id)) => self.fill(id),
                (Found::Nothing | Found::Messages, _) => {}
                (Found::Orphaned, _) => break,
            }
        }
        self.end_flows(|_| true, "close");
        // Nobody is left to be told; SQLite rolls back what is open.
        let _ = self.engine.close();
    }

    /// The job that has waited and whose turn it is now.
    fn next_waiting(&mut self) -> Option<Box<dyn Job>> {
        if let Some((_, job)) = self.inside.front()
            && self.turn.judge(job.scope()) != Verdict::Wait
        {
            return self.inside.pop_front().map(|(_, job)| job);
        }
        if self.turn.is_free() {
            return self.waiting.pop_front();
        }
        None
    }

    /// Runs a job, keeps it for later, or tells its caller why it can't run.
    fn start(&mut self, job: Box<dyn Job>) {
        let scope = job.scope();
        match self.turn.judge(scope) {
            Verdict::Wait if scope == Scope::Root => {
                self.waiting.push_back(job);
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
    fn abort(&mut self, reason: String) {
        // It fails only where SQLite has rolled back already.
        let _ = self.engine.roll_back_all();
        if let Some(id) = self.turn.holder() {
            self.turn.aborted(id, reason.into());
        }
        self.end_flows_of_closed_levels();
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

    /// How long to wait for messages while somebody waits for the connection.
    fn patience(&self) -> Wait {
        let outside = match self.turn.hold(Instant::now(), self.max_hold) {
            _ if !self.somebody_waits() => None,
            Hold::WaitUntil(instant) => instant,
            Hold::TooLong { .. } | Hold::Lost => return Wait::Never,
        };
        let inside = self.inside.front();
        let inside = inside.and_then(|(since, _)| since.checked_add(self.max_hold));
        match outside.into_iter().chain(inside).min() {
            Some(instant) => Wait::Until(instant),
            None => Wait::Forever,
        }
    }

    /// Tells whether anybody waits for the open transaction's end.
    fn somebody_waits(&self) -> bool {
        !self.waiting.is_empty() || self.starved_flows().any(|_| true)
    }

    /// Ends the waiting of those who wait for too long, or the transaction that
    /// they wait for if it is lost.
    fn end_patience(&mut self) {
        while let Some((since, _)) = self.inside.front()
            && since.elapsed() >= self.max_hold
            && let Some((since, job)) = self.inside.pop_front()
        {
            let held_for = since.elapsed();
            contain(|| job.refuse(Error::Busy { held_for }));
        }
        if !self.somebody_waits() {
            return;
        }
        match self.turn.hold(Instant::now(), self.max_hold) {
            Hold::WaitUntil(_) => {}
            Hold::TooLong { held_for } => {
                for job in self.waiting.drain(..) {
                    contain(|| job.refuse(Error::Busy { held_for }));
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

    /// Closes the connection; the worker ends when it is closed.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.end_flows(|_| true, "close");
        self.engine.close()?;
        self.closed = true;
        Ok(())
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
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
