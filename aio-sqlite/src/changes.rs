//! What was committed, change by change.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};

pub use crate::change::{Change, Op};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::observers::RowEntry;
use crate::pool::{Attention, Pool};

impl Database {
    /// Watches what is committed: `.stream()` tells of each changed row, from
    /// then on.
    ///
    /// ```
    /// use aio_sqlite::changes::{Change, Op};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::open(":memory:").await?;
    /// # db.execute("CREATE TABLE log(line)", ()).await?;
    /// let mut changes = db.changes().stream();
    /// db.execute("INSERT INTO log VALUES ('one')", ()).await?;
    /// match changes.next().await {
    ///     Some(Ok(Change::Row { table, op, rowid, .. })) => {
    ///         assert_eq!((table.as_str(), op, rowid), ("log", Op::Insert, 1));
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn changes(&self) -> WatchChanges {
        WatchChanges {
            pool: self.pool().clone(),
        }
    }
}

/// Changes to be watched: `.stream()` begins. Made by
/// [`Database::changes`](crate::Database::changes).
#[must_use = "a builder does nothing until it is streamed"]
#[derive(Debug)]
pub struct WatchChanges {
    pool: Arc<Pool>,
}

impl WatchChanges {
    /// Begins to watch: what is committed from now on is told.
    pub fn stream(self) -> Changes {
        let entry = self.pool.observers().enter_rows();
        let (entry, failed, attention) = match self.pool.attend() {
            Ok(attention) => (Some(entry), None, attention),
            Err(error) => (None, Some(error), None),
        };
        Changes {
            entry,
            failed,
            _attention: attention,
            _pool: self.pool,
        }
    }
}

/// The committed changes of a database, in the order in which they happened;
/// made by [`Database::changes`](crate::Database::changes).
///
/// A commit is told as a whole after it has happened, and before the write
/// that it belongs to is answered. What is rolled back, also to a savepoint, is
/// not told. The update of a row, a trigger's and a foreign key's changes are
/// told as [`Change::Row`], in the order in which SQLite makes them. Where
/// SQLite does not say which rows changed, the table is told, as
/// [`Change::Table`]:
///
/// - tables `WITHOUT ROWID`, and virtual tables (the rows of the tables behind
///   those are told);
/// - a `DELETE` without a condition, which SQLite does as a whole;
/// - rows that `REPLACE` deleted to make room: where a statement, or a table or
///   trigger of the schema, says `REPLACE`, the table is told behind its rows,
///   whether or not some made room;
/// - a statement that failed half-way and whose triggers had written already,
///   or that failed at a value which a STRICT table refuses, inside a transaction
///   that was committed all the same;
/// - what a closure wrote through a view;
/// - what a transaction did before the first observer came;
/// - a table that was created, altered or dropped;
/// - every table, after a [`call`](crate::Database::call) that changed
///   anything, which may have done anything; after a `VACUUM`, which numbers
///   rows anew; and with the feature `foreign-changes` after a commit of another
///   process. What such ones committed since the database was opened is
///   told at the beginning.
///
/// A consumer that stops reading costs no more than 65,536 changes in memory:
/// then those that wait are replaced by the tables that they are of.
///
/// The stream keeps the database open. After [`close`](crate::Database::close)
/// it gives what was committed before, then [`Error::Closed`], and ends.
///
/// # Cancel safety
///
/// *Cancel safe*: `next` that is dropped has taken no change.
#[must_use = "a stream does nothing until it is polled"]
pub struct Changes {
    entry: Option<RowEntry>,
    /// Why it could not begin.
    failed: Option<Error>,
    _attention: Attention,
    _pool: Arc<Pool>,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

impl Changes {
    /// Returns the next change, or `None` when the database is closed and that
    /// has been told.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], once, when the database is closed. With the feature
    /// `foreign-changes`, [`Error::Watch`](crate::Error) where it can't be found
    /// out whether others have committed: that is tried again each second, and
    /// when it succeeds every table is told.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped before its answer, it has taken no change.
    pub async fn next(&mut self) -> Option<Result<Change>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Changes {
    type Item = Result<Change>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(entry) = &self.entry else {
            return Poll::Ready(self.failed.take().map(Err));
        };
        entry.poll_change(cx).map(|change| match change {
            Some(change) => Some(change),
            None => {
                self.entry = None;
                Some(Err(Error::Closed))
            }
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.entry {
            Some(entry) => (entry.len(), None),
            None => {
                let left = usize::from(self.failed.is_some());
                (left, Some(left))
            }
        }
    }
}

impl FusedStream for Changes {
    fn is_terminated(&self) -> bool {
        self.entry.is_none() && self.failed.is_none()
    }
}
