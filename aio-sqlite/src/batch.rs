//! Several statements in one hop, all or nothing.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Done, Engine};
use crate::error::{Error, Result};
use crate::level::Level;
use crate::op::Limit;
use crate::params::{IntoParams, Params};
use crate::query::rows_of;
use crate::routes::Route;
use crate::row::Row;
use crate::session::{Seat, Session};
use crate::turn::Holder;
use crate::work::Shape;
use crate::worker::Worker;

impl Session {
    /// Collects statements that cross to the connection's thread together and
    /// happen all or not at all; the answer has one [`Step`] for each.
    ///
    /// Outside a transaction a batch makes one of its own, inside one a
    /// savepoint. A statement that ends the transaction, such as `COMMIT`, ends
    /// the batch with [`Error::Aborted`]; what it committed stays. On a [`Database`](crate::Database) a batch that writes may
    /// share its commit with other writes, and one that only reads runs on a
    /// reader and sees one state of the database.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// # db.execute("CREATE TABLE log(line)", ()).await?;
    /// let steps = db
    ///     .batch()
    ///     .execute("INSERT INTO log VALUES (?1)", ["one"])
    ///     .execute("SELECT count(*) FROM log", ())
    ///     .await?;
    /// assert_eq!(steps[0].done.changes, 1);
    /// assert_eq!(steps[1].rows[0].get::<i64>(0)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped before its answer, none of it has happened, unless
    /// the commit had begun.
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            seat: self.seat.clone(),
            statements: Vec::new(),
            limit: None,
            session: PhantomData,
        }
    }
}

/// Statements to be run together; made by
/// [`Session::batch`](crate::Session::batch).
///
/// # Cancel safety
///
/// *Rolls back*: dropped before its answer, none of it has happened, unless the
/// commit had begun.
#[must_use = "a batch does nothing until it is awaited"]
#[derive(Debug)]
pub struct Batch<'s> {
    seat: Seat,
    statements: Vec<(Arc<str>, Params)>,
    limit: Option<Duration>,
    session: PhantomData<&'s Session>,
}

/// What one statement of a batch came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// What it did.
    pub done: Done,
    /// The rows that it gave.
    pub rows: Vec<Row>,
}

impl<'s> Batch<'s> {
    /// Adds a statement, with or without rows.
    pub fn execute(mut self, sql: impl AsRef<str>, params: impl IntoParams) -> Batch<'s> {
        let statement = (sql.as_ref().into(), params.into_params());
        self.statements.push(statement);
        self
    }

    /// Limits the time from the first poll to the answer.
    pub fn timeout(mut self, limit: Duration) -> Batch<'s> {
        self.limit = Some(limit);
        self
    }

    async fn run(self) -> Result<Vec<Step>> {
        let Batch {
            seat,
            statements,
            limit,
            ..
        } = self;
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let limit = Limit::starting_now(limit);
        let Seat::Pool(pool) = &seat else {
            return by_itself(&seat, statements, limit).await;
        };
        let mut route = Route::Reader;
        for (index, (sql, _)) in statements.iter().enumerate() {
            let next = pool.look_at(sql, limit).await.map_err(|e| at(index, e))?;
            route = route.max(next);
        }
        match route {
            Route::Reader => {
                let work = move |worker: &mut Worker| {
                    let engine = &worker.engine;
                    engine.standing_still(|| run_all(engine, &statements))
                };
                pool.read(limit, work).await
            }
            Route::Writer => {
                let work = move |engine: &Engine| run_all(engine, &statements);
                pool.write(limit, Shape::Several, work).await
            }
            Route::Alone => by_itself(&seat, statements, limit).await,
        }
    }
}

/// Runs a batch in a level of its own.
async fn by_itself(
    seat: &Seat,
    statements: Vec<(Arc<str>, Params)>,
    limit: Option<Limit>,
) -> Result<Vec<Step>> {
    let level = Level::inside(seat.place(), Holder::Operation);
    let work = move |worker: &mut Worker| run_all(&worker.engine, &statements);
    level.whole("BEGIN IMMEDIATE", limit, work).await
}

/// Runs the statements inside a transaction.
fn run_all(engine: &Engine, statements: &[(Arc<str>, Params)]) -> Result<Vec<Step>> {
    let run = |(index, (sql, params)): (usize, &(Arc<str>, Params))| {
        let (done, chunks) = engine
            .execute_with_rows(sql.clone(), params)
            .and_then(|ran| engine.refuse_to_go_on_alone(sql).map(|()| ran))
            .map_err(|error| at(index, error))?;
        Ok(Step {
            done,
            rows: rows_of(chunks).collect(),
        })
    };
    statements.iter().enumerate().map(run).collect()
}

fn at(index: usize, source: Error) -> Error {
    let source = Box::new(source);
    Error::Batch { index, source }
}

impl<'s> IntoFuture for Batch<'s> {
    type Output = Result<Vec<Step>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Vec<Step>>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
