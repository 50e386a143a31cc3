//! The escape hatch: a closure with the rusqlite connection itself.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use crate::connection::Connection;
use crate::error::Result;
use crate::link::Place;
use crate::op::{Limit, OnLimit};
use crate::reentry;
use crate::worker::Worker;

impl Connection {
    /// Runs a closure with the [`rusqlite::Connection`] itself, on its thread:
    /// everything that rusqlite has.
    ///
    /// Streams that are half read are ended first. A panic in the closure is
    /// caught, what it had open is rolled back, and the connection goes on. The
    /// crate's own busy and progress handlers are put back afterwards. A call
    /// of this connection that waits for its turn is
    /// [`Error::Reentrant`](crate::Error::Reentrant) in the closure.
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
        Call::new(self.session.seat.place(), work)
    }
}

/// A closure to be run on the connection's thread; made by
/// [`Connection::call`](crate::Connection::call).
///
/// # Cancel safety
///
/// *Runs on*: a closure that has started runs to its end; one that is still
/// queued never runs.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<'s, F> {
    place: &'s Place,
    work: F,
    limit: Option<Duration>,
}

impl<F> fmt::Debug for Call<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("limit", &self.limit).finish()
    }
}

impl<'s, F> Call<'s, F> {
    pub(crate) fn new(place: &'s Place, work: F) -> Call<'s, F> {
        Call {
            place,
            work,
            limit: None,
        }
    }

    /// Limits the time from the first poll to the answer. A closure that is
    /// still running then is left to itself: its result is lost, and SQLite
    /// stops at what it has it do.
    pub fn timeout(mut self, limit: Duration) -> Call<'s, F> {
        self.limit = Some(limit);
        self
    }
}

impl<'s, T, F> IntoFuture for Call<'s, F>
where
    T: Send + 'static,
    F: FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
{
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        let Call { place, work, limit } = self;
        Box::pin(async move {
            let limit = Limit::starting_now(limit);
            let held = place.link.lent_id();
            let work = move |worker: &mut Worker| {
                worker.end_flows(|_| true, "call");
                let work = |raw: &mut rusqlite::Connection| reentry::during(held, || work(raw));
                worker.engine.lend(work)
            };
            place
                .link
                .run(place.scope, limit, OnLimit::Leave, work)
                .await
        })
    }
}
