//! Statements with rows: all of them, one, or a stream.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::chunk::Chunk;
use crate::error::{Error, Result, excerpt};
use crate::op::{Limit, OnLimit};
use crate::params::Params;
use crate::row::Row;
use crate::rows::Rows;
use crate::session::Statement;

/// A query to be run, whose rows become `T`; made by
/// [`Session::query`](crate::Session::query) and
/// [`query_as`](crate::Session::query_as).
#[must_use = "a query does nothing until it is awaited or streamed"]
pub struct Query<'s, T = Row> {
    pub(crate) statement: Statement<'s>,
    pub(crate) params: Params,
    pub(crate) decode: fn(&Row) -> Result<T>,
}

impl<T> fmt::Debug for Query<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("statement", &self.statement)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

impl<'s, T> Query<'s, T> {
    pub(crate) fn new(
        statement: Statement<'s>,
        params: Params,
        decode: fn(&Row) -> Result<T>,
    ) -> Query<'s, T> {
        Query {
            statement,
            params,
            decode,
        }
    }

    /// Limits the time from the first poll to the answer: waiting for the
    /// connection's turn, for another connection's lock, and running. Of a
    /// stream it limits the time to the first rows.
    pub fn timeout(mut self, limit: Duration) -> Query<'s, T> {
        self.statement.limit = Some(limit);
        self
    }

    /// Returns the only row.
    ///
    /// # Errors
    ///
    /// [`Error::NoRow`] where there is none, [`Error::ManyRows`] where there
    /// are more, and those of the query.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: a query that is dropped stops.
    #[doc(alias = "fetchone")]
    pub async fn one(self) -> Result<T> {
        let sql = self.statement.sql.clone();
        let row = self.optional().await?;
        row.ok_or_else(|| Error::NoRow { sql: excerpt(&sql) })
    }

    /// Returns the only row, or `None` where there is no row.
    ///
    /// # Errors
    ///
    /// [`Error::ManyRows`] where there is more than one, and those of the
    /// query.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: a query that is dropped stops.
    pub async fn optional(self) -> Result<Option<T>> {
        let sql = self.statement.sql.clone();
        let decode = self.decode;
        // A second row, if there is one, is read to know that there is.
        let chunks = self.collect(2).await?;
        let mut rows = rows_of(chunks);
        let Some(row) = rows.next() else {
            return Ok(None);
        };
        if rows.next().is_some() {
            return Err(Error::ManyRows { sql: excerpt(&sql) });
        }
        decode(&row).map(Some)
    }

    /// Returns the rows one after another, read in chunks as they are wanted.
    ///
    /// See [`Rows`].
    pub fn stream(self) -> Rows<'s, T> {
        Rows::new(self)
    }

    async fn collect(self, most: usize) -> Result<Vec<Arc<Chunk>>> {
        let Statement {
            session,
            sql,
            limit,
        } = self.statement;
        let params = self.params;
        let limit = Limit::starting_now(limit);
        let work =
            move |worker: &mut crate::worker::Worker| worker.engine.collect(sql, &params, most);
        session
            .link
            .run(session.scope, limit, OnLimit::Stop, work)
            .await
    }
}

fn rows_of(chunks: Vec<Arc<Chunk>>) -> impl Iterator<Item = Row> {
    chunks
        .into_iter()
        .flat_map(|chunk| (0..chunk.rows()).map(move |at| Row::new(chunk.clone(), at)))
}

impl<'s, T: Send + 's> IntoFuture for Query<'s, T> {
    type Output = Result<Vec<T>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Vec<T>>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        let decode = self.decode;
        Box::pin(async move {
            let chunks = self.collect(usize::MAX).await?;
            let mut all = Vec::with_capacity(chunks.iter().map(|chunk| chunk.rows()).sum());
            for row in rows_of(chunks) {
                all.push(decode(&row)?);
            }
            Ok(all)
        })
    }
}
