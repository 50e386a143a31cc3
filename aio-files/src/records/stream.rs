//! The records as an async iterator, and all of them at once.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_core::{FusedStream, Stream};
use serde::de::DeserializeOwned;

use super::origin::{Feed, Origin};
use super::parser::{Format, Given};
use super::reading::Batch;
use crate::fairness::Fairness;
use crate::lines::Position;

/// How many times the work of finding lines it is to parse them.
const LABOUR: u64 = 8;

/// The records of a file or of the standard input, one after another; made by `stream` of [`ReadJsonl`] and
/// [`ReadCsv`].
///
/// A record that is wrong is one error with its line and byte
/// in its [`PathError`], and the next record follows. An error of the file system
/// is the last item, and so is a wrong header of a CSV file. A panic of `T`'s own
/// `Deserialize` is an error of its record too, `Other`.
///
/// What is in the page cache is read and parsed when it is asked for, without a
/// hop; the rest is read and parsed ahead on another thread, about a megabyte at
/// most, so that the size of the file doesn't matter. What a FIFO has given is
/// given on at once. A file that grows or shrinks meanwhile is read to the end
/// that it has then.
///
/// Dropping it closes the file on another thread. A read of a FIFO that is under
/// way keeps a thread until the FIFO's other end gives something or goes.
///
/// Those of the [standard input](crate::stdio::Stdin::records) are read and parsed
/// when they are wanted, and never ahead.
///
/// # Cancel safety
///
/// Cancel safe: a `next` that is dropped has taken nothing. Dropping the stream
/// stops the reading after the batch that it is at.
///
/// [`PathError`]: crate::PathError
/// [`ReadJsonl`]: super::ReadJsonl
/// [`ReadCsv`]: super::ReadCsv
#[must_use = "a stream does nothing until it is polled"]
pub struct Records<T: DeserializeOwned + Send + 'static> {
    path: Arc<Path>,
    feed: Feed<T>,
    batch: vec::IntoIter<Given<T>>,
    last: Position,
    fairness: Fairness,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ahead,
    Reached,
}

// No record is pinned where it is.
impl<T: DeserializeOwned + Send + 'static> Unpin for Records<T> {}

impl<T: DeserializeOwned + Send + 'static> Records<T> {
    pub(super) fn new(origin: Origin, format: Format) -> Self {
        Self {
            path: origin.path(),
            feed: Feed::new(origin, format),
            batch: Vec::new().into_iter(),
            last: Position::default(),
            fairness: Fairness::default(),
            end: End::Ahead,
        }
    }

    /// Returns the next record, or `None` after the last.
    ///
    /// # Errors
    ///
    /// That of a record, and the next record follows; or that of the file
    /// system, and nothing follows.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropped before its answer, it has taken no record.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("numbers");
    /// std::fs::write(&path, "1\ntwo\n3\n")?;
    /// let mut numbers = aio_files::records::<u8>(&path).jsonl().stream();
    /// let mut sum = 0;
    /// while let Some(number) = numbers.next().await {
    ///     sum += number.unwrap_or(0);
    /// }
    /// assert_eq!(sum, 4);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub async fn next(&mut self) -> Option<io::Result<T>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Where the item that was given last begins: a record, or one that was wrong.
    ///
    /// An error of the file system is where the next record would have begun.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("x");
    /// std::fs::write(&path, "a,b\n\"two\nlines\",1\nc,2\n")?;
    /// let mut rows = aio_files::records::<(String, u8)>(&path).csv().stream();
    /// while let Some(row) = rows.next().await {
    ///     row?;
    /// }
    /// let last = rows.position();
    /// assert_eq!((last.line, last.offset), (4, 18));
    /// # Ok(())
    /// # }
    /// ```
    pub fn position(&self) -> Position {
        self.last
    }

    /// Makes sure that the batch has a record, if there is one.
    #[inline]
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.fairness.poll_pay(cx));
            if !self.batch.as_slice().is_empty() || self.end == End::Reached {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_next_batch(cx))?;
        }
    }

    #[cold]
    fn poll_next_batch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(batch) = self.poll_feed(cx) else {
            self.fairness.paused();
            return Poll::Pending;
        };
        match batch {
            Some(Ok(batch)) => {
                let work = batch.parsed_here.saturating_mul(LABOUR);
                self.fairness
                    .bytes(usize::try_from(work).unwrap_or(usize::MAX));
                self.batch = batch.given.into_iter();
            }
            Some(Err(lost)) => return Poll::Ready(Err(lost)),
            None => self.end = End::Reached,
        }
        Poll::Ready(Ok(()))
    }

    fn poll_feed(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Batch<T>>>> {
        let Self { feed, path, .. } = self;
        feed.poll_next(path, cx)
    }
}

impl<T: DeserializeOwned + Send + 'static> Stream for Records<T> {
    type Item = io::Result<T>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<T>>> {
        ready!(self.poll_batch(cx))?;
        let Some(Given { record, at }) = self.batch.next() else {
            return Poll::Ready(None);
        };
        self.fairness.item();
        self.last = at;
        Poll::Ready(Some(record))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ready = self.batch.len();
        (ready, (self.end == End::Reached).then_some(ready))
    }
}

impl<T: DeserializeOwned + Send + 'static> FusedStream for Records<T> {
    fn is_terminated(&self) -> bool {
        self.end == End::Reached
    }
}

impl<T: DeserializeOwned + Send + 'static> fmt::Debug for Records<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("path", &self.path)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

/// The future of `records(…).jsonl().await` and `records(…).csv().await`.
#[must_use = "futures do nothing unless awaited"]
pub struct AllRecords<T: DeserializeOwned + Send + 'static> {
    records: Records<T>,
    all: Vec<T>,
}

impl<T: DeserializeOwned + Send + 'static> AllRecords<T> {
    pub(super) fn new(records: Records<T>) -> Self {
        Self {
            records,
            all: Vec::new(),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Unpin for AllRecords<T> {}

impl<T: DeserializeOwned + Send + 'static> Future for AllRecords<T> {
    type Output = io::Result<Vec<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Vec<T>>> {
        let Self { records, all } = &mut *self;
        loop {
            ready!(records.poll_batch(cx))?;
            if records.batch.as_slice().is_empty() {
                return Poll::Ready(Ok(mem::take(all)));
            }
            all.reserve(records.batch.len());
            for given in &mut records.batch {
                records.fairness.item();
                all.push(given.record?);
            }
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> fmt::Debug for AllRecords<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllRecords")
            .field("path", &self.records.path)
            .field("so_far", &self.all.len())
            .finish_non_exhaustive()
    }
}
