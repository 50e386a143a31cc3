//! Closures with a database's own connections: `write` and `read`.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::database::Database;
use crate::engine::Engine;
use crate::error::Result;
use crate::op::Limit;
use crate::pool::Pool;
use crate::reentry;
use crate::work::Shape;
use crate::worker::Worker;

impl Database {
    /// Runs a closure on the writer's connection inside a transaction: any
    /// number of statements in one hop. It may share its commit with other
    /// writes, and is acknowledged when that is durable.
    ///
    /// All that the closure wrote is undone where it returns `Err` or panics.
    /// It may be run more than once: SQLite answers some failures of a
    /// neighbour by rolling all of them back, and those that had succeeded are
    /// run again. So it had better do nothing but talk to SQLite. Others write
    /// through the same connection: it can't begin or end transactions, make
    /// temporary tables or change settings by `PRAGMA`, except
    /// `defer_foreign_keys`, which holds for this closure alone. A call of this
    /// database that waits for the writer is
    /// [`Error::Reentrant`](crate::Error::Reentrant) in the closure.
    ///
    /// It runs in a savepoint, so that it can be undone without its neighbours.
    /// SQLite keeps a copy of each page that the closure changes, of those that
    /// were there before: where that is most of a large file, as when all rows of
    /// a table are changed, half as much again is written. There,
    /// [`call`](Database::call) with a transaction of its own costs less.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::open(":memory:").await?;
    /// # db.execute_script("CREATE TABLE accounts(name, balance); INSERT INTO accounts VALUES ('Bob', 10), ('Alice', 0)").await?;
    /// let moved = db
    ///     .write(|tx| {
    ///         let mut pay = tx.prepare_cached("UPDATE accounts SET balance = balance + ?2 WHERE name = ?1")?;
    ///         Ok(pay.execute(("Bob", -3))? + pay.execute(("Alice", 3))?)
    ///     })
    ///     .await?;
    /// assert_eq!(moved, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe* while it waits; once it runs, SQLite is stopped, and all of
    /// it has happened or nothing.
    pub fn write<T, F>(&self, work: F) -> Write<F>
    where
        T: Send + 'static,
        F: FnMut(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        Write {
            pool: self.pool().clone(),
            work,
            limit: None,
        }
    }

    /// Runs a closure on a reader's connection: any number of queries in one
    /// hop, all of which see the same state of the database.
    ///
    /// The connection can't write. A call of this database that waits for a
    /// reader, or for all of them as `close` does, is
    /// [`Error::Reentrant`](crate::Error::Reentrant) in the closure.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::open(":memory:").await?;
    /// # db.execute("CREATE TABLE log(line)", ()).await?;
    /// let (lines, tables) = db
    ///     .read(|conn| {
    ///         let count = |sql| conn.query_row(sql, (), |row| row.get::<_, i64>(0));
    ///         Ok((count("SELECT count(*) FROM log")?, count("SELECT count(*) FROM sqlite_schema")?))
    ///     })
    ///     .await?;
    /// assert_eq!((lines, tables), (0, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it changes nothing; once it runs, SQLite is stopped.
    pub fn read<T, F>(&self, work: F) -> Read<F>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        Read {
            pool: self.pool().clone(),
            work,
            limit: None,
        }
    }
}

/// A closure to be run on the writer's connection; made by
/// [`Database::write`](crate::Database::write).
///
/// # Cancel safety
///
/// *Cancel safe* while it waits; once it runs, SQLite is stopped, and all of it
/// has happened or nothing.
#[must_use = "a write does nothing until it is awaited"]
pub struct Write<F> {
    pool: Arc<Pool>,
    work: F,
    limit: Option<Duration>,
}

/// A closure to be run on a reader's connection; made by
/// [`Database::read`](crate::Database::read).
///
/// # Cancel safety
///
/// *Cancel safe*: it changes nothing; once it runs, SQLite is stopped.
#[must_use = "a read does nothing until it is awaited"]
pub struct Read<F> {
    pool: Arc<Pool>,
    work: F,
    limit: Option<Duration>,
}

impl<F> fmt::Debug for Write<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").field("limit", &self.limit).finish()
    }
}

impl<F> fmt::Debug for Read<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("limit", &self.limit).finish()
    }
}

impl<F> Write<F> {
    /// Limits the time from the first poll to the answer: waiting for the
    /// writer, for another process's lock, and running.
    pub fn timeout(mut self, limit: Duration) -> Write<F> {
        self.limit = Some(limit);
        self
    }
}

impl<F> Read<F> {
    /// Limits the time from the first poll to the answer: waiting for a reader
    /// and running.
    pub fn timeout(mut self, limit: Duration) -> Read<F> {
        self.limit = Some(limit);
        self
    }
}

impl<T, F> IntoFuture for Write<F>
where
    T: Send + 'static,
    F: FnMut(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
{
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Write {
            pool,
            mut work,
            limit,
        } = self;
        Box::pin(async move {
            let limit = Limit::starting_now(limit);
            let held = pool.writer().link.lent_id();
            let work = move |engine: &Engine| {
                engine.lend_shared("write", |tx| reentry::during(held, || work(tx)))
            };
            pool.write(limit, Shape::Several, work).await
        })
    }
}

impl<T, F> IntoFuture for Read<F>
where
    T: Send + 'static,
    F: FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
{
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Read { pool, work, limit } = self;
        Box::pin(async move {
            let limit = Limit::starting_now(limit);
            let held = pool.lent_id_of_reads();
            let work = move |worker: &mut Worker| {
                let engine = &worker.engine;
                let work = |conn: &rusqlite::Connection| reentry::during(held, || work(conn));
                engine.standing_still(|| engine.lend_shared("read", work))
            };
            pool.read(limit, work).await
        })
    }
}
