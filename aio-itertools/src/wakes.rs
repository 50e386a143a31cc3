//! One task that waits for many things, and which of them were woken: under the futures
//! in `slots` and `wait`, and the streams in `turns`.
//!
//! Each seat has a waker of its own. A wake-up puts the seat's number into the
//! router's queue and wakes the task that polled last; that task then polls
//! what sits on the woken seats, and nothing else.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

/// Where wake-ups arrive. No lock is held while foreign code runs: not a future,
/// not a waker's `wake`, `clone` or `drop`.
#[derive(Default)]
struct Router {
    state: Mutex<Woken>,
}

#[derive(Default)]
struct Woken {
    seats: VecDeque<usize>,
    /// The task to wake; taken by the first wake-up, so that it is woken once.
    task: Option<Waker>,
}

impl Router {
    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `task` the one to wake, and moves what is woken into `woken`,
    /// behind what is left there: whatever stayed here would have spent its
    /// wake-up of the task and wait for another's.
    fn listen(&self, task: &Waker, woken: &mut VecDeque<usize>) {
        let mut state = self.lock();
        if state.task.as_ref().is_none_or(|old| !old.will_wake(task)) {
            drop(state);
            let new = task.clone();
            state = self.lock();
            let old = state.task.replace(new);
            drop(state);
            drop(old);
            state = self.lock();
        }
        woken.append(&mut state.seats);
    }
}

/// The waker of one seat.
struct Signal {
    seat: usize,
    /// True from the wake-up until the seat is polled: it is queued once.
    queued: AtomicBool,
    router: Arc<Router>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Each side swaps, so whoever comes second sees what the other wrote.
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let task = {
            let mut state = self.router.lock();
            state.seats.push_back(self.seat);
            state.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

struct Seat {
    signal: Arc<Signal>,
    waker: Waker,
}

/// The seats, numbered from 0, and which of them are woken.
pub(crate) struct Wakes {
    seats: Vec<Seat>,
    /// Woken and not polled yet, oldest wake-up first.
    woken: VecDeque<usize>,
    router: Arc<Router>,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        Self {
            seats: Vec::new(),
            woken: VecDeque::new(),
            router: Arc::default(),
        }
    }

    /// Adds a seat, which isn't woken, and gives its number.
    pub(crate) fn add(&mut self) -> usize {
        let seat = self.seats.len();
        let signal = Arc::new(Signal {
            seat,
            queued: AtomicBool::new(false),
            router: Arc::clone(&self.router),
        });
        let waker = Waker::from(Arc::clone(&signal));
        self.seats.push(Seat { signal, waker });
        seat
    }

    /// Makes the task of `cx` the one that is woken, and collects the wake-ups so far.
    pub(crate) fn listen(&mut self, cx: &Context<'_>) {
        self.router.listen(cx.waker(), &mut self.woken);
    }

    /// True if [`next`](Self::next) has a seat to give.
    pub(crate) fn any(&self) -> bool {
        !self.woken.is_empty()
    }

    /// Gives the seat whose wake-up is the oldest.
    ///
    /// What is woken from now on waits for the next [`listen`](Self::listen), so
    /// a future that wakes itself can't keep the task in its loop.
    pub(crate) fn next(&mut self) -> Option<usize> {
        self.woken.pop_front()
    }

    /// Gives the waker to poll the seat with; wake-ups from now on count anew.
    pub(crate) fn waker(&self, seat: usize) -> &Waker {
        let seat = &self.seats[seat];
        seat.signal.queued.swap(false, Ordering::AcqRel);
        &seat.waker
    }

    /// Queues the seat behind all that are woken, unless it has been woken itself.
    pub(crate) fn queue(&mut self, seat: usize) {
        if !self.seats[seat].signal.queued.swap(true, Ordering::AcqRel) {
            self.woken.push_back(seat);
        }
    }
}

impl Drop for Wakes {
    /// A waker that outlives us must not keep the task alive: the router forgets it.
    fn drop(&mut self) {
        let task = self.router.lock().task.take();
        drop(task);
    }
}
