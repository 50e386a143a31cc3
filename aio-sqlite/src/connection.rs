//! The connection's handle: what only a whole connection can do.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::call::Call;
use crate::error::Result;
use crate::link::Link;
use crate::session::Session;
use crate::transaction::Begin;
use crate::turn::Scope;

/// One SQLite connection on a thread of its own; made by
/// [`connect`](crate::connect).
///
/// Operations run one at a time, in the order of their first polls. The handle
/// is cheap to clone and may be used from any task, thread and runtime. It
/// dereferences to [`Session`], where `execute`, `query` and the rest are.
///
/// Dropping the last handle ends the thread; [`close`](Connection::close) does
/// the same and says how it went.
#[derive(Clone)]
pub struct Connection {
    session: Arc<Session>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("path", &self.path())
            .finish()
    }
}

impl Deref for Connection {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Connection {
    pub(crate) fn new(link: Arc<Link>) -> Connection {
        Connection {
            session: Arc::new(Session {
                link,
                scope: Scope::Root,
            }),
        }
    }

    /// Returns the path that was opened, as it was given.
    pub fn path(&self) -> &Path {
        self.session.link.path()
    }

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
        Begin::new(&self.session)
    }

    /// Runs a closure with the [`rusqlite::Connection`] itself, on its thread:
    /// everything that rusqlite has.
    ///
    /// Streams that are half read are ended first. A panic in the closure is
    /// caught, what it had open is rolled back, and the connection goes on. The
    /// crate's own busy and progress handlers are put back afterwards.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// let page_size = db
    ///     .call(|raw| raw.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0)))
    ///     .await?;
    /// assert_eq!(page_size, 4096);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: a closure that has started runs to its end, but SQLite stops
    /// at what it has it do; one that is still queued never runs.
    pub fn call<T, F>(&self, work: F) -> Call<'_, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        Call::new(&self.session, work)
    }

    /// Closes the connection for all its handles.
    ///
    /// Calls that came before are run, an open transaction is waited for as by
    /// any other call, half-read streams are ended. From the first poll on,
    /// other new calls give [`Error::Closed`](crate::Error::Closed). Closing
    /// again is Ok.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`](crate::Error::Busy) where a transaction is open for too
    /// long, [`Error::Sqlite`](crate::Error::Sqlite) where SQLite refuses: the
    /// connection is then still open, and closing can be tried again.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped while it waits, the connection stays open.
    pub async fn close(&self) -> Result<()> {
        self.session.link.close().await
    }
}
