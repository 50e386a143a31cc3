//! What becomes of a future that is cut.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use crate::clock;
use crate::gate::Gate;
use crate::poll::{Counted, Ran, Stop};
use crate::watchdog;

/// What becomes of an operation at the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The future is dropped.
    Drop,
    /// The future is a task's, and the task is aborted.
    Abort,
    /// The future loses a `tokio::select!` against a ready one, which is what `timeout` does to it.
    Timeout,
    /// The future is left unpolled while another operation runs, then polled to its end.
    Snooze,
    /// The future is forgotten: its destructors never run.
    Leak,
}

impl Fate {
    /// All five, in the order in which the harness deals them.
    pub const ALL: [Self; 5] = [
        Self::Drop,
        Self::Abort,
        Self::Timeout,
        Self::Snooze,
        Self::Leak,
    ];
}

/// The operation that runs while the first one is snoozed.
pub(crate) type Second = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) enum Beside {
    None,
    /// It must come to its end while the first is not polled.
    Finishes(Second),
    /// It may wait for the first.
    MayWait(Second),
}

/// How long a second operation that may wait is driven before it counts as
/// waiting. Either answer is right, so a slow machine can't make a test fail:
/// the time only decides how long the first one is left alone.
const QUIET: Duration = Duration::from_millis(20);

/// How a meeting with a fate went.
pub(crate) struct Met {
    pub(crate) cut: bool,
    pub(crate) polls: usize,
}

/// Runs `operation` until `stop` and deals it `fate`, except for abort, which needs a task.
pub(crate) async fn meet<F>(
    operation: F,
    fate: Fate,
    stop: Stop,
    beside: Beside,
    limit: Duration,
) -> Met
where
    F: Future<Output = ()> + Unpin,
{
    let gate = match &stop {
        Stop::AtGate(gate) => Some(gate.clone()),
        _ => None,
    };
    let mut operation = Counted::new(operation);
    if fate == Fate::Timeout {
        return lose(operation, stop).await;
    }
    let cut = matches!(operation.run(stop).await, Ran::Stopped);
    let polls = operation.polls();
    match fate {
        Fate::Leak if cut => std::mem::forget(operation),
        Fate::Snooze if cut => snooze(operation, gate, beside, limit).await,
        // The parts of a finished operation go like those of a dropped one.
        _ => drop(operation),
    }
    Met { cut, polls }
}

/// Lets the operation lose a select against a branch that becomes ready at `stop`.
async fn lose<F: Future<Output = ()> + Unpin>(operation: Counted<F>, stop: Stop) -> Met {
    let polls = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let branch = async {
        // Owned by this branch, so that losing is what drops it.
        let mut operation = operation;
        let ran = operation.run(stop).await;
        polls.store(operation.polls(), Ordering::Relaxed);
        if matches!(ran, Ran::Stopped) {
            stopped.store(true, Ordering::Relaxed);
            pending::<()>().await;
        }
    };
    let cut = tokio::select! {
        biased;
        () = branch => false,
        // Polled right after the branch above, so it needs no waker of its own.
        () = poll_fn(|_| match stopped.load(Ordering::Relaxed) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }) => true,
    };
    Met {
        cut,
        polls: polls.load(Ordering::Relaxed),
    }
}

async fn snooze<F: Future<Output = ()> + Unpin>(
    mut operation: Counted<F>,
    gate: Option<Gate>,
    beside: Beside,
    limit: Duration,
) {
    let open = |gate: &Option<Gate>| {
        if let Some(gate) = gate {
            gate.open();
        }
    };
    match beside {
        Beside::None => open(&gate),
        Beside::Finishes(mut second) => {
            // Started while the worker stands still, ended when it goes on.
            let started = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx))).await;
            open(&gate);
            if started.is_pending() {
                watchdog::future_within(
                    limit,
                    "the operation beside a snoozed one (it waits for a future that nobody polls)",
                    second,
                )
                .await;
            }
        }
        Beside::MayWait(mut second) => {
            let mut quiet = pin!(clock::after(QUIET));
            let ended = poll_fn(|cx| {
                if second.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(true);
                }
                quiet.as_mut().poll(cx).map(|()| false)
            })
            .await;
            open(&gate);
            if !ended {
                return both(operation, second).await;
            }
        }
    }
    operation.run(Stop::Never).await;
}

/// Drives the resumed operation and the one that waited for it to their ends.
async fn both<F: Future<Output = ()> + Unpin>(mut operation: Counted<F>, mut second: Second) {
    let mut first = pin!(async {
        operation.run(Stop::Never).await;
        // Dropped here: what waits may wait for a guard inside it.
        drop(operation);
    });
    let (mut first_ended, mut second_ended) = (false, false);
    poll_fn(|cx| {
        first_ended = first_ended || first.as_mut().poll(cx).is_ready();
        second_ended = second_ended || second.as_mut().poll(cx).is_ready();
        if first_ended && second_ended {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
