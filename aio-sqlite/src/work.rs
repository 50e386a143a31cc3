//! What is sent to a worker: jobs, writes, and what the drop of a guard leaves.

use std::sync::Arc;

#[cfg(feature = "foreign-changes")]
use crate::bell::Bell;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::handoff::Inbox;
use crate::op::{Limit, OnLimit, Op, Promise, Reply, Stoppable, Used};
use crate::pipe::Home;
use crate::reader::Readers;
use crate::selects::Reads;
use crate::turn::Scope;
use crate::wakes::contain;
use crate::worker::Worker;

/// What the handles send.
pub(crate) enum Message {
    /// Work that somebody waits for.
    Work(Box<dyn Job>),
    /// A write of its own, which may share its commit with others.
    Write(Box<dyn Member>),
    /// Work of a crew that this worker belongs to.
    Shared(Box<dyn Job>),
    /// What a guard's drop leaves behind; nobody waits for it.
    Finish(Finisher),
    /// Jobs of the crew have begun to wait while all its workers are held.
    Look,
    /// Somebody else may have committed.
    #[cfg(feature = "foreign-changes")]
    Rung(Arc<Bell>),
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
    fn reads(&self) -> Reads;
    /// Tells whether somebody still waits, and marks the operation as running.
    fn claim(&self) -> bool;
    fn run(self: Box<Self>, worker: &mut Worker);
    fn refuse(self: Box<Self>, error: Error);
}

/// How a member of a group writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One statement, which SQLite commits by itself where it is alone.
    Statement,
    /// Any number of them.
    Several,
}

/// A write that may share its commit with others, and may be run more than
/// once before it is answered. Dropped, it tells its caller that the connection
/// is closed.
pub(crate) trait Member: Send {
    /// Takes the operation for running, unless nobody waits.
    fn claim(&self) -> bool;
    /// Makes the operation one that waits again, since what it did was undone.
    fn put_back(&self);
    fn operation(&self) -> Arc<dyn Stoppable>;
    fn shape(&self) -> Shape;
    /// Runs the work and keeps what it returns.
    fn run(&mut self, engine: &Engine);
    /// The error that the last run kept.
    fn error(&self) -> Option<&Error>;
    /// Says which error is the answer, in place of what the last run returned.
    fn fail(&mut self, error: Error);
    /// Gives the answer to whoever waits.
    fn answer(self: Box<Self>);
}

/// Leave to have work in a queue; given back when it is dropped.
pub(crate) enum Permit {
    Inbox(Arc<Inbox<Message>>),
    Readers(Arc<Readers>),
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self {
            Permit::Inbox(inbox) => inbox.permits.add_permits(1),
            Permit::Readers(readers) => readers.permits.add_permits(1),
        }
    }
}

/// Work from outside any transaction.
pub(crate) enum Outside {
    Job(Box<dyn Job>),
    /// A write, and whether it is to share its commit with nobody.
    Write(Box<dyn Member>, Sharing),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// With whoever comes.
    Anybody,
    /// With nobody: the commit of a group failed, perhaps because of this one.
    Nobody,
}

impl Outside {
    pub(crate) fn refuse(self, error: Error) {
        contain(|| match self {
            Outside::Job(job) => job.refuse(error),
            Outside::Write(mut member, _) => {
                member.fail(error);
                member.answer();
            }
        });
    }
}

impl Home for Inbox<Message> {
    fn read_on(&self, stream: u64) {
        // A worker that has gone has ended the stream.
        let _ = self.deliver(Message::Finish(Finisher::ReadOn(stream)));
    }

    fn forget(&self, stream: u64) {
        let _ = self.deliver(Message::Finish(Finisher::EndStream(stream)));
    }
}

/// A closure with the operation that it answers.
pub(crate) struct Work<T, F> {
    scope: Scope,
    reads: Reads,
    /// None once it has run.
    load: Option<Load<T, F>>,
}

struct Load<T, F> {
    promise: Promise<T>,
    permit: Option<Permit>,
    work: F,
}

impl<T, F> Work<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Worker) -> Result<T> + Send + 'static,
{
    /// An operation, as it is sent and as it is waited for.
    ///
    /// It is boxed before there is a future, which is then small whatever the
    /// work holds: futures are made for each operation, and moved.
    pub(crate) fn ask(
        scope: Scope,
        reads: Reads,
        limit: Option<Limit>,
        on_limit: OnLimit,
        work: F,
    ) -> (Box<Self>, Reply<T>) {
        let op = Op::new(limit, on_limit);
        let reply = Reply::new(op.clone());
        let load = Load {
            promise: Promise::new(op),
            permit: None,
            work,
        };
        let load = Some(load);
        (Box::new(Work { scope, reads, load }), reply)
    }

    /// Keeps the permit for as long as the work is queued or runs.
    pub(crate) fn admit(&mut self, permit: Permit) {
        if let Some(load) = &mut self.load {
            load.permit = Some(permit);
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

    fn reads(&self) -> Reads {
        self.reads
    }

    fn claim(&self) -> bool {
        self.load.as_ref().is_some_and(|load| load.promise.claim())
    }

    fn run(mut self: Box<Self>, worker: &mut Worker) {
        if let Some(load) = self.load.take() {
            let answer = worker.guarded(self.scope, load.promise.op(), load.work);
            drop(load.permit);
            worker.look_ahead();
            load.promise.answer_with(answer, Some(Used::new(self)));
        }
    }

    fn refuse(mut self: Box<Self>, error: Error) {
        if let Some(load) = self.load.take() {
            load.promise.answer(Err(error));
        }
    }
}
