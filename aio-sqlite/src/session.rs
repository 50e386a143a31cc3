//! The one query surface: what a connection, a transaction and a savepoint can
//! all do.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::Result;
use crate::link::Place;
use crate::op::{Limit, OnLimit};
use crate::pool::Pool;
use crate::selects::Reads;
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
    pub(crate) seat: Seat,
}

/// Where a session's statements run.
#[derive(Clone, Debug)]
pub(crate) enum Seat {
    /// All in one place.
    Place(Place),
    /// Each where it belongs.
    Pool(Arc<Pool>),
}

impl Seat {
    /// Where transactions begin.
    pub(crate) fn place(&self) -> &Place {
        match self {
            Seat::Place(place) => place,
            Seat::Pool(pool) => pool.writer(),
        }
    }

    /// Runs one statement where it belongs. Only outside a transaction is it
    /// run more than once.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        sql: &Arc<str>,
        limit: Option<Limit>,
        mut work: impl FnMut(&Engine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            Seat::Pool(pool) => pool.run(sql, limit, work).await,
            Seat::Place(Place { link, scope }) => {
                let work = move |worker: &mut Worker| work(&worker.engine);
                let reads = Reads::of(sql, *scope);
                link.run_beside(reads, *scope, limit, OnLimit::Stop, work)
                    .await
            }
        }
    }

    /// Refuses a statement that may not run here.
    pub(crate) async fn admit(&self, sql: &Arc<str>, limit: Option<Limit>) -> Result<()> {
        match self {
            Seat::Pool(pool) => pool.look_at(sql, limit).await.map(drop),
            Seat::Place(_) => Ok(()),
        }
    }
}

/// What the statements of one operation share.
#[derive(Debug)]
pub(crate) struct Statement<'s> {
    pub(crate) seat: Seat,
    pub(crate) sql: Arc<str>,
    pub(crate) limit: Option<Duration>,
    /// A guard's statement is over before the guard is.
    pub(crate) session: PhantomData<&'s Session>,
}

impl Session {
    pub(crate) fn at(place: Place) -> Session {
        Session {
            seat: Seat::Place(place),
        }
    }

    pub(crate) fn statement<'s>(&self, sql: impl AsRef<str>) -> Statement<'s> {
        Statement {
            seat: self.seat.clone(),
            sql: sql.as_ref().into(),
            limit: None,
            session: PhantomData,
        }
    }
}
