//! Gates at which a worker thread stands still while the test acts.
//!
//! A reply from a thread has only two polls of its own, so counting polls does
//! not see the steps of the worker behind it. A [`Step`] goes into an SQL
//! function, a hook or a closure that the worker calls; the [`Gate`] stays with
//! the test, which waits until the worker has come, acts, and lets it go on.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::clock::lock;
use crate::watchdog::{self, LIMIT};

/// The test's side of a gate: knows when the worker has come, lets it go on.
///
/// The gate opens when the last clone of it is dropped, so that a failing test
/// leaves no worker behind.
#[derive(Clone)]
pub struct Gate {
    owner: Arc<Owner>,
}

/// The worker's side of a gate: [`pass`](Step::pass) blocks until it is open.
#[derive(Clone)]
pub struct Step {
    shared: Arc<Shared>,
}

struct Owner {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    limit: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    open: bool,
    free: usize,
    arrived: usize,
    wakers: Vec<Waker>,
}

impl Gate {
    /// Creates a closed gate.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::build(name.into(), 0, LIMIT)
    }

    /// Creates a gate that lets the first `free` calls of `pass` through and stops the next.
    #[must_use]
    pub fn after(name: impl Into<String>, free: usize) -> Self {
        Self::build(name.into(), free, LIMIT)
    }

    /// Creates a closed gate whose watchdog barks after another time than 30 s.
    #[must_use]
    pub fn within(name: impl Into<String>, limit: Duration) -> Self {
        Self::build(name.into(), 0, limit)
    }

    fn build(name: String, free: usize, limit: Duration) -> Self {
        let shared = Arc::new(Shared {
            name,
            limit,
            state: Mutex::new(State {
                open: false,
                free,
                arrived: 0,
                wakers: Vec::new(),
            }),
            changed: Condvar::new(),
        });
        Self {
            owner: Arc::new(Owner { shared }),
        }
    }

    /// Returns the side that the worker calls.
    #[must_use]
    pub fn step(&self) -> Step {
        Step {
            shared: Arc::clone(&self.owner.shared),
        }
    }

    /// Returns the gate's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.owner.shared.name
    }

    /// Lets the worker go on, now and at every later call.
    pub fn open(&self) {
        self.owner.shared.open();
    }

    /// Says whether a worker has come to the gate.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        lock(&self.owner.shared.state).arrived > 0
    }

    /// Resolves when a worker has come to the gate.
    ///
    /// # Panics
    /// When none comes within 30 s; the message names the gate.
    ///
    /// # Cancel safety
    /// Cancel safe: it only looks.
    pub async fn reached(&self) {
        watchdog::future_within(
            self.owner.shared.limit,
            &format!("the way to gate {:?}", self.name()),
            self.arrival(),
        )
        .await;
    }

    /// Blocks until a worker has come to the gate.
    ///
    /// # Panics
    /// When none comes within 30 s; the message names the gate.
    pub fn wait_reached(&self) {
        let shared = &self.owner.shared;
        let state = lock(&shared.state);
        let (_state, waited) = shared
            .changed
            .wait_timeout_while(state, shared.limit, |state| state.arrived == 0)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            !waited.timed_out(),
            "watchdog: no worker came to gate {:?} in {:?}",
            shared.name,
            shared.limit
        );
    }

    /// Resolves on arrival, without a watchdog: the cut harness has its own.
    pub(crate) fn arrival(&self) -> impl Future<Output = ()> + Send + 'static {
        let shared = Arc::clone(&self.owner.shared);
        poll_fn(move |cx| {
            let mut state = lock(&shared.state);
            if state.arrived > 0 {
                return Poll::Ready(());
            }
            if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
    }
}

impl Step {
    /// Blocks the calling thread until the gate is open.
    ///
    /// # Panics
    /// When the gate is not opened within 30 s; the message names the gate.
    pub fn pass(&self) {
        let shared = &self.shared;
        let mut state = lock(&shared.state);
        if state.open {
            return;
        }
        if state.free > 0 {
            state.free -= 1;
            return;
        }
        state.arrived += 1;
        let wakers = std::mem::take(&mut state.wakers);
        shared.changed.notify_all();
        drop(state);
        for waker in wakers {
            waker.wake();
        }
        let end = Instant::now() + shared.limit;
        let mut state = lock(&shared.state);
        while !state.open {
            let left = end.saturating_duration_since(Instant::now());
            // Unlocked before the panic, so that the test's side stays usable.
            if left.is_zero() {
                drop(state);
                panic!(
                    "watchdog: gate {:?} was not opened in {:?}",
                    shared.name, shared.limit
                );
            }
            state = shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Shared {
    fn open(&self) {
        lock(&self.state).open = true;
        self.changed.notify_all();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.open();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.owner.shared.state);
        f.debug_struct("Gate")
            .field("name", &self.name())
            .field("open", &state.open)
            .field("arrived", &state.arrived)
            .finish()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Step").field(&self.shared.name).finish()
    }
}
