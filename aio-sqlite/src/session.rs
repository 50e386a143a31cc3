//! The one query surface: what a connection, a transaction and a savepoint can
//! all do.

use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;

use crate::bulk::{ExecuteMany, ExecuteStream};
use crate::execute::{Execute, ExecuteScript};
use crate::from_row::FromRow;
use crate::link::Link;
use crate::params::IntoParams;
use crate::query::Query;
use crate::row::Row;
use crate::turn::Scope;

/// Where statements run: on a connection, or inside a transaction or savepoint.
///
/// Every handle dereferences to it, so a function that takes `&Session` works
/// with all of them:
///
/// ```
/// use aio_sqlite::Session;
///
/// async fn rename(session: &Session, id: i64, name: &str) -> aio_sqlite::Result<bool> {
///     let done = session.execute("UPDATE users SET name = ?2 WHERE id = ?1", (id, name)).await?;
///     Ok(done.changes == 1)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aio_sqlite::Result<()> {
/// let db = aio_sqlite::connect(":memory:").await?;
/// db.execute_script("CREATE TABLE users(id INTEGER PRIMARY KEY, name); INSERT INTO users VALUES (1, 'Bob')").await?;
/// assert!(rename(&db, 1, "Robert").await?);
///
/// let tx = db.begin().await?;
/// assert!(!rename(&tx, 2, "Alice").await?);
/// tx.commit().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session {
    pub(crate) link: Arc<Link>,
    pub(crate) scope: Scope,
}

/// What the statements of one operation share.
#[derive(Debug)]
pub(crate) struct Statement<'s> {
    pub(crate) session: &'s Session,
    pub(crate) sql: Arc<str>,
    pub(crate) limit: Option<Duration>,
}

impl Session {
    pub(crate) fn statement(&self, sql: impl AsRef<str>) -> Statement<'_> {
        Statement {
            session: self,
            sql: sql.as_ref().into(),
            limit: None,
        }
    }

    /// Runs one statement to its end and returns what it did; rows that it
    /// yields are dropped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// db.execute("CREATE TABLE messages(sender, body)", ()).await?;
    /// let done = db.execute("INSERT INTO messages VALUES (?1, ?2)", ("Bob", "hi")).await?;
    /// assert_eq!((done.changes, done.last_insert_rowid), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe* while it waits; once it runs, SQLite is stopped, and the
    /// statement has either happened whole or not at all. Inside a transaction
    /// a write that is stopped half-way takes the transaction along: see
    /// [`Error::Aborted`](crate::Error::Aborted).
    pub fn execute(&self, sql: impl AsRef<str>, params: impl IntoParams) -> Execute<'_> {
        Execute::new(self.statement(sql), params.into_params())
    }

    /// Runs one statement once for each set of parameters, all or nothing, a
    /// batch at a time.
    ///
    /// Outside a transaction it makes one of its own, inside one a savepoint.
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
    /// The connection's transaction is open while the stream is waited for.
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

    /// Runs the statements of a script one after another; rows are dropped.
    ///
    /// It is no transaction of its own: statements before one that fails have
    /// happened. The error shows the script from the failing statement on.
    ///
    /// # Cancel safety
    ///
    /// *Not cancel safe*: dropped while it runs, the script stops between or
    /// within two statements, and those before have happened.
    #[doc(alias = "executescript")]
    pub fn execute_script(&self, script: impl AsRef<str>) -> ExecuteScript<'_> {
        ExecuteScript::new(self.statement(script))
    }

    /// Runs a query: `.await` gives all rows, `.one()` and `.optional()` a
    /// single one, `.stream()` one after another.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// let mut rows = db.query("VALUES (1), (2), (?1)", [3]).stream();
    /// let mut sum = 0;
    /// while let Some(row) = rows.next().await {
    ///     sum += row?.get::<i64>(0)?;
    /// }
    /// assert_eq!(sum, 6);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: a query that is dropped stops.
    #[doc(alias = "fetchall")]
    pub fn query(&self, sql: impl AsRef<str>, params: impl IntoParams) -> Query<'_, Row> {
        self.query_as(sql, params)
    }

    /// Runs a query whose rows are decoded into `T`: a scalar, a tuple, or a
    /// type of your own that is [`FromRow`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// let pairs = db.query_as::<(i64, String)>("VALUES (1, 'one'), (2, 'two')", ()).await?;
    /// assert_eq!(pairs[1], (2, "two".to_owned()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: a query that is dropped stops.
    pub fn query_as<T: FromRow>(
        &self,
        sql: impl AsRef<str>,
        params: impl IntoParams,
    ) -> Query<'_, T> {
        Query::new(self.statement(sql), params.into_params(), T::from_row)
    }
}
