//! What follows from a change to the engine and must wait until its lock is
//! free: waking callers runs their code, and writing to a socket takes long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use super::Ready;
use super::ledger::{Departure, Ledger};
use super::link::Link;
use crate::error::Error;
use crate::queue::Place;
use crate::reply::{Failure, Reply};
use crate::wire::CallId;

/// To be carried out, all of it, without a lock.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    links: Vec<Arc<Link>>,
    /// Places in the queue that are free.
    places: Vec<Place>,
    departures: Vec<Departure>,
    wakers: Vec<Waker>,
    ready: Option<(Ready, Result<Vec<u32>, Error>)>,
    wake_supervisor: bool,
}

impl Effects {
    /// Writes what was added to this link.
    pub(super) fn flush(&mut self, link: &Arc<Link>) {
        if link.note() {
            self.links.push(Arc::clone(link));
        }
    }

    /// Frees a place in the queue.
    pub(super) fn free(&mut self, place: Option<Place>) {
        self.places.extend(place.filter(Place::counts));
    }

    /// Wakes somebody who waits for an item.
    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    pub(super) fn depart(&mut self, departure: Departure) {
        self.departures.push(departure);
    }

    /// Answers a call, if anybody still waits for it.
    pub(super) fn answer(&mut self, ledger: &mut Ledger, call: CallId, reply: Reply) {
        self.departures.extend(ledger.strike(call, Some(reply)));
    }

    pub(super) fn answer_all(&mut self, ledger: &mut Ledger, failure: &Failure) {
        let reply = Err(failure.clone());
        self.departures.extend(ledger.strike_all(Some(reply)));
    }

    /// Leaves everybody without an answer.
    pub(super) fn abandon(&mut self, ledger: &mut Ledger) {
        self.departures.extend(ledger.strike_all(None));
    }

    pub(super) fn tell(&mut self, ready: Ready, result: Result<Vec<u32>, Error>) {
        self.ready = Some((ready, result));
    }

    pub(super) fn wake_supervisor(&mut self) {
        self.wake_supervisor = true;
    }

    /// Does it. Returns whether the supervisor is to look.
    #[must_use]
    pub(crate) fn carry_out(self) -> bool {
        // Workers first: they go on while callers are woken.
        for link in self.links {
            link.flush_noted();
        }
        for place in self.places {
            let_run(|| drop(place));
        }
        for waker in self.wakers {
            let_run(|| waker.wake());
        }
        for departure in self.departures {
            let_run(|| departure.carry_out());
        }
        if let Some((ready, result)) = self.ready {
            // Its start was dropped: the pool's end is on the way.
            let_run(|| drop(ready.send(result)));
        }
        self.wake_supervisor
    }
}

/// Runs code of others. If it panics that is said by now, and whoever comes
/// behind it is not to blame: this may be a thread that everybody depends on.
fn let_run(foreign: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(foreign)) {
        // What was thrown may panic when it is dropped.
        std::mem::forget(panic);
    }
}
