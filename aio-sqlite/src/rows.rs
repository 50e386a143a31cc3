//! The rows of a query as an async iterator.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::chunk::Buffers;
use crate::engine::Engine;
use crate::error::Result;
use crate::link::{Place, next_id};
use crate::op::{Limit, OnLimit};
use crate::params::Params;
use crate::pipe::{Flow, Flowed, Pipe};
use crate::query::Query;
use crate::routes::Route;
use crate::row::Row;
use crate::session::{Seat, Statement};
use crate::turn::Scope;
use crate::worker::Worker;

impl<'s, T> Query<'s, T> {
    /// Returns the rows one after another, read in chunks as they are wanted.
    ///
    /// See [`Rows`].
    pub fn stream(self) -> Rows<'s, T> {
        Rows::new(self)
    }
}

/// The rows of a query, one after another; made by
/// [`Query::stream`](crate::builders::Query::stream).
///
/// Rows cross in chunks that the worker reads ahead: one is being read while
/// the next is filled, so memory stays flat however many rows there are, and a
/// reader that stops after a few has made SQLite step through two chunks (16
/// and 64 rows) at the most. A statement that writes (`INSERT … RETURNING`) is
/// run to its end before its first row is given, however many it yields.
///
/// Other operations on the connection run between two chunks, which take some
/// 5 ms at the most. Those that can't leave a half-read query open end it with
/// [`Error::StreamEnded`](crate::Error::StreamEnded):
/// [`close`](crate::Connection::close), [`call`](crate::Connection::call), and
/// the end of the transaction that it reads in. While a transaction is open,
/// streams from outside it wait as other calls do.
///
/// With a write-ahead log a half-read stream keeps the connection at the state
/// of the file that it began with. Once another process has committed, writes
/// on the connection are refused as locked
/// ([`Error::is_locked`](crate::Error::is_locked)) until the stream is read to
/// its end or dropped.
///
/// A row that is kept keeps the whole chunk that it came in.
///
/// # Cancel safety
///
/// *Cancel safe*: dropping the stream stops the query; `next` that is dropped
/// has taken no row.
#[must_use = "a stream does nothing until it is polled"]
pub struct Rows<'s, T = Row> {
    state: State<'s>,
    source: Source,
    decode: fn(&Row) -> Result<T>,
}

enum State<'s> {
    Opening(Pin<Box<dyn Future<Output = Result<()>> + Send + 's>>),
    Flowing,
    /// In a chunk: the row that was given last, and the number of the next.
    Reading {
        row: Row,
        next: usize,
    },
    Over,
}

/// The stream's name at its worker; dropping it stops the query.
struct Source {
    /// Keeps the connection open while the stream is read.
    seat: Seat,
    id: u64,
    pipe: Arc<Pipe>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.pipe.abandon(self.id);
    }
}

impl Source {
    /// Refuses to wait inside a transaction's body for the rows of an outer
    /// stream, which would never come.
    fn refuse_reentry(&self) -> Result<()> {
        match &self.seat {
            Seat::Place(place) => place.link.refuse_reentry(place.scope),
            Seat::Pool(pool) => pool.refuse_reentry_of_streams(),
        }
    }
}

impl<T> fmt::Debug for Rows<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("id", &self.source.id).finish()
    }
}

impl<'s, T> Rows<'s, T> {
    pub(crate) fn new(query: Query<'s, T>) -> Rows<'s, T> {
        let Query {
            statement,
            params,
            decode,
        } = query;
        let Statement {
            seat, sql, limit, ..
        } = statement;
        let source = Source {
            seat: seat.clone(),
            id: next_id(),
            pipe: Pipe::new(),
        };
        let (id, pipe) = (source.id, source.pipe.clone());
        let opening = async move {
            let limit = Limit::starting_now(limit);
            match &seat {
                Seat::Place(Place { link, scope }) => {
                    let open = open(*scope, sql, params, id, pipe);
                    link.run(*scope, limit, OnLimit::Stop, open).await
                }
                Seat::Pool(pool) => match pool.look_at(&sql, limit).await? {
                    Route::Reader => {
                        let open = open(Scope::Root, sql, params, id, pipe);
                        pool.read(limit, open).await
                    }
                    // A half-read statement would keep the writer from all
                    // others: these are read as a whole.
                    Route::Writer | Route::Alone => {
                        let text = sql.clone();
                        let all = move |engine: &Engine| {
                            engine.collect(text.clone(), &params, usize::MAX, Buffers::default())
                        };
                        pipe.deliver(pool.run(&sql, limit, all).await?);
                        Ok(())
                    }
                },
            }
        };
        Rows {
            state: State::Opening(Box::pin(opening)),
            source,
            decode,
        }
    }

    /// Returns the next row, or `None` after the last.
    ///
    /// # Errors
    ///
    /// Those of the query and of decoding the row; after an error of the query
    /// nothing follows.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped before its answer, it has taken no row.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Goes to the next row, which the state then holds.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<&Row>>> {
        loop {
            match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Reading { row, next } if *next < row.neighbours() => {
                    row.move_to(*next);
                    *next += 1;
                    break;
                }
                State::Reading { .. } => {
                    if let State::Reading { row, .. } =
                        std::mem::replace(&mut self.state, State::Flowing)
                    {
                        // Rows that the reader kept keep their chunk.
                        if let Some(chunk) = row.into_chunk() {
                            self.source.pipe.give_back(chunk.into_buffers());
                        }
                    }
                    self.source.pipe.read_on(self.source.id);
                    // A reader that is never kept waiting lets others run now
                    // and then.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                State::Opening(opening) => {
                    let opened = ready!(opening.as_mut().poll(cx));
                    if let Err(error) = opened {
                        // Behind the rows that were read before it.
                        self.source.pipe.fail(error);
                    }
                    self.state = State::Flowing;
                }
                State::Flowing => match self.source.pipe.poll(cx) {
                    Poll::Ready(Flowed::Chunk(chunk)) => {
                        self.state = State::Reading {
                            row: Row::new(Arc::new(chunk), 0),
                            next: 0,
                        };
                    }
                    Poll::Ready(Flowed::End(end)) => {
                        self.state = State::Over;
                        return Poll::Ready(end.map(Err));
                    }
                    Poll::Pending => {
                        if let Err(error) = self.source.refuse_reentry() {
                            self.state = State::Over;
                            return Poll::Ready(Some(Err(error)));
                        }
                        return Poll::Pending;
                    }
                },
            }
        }
        Poll::Ready(self.state.row().map(Ok))
    }
}

impl Rows<'_, Row> {
    /// Returns the next row for as long as it is looked at, or `None` after the
    /// last: a little cheaper than [`next`](Rows::next), whose row may be kept.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// let mut rows = db.query("VALUES ('one'), ('two')", ()).stream();
    /// let mut letters = 0;
    /// while let Some(row) = rows.next_ref().await {
    ///     letters += row?.get::<&str>(0)?.len();
    /// }
    /// assert_eq!(letters, 6);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the query; after one nothing follows.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped before its answer, it has taken no row.
    pub async fn next_ref(&mut self) -> Option<Result<&Row>> {
        let step =
            |cx: &mut Context<'_>| self.poll_step(cx).map(|row| row.map(|row| row.map(|_| ())));
        match poll_fn(step).await? {
            Ok(()) => self.state.row().map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}

impl State<'_> {
    /// The row that was given last.
    fn row(&self) -> Option<&Row> {
        match self {
            State::Reading { row, .. } => Some(row),
            _ => None,
        }
    }
}

/// Opens a stream and reads its first chunk.
fn open(
    scope: Scope,
    sql: Arc<str>,
    params: Params,
    id: u64,
    pipe: Arc<Pipe>,
) -> impl FnOnce(&mut Worker) -> Result<()> + Send + 'static {
    move |worker| {
        let cursor = worker.engine.cursor(sql, &params)?;
        if let Some(mut flow) = Flow::new(cursor, scope, pipe, worker.home()) {
            if flow.fill()? {
                worker.flows.insert(id, flow);
            } else {
                flow.end(None);
            }
        }
        Ok(())
    }
}

impl<T> Stream for Rows<'_, T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let this = self.get_mut();
        let decode = this.decode;
        this.poll_step(cx)
            .map(|row| row.map(|row| row.and_then(decode)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.state {
            State::Over => (0, Some(0)),
            State::Reading { row, next } => (row.neighbours() - next, None),
            State::Opening(_) | State::Flowing => (0, None),
        }
    }
}

impl<T> FusedStream for Rows<'_, T> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Over)
    }
}
