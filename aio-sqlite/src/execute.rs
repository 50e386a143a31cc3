//! Statements without rows: `execute` and `execute_script`.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use crate::engine::Done;
use crate::error::Result;
use crate::op::{Limit, OnLimit};
use crate::params::Params;
use crate::session::Statement;

/// One statement to be run; made by [`Session::execute`](crate::Session::execute).
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
            session,
            sql,
            limit,
        } = statement;
        Box::pin(async move {
            let limit = Limit::starting_now(limit);
            let work =
                move |worker: &mut crate::worker::Worker| worker.engine.execute(sql, &params);
            session
                .link
                .run(session.scope, limit, OnLimit::Stop, work)
                .await
        })
    }
}

/// A script to be run; made by
/// [`Session::execute_script`](crate::Session::execute_script).
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
            session,
            sql: script,
            limit,
        } = self.0;
        Box::pin(async move {
            let limit = Limit::starting_now(limit);
            let work =
                move |worker: &mut crate::worker::Worker| worker.engine.execute_script(&script);
            session
                .link
                .run(session.scope, limit, OnLimit::Stop, work)
                .await
        })
    }
}
