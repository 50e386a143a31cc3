//! What is done with each item of a stream: a function, and what options put around it.
//!
//! Stages of a pipeline and the tasks of `map_spawned` are made of it. Each option
//! wraps the job before it, so options go together in any order.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::sealed::Sealed;

/// What is started for an item of type `T`, by
/// [`map_concurrent`](crate::pipeline::Pipeline::map_concurrent) or
/// [`map_spawned`](crate::AioItertools::map_spawned).
///
/// The function that was passed is one, as [`Call`]; each option wraps the one
/// before it. It can't be implemented elsewhere.
pub trait Job<T>: Sealed {
    /// What comes of an item.
    type Output;

    /// What is in flight for an item.
    #[doc(hidden)]
    type Future: Future<Output = Self::Output>;

    /// How much of the limit the item takes.
    #[doc(hidden)]
    fn weight(&mut self, item: &T) -> usize;

    #[doc(hidden)]
    fn start(&mut self, item: T) -> Self::Future;
}

/// The job that calls a function, and awaits what that gives.
#[derive(Clone)]
pub struct Call<F> {
    f: F,
}

impl<F> Call<F> {
    pub(crate) fn new(f: F) -> Self {
        Self { f }
    }
}

impl<F> Sealed for Call<F> {}

impl<T, F, R> Job<T> for Call<F>
where
    F: FnMut(T) -> R,
    R: IntoFuture,
{
    type Output = R::Output;
    type Future = R::IntoFuture;

    fn weight(&mut self, _: &T) -> usize {
        1
    }

    fn start(&mut self, item: T) -> R::IntoFuture {
        (self.f)(item).into_future()
    }
}

impl<F> fmt::Debug for Call<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

/// The job of [`weight`](crate::pipeline::Pipeline::weight): another one, and what an item weighs.
#[derive(Clone)]
pub struct Weighed<J, W> {
    job: J,
    weigh: W,
}

impl<J, W> Weighed<J, W> {
    pub(crate) fn new(job: J, weigh: W) -> Self {
        Self { job, weigh }
    }
}

impl<J, W> Sealed for Weighed<J, W> {}

impl<T, J, W> Job<T> for Weighed<J, W>
where
    J: Job<T>,
    W: FnMut(&T) -> usize,
{
    type Output = J::Output;
    type Future = J::Future;

    fn weight(&mut self, item: &T) -> usize {
        (self.weigh)(item)
    }

    fn start(&mut self, item: T) -> J::Future {
        self.job.start(item)
    }
}

impl<J: fmt::Debug, W> fmt::Debug for Weighed<J, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weighed")
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

/// The job of [`with_input`](crate::pipeline::Pipeline::with_input): another one, and the
/// input beside its output.
#[derive(Clone, Debug)]
pub struct WithInput<J> {
    job: J,
}

impl<J> WithInput<J> {
    pub(crate) fn new(job: J) -> Self {
        Self { job }
    }
}

impl<J> Sealed for WithInput<J> {}

impl<T: Clone, J: Job<T>> Job<T> for WithInput<J> {
    type Output = (T, J::Output);
    type Future = InputKept<T, J::Future>;

    fn weight(&mut self, item: &T) -> usize {
        self.job.weight(item)
    }

    fn start(&mut self, item: T) -> Self::Future {
        InputKept {
            input: Some(item.clone()),
            future: self.job.start(item),
        }
    }
}

pin_project! {
    /// A future and what it was made for.
    #[derive(Debug)]
    pub struct InputKept<T, F> {
        input: Option<T>,
        #[pin]
        future: F,
    }
}

impl<T, F: Future> Future for InputKept<T, F> {
    type Output = (T, F::Output);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        let input = this.input.take().expect("it is polled to its end once");
        Poll::Ready((input, output))
    }
}
