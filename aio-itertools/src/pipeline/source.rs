use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::stage::Stage;
use crate::sealed::Sealed;

pin_project! {
    /// The first stage of a [`Pipeline`](super::Pipeline): the stream that it was made of.
    ///
    /// It asks for one item ahead while the next stage is full. So a source that
    /// is in the middle of its own work, queued at a lock for one, gets on with it.
    pub struct Source<S: Stream> {
        ahead: Option<S::Item>,
        done: bool,
        #[pin]
        stream: S,
    }
}

impl<S: Stream> Source<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            ahead: None,
            done: false,
            stream,
        }
    }

    fn poll_stream(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if *this.done {
            return Poll::Ready(None);
        }
        let item = ready!(this.stream.poll_next(cx));
        *this.done = item.is_none();
        Poll::Ready(item)
    }
}

impl<S: Stream> Sealed for Source<S> {}

impl<S: Stream> Stage for Source<S> {
    type Item = S::Item;

    /// A plain stream is polled with the task's own waker.
    fn listen(self: Pin<&mut Self>, _: &mut Context<'_>, _: u32) {}

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        match self.as_mut().project().ahead.take() {
            Some(item) => Poll::Ready(Some(item)),
            None => self.poll_stream(cx),
        }
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if self.ahead.is_none()
            && let Poll::Ready(item) = self.as_mut().poll_stream(cx)
        {
            *self.project().ahead = item;
        }
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Source<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("stream", &self.stream)
            .field("ahead", &usize::from(self.ahead.is_some()))
            .field("done", &self.done)
            .finish()
    }
}
