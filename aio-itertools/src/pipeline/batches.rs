use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::stage::Stage;
use crate::budget::Pace;
use crate::sealed::Sealed;

/// The most that a new batch reserves before its items are there, in items.
const RESERVE: usize = 1024;

pin_project! {
    /// The stage of [`batched`](super::Pipeline::batched): a `Vec` of `size` items,
    /// the last one possibly shorter and never empty.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Not cancel safe: it goes with its sink |
    /// | in-flight work | none of its own; what is before it is driven by the sink at every wake-up |
    /// | memory | one batch, which is filled while the next stage is full |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: what is before it is not polled after its end |
    /// | order | of the input |
    /// | errors | items pass as they are |
    /// | runtime | any |
    pub struct Batches<S: Stage> {
        batch: Vec<S::Item>,
        size: usize,
        ended: bool,
        pace: Pace,
        #[pin]
        stage: S,
    }
}

impl<S: Stage> Batches<S> {
    pub(crate) fn new(stage: S, size: usize) -> Self {
        Self {
            batch: Vec::new(),
            size,
            ended: false,
            pace: Pace::new(),
            stage,
        }
    }

    /// Fills the batch; pending while it is neither full nor the last one.
    fn poll_fill(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while !*this.ended && this.batch.len() < *this.size {
            ready!(this.pace.poll_item(cx));
            match ready!(this.stage.as_mut().poll_next(cx)) {
                Some(item) => {
                    if this.batch.is_empty() {
                        this.batch.reserve((*this.size).min(RESERVE));
                    }
                    this.batch.push(item);
                }
                None => *this.ended = true,
            }
        }
        Poll::Ready(())
    }
}

impl<S: Stage> Sealed for Batches<S> {}

impl<S: Stage> Stage for Batches<S> {
    type Item = Vec<S::Item>;

    /// Who goes first is of no matter to a stage without futures.
    fn listen(self: Pin<&mut Self>, cx: &mut Context<'_>, turn: u32) {
        if !self.ended {
            self.project().stage.listen(cx, turn);
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        ready!(self.as_mut().poll_fill(cx));
        let batch = mem::take(self.project().batch);
        Poll::Ready((!batch.is_empty()).then_some(batch))
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if self.as_mut().poll_fill(cx).is_ready() && !self.ended {
            self.project().stage.poll_progress(cx);
        }
    }
}

impl<S: Stage + fmt::Debug> fmt::Debug for Batches<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("stage", &self.stage)
            .field("unfinished", &self.batch.len())
            .field("size", &self.size)
            .field("ended", &self.ended)
            .finish()
    }
}
