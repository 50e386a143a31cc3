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

use super::Position;
use super::parser::{Format, Given};
use super::reading::Reading;
use crate::ahead::Ahead;
use crate::turnstile::Claim;

/// How many batches may wait for whoever takes the records.
const DEPTH: usize = 4;

/// The records of a file, one after another; made by `stream` of [`ReadJsonl`] and
/// [`ReadCsv`].
///
/// A record that is wrong is one error with its line and byte
/// ([`RecordError`](super::RecordError)), and the next record follows. An error
/// of the file system is the last item, and so is a wrong header of a CSV file.
///
/// The file is read and parsed ahead, at most 1.5 MiB of it, so memory stays
/// flat however long it is. What other processes append while it is read is
/// read too; what this crate was told to write before the first poll, by a file
/// that was dropped or an operation that was cancelled, is waited for.
///
/// # Cancel safety
///
/// *Cancel safe*: a `next` that is dropped has taken nothing. Dropping the
/// stream stops the reading after the batch that it is at.
///
/// [`ReadJsonl`]: super::ReadJsonl
/// [`ReadCsv`]: super::ReadCsv
#[must_use = "a stream does nothing until it is polled"]
pub struct Records<T: DeserializeOwned + Send + 'static> {
    path: Arc<Path>,
    ahead: Ahead<Reading<T>>,
    batch: vec::IntoIter<Given<T>>,
    last: Option<Position>,
    pace: Pace,
}

/// A reader that is never kept waiting lets others run after each batch.
#[derive(Debug, PartialEq, Eq)]
enum Pace {
    Rested,
    Due,
    Over,
}

// No record is pinned where it is.
impl<T: DeserializeOwned + Send + 'static> Unpin for Records<T> {}

impl<T: DeserializeOwned + Send + 'static> Records<T> {
    pub(super) fn new(path: Arc<Path>, format: Format) -> Self {
        let claims = vec![Claim::on(&path)];
        Self {
            ahead: Ahead::new(Reading::new(Arc::clone(&path), format), DEPTH, claims),
            path,
            batch: Vec::new().into_iter(),
            last: None,
            pace: Pace::Rested,
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
    /// *Cancel safe*: dropped before its answer, it has taken no record.
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
    pub async fn next(&mut self) -> Option<io::Result<T>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Where the record begins that was given last, or the one that was wrong;
    /// `None` before the first.
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
    /// let last = rows.position().unwrap();
    /// assert_eq!((last.line, last.offset), (4, 18));
    /// # Ok(())
    /// # }
    /// ```
    pub fn position(&self) -> Option<Position> {
        self.last
    }

    /// Makes sure that the batch has a record, if there is one.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.batch.as_slice().is_empty() {
            match self.pace {
                Pace::Over => break,
                Pace::Due => {
                    self.pace = Pace::Rested;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Pace::Rested => {}
            }
            match ready!(self.ahead.poll_next(cx)) {
                Some(Ok(batch)) => {
                    self.batch = batch.into_iter();
                    self.pace = Pace::Due;
                }
                Some(Err(lost)) => {
                    let lost = crate::PathError::new("read", &self.path, lost);
                    return Poll::Ready(Err(lost.into_io()));
                }
                None => self.pace = Pace::Over,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: DeserializeOwned + Send + 'static> Stream for Records<T> {
    type Item = io::Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<T>>> {
        ready!(self.poll_batch(cx))?;
        Poll::Ready(self.batch.next().map(|Given { record, at }| {
            self.last = Some(at);
            record
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ready = self.batch.len();
        (ready, (self.pace == Pace::Over).then_some(ready))
    }
}

impl<T: DeserializeOwned + Send + 'static> FusedStream for Records<T> {
    fn is_terminated(&self) -> bool {
        self.pace == Pace::Over
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
