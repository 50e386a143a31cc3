//! Streams that take turns, each polled only when it was woken or has just given an item.
//!
//! They are the streams of `merge`; `slots` is the like for futures, and `lanes` for
//! streams of which each gives its part of an item.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::size_hint::{ENDED, SizeHint, sum};
use crate::wakes::Wakes;

/// A set of streams. One that gives an item is queued behind the others, so all
/// that are ready take turns.
pub(crate) struct Turns<S> {
    /// The number of a stream is that of its seat; `None` after its end.
    streams: Vec<Option<Pin<Box<S>>>>,
    open: usize,
    wakes: Wakes,
}

impl<S: Stream> Turns<S> {
    /// Takes the streams, all of them to be polled for the first time.
    pub(crate) fn new(streams: impl Iterator<Item = S>) -> Self {
        let streams: Vec<_> = streams.map(|stream| Some(Box::pin(stream))).collect();
        let mut wakes = Wakes::new();
        for _ in &streams {
            let seat = wakes.add();
            wakes.queue(seat);
        }
        Self {
            open: streams.len(),
            streams,
            wakes,
        }
    }

    /// Makes the task of `cx` the one that is woken, and collects the wake-ups so far.
    pub(crate) fn listen(&mut self, cx: &Context<'_>) {
        self.wakes.listen(cx);
    }

    /// True if [`poll_woken`](Self::poll_woken) has something to poll.
    pub(crate) fn has_woken(&self) -> bool {
        self.wakes.any()
    }

    /// Polls the stream whose turn it is: the next item, with the number of its stream.
    ///
    /// It is pending, too, when that stream has ended. One that panics is dropped.
    pub(crate) fn poll_woken(&mut self) -> Poll<(usize, S::Item)> {
        let Some(number) = self.wakes.next() else {
            return Poll::Pending;
        };
        let waker = self.wakes.waker(number);
        // Out of its place while it is polled, so a panic takes it with it. A late
        // wake-up of a stream that has ended finds nothing.
        let Some(mut stream) = self.streams[number].take() else {
            return Poll::Pending;
        };
        self.open -= 1;
        let polled = stream.as_mut().poll_next(&mut Context::from_waker(waker));
        if let Poll::Ready(None) = polled {
            return Poll::Pending;
        }
        self.streams[number] = Some(stream);
        self.open += 1;
        match polled {
            Poll::Ready(Some(item)) => {
                self.wakes.queue(number);
                Poll::Ready((number, item))
            }
            _ => Poll::Pending,
        }
    }

    /// Drops one stream.
    pub(crate) fn close(&mut self, number: usize) {
        let closed = self.streams[number].take();
        self.open -= usize::from(closed.is_some());
        drop(closed);
    }

    /// Drops all streams, in the order in which they were given.
    pub(crate) fn clear(&mut self) {
        self.open = 0;
        self.wakes = Wakes::new();
        self.streams.clear();
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.streams
            .iter()
            .flatten()
            .map(|stream| stream.size_hint())
            .fold(ENDED, sum)
    }
}

impl<S> Turns<S> {
    /// The streams that haven't ended.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// Gives the streams that haven't ended, in the order in which they were given.
    pub(crate) fn into_streams(self) -> Vec<Pin<Box<S>>> {
        self.streams.into_iter().flatten().collect()
    }
}
