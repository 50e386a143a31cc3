//! Statements without rows: `execute` and `execute_script`.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use crate::engine::{Done, Engine};
use crate::error::Result;
use crate::link::Place;
use crate::op::{Limit, OnLimit};
use crate::params::{IntoParams, Params};
use crate::session::{Seat, Session, Statement};
use crate::worker::Worker;

impl Session {
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
}

/// One statement to be run; made by [`Session::execute`](crate::Session::execute).
///
/// # Cancel safety
///
/// *Cancel safe* while it waits; once it runs, SQLite is stopped, and the
/// statement has either happened whole or not at all.
#[must_use = "a statement does nothing until it is awaited"]
#[derive(Debug)]
pub struct Execute<'s> {
    statement: Statement<'s>,
    params: Params,
}

impl<'s> Execute<'s> {
    pub(crate) fn new(statement: Statement<'s>, params: Params) -> Execute<'s> {
        Execute { statement, params }
    }

    /// Limits the time from the first poll to the answer: waiting for the
    /// connection's turn, for another connection's lock, and running.
    pub fn timeout(mut self, limit: Duration) -> Execute<'s> {
        self.statement.limit = Some(limit);
        self
    }
}

impl<'s> IntoFuture for Execute<'s> {
    type Output = Result<Done>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Done>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        let Execute { statement, params } = self;
        let Statement {
            seat, sql, limit, ..
        } = statement;
        Box::pin(async move {
            let limit = Limit::starting_now(limit);
            let text = sql.clone();
            let work = move |engine: &Engine| engine.execute(text.clone(), &params);
            seat.run(&sql, limit, work).await
        })
    }
}

/// A script to be run; made by
/// [`Session::execute_script`](crate::Session::execute_script).
///
/// # Cancel safety
///
/// *Not cancel safe*: dropped while it runs, the script stops between or within
/// two statements, and those before have happened.
#[must_use = "a script does nothing until it is awaited"]
#[derive(Debug)]
pub struct ExecuteScript<'s>(Statement<'s>);

impl<'s> ExecuteScript<'s> {
    pub(crate) fn new(statement: Statement<'s>) -> ExecuteScript<'s> {
        ExecuteScript(statement)
    }

    /// Limits the time from the first poll to the answer: waiting for the
    /// connection's turn, for another connection's lock, and running.
    pub fn timeout(mut self, limit: Duration) -> ExecuteScript<'s> {
        self.0.limit = Some(limit);
        self
    }
}

impl<'s> IntoFuture for ExecuteScript<'s> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        let Statement {
            seat,
            sql: script,
            limit,
            ..
        } = self.0;
        Box::pin(async move {
            let limit = Limit::starting_now(limit);
            match seat {
                Seat::Pool(pool) => {
                    let work =
                        move |worker: &mut Worker| worker.engine.execute_shared_script(&script);
                    pool.alone(limit, work).await
                }
                Seat::Place(Place { link, scope }) => {
                    let work =
                        move |worker: &mut Worker| worker.engine.execute_script(&script, scope);
                    link.run(scope, limit, OnLimit::Stop, work).await
                }
            }
        })
    }
}
