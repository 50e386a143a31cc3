//! The futures in flight, and the way from a wake-up to the one that it is for.
//!
//! Each slot has a waker of its own. A wake-up puts the slot's number into the
//! router's queue and wakes the task that polled last; that task then polls the
//! woken slots alone. A slot keeps its allocation and its waker when its future
//! ends, so a thousand futures through eight slots allocate eight times.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Where wake-ups arrive. No lock is held while foreign code runs: not a future,
/// not a waker's `wake`, `clone` or `drop`.
#[derive(Default)]
struct Router {
    state: Mutex<Woken>,
}

#[derive(Default)]
struct Woken {
    slots: VecDeque<usize>,
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
        woken.append(&mut state.slots);
    }
}

/// The waker of one slot.
struct Signal {
    slot: usize,
    /// True from the wake-up until the slot is polled: it is queued once.
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
            state.slots.push_back(self.slot);
            state.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

struct Slot<F> {
    future: Pin<Box<Option<F>>>,
    /// Which of all futures this one is, counted from the first.
    index: usize,
    signal: Arc<Signal>,
    waker: Waker,
}

/// A set of futures, each polled only when it was woken.
pub(crate) struct Slots<F> {
    slots: Vec<Slot<F>>,
    vacant: Vec<usize>,
    /// Woken and not polled yet, oldest wake-up first.
    woken: VecDeque<usize>,
    /// The slot inside whose `poll` we are. It is left behind by a panic only.
    polling: Option<usize>,
    router: Arc<Router>,
}

impl<F: Future> Slots<F> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            woken: VecDeque::new(),
            polling: None,
            router: Arc::default(),
        }
    }

    /// The futures that were started and haven't ended.
    pub(crate) fn in_flight(&self) -> usize {
        self.slots.len() - self.vacant.len() - usize::from(self.polling.is_some())
    }

    /// Makes the task of `cx` the one that is woken, and collects the wake-ups
    /// so far. A future that panicked in its poll is dropped here.
    pub(crate) fn listen(&mut self, cx: &Context<'_>) {
        if let Some(panicked) = self.polling {
            self.vacate(panicked);
        }
        self.router.listen(cx.waker(), &mut self.woken);
    }

    /// True if [`poll_woken`](Self::poll_woken) has something to poll.
    pub(crate) fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// Polls the slot whose wake-up is the oldest.
    ///
    /// What is woken from now on waits for the next [`listen`](Self::listen), so
    /// a future that wakes itself can't keep the task in its loop.
    pub(crate) fn poll_woken(&mut self) -> Poll<(usize, F::Output)> {
        match self.woken.pop_front() {
            Some(slot) => self.poll_slot(slot),
            None => Poll::Pending,
        }
    }

    /// Puts a future into a slot and polls it for the first time.
    pub(crate) fn start(&mut self, index: usize, future: F) -> Poll<(usize, F::Output)> {
        let slot = match self.vacant.pop() {
            Some(slot) => {
                let vacant = &mut self.slots[slot];
                vacant.index = index;
                vacant.future.set(Some(future));
                slot
            }
            None => {
                let slot = self.slots.len();
                let signal = Arc::new(Signal {
                    slot,
                    queued: AtomicBool::new(false),
                    router: Arc::clone(&self.router),
                });
                let waker = Waker::from(Arc::clone(&signal));
                self.slots.push(Slot {
                    future: Box::pin(Some(future)),
                    index,
                    signal,
                    waker,
                });
                slot
            }
        };
        self.poll_slot(slot)
    }

    fn poll_slot(&mut self, number: usize) -> Poll<(usize, F::Output)> {
        let slot = &mut self.slots[number];
        slot.signal.queued.swap(false, Ordering::AcqRel);
        // A late wake-up of the future that was here before finds nothing.
        let Some(future) = slot.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        self.polling = Some(number);
        let polled = future.poll(&mut Context::from_waker(&slot.waker));
        match polled {
            Poll::Ready(output) => {
                let index = slot.index;
                self.vacate(number);
                Poll::Ready((index, output))
            }
            Poll::Pending => {
                self.polling = None;
                Poll::Pending
            }
        }
    }
}

impl<F> Slots<F> {
    /// Frees the slot, then drops its future: if that panics, the slot is free.
    fn vacate(&mut self, slot: usize) {
        self.polling = None;
        self.vacant.push(slot);
        self.slots[slot].future.set(None);
    }
}

impl<F> Drop for Slots<F> {
    /// Drops what is in flight, the oldest first. A waker that outlives us must
    /// not keep the task alive, so the router forgets it.
    fn drop(&mut self) {
        let task = self.router.lock().task.take();
        drop(task);
        let mut oldest_first: Vec<&mut Slot<F>> = self
            .slots
            .iter_mut()
            .filter(|slot| slot.future.is_some())
            .collect();
        oldest_first.sort_unstable_by_key(|slot| slot.index);
        for slot in oldest_first {
            slot.future.set(None);
        }
    }
}
