//! What is said to snooze does, and what is said to finish finishes.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aio_itertools::asyncio::{as_generated, gather_iter, merge};
use aio_itertools::{Stream, as_completed, gather, iter, try_gather};
use futures_util::stream::once;

use crate::by_hand::{Task, poll_next_cut, poll_once};
use crate::doors::doors;

/// The files whose cards say "snoozes"; each is shown to below.
pub(crate) const SHOWN: [&str; 6] = [
    "asyncio/as_completed.rs",
    "asyncio/as_completed/within.rs",
    "asyncio/gather.rs",
    "asyncio/gather_iter.rs",
    "asyncio/merge.rs",
    "asyncio/try_gather.rs",
];

type Work = Pin<Box<dyn Future<Output = Result<(), ()>>>>;

/// Of two futures, one holds a lock, and the consumer wants it: both stand still
/// until the stream is polled again.
fn snoozes<S: Stream>(build: impl FnOnce([Work; 2]) -> S) {
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let [first, inside] = doors();
    let holder = {
        let (lock, inside) = (Arc::clone(&lock), inside.clone());
        async move {
            let _held = lock.lock().await;
            inside.pass().await;
            Ok(())
        }
    };
    let passer = {
        let first = first.clone();
        async move {
            first.pass().await;
            Ok(())
        }
    };
    let mut outputs = Box::pin(build([Box::pin(holder), Box::pin(passer)]));
    let (task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    first.open();
    let output = poll_next_cut(&mut outputs, &waker);
    assert!(output.map(|output| output.is_some()).is_ready());

    let mut consumer = Box::pin(lock.lock());
    assert!(poll_once(consumer.as_mut(), &waker).is_pending());
    let wakes = task.wakes();
    inside.open();
    assert!(
        poll_once(consumer.as_mut(), &waker).is_pending(),
        "the holder is woken, and nobody polls it"
    );
    assert!(task.wakes() >= wakes);
    assert!(poll_next_cut(&mut outputs, &waker).is_ready());
    assert!(poll_once(consumer.as_mut(), &waker).is_ready());
}

#[test]
fn gathered_outputs_snooze() {
    snoozes(|work| gather(work).stream());
    snoozes(|work| try_gather(work).stream());
    snoozes(|work| gather_iter(iter(work)).stream());
    snoozes(|work| as_completed(work).stream());
}

#[tokio::test(start_paused = true)]
async fn outputs_with_a_deadline_snooze() {
    snoozes(|work| as_completed(work).deadline(Duration::MAX).stream());
}

#[test]
fn merged_streams_snooze() {
    snoozes(|work| merge(work.map(once)));
    snoozes(|work| as_generated(work.map(once)));
    snoozes(|work| merge(work.map(once)).collect_errors());
}
