//! A stream that runs ahead of its consumer, on a task of its own: `prefetch` and `merge` make it.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::{FusedStream, Stream};
use tokio::runtime::Handle;
use tokio::task::JoinError;

use crate::budget::Pace;
use crate::limit::Limit;
use crate::size_hint::{ENDED, SizeHint, plus};
use crate::tasks::{self, OwnedTask};

/// What a panic calls this stream.
const NAME: &str = "prefetch";

/// Lets `stream` run ahead on a task of its own, with at most `n` items in the queue.
///
/// The free form of [`AioItertools::prefetch`](crate::AioItertools::prefetch).
/// The source makes its next items while the consumer is busy with the last one:
/// reading overlaps with work. The task starts at the first poll.
///
/// While the queue is full the source stands still. One that makes its items
/// one after the other then holds nothing; one that has futures in flight, as
/// `buffered` of `futures` has, snoozes with them, and wants
/// [`map_spawned`](crate::adaptors::map_spawned()) in its place.
///
/// # Panics
///
/// If `n` is the `usize` zero: see [`Limit`].
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::prefetch, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut lines = prefetch(iter(["a", "b"]), 16);
/// assert_eq!(next(&mut lines).await, Some("a"));
/// assert_eq!(next(&mut lines).await, Some("b"));
/// assert_eq!(next(&mut lines).await, None);
/// # }
/// ```
#[track_caller]
pub fn prefetch<S>(stream: S, n: impl Limit) -> Prefetch<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    let limit = n.at_least_one("the length of the queue").get();
    Prefetch::new(Box::pin(stream), limit)
}

/// The stream of [`prefetch`](crate::adaptors::prefetch()): the items of a source that runs ahead.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | one task, which polls the source until the queue is full; dropping the stream aborts it |
/// | memory | `n` items |
/// | fairness | one unit of the budget in 64 items |
/// | fused | yes: the source is not polled after its end |
/// | size_hint | exact when the source's is |
/// | errors | items pass as they are; a panic of the source goes on at the consumer, after the items before it |
/// | runtime | tokio |
///
/// # Panics
///
/// When polled: with a panic of the source, which is polled on by the next poll;
/// outside a tokio runtime; and if the runtime was shut down under the task.
#[must_use = "streams do nothing unless polled"]
pub struct Prefetch<S: Stream> {
    state: State<S>,
    limit: usize,
    pace: Pace,
}

enum State<S: Stream> {
    /// Nobody has asked yet, or the source has panicked since.
    Waiting(Pin<Box<S>>),
    Ahead(Ahead<S>),
    /// The task has ended, and its last items are left.
    Last(VecDeque<S::Item>, Result<Stopped<S>, JoinError>),
    /// `None` if the runtime took the source with it.
    Ended(Option<Pin<Box<S>>>),
}

/// The source on its task, and the queue from there.
struct Ahead<S: Stream> {
    queue: Arc<Queue<S::Item>>,
    task: OwnedTask<Stopped<S>>,
}

/// What the task gives at its end: the source, and its panic.
type Stopped<S> = (Pin<Box<S>>, Option<Box<dyn Any + Send>>);

// The source has a pinned box of its own, and items are only ever moved.
impl<S: Stream> Unpin for Prefetch<S> {}

impl<S: Stream> Prefetch<S> {
    pub(crate) fn new(source: Pin<Box<S>>, limit: usize) -> Self {
        Self {
            state: State::Waiting(source),
            limit,
            pace: Pace::new(),
        }
    }
}

impl<S> Prefetch<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    /// Stops running ahead, and gives the items that are in the queue and the source.
    ///
    /// Nothing is lost: the items come before what the source has left. The
    /// source was pinned to run on its task, so it comes back pinned; it is a
    /// stream like before.
    ///
    /// # Panics
    ///
    /// With a panic of the source that wasn't given yet, and if the runtime of
    /// the task was shut down, which takes the source with it.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropped, it aborts the task, and the source and the items
    /// are dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut numbers = iter(1..=9).prefetch(4);
    /// assert_eq!(next(&mut numbers).await, Some(1));
    /// let (ahead, mut rest) = numbers.stop().await;
    /// assert_eq!(ahead, [2, 3, 4]);
    /// assert_eq!(rest.next().await, Some(5));
    /// # }
    /// ```
    pub async fn stop(self) -> (Vec<S::Item>, Pin<Box<S>>) {
        let (items, outcome) = match self.state {
            State::Waiting(source) => return (Vec::new(), source),
            State::Ended(source) => {
                let source = source.unwrap_or_else(|| tasks::shut_down(NAME));
                return (Vec::new(), source);
            }
            State::Last(items, outcome) => (items, outcome),
            State::Ahead(mut ahead) => {
                ahead.queue.stop();
                let outcome = poll_fn(|cx| ahead.task.poll_outcome(cx)).await;
                (ahead.queue.take_all(), outcome)
            }
        };
        match tasks::output(outcome, NAME) {
            (source, None) => (items.into(), source),
            (_, Some(panic)) => resume_unwind(panic),
        }
    }

    fn start(mut source: Pin<Box<S>>, runtime: &Handle, limit: usize) -> Ahead<S> {
        let queue = Arc::new(Queue::new(limit, source.size_hint()));
        let filled = Arc::clone(&queue);
        let task = OwnedTask::spawn(runtime, async move {
            let mut pace = Pace::new();
            let panic = poll_fn(|cx| {
                let filling = AssertUnwindSafe(|| filled.poll_fill(&mut source, &mut pace, cx));
                match catch_unwind(filling) {
                    Ok(polled) => polled.map(|()| None),
                    Err(panic) => Poll::Ready(Some(panic)),
                }
            });
            let panic = panic.await;
            (source, panic)
        });
        Ahead { queue, task }
    }
}

impl<S> Stream for Prefetch<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        if let State::Waiting(_) = this.state {
            let runtime = tasks::runtime(NAME);
            if let State::Waiting(source) = mem::replace(&mut this.state, State::Ended(None)) {
                this.state = State::Ahead(Self::start(source, &runtime, this.limit));
            }
        }
        if let State::Ahead(ahead) = &mut this.state {
            ready!(this.pace.poll_item(cx));
            if let Some(item) = ahead.queue.take_or_listen(cx) {
                return Poll::Ready(Some(item));
            }
            let outcome = ready!(ahead.task.poll_outcome(cx));
            // Between the look at the queue and at the task more can have come.
            this.state = State::Last(ahead.queue.take_all(), outcome);
        }
        let State::Last(items, _) = &mut this.state else {
            return Poll::Ready(None);
        };
        if let Some(item) = items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if let State::Last(_, outcome) = mem::replace(&mut this.state, State::Ended(None)) {
            let (source, panic) = tasks::output(outcome, NAME);
            if let Some(panic) = panic {
                this.state = State::Waiting(source);
                resume_unwind(panic);
            }
            this.state = State::Ended(Some(source));
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.state {
            State::Waiting(source) => source.size_hint(),
            State::Ahead(ahead) => ahead.queue.size_hint(),
            State::Last(items, Ok((source, Some(_)))) => plus(source.size_hint(), items.len()),
            State::Last(items, _) => plus(ENDED, items.len()),
            State::Ended(_) => ENDED,
        }
    }
}

impl<S> FusedStream for Prefetch<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }
}

impl<S: Stream> Drop for Ahead<S> {
    /// The queue lives until the aborted task is gone; its items need not.
    fn drop(&mut self) {
        drop(self.queue.take_all());
    }
}

impl<S: Stream> fmt::Debug for Prefetch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, queued) = match &self.state {
            State::Waiting(_) => ("waiting", 0),
            State::Ahead(ahead) => ("ahead", ahead.queue.lock().items.len()),
            State::Last(items, _) => ("last", items.len()),
            State::Ended(_) => ("ended", 0),
        };
        f.debug_struct("Prefetch")
            .field("state", &state)
            .field("queued", &queued)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The items between the task and the consumer. No lock is held while foreign
/// code runs: not the source, not a waker.
struct Queue<T> {
    limit: usize,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    items: VecDeque<T>,
    /// What the source may still give after those.
    rest: SizeHint,
    stopping: bool,
    /// The task, to be woken when there is room or it shall stop.
    filler: Option<Waker>,
    /// The consumer, to be woken when there is an item.
    taker: Option<Waker>,
}

impl<T> Queue<T> {
    fn new(limit: usize, rest: SizeHint) -> Self {
        Self {
            limit,
            inner: Mutex::new(Inner {
                items: VecDeque::new(),
                rest,
                stopping: false,
                filler: None,
                taker: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.lock();
        plus(inner.rest, inner.items.len())
    }

    /// Moves items from the source into the queue; ready at its end, or when it shall stop.
    fn poll_fill<S>(
        &self,
        source: &mut Pin<Box<S>>,
        pace: &mut Pace,
        cx: &mut Context<'_>,
    ) -> Poll<()>
    where
        S: Stream<Item = T>,
    {
        // Before the first look, so that no stop and no room is missed.
        let before = self.lock().filler.replace(cx.waker().clone());
        drop(before);
        loop {
            let inner = self.lock();
            if inner.stopping {
                return Poll::Ready(());
            }
            if inner.items.len() >= self.limit {
                return Poll::Pending;
            }
            drop(inner);
            ready!(pace.poll_item(cx));
            let Some(item) = ready!(source.as_mut().poll_next(cx)) else {
                self.lock().rest = ENDED;
                return Poll::Ready(());
            };
            let rest = source.size_hint();
            let mut inner = self.lock();
            inner.items.push_back(item);
            inner.rest = rest;
            let taker = inner.taker.take();
            drop(inner);
            if let Some(taker) = taker {
                taker.wake();
            }
        }
    }

    /// Takes the next item, or has the task of `cx` woken when there is one.
    fn take_or_listen(&self, cx: &Context<'_>) -> Option<T> {
        let mut listener = None;
        let mut inner = self.lock();
        if inner.items.is_empty() {
            drop(inner);
            listener = Some(cx.waker().clone());
            inner = self.lock();
        }
        let was_full = inner.items.len() == self.limit;
        let item = inner.items.pop_front();
        if item.is_none() {
            mem::swap(&mut inner.taker, &mut listener);
        }
        let filler = was_full.then(|| inner.filler.take()).flatten();
        drop(inner);
        if let Some(filler) = filler {
            filler.wake();
        }
        item
    }

    /// Lets the task end at its next look at the queue, and wakes it for that.
    fn stop(&self) {
        let mut inner = self.lock();
        inner.stopping = true;
        let filler = inner.filler.take();
        drop(inner);
        if let Some(filler) = filler {
            filler.wake();
        }
    }

    fn take_all(&self) -> VecDeque<T> {
        mem::take(&mut self.lock().items)
    }
}
