//! Transactions: `begin`, and the guard that rolls back unless it is committed.

use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::level::Level;
use crate::link::Place;
use crate::op::Limit;
use crate::options::Access;
pub use crate::receipt::{Outcome, Receipt};
use crate::reentry;
use crate::savepoint::BeginSavepoint;
use crate::session::Session;
use crate::turn::Holder;

impl Connection {
    /// Begins a transaction: `.await` gives its guard, `.with(…)` also
    /// finishes it.
    ///
    /// Other operations on the connection wait until it is over.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// # db.execute("CREATE TABLE accounts(name, balance)", ()).await?;
    /// let mut tx = db.begin().await?;
    /// tx.execute("INSERT INTO accounts VALUES ('Bob', 10)", ()).await?;
    /// let inner = tx.savepoint().await?;
    /// inner.execute("DELETE FROM accounts", ()).await?;
    /// drop(inner); // undoes the delete
    /// tx.commit().await?;
    /// assert_eq!(db.query_as::<i64>("SELECT balance FROM accounts", ()).one().await?, 10);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: cancelled at any moment, no transaction stays open.
    pub fn begin(&self) -> Begin<'_> {
        Begin::new(self.session.seat.place())
    }
}

/// When a transaction takes the lock for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    Deferred,
    Immediate,
    Exclusive,
}

impl Behaviour {
    fn sql(self) -> &'static str {
        match self {
            Behaviour::Deferred => "BEGIN DEFERRED",
            Behaviour::Immediate => "BEGIN IMMEDIATE",
            Behaviour::Exclusive => "BEGIN EXCLUSIVE",
        }
    }
}

/// A transaction to be begun: `.await` gives its guard, `.with(…)` also
/// finishes it. Made by [`Connection::begin`](crate::Connection::begin).
///
/// # Cancel safety
///
/// *Rolls back*: cancelled at any moment, no transaction stays open.
#[must_use = "a builder does nothing until it is awaited or entered with `.with`"]
#[derive(Debug)]
pub struct Begin<'s> {
    place: &'s Place,
    behaviour: Behaviour,
    limit: Option<Duration>,
}

impl<'s> Begin<'s> {
    pub(crate) fn new(place: &'s Place) -> Begin<'s> {
        let behaviour = match place.link.access() {
            Access::ReadOnly => Behaviour::Deferred,
            _ => Behaviour::Immediate,
        };
        Begin {
            place,
            behaviour,
            limit: None,
        }
    }

    /// Takes no lock until a statement needs one; a later write can then fail
    /// at once because another connection wrote meanwhile. The default where
    /// the connection is read-only.
    pub fn deferred(mut self) -> Begin<'s> {
        self.behaviour = Behaviour::Deferred;
        self
    }

    /// Takes the lock for writing at the beginning, waiting for it up to the
    /// busy timeout: the default.
    pub fn immediate(mut self) -> Begin<'s> {
        self.behaviour = Behaviour::Immediate;
        self
    }

    /// As immediate, and keeps readers out too where the journal is no
    /// write-ahead log.
    pub fn exclusive(mut self) -> Begin<'s> {
        self.behaviour = Behaviour::Exclusive;
        self
    }

    /// Limits the time from the first poll to the begun transaction: waiting
    /// for the connection's turn and for another connection's lock.
    pub fn timeout(mut self, limit: Duration) -> Begin<'s> {
        self.limit = Some(limit);
        self
    }

    /// Begins the transaction, runs `body` in it, and commits if `body`
    /// returns Ok or rolls back if it returns Err.
    ///
    /// Inside the body, calls through the plain connection give
    /// [`Error::Reentrant`]: they would wait for this transaction.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// # db.execute("CREATE TABLE log(line)", ()).await?;
    /// let lines = db
    ///     .begin()
    ///     .with(async |tx| -> aio_sqlite::Result<_> {
    ///         tx.execute("INSERT INTO log VALUES ('one')", ()).await?;
    ///         tx.query_as::<i64>("SELECT count(*) FROM log", ()).one().await
    ///     })
    ///     .await?;
    /// assert_eq!(lines, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of beginning; then the body's own; then those of
    /// [`commit`](Transaction::commit).
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped, or left by a panic, the transaction is rolled
    /// back before anything else runs on the connection, unless the commit had
    /// begun.
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Transaction) -> Result<T, E>,
        E: From<Error>,
    {
        let connection = self.place.link.reentry_id(self.place.scope);
        let mut transaction = self.await?;
        match reentry::inside(connection, body(&mut transaction)).await {
            Ok(value) => {
                transaction.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // The body's error is what the caller asked about; a rollback
                // fails only where there is nothing left to roll back.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }
}

impl<'s> IntoFuture for Begin<'s> {
    type Output = Result<Transaction>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Transaction>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let level = Level::inside(self.place, Holder::Guard);
            let limit = Limit::starting_now(self.limit);
            level.open(self.behaviour.sql(), limit, |_| Ok(())).await?;
            Ok(Transaction::new(level))
        })
    }
}

/// An open transaction; dereferences to the [`Session`] that runs inside it.
///
/// It owns its place on the connection: others wait until it is over, at most
/// [`max_hold`](crate::builders::Connect::max_hold) long. Dropped without a commit, and
/// also when a panic or a cancelled task drops it, it is rolled back before
/// anything else runs on the connection.
///
/// SQLite itself ends a transaction after some errors (a full disk, `OR
/// ROLLBACK`, an interrupted write). The guard notices and refuses every later
/// statement with [`Error::Aborted`], where SQLite would run each on its own.
#[must_use = "a transaction that is dropped is rolled back"]
#[derive(Debug)]
pub struct Transaction {
    level: Level,
}

impl Deref for Transaction {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.level.session()
    }
}

impl Transaction {
    pub(crate) fn new(level: Level) -> Transaction {
        Transaction { level }
    }

    pub(crate) fn into_level(self) -> Level {
        self.level
    }

    /// Sets a savepoint: a part of the transaction that can be rolled back by
    /// itself.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: cancelled, the savepoint is rolled back and the
    /// transaction is as before.
    pub fn savepoint(&mut self) -> BeginSavepoint<'_> {
        BeginSavepoint::new(self.level.place())
    }

    /// Returns what will say how the transaction ended, whatever becomes of
    /// its guard.
    pub fn receipt(&self) -> Receipt {
        self.level.receipt()
    }

    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] where SQLite ended the transaction before;
    /// [`Error::Sqlite`] where the commit failed, such as for a deferred
    /// foreign key or a lock: the transaction is then rolled back.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*, unless the commit had begun: dropped before its answer, it
    /// is either committed or rolled back, and over in both cases before
    /// anything else runs on the connection. Its
    /// [`receipt`](Transaction::receipt) says which.
    pub async fn commit(self) -> Result<()> {
        self.level.commit(None, |_| Ok(())).await
    }

    /// Rolls the transaction back and waits until that has happened.
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] where SQLite ended the transaction before.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped before its answer, it rolls back all the same.
    pub async fn rollback(self) -> Result<()> {
        self.level.roll_back().await
    }
}
