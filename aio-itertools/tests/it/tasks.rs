//! What tests of tasks share: both runtimes, and a count of what is alive in them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use aio_itertools::Stream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::by_hand::{Task, poll_next_cut, poll_once};

pub(crate) fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn two_threads() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Runs a test on both flavours of runtime, under the watchdog.
pub(crate) fn on_both<F: Future<Output = ()> + 'static>(what: &str, test: fn() -> F) {
    for (flavour, runtime) in [
        ("one thread", one_thread as fn() -> Runtime),
        ("two", two_threads),
    ] {
        chaos::watchdog::closure(&format!("{what}, {flavour}"), move || {
            runtime().block_on(test());
        });
    }
}

/// Counts the tasks that are alive, by a value that each of them holds.
#[derive(Clone)]
pub(crate) struct Census {
    alive: watch::Sender<usize>,
    most: Arc<AtomicUsize>,
}

impl Census {
    pub(crate) fn new() -> Self {
        Self {
            alive: watch::Sender::new(0),
            most: Arc::default(),
        }
    }

    /// Counts from now until what it gives is dropped.
    pub(crate) fn member(&self) -> Member {
        self.alive.send_modify(|alive| {
            *alive += 1;
            self.most.fetch_max(*alive, SeqCst);
        });
        Member(self.alive.clone())
    }

    pub(crate) fn alive(&self) -> usize {
        *self.alive.borrow()
    }

    /// The most that were alive at once.
    pub(crate) fn most(&self) -> usize {
        self.most.load(SeqCst)
    }

    /// Waits until as many are alive.
    pub(crate) async fn until(&self, wanted: usize) {
        let waiting = async {
            let mut alive = self.alive.subscribe();
            alive.wait_for(|alive| *alive == wanted).await.unwrap();
        };
        chaos::watchdog::future(&format!("{wanted} alive"), waiting).await;
    }
}

/// Counts in its [`Census`] until it is dropped.
pub(crate) struct Member(watch::Sender<usize>);

impl Drop for Member {
    fn drop(&mut self) {
        self.0.send_modify(|alive| *alive -= 1);
    }
}

/// Polls `next` until it is ready, cut at every poll, and only when it was woken.
///
/// `help` is called while nothing has woken it. A panic of the poll is given as
/// its text.
pub(crate) async fn next_cut_at_every_poll<S>(
    stream: &mut S,
    cuts: &mut usize,
    mut help: impl FnMut(),
) -> Result<Option<S::Item>, &'static str>
where
    S: Stream + Unpin,
{
    loop {
        let (task, waker) = Task::new();
        match catch_unwind(AssertUnwindSafe(|| poll_next_cut(stream, &waker))) {
            Ok(Poll::Ready(item)) => return Ok(item),
            Ok(Poll::Pending) => *cuts += 1,
            Err(panic) => return Err(panic.downcast_ref::<&str>().unwrap()),
        }
        chaos::watchdog::future("a poll after a wake-up", async {
            while task.wakes() == 0 {
                help();
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Polls a future by hand until nobody wakes it any more: true if it has ended by then.
///
/// With nothing but itself to wake it, a future that hasn't ended never will.
pub(crate) fn ends_by_itself<F: Future>(future: F) -> bool {
    let mut future = pin!(future);
    let (task, waker) = Task::new();
    loop {
        let wakes = task.wakes();
        if poll_once(future.as_mut(), &waker).is_ready() {
            return true;
        }
        if task.wakes() == wakes {
            return false;
        }
    }
}

/// A consumer that wants, for each item, the lock that the work behind the items wants too.
pub(crate) async fn consume_with_the_lock<S: Stream>(
    make: impl FnOnce(&Arc<tokio::sync::Mutex<usize>>) -> S,
) -> usize {
    let lock = Arc::new(tokio::sync::Mutex::new(0));
    let mut items = pin!(make(&lock));
    while aio_itertools::next(&mut items).await.is_some() {
        *lock.lock().await += 1;
        tokio::task::yield_now().await;
    }
    *lock.lock().await
}

/// Holds the lock over an await, as the work behind such items does.
pub(crate) async fn hold(lock: Arc<tokio::sync::Mutex<usize>>) {
    let mut held = lock.lock().await;
    tokio::task::yield_now().await;
    *held += 1;
}
