//! All items of a stream, collected before the first choice out of them.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, plus};

pin_project! {
    /// A stream and the items that it has given so far, all of them at its end.
    pub struct Collected<S: Stream> {
        #[pin]
        stream: S,
        items: Vec<S::Item>,
        ended: bool,
        pace: Pace,
    }
}

impl<S: Stream> Collected<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            items: Vec::new(),
            ended: false,
            pace: Pace::new(),
        }
    }

    pub(crate) fn items(&self) -> &[S::Item] {
        &self.items
    }

    pub(crate) fn into_parts(self) -> (S, Vec<S::Item>) {
        (self.stream, self.items)
    }

    /// Collects until the stream ends.
    pub(crate) fn poll_collect(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while !*this.ended {
            ready!(this.pace.poll_item(cx));
            match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(item) => this.items.push(item),
                None => *this.ended = true,
            }
        }
        Poll::Ready(())
    }

    /// How many items it has and its stream still gives.
    pub(crate) fn hint(&self) -> SizeHint {
        let coming = match self.ended {
            true => ENDED,
            false => self.stream.size_hint(),
        };
        plus(coming, self.items.len())
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Collected<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected")
            .field("stream", &self.stream)
            .field("items", &self.items.len())
            .field("ended", &self.ended)
            .finish()
    }
}
