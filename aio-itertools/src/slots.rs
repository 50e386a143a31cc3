//! Futures, each polled only when it was woken: the places that `in_flight` fills.
//!
//! A slot keeps its allocation and its waker when its future ends, so a thousand
//! futures through eight slots allocate eight times.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::wakes::Wakes;

struct Slot<F> {
    future: Pin<Box<Option<F>>>,
    /// Which of all futures this one is, counted from the first.
    index: usize,
}

/// A set of futures, each polled only when it was woken.
pub(crate) struct Slots<F> {
    /// The number of a slot is that of its seat.
    slots: Vec<Slot<F>>,
    vacant: Vec<usize>,
    /// The slot inside whose `poll` we are. It is left behind by a panic only.
    polling: Option<usize>,
    wakes: Wakes,
}

impl<F: Future> Slots<F> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            polling: None,
            wakes: Wakes::new(),
        }
    }

    /// The futures that were started and haven't ended.
    pub(crate) fn in_flight(&self) -> usize {
        self.slots.len() - self.vacant.len() - usize::from(self.polling.is_some())
    }

    /// Makes the task of `cx` the one that is woken, and collects the wake-ups
    /// so far. A future that panicked in its poll is dropped here.
    pub(crate) fn listen(&mut self, cx: &Context<'_>) {
        self.drop_panicked();
        self.wakes.listen(cx);
    }

    /// True if [`poll_woken`](Self::poll_woken) has something to poll.
    pub(crate) fn has_woken(&self) -> bool {
        self.wakes.any()
    }

    /// Polls the slot whose wake-up is the oldest.
    ///
    /// What is woken from now on waits for the next [`listen`](Self::listen), so
    /// a future that wakes itself can't keep the task in its loop.
    pub(crate) fn poll_woken(&mut self) -> Poll<(usize, F::Output)> {
        match self.wakes.next() {
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
                let future = Box::pin(Some(future));
                self.slots.push(Slot { future, index });
                self.wakes.add()
            }
        };
        self.poll_slot(slot)
    }

    fn poll_slot(&mut self, number: usize) -> Poll<(usize, F::Output)> {
        let slot = &mut self.slots[number];
        let waker = self.wakes.waker(number);
        // A late wake-up of the future that was here before finds nothing.
        let Some(future) = slot.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        self.polling = Some(number);
        let polled = future.poll(&mut Context::from_waker(waker));
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
    /// Drops the future that panicked in its last poll, if one did.
    pub(crate) fn drop_panicked(&mut self) {
        if let Some(panicked) = self.polling {
            self.vacate(panicked);
        }
    }

    /// Frees the slot, then drops its future: if that panics, the slot is free.
    fn vacate(&mut self, slot: usize) {
        self.polling = None;
        self.vacant.push(slot);
        self.slots[slot].future.set(None);
    }

    /// Gives the futures in flight with their indices, the oldest first.
    pub(crate) fn into_unfinished(mut self) -> Vec<(usize, Unfinished<F>)> {
        self.drop_panicked();
        let mut oldest_first: Vec<_> = mem::take(&mut self.slots)
            .into_iter()
            .filter(|slot| slot.future.is_some())
            .map(|Slot { future, index }| (index, Unfinished { future }))
            .collect();
        oldest_first.sort_unstable_by_key(|(index, _)| *index);
        oldest_first
    }
}

impl<F> Drop for Slots<F> {
    /// Drops what is in flight, the oldest first.
    fn drop(&mut self) {
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

/// A future that was given back before its end, perhaps half done.
///
/// It has a pinned box of its own, so it can be moved, kept, and awaited later:
/// it goes on where it was.
///
/// # Cancel safety
///
/// Cancel safe as far as the future inside is: dropping this drops it.
#[must_use = "futures do nothing unless awaited"]
pub struct Unfinished<F> {
    /// `None` after the end.
    future: Pin<Box<Option<F>>>,
}

impl<F> Unfinished<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Box::pin(Some(future)),
        }
    }
}

impl<F: Future> Future for Unfinished<F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// If it is polled after its end.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = self.future.as_mut().as_pin_mut() else {
            panic!("an unfinished future was polled after its end");
        };
        let polled = future.poll(cx);
        if polled.is_ready() {
            self.future.set(None);
        }
        polled
    }
}

impl<F> fmt::Debug for Unfinished<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unfinished")
            .field("ended", &self.future.is_none())
            .finish_non_exhaustive()
    }
}
