use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Timeout, timeout};

use super::job::{Job, Sealed};

/// The job of [`item_timeout`](super::Pipeline::item_timeout): another one, and how long it may take.
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
            future: timeout(self.limit, self.job.start(item)),
            limit: self.limit,
        }
    }
}

pin_project! {
    /// A future that ends in time.
    #[derive(Debug)]
    pub struct InTime<F> {
        #[pin]
        future: Timeout<F>,
        limit: Duration,
    }
}

impl<F: Future> Future for InTime<F> {
    type Output = Result<F::Output, ItemTimeout>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        let limit = *this.limit;
        Poll::Ready(output.map_err(|_| ItemTimeout { limit }))
    }
}

/// The error of [`item_timeout`](super::Pipeline::item_timeout): the work for one item took too long.
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
