//! The connections of a database: one that writes, and others that read.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::crew::PERMITS;
use crate::engine::Engine;
use crate::error::{Error, Result};
#[cfg(feature = "foreign-changes")]
use crate::foreign::Foreign;
use crate::handoff::Reached;
use crate::link::{Link, Place, admitted, next_id};
use crate::observers::Observers;
use crate::op::{Limit, OnLimit, Op, Promise};
use crate::options::Options;
use crate::reader::{Membership, Readers, Recruit, give};
use crate::reentry;
use crate::routes::{Route, Routes};
use crate::selects::Reads;
use crate::turn::Scope;
use crate::unfit::only_reads;
use crate::work::{Permit, Shape, Work};
use crate::worker::Worker;

/// What an observer keeps for as long as it observes.
pub(crate) type Attention = Option<Arc<dyn Any + Send + Sync>>;

/// What the handles of a database share.
pub(crate) struct Pool {
    writer: Place,
    /// None where only the writer can see the database.
    reading: Option<Reading>,
    routes: Routes,
    observers: Arc<Observers>,
    /// What watches the file, for as long as somebody observes.
    #[cfg(feature = "foreign-changes")]
    foreign: Mutex<Weak<Foreign>>,
}

/// The readers of a database.
struct Reading {
    readers: Arc<Readers>,
    /// Names a reader in the hands of a closure.
    lent: u64,
    options: Options,
    links: Mutex<Vec<Arc<Link>>>,
    pool: Weak<Pool>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("path", &self.writer.link.path())
            .finish()
    }
}

/// How many readers a database has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) readers: usize,
    pub(crate) most: usize,
}

/// What the first look at a statement came to.
enum First<T, F> {
    /// It could be run where it was looked at.
    Ran(T),
    /// It belongs elsewhere.
    Belongs(Route, F),
}

impl Pool {
    /// A pool around a writer that is open; readers are opened with `options`.
    pub(crate) async fn open(
        writer: Arc<Link>,
        observers: Arc<Observers>,
        options: Option<Options>,
        size: Size,
        limit: Option<Limit>,
    ) -> Result<Arc<Pool>> {
        let pool = Arc::new_cyclic(|weak: &Weak<Pool>| Pool {
            writer: Place {
                link: writer,
                scope: Scope::Root,
            },
            reading: options.map(|options| Reading {
                readers: Arc::new(Readers::new(size.most, options.busy_timeout)),
                lent: next_id(),
                options,
                links: Mutex::default(),
                pool: weak.clone(),
            }),
            routes: Routes::default(),
            observers,
            #[cfg(feature = "foreign-changes")]
            foreign: Mutex::default(),
        });
        if let Some(reading) = &pool.reading {
            for _ in 0..size.readers {
                reading.readers.expect_worker();
                let membership = Arc::new(reading.membership(&pool.writer.link));
                let link = Link::open(reading.options.clone(), limit, Some(membership)).await?;
                reading.links().push(link);
            }
        }
        Ok(pool)
    }

    /// Where writes and transactions run.
    pub(crate) fn writer(&self) -> &Place {
        &self.writer
    }

    /// Who is told of commits.
    pub(crate) fn observers(&self) -> &Arc<Observers> {
        &self.observers
    }

    /// Begins to watch for the commits of others, where that is asked for; it
    /// goes on for as long as what is returned is kept.
    pub(crate) fn attend(&self) -> Result<Attention> {
        #[cfg(feature = "foreign-changes")]
        if self.reading.is_some() {
            let mut known = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
            let foreign = match known.upgrade() {
                Some(foreign) => {
                    // A look that nobody wanted may just have been left out.
                    foreign.look();
                    foreign
                }
                None => Arc::new(Foreign::start(&self.writer.link)?),
            };
            *known = Arc::downgrade(&foreign);
            return Ok(Some(foreign));
        }
        Ok(None)
    }

    /// Runs a statement where it belongs.
    pub(crate) async fn run<T, F>(&self, sql: &Arc<str>, limit: Option<Limit>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Engine) -> Result<T> + Send + 'static,
    {
        let (route, mut work) = match self.routes.get(sql) {
            Some(route) => (route, work),
            // Seldom, and its future is larger than all the others.
            None => match Box::pin(self.run_new(sql, limit, work)).await? {
                First::Ran(value) => return Ok(value),
                First::Belongs(route, work) => (route, work),
            },
        };
        match route {
            Route::Reader => {
                let reads = Reads::of(sql, Scope::Root);
                let work = move |worker: &mut Worker| work(&worker.engine);
                self.read_beside(reads, limit, work).await
            }
            Route::Writer => self.write(limit, Shape::Statement, work).await,
            Route::Alone => self.alone(limit, move |worker| work(&worker.engine)).await,
        }
    }

    /// Learns where a statement belongs, and has run it where that was found
    /// out if it belongs there.
    async fn run_new<T, F>(
        &self,
        sql: &Arc<str>,
        limit: Option<Limit>,
        mut work: F,
    ) -> Result<First<T, F>>
    where
        T: Send + 'static,
        F: FnMut(&Engine) -> Result<T> + Send + 'static,
    {
        let text = sql.clone();
        let first = move |worker: &mut Worker| {
            let look = match worker.engine.look_at(&text) {
                Ok(look) => look,
                Err(error) => return Ok(Err((error, work))),
            };
            Ok(Ok(match Route::of(look, &text)? {
                Route::Reader => First::Ran(work(&worker.engine)?),
                other => First::Belongs(other, work),
            }))
        };
        let first = match self.read(limit, first).await? {
            Ok(first) => first,
            // A reader can make nothing of it.
            Err((error, work)) => {
                First::Belongs(self.look_at_writer(sql, limit, error).await?, work)
            }
        };
        let route = match &first {
            First::Ran(_) => Route::Reader,
            First::Belongs(route, _) => *route,
        };
        self.routes.learn(sql, route);
        Ok(first)
    }

    /// Looks at a statement of which no reader can make anything: it may use
    /// what the writer alone has, such as functions that `call` gave it.
    async fn look_at_writer(
        &self,
        sql: &Arc<str>,
        limit: Option<Limit>,
        error: Error,
    ) -> Result<Route> {
        if !matches!(error, Error::Sqlite { .. }) || self.reading.is_none() {
            return Err(error);
        }
        let text = sql.clone();
        let look = move |worker: &mut Worker| Route::of(worker.engine.look_at(&text)?, &text);
        match self.alone(limit, look).await? {
            Route::Reader => Ok(Route::Alone),
            route => Ok(route),
        }
    }

    /// Says where a statement belongs, without running it.
    pub(crate) async fn look_at(&self, sql: &Arc<str>, limit: Option<Limit>) -> Result<Route> {
        if let Some(route) = self.routes.get(sql) {
            return Ok(route);
        }
        let text = sql.clone();
        let look = move |worker: &mut Worker| Route::of(worker.engine.look_at(&text)?, &text);
        let route = match self.read(limit, look).await {
            Ok(route) => route,
            Err(error) => self.look_at_writer(sql, limit, error).await?,
        };
        self.routes.learn(sql, route);
        Ok(route)
    }

    /// Refuses a statement that does more than read.
    pub(crate) async fn admit_live(&self, sql: &Arc<str>, limit: Option<Limit>) -> Result<()> {
        match self.look_at(sql, limit).await? {
            Route::Reader => Ok(()),
            Route::Writer | Route::Alone => Err(only_reads(sql)),
        }
    }

    /// Has a write run that may share its commit with others.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        limit: Option<Limit>,
        shape: Shape,
        work: impl FnMut(&Engine) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        self.writer.link.write(limit, shape, work)
    }

    /// Runs work on the writer outside any transaction.
    pub(crate) fn alone<T: Send + 'static>(
        &self,
        limit: Option<Limit>,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        let Place { link, scope } = &self.writer;
        link.run(*scope, limit, OnLimit::Stop, work)
    }

    /// Refuses a read that would wait for the transaction whose body makes it, or
    /// for a reader while a closure has one.
    pub(crate) fn refuse_reentry_of_reads(&self) -> Result<()> {
        match &self.reading {
            Some(reading) if reentry::is_inside(reading.lent) => Err(Error::Reentrant),
            Some(_) => Ok(()),
            None => self.writer.link.refuse_reentry(self.writer.scope),
        }
    }

    /// Refuses to wait for the rows of a half-read stream where that is the
    /// writer's. A reader that has one has nothing else to do.
    pub(crate) fn refuse_reentry_of_streams(&self) -> Result<()> {
        match &self.reading {
            Some(_) => Ok(()),
            None => self.writer.link.refuse_reentry(self.writer.scope),
        }
    }

    /// Names what a closure holds that reads.
    pub(crate) fn lent_id_of_reads(&self) -> u64 {
        match &self.reading {
            Some(reading) => reading.lent,
            None => self.writer.link.lent_id(),
        }
    }

    /// Runs work on whichever reader is free.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        limit: Option<Limit>,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        self.read_beside(Reads::Alone, limit, work)
    }

    /// As [`read`](Pool::read), for work that may share its read transaction.
    fn read_beside<T: Send + 'static>(
        &self,
        reads: Reads,
        limit: Option<Limit>,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        let (mut work, mut reply) = Work::ask(Scope::Root, reads, limit, OnLimit::Stop, work);
        async move {
            let Some(reading) = &self.reading else {
                return self.writer.link.send(work, reply).await;
            };
            self.refuse_reentry_of_reads()?;
            let readers = &reading.readers;
            let underway = readers.callers.underway();
            admitted(&readers.permits, &mut reply).await?;
            work.admit(Permit::Readers(readers.clone()));
            if give(readers, work, || self.recruit())? == Reached::Awake {
                underway.meet(|| reply.is_there()).await;
            }
            reply.await
        }
    }

    /// Closes all connections: the readers first, so that the writer is the
    /// last, which moves the write-ahead log into the database.
    pub(crate) async fn close(&self) -> Result<()> {
        self.writer.link.refuse_reentry(Scope::Root)?;
        self.refuse_reentry_of_reads()?;
        if let Some(reading) = &self.reading {
            let closing = reading.readers.close();
            // Whoever is queued or runs has a permit.
            if let Ok(all) = reading.readers.permits.acquire_many(PERMITS).await {
                let links: Vec<_> = reading.links().clone();
                for link in links {
                    link.close().await?;
                }
                drop(all);
            }
            self.writer.link.close().await?;
            closing.for_good();
            return Ok(());
        }
        self.writer.link.close().await
    }
}

impl Reading {
    fn links(&self) -> MutexGuard<'_, Vec<Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn membership(&self, writer: &Arc<Link>) -> Membership {
        Membership {
            id: next_id(),
            readers: self.readers.clone(),
            recruiter: self.pool.clone(),
            // The last connection to close moves the write-ahead log into the
            // database, which one that only reads can't.
            _keep: writer.clone(),
        }
    }
}

impl Recruit for Pool {
    /// Starts one more reader; whoever waits takes it when it is open.
    fn recruit(&self) {
        let Some(reading) = &self.reading else {
            return;
        };
        // Whoever closes looks at the links when no job waits any more: a reader
        // that is started has its link there, or it is not started.
        let mut links = reading.links();
        if !reading.readers.expect_one_more() {
            return;
        }
        links.retain(|link| !link.has_ended());
        let membership = Arc::new(reading.membership(&self.writer.link));
        let opened = Promise::new(Op::new(None, OnLimit::Stop));
        match Link::start(reading.options.clone(), opened, Some(membership.clone())) {
            Ok(link) => links.push(link),
            // Those who wait go on waiting for the readers that there are.
            Err(error) => {
                drop(links);
                membership.leave(Some(&error));
            }
        }
    }
}
