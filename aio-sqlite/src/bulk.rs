//! One statement, many times: parameters cross in batches, and all of them
//! happen or none.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::engine::Done;
use crate::error::Result;
use crate::level::Level;
use crate::op::{Limit, OnLimit, Op, Reply};
use crate::params::IntoParams;
use crate::reentry;
use crate::session::{Session, Statement};
use crate::sets::Sets;
use crate::turn::Holder;
use crate::worker::Worker;

/// A batch is full at so many sets of parameters, or bytes.
const MOST_SETS: usize = 2048;
const MOST_BYTES: usize = 256 << 10;

impl Session {
    /// Runs one statement once for each set of parameters, all or nothing, a
    /// batch at a time.
    ///
    /// Outside a transaction it makes one of its own, inside one a savepoint.
    ///
    /// If triggers of the table keep a full-text index (FTS5) in step, that writes
    /// what it has gathered at each row, since SQLite has to be able to undo each
    /// statement. Many rows are in the index in half the time if they are put into
    /// a table without triggers first, and from there by one
    /// `INSERT INTO … SELECT`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// # db.execute("CREATE TABLE squares(n, square)", ()).await?;
    /// let rows = (0..1_000).map(|n| (n, n * n));
    /// let done = db.execute_many("INSERT INTO squares VALUES (?1, ?2)", rows).await?;
    /// assert_eq!(done.changes, 1_000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped before its answer, none of it has happened, unless
    /// the commit had begun.
    #[doc(alias = "executemany")]
    pub fn execute_many<I>(&self, sql: impl AsRef<str>, rows: I) -> ExecuteMany<'_, I>
    where
        I: IntoIterator<Item: IntoParams, IntoIter: Send>,
    {
        ExecuteMany::new(self.statement(sql), rows)
    }

    /// As [`execute_many`](Session::execute_many), with parameters from a
    /// stream: what is ready crosses together.
    ///
    /// The connection's transaction is open, and holds its lock for writing,
    /// while the stream is waited for. The stream can't itself ask the same
    /// connection, or inside a transaction the same transaction: that would
    /// wait for this operation and is [`Error::Reentrant`](crate::Error::Reentrant).
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped before its answer, none of it has happened, unless
    /// the commit had begun.
    pub fn execute_stream<S>(&self, sql: impl AsRef<str>, rows: S) -> ExecuteStream<'_, S>
    where
        S: Stream<Item: IntoParams> + Send,
    {
        ExecuteStream::new(self.statement(sql), rows)
    }
}

/// One statement to be run many times; made by
/// [`Session::execute_many`](crate::Session::execute_many).
///
/// # Cancel safety
///
/// *Rolls back*: dropped before its answer, none of it has happened, unless the
/// commit had begun.
#[must_use = "a statement does nothing until it is awaited"]
pub struct ExecuteMany<'s, I> {
    statement: Statement<'s>,
    rows: I,
}

/// One statement to be run for each item of a stream; made by
/// [`Session::execute_stream`](crate::Session::execute_stream).
///
/// # Cancel safety
///
/// *Rolls back*: dropped before its answer, none of it has happened, unless the
/// commit had begun.
#[must_use = "a statement does nothing until it is awaited"]
pub struct ExecuteStream<'s, S> {
    statement: Statement<'s>,
    rows: S,
}

impl<I> fmt::Debug for ExecuteMany<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExecuteMany").field(&self.statement).finish()
    }
}

impl<S> fmt::Debug for ExecuteStream<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExecuteStream")
            .field(&self.statement)
            .finish()
    }
}

impl<'s, I> ExecuteMany<'s, I> {
    pub(crate) fn new(statement: Statement<'s>, rows: I) -> ExecuteMany<'s, I> {
        ExecuteMany { statement, rows }
    }

    /// Limits the time from the first poll to the answer.
    pub fn timeout(mut self, limit: Duration) -> ExecuteMany<'s, I> {
        self.statement.limit = Some(limit);
        self
    }
}

impl<'s, S> ExecuteStream<'s, S> {
    pub(crate) fn new(statement: Statement<'s>, rows: S) -> ExecuteStream<'s, S> {
        ExecuteStream { statement, rows }
    }

    /// Limits the time from the first poll to the answer, waiting for the
    /// stream included.
    pub fn timeout(mut self, limit: Duration) -> ExecuteStream<'s, S> {
        self.statement.limit = Some(limit);
        self
    }
}

impl<'s, I> IntoFuture for ExecuteMany<'s, I>
where
    I: IntoIterator<Item: IntoParams, IntoIter: Send> + Send + 's,
{
    type Output = Result<Done>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Done>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let rows = Listed(self.rows.into_iter());
            run(self.statement, pin!(rows)).await
        })
    }
}

impl<'s, S> IntoFuture for ExecuteStream<'s, S>
where
    S: Stream<Item: IntoParams> + Send + 's,
{
    type Output = Result<Done>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Done>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let rows = pin!(self.rows);
            run(self.statement, rows).await
        })
    }
}

/// An iterator as a stream that is always ready.
struct Listed<I>(I);

impl<I> Unpin for Listed<I> {}

impl<I: Iterator> Stream for Listed<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// What is ready to cross, and whether anything follows.
struct Batch {
    sets: Sets,
    last: bool,
}

async fn run(
    statement: Statement<'_>,
    mut rows: Pin<&mut (impl Stream<Item: IntoParams> + Send)>,
) -> Result<Done> {
    let Statement {
        seat, sql, limit, ..
    } = statement;
    let limit = Limit::starting_now(limit);
    seat.admit(&sql, limit).await?;
    let place = seat.place();
    let level = Level::inside(place, Holder::Operation);
    // A source that asks the same connection or transaction would wait for
    // this operation, which waits for its source.
    let held = place.link.reentry_id(place.scope);
    let begin = "BEGIN IMMEDIATE";

    let mut source = async || reentry::inside(held, next_batch(rows.as_mut(), limit)).await;

    let first = source().await?;
    let work = execute_all(&sql, first.sets);
    if first.last {
        return level.whole(begin, limit, work).await;
    }
    let (mut all, mut batch) = both(level.open(begin, limit, work), source()).await?;
    loop {
        let work = execute_all(&sql, batch.sets);
        if batch.last {
            let done = level.commit(limit, work).await?;
            return Ok(sum(all, done));
        }
        let (done, next) = both(level.step(limit, work), source()).await?;
        all = sum(all, done);
        batch = next;
    }
}

/// Has one batch executed while the next is collected. An error of either is
/// the answer at once.
async fn both<A, B>(
    executed: impl Future<Output = Result<A>>,
    collected: impl Future<Output = Result<B>>,
) -> Result<(A, B)> {
    let (mut executed, mut collected) = (pin!(executed), pin!(collected));
    let (mut done, mut next) = (None, None);
    poll_fn(|cx| {
        if done.is_none()
            && let Poll::Ready(outcome) = executed.as_mut().poll(cx)
        {
            done = Some(outcome?);
        }
        if next.is_none()
            && let Poll::Ready(outcome) = collected.as_mut().poll(cx)
        {
            next = Some(outcome?);
        }
        match (done.take(), next.take()) {
            (Some(done), Some(next)) => Poll::Ready(Ok((done, next))),
            half => {
                (done, next) = half;
                Poll::Pending
            }
        }
    })
    .await
}

fn execute_all(
    sql: &Arc<str>,
    sets: Sets,
) -> impl FnOnce(&mut Worker) -> Result<Done> + Send + use<> {
    let sql = sql.clone();
    move |worker| worker.engine.execute_all(&sql, &sets)
}

fn sum(all: Done, next: Done) -> Done {
    Done {
        changes: all.changes + next.changes,
        last_insert_rowid: next.last_insert_rowid,
    }
}

/// Takes what is ready, at least one set of parameters, at most a batch.
async fn next_batch(
    mut source: Pin<&mut impl Stream<Item: IntoParams>>,
    limit: Option<Limit>,
) -> Result<Batch> {
    // An operation that is never sent: its reply is the passing of the limit.
    let mut expiry = limit.map(|limit| Reply::<()>::new(Op::new(Some(limit), OnLimit::Stop)));
    let mut sets = Sets::default();
    poll_fn(|cx| {
        while sets.len() < MOST_SETS && sets.size() < MOST_BYTES {
            match source.as_mut().poll_next(cx) {
                Poll::Ready(Some(row)) => row.add_to(&mut sets),
                Poll::Ready(None) => {
                    let sets = std::mem::take(&mut sets);
                    return Poll::Ready(Ok(Batch { sets, last: true }));
                }
                Poll::Pending if sets.len() == 0 => {
                    return match expiry.as_mut().map(|expiry| Pin::new(expiry).poll(cx)) {
                        Some(Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
                        _ => Poll::Pending,
                    };
                }
                Poll::Pending => break,
            }
        }
        let sets = std::mem::take(&mut sets);
        Poll::Ready(Ok(Batch { sets, last: false }))
    })
    .await
}
