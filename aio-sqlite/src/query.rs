//! Statements with rows: all of them, one, or a stream.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::chunk::{Buffers, Chunk, Chunks};
use crate::engine::Engine;
use crate::error::{Error, Result, excerpt};
use crate::from_row::FromRow;
use crate::op::Limit;
use crate::params::{IntoParams, Params};
use crate::row::Row;
use crate::session::{Session, Statement};

impl Session {
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

/// A query to be run, whose rows become `T`; made by
/// [`Session::query`](crate::Session::query) and
/// [`query_as`](crate::Session::query_as).
///
/// # Cancel safety
///
/// *Cancel safe*: a query that is dropped stops.
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
        if chunks.rows() > 1 {
            return Err(Error::ManyRows { sql: excerpt(&sql) });
        }
        let only = chunks.into_iter().next();
        only.map(|chunk| decode(&Row::new(Arc::new(chunk), 0)))
            .transpose()
    }

    async fn collect(self, most: usize) -> Result<Chunks> {
        let Statement {
            seat, sql, limit, ..
        } = self.statement;
        let params = self.params;
        let limit = Limit::starting_now(limit);
        let text = sql.clone();
        let mut buffers = Buffers::for_a_few_rows();
        let work = move |engine: &Engine| {
            engine.collect(text.clone(), &params, most, std::mem::take(&mut buffers))
        };
        seat.run(&sql, limit, work).await
    }
}

pub(crate) fn rows_of(
    chunks: impl IntoIterator<Item = impl Into<Arc<Chunk>>>,
) -> impl Iterator<Item = Row> {
    chunks
        .into_iter()
        .map(Into::into)
        .flat_map(|chunk| (0..chunk.rows()).map(move |at| Row::new(chunk.clone(), at)))
}

impl<'s, T: Send + 's> IntoFuture for Query<'s, T> {
    type Output = Result<Vec<T>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Vec<T>>> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        let decode = self.decode;
        Box::pin(async move {
            let chunks = self.collect(usize::MAX).await?;
            let mut all = Vec::with_capacity(chunks.rows());
            for row in rows_of(chunks) {
                all.push(decode(&row)?);
            }
            Ok(all)
        })
    }
}
