//! Futures and streams on tokio tasks of their own, which go on while nobody polls here.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::{FusedStream, Stream};
use tokio::task::JoinHandle;

use crate::size_hint::{ENDED, SizeHint, minus};

/// A future that runs on a tokio task of its own, and gives what that gives.
///
/// Dropping it aborts the task: the task ends at its next `await`, and nobody
/// waits for that.
///
/// # Cancel safety
///
/// Not cancel safe: dropping it aborts the task, and its output is lost.
#[must_use = "dropping it aborts the task"]
pub struct Spawned<T> {
    task: JoinHandle<T>,
}

impl<T: Send + 'static> Spawned<T> {
    fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            task: tokio::spawn(future),
        }
    }
}

impl<T> Future for Spawned<T> {
    type Output = T;

    /// # Panics
    ///
    /// With the panic of the task, and if its runtime has shut down before its end.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.task).poll(cx)) {
            Ok(output) => Poll::Ready(output),
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => panic!("the runtime shut down before a spawned task had ended"),
            },
        }
    }
}

impl<T> Drop for Spawned<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T> fmt::Debug for Spawned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawned")
            .field("task", &self.task.id())
            .field("finished", &self.task.is_finished())
            .finish()
    }
}

/// Futures of an iterator, each spawned when it is taken.
#[derive(Clone)]
#[must_use = "iterators are lazy"]
pub struct SpawnEach<I> {
    futures: I,
}

impl<I> SpawnEach<I> {
    pub(crate) fn new(futures: I) -> Self {
        Self { futures }
    }
}

impl<I> Iterator for SpawnEach<I>
where
    I: Iterator,
    I::Item: IntoFuture,
    <I::Item as IntoFuture>::IntoFuture: Send + 'static,
    <I::Item as IntoFuture>::Output: Send + 'static,
{
    type Item = Spawned<<I::Item as IntoFuture>::Output>;

    fn next(&mut self) -> Option<Self::Item> {
        let future = self.futures.next()?;
        Some(Spawned::new(future.into_future()))
    }

    fn size_hint(&self) -> SizeHint {
        self.futures.size_hint()
    }
}

impl<I> fmt::Debug for SpawnEach<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnEach").finish_non_exhaustive()
    }
}

/// The place between a stream's task and its consumer: one item, and who waits.
struct Desk<T> {
    item: Option<T>,
    /// The task, while there is an item.
    task: Option<Waker>,
    /// The consumer, while there is none.
    consumer: Option<Waker>,
}

/// No lock is held while a waker's `wake` or an item's `drop` runs.
type Shared<T> = Arc<Mutex<Desk<T>>>;

fn lock<T>(desk: &Shared<T>) -> MutexGuard<'_, Desk<T>> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts an item on the desk, and waits until it is taken.
async fn offer<T>(desk: &Shared<T>, item: T) {
    let consumer = {
        let mut desk = lock(desk);
        desk.item = Some(item);
        desk.consumer.take()
    };
    if let Some(consumer) = consumer {
        consumer.wake();
    }
    poll_fn(|cx| {
        let waker = cx.waker().clone();
        let mut desk = lock(desk);
        if desk.item.is_none() {
            return Poll::Ready(());
        }
        let old = desk.task.replace(waker);
        drop(desk);
        drop(old);
        Poll::Pending
    })
    .await;
}

/// Takes the item from the desk, or notes who waits for one.
fn poll_take<T>(desk: &Shared<T>, cx: &mut Context<'_>) -> Poll<T> {
    let waker = cx.waker().clone();
    let mut desk = lock(desk);
    if let Some(item) = desk.item.take() {
        let task = desk.task.take();
        drop(desk);
        if let Some(task) = task {
            task.wake();
        }
        return Poll::Ready(item);
    }
    let old = desk.consumer.replace(waker);
    drop(desk);
    drop(old);
    Poll::Pending
}

/// A stream that runs on a tokio task of its own, one item ahead.
///
/// The task polls the stream until it has an item, and goes on when that is
/// taken. It is spawned at the first poll. Dropping this aborts the task: it ends
/// at its next `await`, and nobody waits for that.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | a task polls the stream up to the next item |
/// | memory | one item |
/// | fairness | tokio's, among its tasks |
/// | fused | yes: the task has ended with the stream |
/// | size_hint | exact when the stream's was before its start |
/// | errors | items pass as they are; a panic is passed on, then the end |
/// | runtime | tokio |
///
/// # Panics
///
/// With the panic of the stream; outside a tokio runtime; and if the runtime has
/// shut down before the end of the stream.
#[must_use = "streams do nothing unless polled"]
pub struct SpawnedStream<S: Stream> {
    state: State<S>,
    /// What the stream said before its start, less what was taken since.
    left: SizeHint,
}

enum State<S: Stream> {
    New(S),
    Running {
        desk: Shared<S::Item>,
        task: Spawned<()>,
    },
    Ended,
}

// The stream is moved to its task before it is polled.
impl<S: Stream> Unpin for SpawnedStream<S> {}

impl<S: Stream> SpawnedStream<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            left: stream.size_hint(),
            state: State::New(stream),
        }
    }
}

impl<S> State<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    fn start(stream: S) -> Self {
        let desk = Arc::new(Mutex::new(Desk {
            item: None,
            task: None,
            consumer: None,
        }));
        let at_desk = Arc::clone(&desk);
        let task = Spawned::new(async move {
            let mut stream = pin!(stream);
            while let Some(item) = crate::next(&mut stream).await {
                offer(&at_desk, item).await;
            }
        });
        Self::Running { desk, task }
    }
}

impl<S> Stream for SpawnedStream<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        // Out of its place meanwhile: a panic is the end.
        let mut state = match mem::replace(&mut self.state, State::Ended) {
            State::New(stream) => State::start(stream),
            state => state,
        };
        if let State::Running { desk, task } = &mut state {
            // The task ends only after its last item was taken.
            if let Poll::Ready(item) = poll_take(desk, cx) {
                self.left = minus(self.left, 1);
                self.state = state;
                return Poll::Ready(Some(item));
            }
            if Pin::new(task).poll(cx).is_pending() {
                self.state = state;
                return Poll::Pending;
            }
        }
        self.left = ENDED;
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        self.left
    }
}

impl<S> FusedStream for SpawnedStream<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

impl<S: Stream> fmt::Debug for SpawnedStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::New(_) => "new",
            State::Running { .. } => "running",
            State::Ended => "ended",
        };
        f.debug_struct("SpawnedStream")
            .field("state", &state)
            .field("left", &self.left)
            .finish()
    }
}
