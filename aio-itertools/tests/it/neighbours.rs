//! Work that never ends and is always ready lets other tasks run.
//!
//! Each test proves it by finishing: on one thread, a neighbour can stop the
//! endless work only if it gets its turn.

use std::future::{pending, poll_fn, ready};
use std::task::Poll;
use std::time::Duration;

use aio_itertools::asyncio::{gather_iter, merge};
use aio_itertools::{Stream, as_completed, gather, iter, next, prelude::*, try_gather, wait};
use futures_util::StreamExt as _;

use crate::tasks::one_thread;

/// The same for work that stays on its thread, or that ends at last.
pub(crate) fn yields_locally<F: Future<Output = ()> + 'static>(
    work: impl FnOnce() -> F + Send + 'static,
) {
    chaos::watchdog::closure("a neighbour of ready work has its turn", || {
        let runtime = one_thread();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let hog = tokio::task::spawn_local(work());
            let neighbour = tokio::task::spawn_local(async {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            });
            neighbour.await.unwrap();
            hog.abort();
        });
    });
}

/// Runs endless work beside a task that says when it had its turn.
fn yields<F: Future<Output = ()> + Send + 'static>(endless: F) {
    // The watchdog is a thread: a hog on the runtime's thread can't hold it up.
    let (done, watchdog) = std::sync::mpsc::channel::<()>();
    let run = std::thread::spawn(move || {
        let runtime = one_thread();
        runtime.block_on(async {
            let hog = tokio::spawn(endless);
            let neighbour = tokio::spawn(async {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            });
            neighbour.await.unwrap();
            assert!(!hog.is_finished());
            hog.abort();
            assert!(hog.await.unwrap_err().is_cancelled());
        });
        drop(done);
    });
    let outcome = watchdog.recv_timeout(Duration::from_secs(30));
    assert_eq!(
        outcome,
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected),
        "the neighbour never had its turn"
    );
    run.join().unwrap();
}

async fn exhaust<S: Stream + Unpin>(mut stream: S) {
    while next(&mut stream).await.is_some() {}
}

/// Gives all that `kept` has, and fails if no other task has a turn meanwhile.
async fn gives_in_turns<S: Stream + Unpin>(mut kept: S) {
    // The stream has collected it by then, and asks its source no more.
    next(&mut kept).await;
    let neighbour = tokio::spawn(async {});
    exhaust(kept).await;
    assert!(neighbour.is_finished());
}

#[tokio::test]
async fn what_was_kept_is_given_in_turns_with_the_neighbours() {
    // More than one turn's budget is for.
    let numbers = || iter(0..20_000);
    gives_in_turns(numbers().take_last(usize::MAX)).await;
    let (before, mut after) = numbers().before_and_after(|n| *n < 19_999);
    next(&mut after).await;
    gives_in_turns(before).await;
}

#[test]
fn iter_lets_its_neighbours_run() {
    yields(exhaust(iter(0..)));
}

#[test]
fn batched_lets_its_neighbours_run_whatever_its_size() {
    // A source that never spends the budget itself.
    let hog = || futures_util::stream::repeat(());
    yields(exhaust(hog().batched(1)));
    yields(exhaust(hog().batched(1000)));
    // The first batch would never be full.
    yields(exhaust(hog().batched(usize::MAX).strict()));
}

#[test]
fn gather_lets_its_neighbours_run() {
    yields(exhaust(gather((0..).map(ready)).limit(8).stream()));
    // Futures that are started without end.
    yields(exhaust(gather((0..).map(|_| pending::<()>())).stream()));
}

#[test]
fn the_kin_of_gather_lets_its_neighbours_run() {
    yields(exhaust(as_completed((0..).map(ready)).limit(8).stream()));
    let never_fails = (0..).map(|n| ready(Ok::<_, ()>(n)));
    yields(exhaust(try_gather(never_fails).limit(8).stream()));
    // A source that never spends the budget itself.
    let hog = futures_util::stream::repeat(()).map(ready);
    yields(exhaust(gather_iter(hog).limit(8).stream()));
    yields(async {
        wait((0..3).map(|_| Box::pin(selfish()))).await;
    });
}

#[test]
fn merge_lets_its_neighbours_run() {
    let hog = || futures_util::stream::repeat(Ok::<_, ()>(()));
    yields(exhaust(merge((0..3).map(|_| hog()))));
    yields(exhaust(merge((0..3).map(|_| hog())).fail_fast()));
    yields(exhaust(merge((0..3).map(|_| hog())).collect_errors()));
    // Streams that wake themselves, and give nothing.
    let selfish = || futures_util::stream::once(selfish());
    yields(exhaust(merge((0..3).map(|_| selfish()))));
}

/// A future that is always woken and never ends.
async fn selfish() {
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .await;
}

#[test]
fn a_future_that_wakes_itself_holds_up_neither_task_nor_siblings() {
    yields(async move {
        gather((0..3).map(|_| selfish())).await;
    });
    let sibling = async {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    };
    let futures: [std::pin::Pin<Box<dyn Future<Output = ()>>>; 2] =
        [Box::pin(selfish()), Box::pin(sibling)];
    let first = futures_lite::future::block_on(async { gather(futures).stream().next().await });
    assert_eq!(first, Some((1, ())));
}

#[tokio::test]
async fn futures_that_wake_themselves_dont_keep_new_ones_out() {
    // More than one poll's budget can start: those that run must leave turns.
    const ALL: usize = 1000;
    let started = std::cell::Cell::new(0);
    let started = &started;
    gather((0..ALL).map(|_| async move {
        started.set(started.get() + 1);
        // Endless unless all are started.
        while started.get() < ALL {
            tokio::task::yield_now().await;
        }
    }))
    .await;
    assert_eq!(started.get(), ALL);
}

#[test]
fn work_on_tasks_lets_its_neighbours_run() {
    let hog = || futures_util::stream::repeat(());
    yields(exhaust(hog().map_spawned(8, ready)));
    yields(exhaust(hog().map_spawned(8, ready).unordered()));
    // There is always room, and always an item.
    yields(exhaust(hog().map_spawned(usize::MAX, |()| pending::<()>())));
    yields(exhaust(hog().prefetch(8)));
    yields(exhaust(hog().prefetch(usize::MAX)));
}
