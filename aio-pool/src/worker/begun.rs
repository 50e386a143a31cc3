//! A call that has begun: polled by whoever has it in hand, and answered once,
//! even if it is dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;

use super::desk::Desk;
use super::items;
use super::panic::{Panic, caught};
use crate::job::{Answer, Job, Running};
use crate::wire::{CallId, Ending, ITEM_CREDIT};

/// What the call's code has made, from its first poll to its answer.
type Work = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A call that has begun.
pub(super) struct Begun {
    desk: Arc<Desk>,
    call: CallId,
    /// Its number among the deliveries.
    number: u64,
    /// None once it is answered.
    work: Option<Work>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Value,
    Items,
}

impl Begun {
    /// Takes a call in hand that the desk has begun.
    pub(super) fn new(
        desk: &Arc<Desk>,
        (call, number): (CallId, u64),
        run: fn(Job) -> Running,
        job: Job,
    ) -> Self {
        let (work, kind): (Work, _) = match caught(|| run(job)) {
            Ok(Running::Value(work)) => (work, Kind::Value),
            Ok(Running::Items(stream)) => {
                let credit = ITEM_CREDIT.try_into().unwrap_or(1);
                let credit = Arc::new(Semaphore::new(credit));
                desk.give_credit_through(call, &credit);
                let items = items::send(Arc::clone(desk), call, credit, stream);
                (Box::pin(items), Kind::Items)
            }
            Err(panic) => (Box::pin(std::future::ready(answer_of(panic))), Kind::Value),
        };
        Self {
            desk: Arc::clone(desk),
            call,
            number,
            work: Some(work),
            kind,
        }
    }

    /// Polls it. Its answer is gathered, and written with the next flush.
    pub(super) fn advance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.work else {
            return Poll::Ready(());
        };
        // Whoever waits meanwhile is not to blame for it.
        self.desk.marks.take_in_hand(self.number);
        let polled = caught(|| work.as_mut().poll(cx));
        self.desk.marks.put_down(self.number);
        let answer = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(answer)) => answer,
            Err(panic) => answer_of(panic),
        };
        self.end(answer);
        Poll::Ready(())
    }

    fn end(&mut self, answer: Answer) {
        let answer = match self.clear() {
            Some(panic) if !matches!(answer.ending, Ending::Panicked { .. }) => panic,
            _ => answer,
        };
        self.desk.answer(self.call, answer);
    }

    /// Drops what the code has left: what panics there is a panic of the task.
    fn clear(&mut self) -> Option<Answer> {
        let work = self.work.take();
        caught(|| drop(work)).err().map(answer_of)
    }
}

fn answer_of(panic: Panic) -> Answer {
    Ending::from(panic).into()
}

impl Future for Begun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.advance(cx);
        self.desk.uplink.flush();
        polled
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.work.is_none() {
            return;
        }
        let answer = self.clear().unwrap_or_else(|| Ending::Cancelled.into());
        match self.kind {
            Kind::Value => self.desk.answer(self.call, answer),
            // An item may be half sent.
            Kind::Items => self.desk.answer_in_turn(self.call, answer),
        }
        self.desk.uplink.flush();
    }
}
