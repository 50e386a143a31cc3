//! A job that has so much time and no more.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::deadline::Deadline;
use crate::job::Job;
use crate::sealed::Sealed;

/// The job of [`item_timeout`](crate::pipeline::Pipeline::item_timeout): another one, and how
/// long it may take.
#[derive(Clone, Debug)]
pub struct Timed<J> {
    job: J,
    limit: Duration,
}

impl<J> Timed<J> {
    pub(crate) fn new(job: J, limit: Duration) -> Self {
        Self { job, limit }
    }
}

impl<J> Sealed for Timed<J> {}

impl<T, J: Job<T>> Job<T> for Timed<J> {
    type Output = Result<J::Output, ItemTimeout>;
    type Future = InTime<J::Future>;

    fn weight(&mut self, item: &T) -> usize {
        self.job.weight(item)
    }

    fn start(&mut self, item: T) -> Self::Future {
        InTime {
            future: self.job.start(item),
            deadline: Deadline::new(self.limit),
        }
    }
}

pin_project! {
    /// A future that ends in time, which runs from its first poll.
    pub struct InTime<F> {
        #[pin]
        future: F,
        #[pin]
        deadline: Deadline,
    }
}

impl<F: Future> Future for InTime<F> {
    type Output = Result<F::Output, ItemTimeout>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let output = this.deadline.as_mut().poll_within(this.future, cx);
        let limit = this.deadline.after();
        output.map(|output| output.ok_or(ItemTimeout { limit }))
    }
}

impl<F> fmt::Debug for InTime<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTime")
            .field("limit", &self.deadline.after())
            .finish_non_exhaustive()
    }
}

/// The error of `item_timeout`, of [`map_spawned`](crate::AioItertools::map_spawned) and of
/// [pipelines](crate::pipeline): the work for one item took too long.
///
/// The work was dropped at its next await.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemTimeout {
    limit: Duration,
}

impl ItemTimeout {
    /// How long the work was given.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Display for ItemTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the item was not done within {:?}", self.limit)
    }
}

impl Error for ItemTimeout {}
