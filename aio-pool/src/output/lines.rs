//! The stream of what the workers print.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use super::{Backlog, Line};

/// What the workers of a pool print, line by line, as a `Stream`. Made by
/// [`Pool::lines`](crate::Pool::lines).
///
/// It ends when the pool has ended and everything is read. It does not keep the
/// pool open.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Lines {
    backlog: Arc<Backlog>,
    reader: u64,
    over: bool,
}

impl Lines {
    pub(crate) fn of(backlog: &Arc<Backlog>) -> Self {
        Self {
            reader: backlog.enter(),
            backlog: Arc::clone(backlog),
            over: false,
        }
    }

    /// Returns the next line, or `None` when the pool has ended and there is no
    /// more.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: no line is lost.
    ///
    /// # Examples
    ///
    /// See [`Pool::lines`](crate::Pool::lines).
    pub async fn next(&mut self) -> Option<Line> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// How many lines this pool has dropped so far, because its buffer was full
    /// while no `Lines` was there to read, or, beyond 8 MiB, while workers died.
    pub fn missed(&self) -> u64 {
        self.backlog.missed()
    }
}

impl Stream for Lines {
    type Item = Line;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Line>> {
        if self.over {
            return Poll::Ready(None);
        }
        let line = ready!(self.backlog.poll_line(self.reader, cx));
        self.over = line.is_none();
        Poll::Ready(line)
    }
}

impl FusedStream for Lines {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.backlog.leave(self.reader);
    }
}
