use std::fmt;
use std::mem;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};
#[cfg(feature = "time")]
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use tokio::task::JoinError;

use crate::budget::Budget;
#[cfg(feature = "time")]
use crate::item_timeout::Timed;
use crate::job::{Call, Job, WithInput};
use crate::limit::Limit;
use crate::size_hint::{ENDED, plus};
use crate::tasks;

use self::running::Running;

mod running;

/// What a panic calls this stream.
const NAME: &str = "map_spawned";

/// Gives the outputs of `f(item)`, each run on a task of its own, at most `limit` at once.
///
/// The free form of [`AioItertools::map_spawned`](crate::AioItertools::map_spawned).
/// Unlike `buffered` of `futures`, the work goes on while the consumer awaits
/// something else, so a slow consumer finds its next outputs ready, and a lock
/// that consumer and work share can't make them wait for each other.
///
/// Outputs come in the order of the items: [`unordered`](MapSpawned::unordered)
/// gives them as they come. [`item_timeout`](MapSpawned::item_timeout) bounds
/// the time of each, [`with_input`](MapSpawned::with_input) gives each item back
/// beside its output. An output that is an `Err` is an output like another.
///
/// Anything that can be awaited is taken from `f`, which itself runs where the
/// stream is polled.
///
/// # Panics
///
/// If `limit` is the `usize` zero: see [`Limit`].
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::map_spawned, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut lengths = map_spawned(iter(["a", "bb"]), 8, |word| async move { word.len() });
/// assert_eq!(next(&mut lengths).await, Some(1));
/// assert_eq!(next(&mut lengths).await, Some(2));
/// assert_eq!(next(&mut lengths).await, None);
/// # }
/// ```
#[track_caller]
pub fn map_spawned<S, F, R>(stream: S, limit: impl Limit, f: F) -> MapSpawned<S, Call<F>>
where
    S: Stream,
    F: FnMut(S::Item) -> R,
    R: IntoFuture<IntoFuture: Send + 'static, Output: Send + 'static>,
{
    MapSpawned {
        stream,
        ended: false,
        over: false,
        job: Call::new(f),
        limit: limit.at_least_one("the limit").get(),
        running: Running::ordered(),
        next: None,
        budget: Budget::new(),
    }
}

pin_project! {
    /// The stream of [`map_spawned`](crate::adaptors::map_spawned()): the output of each item's task.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | up to `limit` tasks, which run on their own; dropping the stream aborts them |
    /// | memory | `limit` tasks, whether in flight or finished and not taken |
    /// | fairness | one unit of the budget for each start and each output |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | every output is given, errors included; a panic goes on at the consumer, in its place, and the rest goes on after it |
    /// | runtime | tokio |
    ///
    /// The source is polled only while the stream is: what runs ahead is the
    /// work, up to `limit` items of it. An output that is about to be given has
    /// made room already, so the next task starts before the consumer has it.
    ///
    /// # Panics
    ///
    /// When polled: with the panic of a task, in the place of its output; outside
    /// a tokio runtime; and if the runtime was shut down under the tasks.
    #[must_use = "streams do nothing unless polled"]
    pub struct MapSpawned<S: Stream, J: Job<S::Item>> {
        #[pin]
        stream: S,
        ended: bool,
        // The end was given.
        over: bool,
        job: J,
        limit: usize,
        running: Running<J::Output>,
        // Taken from what is in flight and not given yet: only a panic of the
        // source or of `f` leaves it here.
        next: Option<Result<J::Output, JoinError>>,
        budget: Budget,
    }
}

impl<S, J> MapSpawned<S, J>
where
    S: Stream,
    J: Job<S::Item, Output: Send + 'static, Future: Send + 'static>,
{
    /// Gives the outputs as they come instead of in the order of the items.
    ///
    /// A slow item then holds up no other.
    ///
    /// # Panics
    ///
    /// If the stream was polled before: what is in flight has its order.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut outputs = iter([3, 1])
    ///     .map_spawned(2, |turns| async move {
    ///         for _ in 0..turns {
    ///             tokio::task::yield_now().await;
    ///         }
    ///         turns
    ///     })
    ///     .unordered();
    /// assert_eq!(next(&mut outputs).await, Some(1));
    /// assert_eq!(next(&mut outputs).await, Some(3));
    /// # }
    /// ```
    #[doc(alias = "buffer_unordered")]
    #[track_caller]
    pub fn unordered(mut self) -> Self {
        self.assert_unpolled();
        self.running = Running::unordered();
        self
    }

    /// Gives each item back beside its output, as `(item, output)`.
    ///
    /// A failure then says what failed, and the item can be tried again.
    ///
    /// # Panics
    ///
    /// If the stream was polled before.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut numbers = iter(["7", "seven"])
    ///     .map_spawned(2, |word| async move { word.parse::<u8>() })
    ///     .with_input();
    /// assert_eq!(next(&mut numbers).await, Some(("7", Ok(7))));
    /// let (word, number) = next(&mut numbers).await.unwrap();
    /// assert!(word == "seven" && number.is_err());
    /// # }
    /// ```
    #[track_caller]
    pub fn with_input(self) -> MapSpawned<S, WithInput<J>>
    where
        S::Item: Clone + Send + 'static,
    {
        self.with_job(WithInput::new)
    }

    /// Gives each task `limit` of time from its first poll, then aborts it and
    /// gives the error [`ItemTimeout`](super::ItemTimeout) as its output.
    ///
    /// With [`with_input`](Self::with_input) after it the error comes beside its item.
    ///
    /// # Panics
    ///
    /// If the stream was polled before. When polled, if the runtime has no clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    /// use std::{future::pending, time::Duration};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mut outputs = iter(["stuck"])
    ///     .map_spawned(8, |_| pending::<()>())
    ///     .item_timeout(Duration::from_secs(3))
    ///     .with_input();
    /// let (item, output) = next(&mut outputs).await.unwrap();
    /// assert_eq!(item, "stuck");
    /// assert_eq!(output.unwrap_err().to_string(), "the item was not done within 3s");
    /// # }
    /// ```
    #[cfg(feature = "time")]
    #[track_caller]
    pub fn item_timeout(self, limit: Duration) -> MapSpawned<S, Timed<J>> {
        self.with_job(|job| Timed::new(job, limit))
    }

    #[track_caller]
    fn assert_unpolled(&self) {
        let polled = self.ended || self.next.is_some() || self.running.len() > 0;
        assert!(!polled, "{NAME} takes its options before it is polled");
    }

    #[track_caller]
    fn with_job<K>(self, wrap: impl FnOnce(J) -> K) -> MapSpawned<S, K>
    where
        K: Job<S::Item, Output: Send + 'static>,
    {
        self.assert_unpolled();
        MapSpawned {
            stream: self.stream,
            ended: self.ended,
            over: self.over,
            job: wrap(self.job),
            limit: self.limit,
            running: self.running.empty_like(),
            next: None,
            budget: self.budget,
        }
    }

    /// Aborts the tasks, waits until each has ended, and gives back the source
    /// and the outputs that were finished, in their order.
    ///
    /// Dropping the stream aborts them too, but waits for nothing: use this
    /// where what the tasks hold must be free again. An item whose task was
    /// aborted is gone with it.
    ///
    /// # Panics
    ///
    /// With the first panic of a task, after all have ended.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropped, it has aborted the tasks, and the source and the
    /// finished outputs are dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    /// use std::future::pending;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut outputs = iter(1..=9).map_spawned(2, |n| async move {
    ///     if n > 1 {
    ///         pending::<()>().await;
    ///     }
    ///     n
    /// });
    /// assert_eq!(next(&mut outputs).await, Some(1));
    /// let (mut rest, finished) = outputs.shutdown().await;
    /// // Two and three were in flight, and would have been for ever.
    /// assert_eq!(finished, []);
    /// assert_eq!(rest.next().await, Some(4));
    /// # }
    /// ```
    pub async fn shutdown(self) -> (S, Vec<J::Output>) {
        let Self {
            stream,
            mut running,
            next,
            ..
        } = self;
        running.abort_all();
        let mut outcomes = Vec::from_iter(next);
        while let Some(outcome) = running.next().await {
            outcomes.push(outcome);
        }
        let (mut outputs, mut panic) = (Vec::new(), None);
        for outcome in outcomes {
            match outcome.map_err(JoinError::try_into_panic) {
                Ok(output) => outputs.push(output),
                Err(Ok(later)) => panic = panic.or(Some(later)),
                // Aborted.
                Err(Err(_)) => {}
            }
        }
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        (stream, outputs)
    }
}

impl<S, J> MapSpawned<S, J>
where
    S: Stream,
    J: Job<S::Item, Output: Send + 'static, Future: Send + 'static>,
{
    /// Starts tasks as far as there is room, items and budget.
    fn refill(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        while !*this.ended && this.running.len() < *this.limit {
            if this.budget.poll_spend(cx).is_pending() {
                break;
            }
            // Before an item is taken that would have nowhere to go.
            let runtime = tasks::runtime(NAME);
            match this.stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    let future = this.job.start(item);
                    this.running.spawn(&runtime, future);
                }
                Poll::Ready(None) => *this.ended = true,
                Poll::Pending => break,
            }
        }
    }
}

impl<S, J> Stream for MapSpawned<S, J>
where
    S: Stream,
    J: Job<S::Item, Output: Send + 'static, Future: Send + 'static>,
{
    type Item = J::Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<J::Output>> {
        loop {
            let this = self.as_mut().project();
            // What has ended comes first, so that a source without end can't keep it in.
            if this.next.is_none()
                && let Poll::Ready(outcome) = this.running.poll_next(cx)
            {
                *this.next = outcome;
            }
            let unwatched = this.next.is_none() && this.running.len() == 0;
            self.as_mut().refill(cx);
            // The first tasks since then don't know yet whom to wake.
            if !unwatched || self.running.len() == 0 {
                break;
            }
        }
        let this = self.project();
        match mem::take(this.next) {
            Some(outcome) => Poll::Ready(Some(tasks::output(outcome, NAME))),
            None if *this.ended && this.running.len() == 0 => {
                *this.over = true;
                Poll::Ready(None)
            }
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let source = match self.ended {
            true => ENDED,
            false => self.stream.size_hint(),
        };
        plus(
            plus(source, self.running.len()),
            usize::from(self.next.is_some()),
        )
    }
}

impl<S, J> FusedStream for MapSpawned<S, J>
where
    S: Stream,
    J: Job<S::Item, Output: Send + 'static, Future: Send + 'static>,
{
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<S, J> fmt::Debug for MapSpawned<S, J>
where
    S: Stream + fmt::Debug,
    J: Job<S::Item, Output: Send + 'static>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapSpawned")
            .field("stream", &self.stream)
            .field("ended", &self.ended)
            .field("limit", &self.limit)
            .field("in_flight", &self.running.len())
            .finish_non_exhaustive()
    }
}
