//! A handle's end of the way to the worker.

use std::fmt;
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use tokio::sync::{Semaphore, TryAcquireError};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::handoff::{Inbox, Reached};
use crate::member::Write;
use crate::op::{Limit, OnLimit, Op, Promise, Reply};
use crate::options::{Access, Options};
use crate::reader::Membership;
use crate::reentry;
use crate::selects::Reads;
use crate::turn::Scope;
use crate::work::{Finisher, Job, Message, Permit, Shape, Work};
use crate::worker::{self, Worker};

/// Numbers connections, transactions, savepoints and streams: none is ever
/// used twice in a process, so a late command can't hit a newcomer.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

pub(crate) fn next_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// Where statements run: a level of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) link: Arc<Link>,
    pub(crate) scope: Scope,
}

/// The handles' side of one connection; when the last one goes, so does the
/// worker.
pub(crate) struct Link {
    id: u64,
    /// Names the connection in the hands of a closure.
    lent: u64,
    path: PathBuf,
    access: Access,
    inbox: Arc<Inbox<Message>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("path", &self.path).finish()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.inbox.orphan();
    }
}

impl Link {
    /// Starts a worker and waits until its connection is open.
    pub(crate) async fn open(
        options: Options,
        limit: Option<Limit>,
        membership: Option<Arc<Membership>>,
    ) -> Result<Arc<Link>> {
        let opened = Op::new(limit, OnLimit::Stop);
        let reply = Reply::new(opened.clone());
        let link = Link::start(options, Promise::new(opened), membership)?;
        reply.await?;
        Ok(link)
    }

    /// Starts a worker, which keeps the promise when its connection is open.
    pub(crate) fn start(
        options: Options,
        opened: Promise<()>,
        membership: Option<Arc<Membership>>,
    ) -> Result<Arc<Link>> {
        let inbox = Arc::new(Inbox::new());
        let link = Arc::new(Link {
            id: next_id(),
            lent: next_id(),
            path: options.path.clone(),
            access: options.access,
            inbox: inbox.clone(),
        });
        worker::spawn(options, inbox, opened, membership)?;
        Ok(link)
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    #[cfg(feature = "foreign-changes")]
    pub(crate) fn inbox(&self) -> &Arc<Inbox<Message>> {
        &self.inbox
    }

    /// Tells whether the worker has gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.inbox.has_ended()
    }

    pub(crate) fn access(&self) -> Access {
        self.access
    }

    /// Refuses a call that would wait for the transaction whose body makes it, or
    /// for the closure.
    pub(crate) fn refuse_reentry(&self, scope: Scope) -> Result<()> {
        if reentry::is_inside(self.reentry_id(scope)) || reentry::is_inside(self.lent) {
            return Err(Error::Reentrant);
        }
        Ok(())
    }

    /// Names what a body holds while it is polled: the connection, or for an
    /// operation inside a transaction, that transaction.
    pub(crate) fn reentry_id(&self, outer: Scope) -> u64 {
        outer.transaction().unwrap_or(self.id)
    }

    /// Names what a closure holds that the connection is lent to.
    pub(crate) fn lent_id(&self) -> u64 {
        self.lent
    }

    /// Runs `work` on the worker's thread when it is that level's turn.
    ///
    /// Dropped while it waits, it never runs; dropped while it runs, SQLite is
    /// stopped.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        scope: Scope,
        limit: Option<Limit>,
        on_limit: OnLimit,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        self.run_beside(Reads::Alone, scope, limit, on_limit, work)
    }

    /// As [`run`](Link::run), for work that may share its read transaction.
    pub(crate) fn run_beside<T: Send + 'static>(
        &self,
        reads: Reads,
        scope: Scope,
        limit: Option<Limit>,
        on_limit: OnLimit,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        let (work, reply) = Work::ask(scope, reads, limit, on_limit, work);
        self.send(work, reply)
    }

    /// Sends work to the worker and waits for its answer.
    pub(crate) async fn send<T, F>(
        &self,
        mut work: Box<Work<T, F>>,
        mut reply: Reply<T>,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    {
        let scope = work.scope();
        self.refuse_reentry(scope)?;
        let underway = self.inbox.callers.underway();
        let sent = match scope {
            Scope::Root => {
                work.admit(self.permit(&mut reply).await?);
                self.inbox.submit(Message::Work(work))
            }
            // An open transaction goes on while others queue up behind it, and
            // while a close waits for it.
            _ => self.inbox.deliver(Message::Work(work)),
        };
        if sent.map_err(|_| Error::Closed)? == Reached::Awake {
            underway.meet(|| reply.is_there()).await;
        }
        reply.await
    }

    /// Has a write run that may share its commit with others, and that may be
    /// run more than once until it is answered.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        limit: Option<Limit>,
        shape: Shape,
        work: impl FnMut(&Engine) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        let (mut write, mut reply) = Write::ask(limit, shape, work);
        async move {
            self.refuse_reentry(Scope::Root)?;
            let _underway = self.inbox.callers.underway();
            write.admit(self.permit(&mut reply).await?);
            self.inbox
                .submit(Message::Write(write))
                .map_err(|_| Error::Closed)?;
            reply.await
        }
    }

    async fn permit<T: Send + 'static>(&self, reply: &mut Reply<T>) -> Result<Permit> {
        admitted(&self.inbox.permits, reply).await?;
        Ok(Permit::Inbox(self.inbox.clone()))
    }

    /// Closes the connection when it is this call's turn.
    pub(crate) async fn close(&self) -> Result<()> {
        self.refuse_reentry(Scope::Root)?;
        let Some(_closing) = self.inbox.close() else {
            return Ok(()); // closed already
        };
        let (close, reply) = Work::ask(
            Scope::Root,
            Reads::Alone,
            None,
            OnLimit::Stop,
            Worker::close,
        );
        // A finisher's way in, since new work is refused from now on.
        if self.inbox.deliver(Message::Work(close)).is_err() {
            return Ok(());
        }
        match reply.await {
            Err(Error::Closed) => Ok(()), // by another call to close
            other => other,
        }
    }

    /// Queues what a guard's drop leaves behind.
    pub(crate) fn finish(&self, finisher: Finisher) {
        // A worker that has gone has rolled back and closed everything itself.
        let _ = self.inbox.deliver(Message::Finish(finisher));
    }
}

/// Waits for a permit to queue work, no longer than the operation's limit.
pub(crate) async fn admitted<T: Send + 'static>(
    permits: &Semaphore,
    reply: &mut Reply<T>,
) -> Result<()> {
    match permits.try_acquire() {
        Ok(permit) => permit.forget(),
        Err(TryAcquireError::Closed) => return Err(Error::Closed),
        // Seldom, and its future is larger than all the others.
        Err(TryAcquireError::NoPermits) => Box::pin(wait_for_permit(permits, reply)).await?,
    }
    Ok(())
}

async fn wait_for_permit<T: Send + 'static>(
    permits: &Semaphore,
    reply: &mut Reply<T>,
) -> Result<()> {
    let mut acquire = pin!(permits.acquire());
    poll_fn(|cx| {
        if let Poll::Ready(permit) = acquire.as_mut().poll(cx) {
            permit.map_err(|_| Error::Closed)?.forget();
            return Poll::Ready(Ok(()));
        }
        // Nobody answers what is not queued yet, but its limit may pass.
        match Pin::new(&mut *reply).poll(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    })
    .await
}
