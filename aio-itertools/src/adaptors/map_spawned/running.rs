//! The tasks of the stream, in the order in which their outputs are given.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};

use crate::tasks::OwnedTask;

/// Tasks that are aborted when this is dropped.
pub(super) enum Running<T> {
    /// The oldest in front: it is the one that is waited for.
    Ordered(VecDeque<OwnedTask<T>>),
    Unordered(JoinSet<T>),
}

impl<T: Send + 'static> Running<T> {
    pub(super) fn ordered() -> Self {
        Self::Ordered(VecDeque::new())
    }

    pub(super) fn unordered() -> Self {
        Self::Unordered(JoinSet::new())
    }

    /// None in flight, in the same order, for outputs of another type.
    pub(super) fn empty_like<U: Send + 'static>(&self) -> Running<U> {
        match self {
            Self::Ordered(_) => Running::ordered(),
            Self::Unordered(_) => Running::unordered(),
        }
    }

    /// In flight, or finished and not taken.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Ordered(tasks) => tasks.len(),
            Self::Unordered(tasks) => tasks.len(),
        }
    }

    pub(super) fn spawn<F>(&mut self, runtime: &Handle, future: F)
    where
        F: Future<Output = T> + Send + 'static,
    {
        match self {
            Self::Ordered(tasks) => tasks.push_back(OwnedTask::spawn(runtime, future)),
            Self::Unordered(tasks) => {
                tasks.spawn_on(future, runtime);
            }
        }
    }

    pub(super) fn abort_all(&mut self) {
        match self {
            Self::Ordered(tasks) => tasks.iter().for_each(OwnedTask::abort),
            Self::Unordered(tasks) => tasks.abort_all(),
        }
    }

    /// Takes the outcome of the next task; `None` if there is no task.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        match self {
            Self::Ordered(tasks) => {
                let Some(oldest) = tasks.front_mut() else {
                    return Poll::Ready(None);
                };
                let outcome = ready!(oldest.poll_outcome(cx));
                tasks.pop_front();
                Poll::Ready(Some(outcome))
            }
            Self::Unordered(tasks) => tasks.poll_join_next(cx),
        }
    }

    pub(super) async fn next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }
}
