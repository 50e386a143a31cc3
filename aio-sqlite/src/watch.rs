//! Live queries: a query's result, again whenever what it reads has changed.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::{FusedStream, Stream};

use crate::chunk::Chunk;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::from_row::FromRow;
use crate::observers::{LiveEntry, Stir, Told};
use crate::op::Limit;
use crate::params::{IntoParams, Params};
use crate::pool::{Attention, Pool};
use crate::query::rows_of;
use crate::row::Row;
use crate::tables::Tables;
use crate::worker::Worker;

impl Database {
    /// Watches a query: `.stream()` gives its rows at once, and again after each
    /// commit that touched a table which it reads.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::open(":memory:").await?;
    /// # db.execute("CREATE TABLE log(line)", ()).await?;
    /// let mut live = db.watch("SELECT line FROM log", ()).stream();
    /// assert_eq!(live.next().await.transpose()?.unwrap().len(), 0);
    /// db.execute("INSERT INTO log VALUES ('one')", ()).await?;
    /// let rows = live.next().await.transpose()?.unwrap();
    /// assert_eq!(rows[0].get::<&str>(0)?, "one");
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, sql: impl AsRef<str>, params: impl IntoParams) -> Watch<Row> {
        self.watch_as(sql, params)
    }

    /// Watches a query whose rows are decoded into `T`, as
    /// [`query_as`](Database::query_as) does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::open(":memory:").await?;
    /// # db.execute("CREATE TABLE log(line)", ()).await?;
    /// let mut lines = db.watch_as::<i64>("SELECT count(*) FROM log", ()).stream();
    /// assert_eq!(lines.next().await.transpose()?, Some(vec![0]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch_as<T: FromRow>(&self, sql: impl AsRef<str>, params: impl IntoParams) -> Watch<T> {
        Watch {
            query: Observed {
                pool: self.pool().clone(),
                sql: sql.as_ref().into(),
                params: Arc::new(params.into_params()),
                limit: None,
            },
            decode: T::from_row,
        }
    }
}

/// A query to be watched: `.stream()` begins. Made by
/// [`Database::watch`](crate::Database::watch) and
/// [`watch_as`](crate::Database::watch_as).
#[must_use = "a builder does nothing until it is streamed"]
pub struct Watch<T = Row> {
    query: Observed,
    decode: fn(&Row) -> Result<T>,
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

impl<T> Watch<T> {
    /// Limits the time of each run of the query, waiting for a reader
    /// included. A run that takes longer is an error of the stream, which goes
    /// on.
    pub fn timeout(mut self, limit: Duration) -> Watch<T> {
        self.query.limit = Some(limit);
        self
    }

    /// Returns the results one after another. See [`Live`].
    pub fn stream(self) -> Live<T> {
        Live {
            query: self.query,
            decode: self.decode,
            state: State::New,
            last: Last::Nothing,
            attention: None,
        }
    }
}

/// What is run, again and again.
#[derive(Debug)]
struct Observed {
    pool: Arc<Pool>,
    sql: Arc<str>,
    params: Arc<Params>,
    limit: Option<Duration>,
}

type Outcome = Result<(Vec<Arc<Chunk>>, Arc<Tables>)>;
type Run = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Observed {
    fn run(&self) -> Run {
        let pool = self.pool.clone();
        let sql = self.sql.clone();
        let params = self.params.clone();
        let limit = self.limit;
        Box::pin(async move {
            let limit = Limit::starting_now(limit);
            pool.admit_live(&sql, limit).await?;
            let observe = move |worker: &mut Worker| worker.engine.observe(&sql, &params);
            let (chunks, reads) = pool.read(limit, observe).await?;
            Ok((chunks.into_iter().map(Arc::new).collect(), reads))
        })
    }
}

/// The results of a query, one after another; made by
/// [`Database::watch`](crate::Database::watch).
///
/// The first poll runs the query and gives its rows. From then on each commit
/// that changed a table which the query reads makes it run again, on a reader,
/// and gives the new rows. SQLite itself says which tables those are: views,
/// common table expressions, triggers, foreign keys, `REPLACE`, tables `WITHOUT
/// ROWID` and full-text indexes are seen through. A commit on other tables
/// costs nothing; one that is rolled back, also to a savepoint, is nothing.
///
/// - **At most one result for each commit.** Commits that come before the next
///   poll share one: the query runs when the stream is polled, and what it gives
///   is the latest. Nothing is queued for a consumer that is slow, and no writer
///   waits for one.
/// - **No news is not told twice.** After a commit of which it isn't certain
///   that it changed what the query reads, an equal result is left out: a
///   change of the schema, a [`call`](crate::Database::call), a `VACUUM`, a
///   commit that the last run may have seen already.
/// - **A failed run is an item**, and the stream goes on: the next commit, on
///   whatever table, makes the query run again.
/// - The query may only read, and its result must fit into memory twice: the
///   last one is kept to compare.
///
/// Commits through this database and its clones are seen, whatever wrote them.
/// Those of other processes, and of other connections to the same file, are
/// seen with the feature `foreign-changes`, and without it not. They name no
/// table, so the query runs again after each, and an equal result is left out.
/// Of a database that is opened with
/// [`Access::ReadOnly`](crate::options::Access::ReadOnly) they can't be seen, and
/// the stream gives [`Error::Watch`](crate::Error) and ends.
///
/// The stream keeps the database open. When that is closed by
/// [`close`](crate::Database::close), the stream gives [`Error::Closed`] and
/// ends.
///
/// # Cancel safety
///
/// *Cancel safe*: dropping the stream stops the query; `next` that is dropped
/// has lost nothing.
#[must_use = "a stream does nothing until it is polled"]
pub struct Live<T = Row> {
    query: Observed,
    decode: fn(&Row) -> Result<T>,
    state: State,
    last: Last,
    attention: Attention,
}

enum State {
    New,
    Running(LiveEntry, Run, Stir),
    Waiting(LiveEntry),
    Over,
}

/// What the last run gave.
#[derive(PartialEq)]
enum Last {
    Nothing,
    Rows(Vec<Arc<Chunk>>),
    Failed(String),
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

impl<T> Live<T> {
    /// Returns the next result, or `None` when the database is closed and that
    /// has been told.
    ///
    /// # Errors
    ///
    /// Those of running the query and of decoding its rows, after which the
    /// stream goes on; [`Error::Closed`], once, when the database is closed. With
    /// the feature `foreign-changes`, [`Error::Watch`](crate::Error) where it
    /// can't be found out whether others have committed: that is tried again each
    /// second, and when it succeeds the query runs again.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped before its answer, nothing is lost: a run that has
    /// begun goes on with the next call.
    pub async fn next(&mut self) -> Option<Result<Vec<T>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn begin(&mut self, entry: LiveEntry, stir: Stir) {
        entry.runs();
        let run = self.query.run();
        self.state = State::Running(entry, run, stir);
    }

    /// Waits for a run that gives something new.
    fn poll_rows(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<Arc<Chunk>>>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Poll::Ready(None),
                State::New => {
                    // Entered before the query runs, so that no commit behind
                    // its snapshot is missed.
                    let entry = self.query.pool.observers().enter_live();
                    match self.query.pool.attend() {
                        Ok(attention) => self.attention = attention,
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                    self.begin(entry, Stir::Surely);
                }
                State::Waiting(entry) => match entry.poll_told(cx) {
                    Poll::Ready(Told::Stir(stir)) => self.begin(entry, stir),
                    Poll::Ready(Told::Failed(error)) => {
                        self.state = State::Waiting(entry);
                        // When it can be seen again, the same rows are news.
                        self.last = Last::Failed(error.to_string());
                        return Poll::Ready(Some(Err(error)));
                    }
                    Poll::Ready(Told::Closed) => return Poll::Ready(Some(Err(Error::Closed))),
                    Poll::Pending => {
                        self.state = State::Waiting(entry);
                        return Poll::Pending;
                    }
                },
                State::Running(entry, mut run, stir) => {
                    let Poll::Ready(outcome) = run.as_mut().poll(cx) else {
                        self.state = State::Running(entry, run, stir);
                        return Poll::Pending;
                    };
                    let (now, answer) = match outcome {
                        Err(Error::Closed) => return Poll::Ready(Some(Err(Error::Closed))),
                        Ok((rows, reads)) => {
                            entry.has_run(Some(reads));
                            (Last::Rows(rows.clone()), Ok(rows))
                        }
                        Err(error) => {
                            entry.has_run(None);
                            (Last::Failed(error.to_string()), Err(error))
                        }
                    };
                    self.state = State::Waiting(entry);
                    let same = self.last == now;
                    self.last = now;
                    if !same || stir == Stir::Surely {
                        return Poll::Ready(Some(answer));
                    }
                }
            }
        }
    }
}

impl<T> Stream for Live<T> {
    type Item = Result<Vec<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let decode = self.decode;
        let chunks = ready!(self.poll_rows(cx));
        Poll::Ready(chunks.map(|chunks| rows_of(chunks?).map(|row| decode(&row)).collect()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.state {
            State::Over => (0, Some(0)),
            _ => (0, None),
        }
    }
}

impl<T> FusedStream for Live<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Over)
    }
}
