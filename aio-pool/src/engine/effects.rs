//! What follows from a change to the engine and must wait until its lock is
//! free: waking callers runs their code, and writing to a socket takes long.

use std::sync::Arc;

use super::Ready;
use super::ledger::{Ledger, Outbox};
use super::link::Link;
use crate::error::Error;
use crate::reply::{Failure, Reply, ReplyTo};
use crate::wire::CallId;

/// To be carried out, all of it, without a lock.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    links: Vec<Arc<Link>>,
    replies: Outbox,
    /// Waiters that are gone, or will never be answered.
    discarded: Vec<ReplyTo>,
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

    pub(super) fn reply(&mut self, to: ReplyTo, reply: Reply) {
        self.replies.push((to, reply));
    }

    pub(super) fn answer(&mut self, ledger: &mut Ledger, call: CallId, reply: Reply) {
        ledger.answer(call, reply, &mut self.replies);
    }

    pub(super) fn answer_all(&mut self, ledger: &mut Ledger, failure: &Failure) {
        ledger.answer_all(failure, &mut self.replies);
    }

    /// Drops a waiter, whose own drop may run code.
    pub(super) fn discard(&mut self, reply: ReplyTo) {
        self.discarded.push(reply);
    }

    /// Leaves everybody without an answer.
    pub(super) fn abandon(&mut self, ledger: &mut Ledger) {
        ledger.abandon(&mut self.discarded);
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
        for (to, reply) in self.replies {
            to.send(reply);
        }
        if let Some((ready, result)) = self.ready {
            // Its start was dropped: the pool's end is on the way.
            let _ = ready.send(result);
        }
        self.wake_supervisor
    }
}
