//! What is done with each item: the closure, and what the options put around it.

#[cfg(feature = "time")]
use std::error::Error;
use std::fmt;
#[cfg(feature = "time")]
use std::time::Duration;

/// Makes the future of an item: a closure `FnMut(T) -> impl Future`, or one with options.
///
/// It can be named by nobody else, so it stays free to change.
pub trait Job<T> {
    /// What the task of an item gives.
    type Output: Send + 'static;

    #[doc(hidden)]
    fn future(&mut self, item: T) -> impl Future<Output = Self::Output> + Send + 'static;
}

impl<T, F, R> Job<T> for F
where
    F: FnMut(T) -> R,
    R: Future + Send + 'static,
    R::Output: Send + 'static,
{
    type Output = R::Output;

    fn future(&mut self, item: T) -> impl Future<Output = R::Output> + Send + 'static {
        self(item)
    }
}

/// A job whose output has its item beside it: see
/// [`MapSpawned::with_input`](super::MapSpawned::with_input).
#[derive(Clone)]
pub struct WithInput<J> {
    job: J,
}

impl<J> WithInput<J> {
    pub(super) fn new(job: J) -> Self {
        Self { job }
    }
}

impl<T: Clone + Send + 'static, J: Job<T>> Job<T> for WithInput<J> {
    type Output = (T, J::Output);

    fn future(&mut self, item: T) -> impl Future<Output = Self::Output> + Send + 'static {
        let future = self.job.future(item.clone());
        async move { (item, future.await) }
    }
}

impl<J> fmt::Debug for WithInput<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithInput").finish_non_exhaustive()
    }
}

/// A job that has so much time and no more: see
/// [`MapSpawned::item_timeout`](super::MapSpawned::item_timeout).
#[cfg(feature = "time")]
#[derive(Clone)]
pub struct Timed<J> {
    job: J,
    limit: Duration,
}

#[cfg(feature = "time")]
impl<J> Timed<J> {
    pub(super) fn new(job: J, limit: Duration) -> Self {
        Self { job, limit }
    }
}

#[cfg(feature = "time")]
impl<T, J: Job<T>> Job<T> for Timed<J> {
    type Output = Result<J::Output, ItemTimeout>;

    fn future(&mut self, item: T) -> impl Future<Output = Self::Output> + Send + 'static {
        let (future, limit) = (self.job.future(item), self.limit);
        async move {
            let output = tokio::time::timeout(limit, future).await;
            output.map_err(|_| ItemTimeout { limit })
        }
    }
}

#[cfg(feature = "time")]
impl<J> fmt::Debug for Timed<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The output of an item whose task took too long and was aborted.
#[cfg(feature = "time")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemTimeout {
    limit: Duration,
}

#[cfg(feature = "time")]
impl ItemTimeout {
    /// How long the task had.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

#[cfg(feature = "time")]
impl fmt::Display for ItemTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task of the item took longer than {:?}", self.limit)
    }
}

#[cfg(feature = "time")]
impl Error for ItemTimeout {}
