//! Poll, release, woken: proof that a pending future is woken by what it waits for.
//!
//! A runtime may poll a future for other reasons than its own wake-up, and so
//! hide a missing one. A probe polls only when it is told to, with a fresh
//! waker each time, so that a future that keeps an old waker is found too.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_core::Stream;

use crate::clock::lock;
use crate::watchdog::{self, LIMIT};

/// Takes a future under the probe.
pub fn probe<F: Future>(name: impl Into<String>, future: F) -> Probe<F> {
    Probe::new(name.into(), future)
}

/// Takes a stream under the probe; each `ready` gives the next item.
pub fn probe_stream<S: Stream>(name: impl Into<String>, stream: S) -> StreamProbe<S> {
    StreamProbe {
        probe: Probe::new(name.into(), stream),
    }
}

/// Polls once, asserts pending, calls `release`, asserts that this wakes, polls ready.
///
/// # Panics
/// When one of these is not so.
pub fn poll_release_woken<F: Future>(
    name: impl Into<String>,
    future: F,
    release: impl FnOnce(),
) -> F::Output {
    let mut probe = probe(name, future);
    probe.pending();
    release();
    probe.woken();
    probe.ready()
}

/// A future that is polled by hand.
pub struct Probe<F> {
    name: String,
    inner: Pin<Box<F>>,
    alarm: Arc<Alarm>,
    limit: Duration,
}

/// A stream that is polled by hand.
pub struct StreamProbe<S> {
    probe: Probe<S>,
}

#[derive(Default)]
struct Alarm {
    state: Mutex<Woken>,
    changed: Condvar,
}

#[derive(Default)]
struct Woken {
    count: usize,
    watcher: Option<Waker>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let watcher = {
            let mut state = lock(&self.state);
            state.count += 1;
            self.changed.notify_all();
            state.watcher.take()
        };
        if let Some(watcher) = watcher {
            watcher.wake();
        }
    }
}

impl<F> Probe<F> {
    fn new(name: String, inner: F) -> Self {
        Self {
            name,
            inner: Box::pin(inner),
            alarm: Arc::default(),
            limit: LIMIT,
        }
    }

    /// Waits for a wake-up this long instead of 30 s.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Returns how often the latest waker was woken.
    #[must_use]
    pub fn wakes(&self) -> usize {
        lock(&self.alarm.state).count
    }

    /// Asserts that nothing has woken it since the last poll.
    ///
    /// # Panics
    /// When something has.
    pub fn asleep(&self) {
        assert_eq!(self.wakes(), 0, "{} was woken too early", self.name);
    }

    /// Blocks until it is woken; for a wake-up that comes from another thread, or has come already.
    ///
    /// # Panics
    /// When none comes within 30 s.
    pub fn woken(&self) {
        let state = lock(&self.alarm.state);
        let (_state, waited) = self
            .alarm
            .changed
            .wait_timeout_while(state, self.limit, |state| state.count == 0)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            !waited.timed_out(),
            "watchdog: {} was not woken in {:?}",
            self.name,
            self.limit
        );
    }

    /// Resolves when it is woken; for a wake-up that needs the runtime of this test.
    ///
    /// # Panics
    /// When none comes within 30 s.
    ///
    /// # Cancel safety
    /// Cancel safe: it only looks.
    pub async fn until_woken(&self) {
        let woken = poll_fn(|cx| {
            let mut state = lock(&self.alarm.state);
            if state.count > 0 {
                return Poll::Ready(());
            }
            state.watcher = Some(cx.waker().clone());
            Poll::Pending
        });
        watchdog::future_within(self.limit, &format!("{}, never woken,", self.name), woken).await;
    }

    /// Polls once with a waker of its own; wake-ups of older ones count no more.
    fn poll_with<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut F>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.alarm = Arc::default();
        let waker = Waker::from(Arc::clone(&self.alarm));
        poll(self.inner.as_mut(), &mut Context::from_waker(&waker))
    }
}

impl<F: Future> Probe<F> {
    /// Polls once.
    pub fn poll(&mut self) -> Poll<F::Output> {
        self.poll_with(|inner, cx| inner.poll(cx))
    }

    /// Polls once and asserts pending.
    ///
    /// # Panics
    /// When it is ready.
    pub fn pending(&mut self) {
        assert!(self.poll().is_pending(), "{} is ready too early", self.name);
    }

    /// Polls once and asserts ready.
    ///
    /// # Panics
    /// When it is pending.
    pub fn ready(mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("{} is still pending", self.name),
        }
    }
}

impl<S: Stream> StreamProbe<S> {
    /// Waits for a wake-up this long instead of 30 s.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.probe.limit = limit;
        self
    }

    /// Polls for the next item once.
    pub fn poll(&mut self) -> Poll<Option<S::Item>> {
        self.probe.poll_with(|inner, cx| inner.poll_next(cx))
    }

    /// Polls once and asserts pending.
    ///
    /// # Panics
    /// When an item or the end is there.
    pub fn pending(&mut self) {
        assert!(
            self.poll().is_pending(),
            "{} is ready too early",
            self.probe.name
        );
    }

    /// Polls once and returns the item, or nothing at the end.
    ///
    /// # Panics
    /// When it is pending.
    pub fn ready(&mut self) -> Option<S::Item> {
        match self.poll() {
            Poll::Ready(item) => item,
            Poll::Pending => panic!("{} is still pending", self.probe.name),
        }
    }

    /// Asserts that nothing has woken it since the last poll.
    ///
    /// # Panics
    /// When something has.
    pub fn asleep(&self) {
        self.probe.asleep();
    }

    /// Blocks until it is woken.
    ///
    /// # Panics
    /// When no wake-up comes within 30 s.
    pub fn woken(&self) {
        self.probe.woken();
    }

    /// Resolves when it is woken; for a wake-up that needs the runtime of this test.
    ///
    /// # Panics
    /// When none comes within 30 s.
    ///
    /// # Cancel safety
    /// Cancel safe: it only looks.
    pub async fn until_woken(&self) {
        self.probe.until_woken().await;
    }
}

impl<F> fmt::Debug for Probe<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("name", &self.name)
            .field("wakes", &self.wakes())
            .finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for StreamProbe<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.probe.fmt(f)
    }
}
