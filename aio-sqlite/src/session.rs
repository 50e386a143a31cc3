//! The one query surface: what a connection, a transaction and a savepoint can
//! all do.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::link::Link;
use crate::op::{Limit, OnLimit};
use crate::turn::Scope;
use crate::worker::Worker;

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

    /// Runs `work` on the worker's thread, in this session's level.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        limit: Option<Limit>,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.link.run(self.scope, limit, OnLimit::Stop, work).await
    }
}
