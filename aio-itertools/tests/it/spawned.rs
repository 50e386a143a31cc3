//! Work on tasks of its own goes on while its consumer is busy, and stays within bounds.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

use aio_itertools::asyncio::merge;
use aio_itertools::{Stream, as_completed, gather, iter, next};
use futures_util::StreamExt as _;
use futures_util::stream::once;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

use crate::by_hand::{Task, poll_next_cut};
use crate::panics::panic_text;
use crate::paused::{SECOND, nap};
use crate::tasks::one_thread;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Of two futures, one holds a lock when the consumer wants it: the consumer gets it.
async fn finishes<S: Stream>(build: impl FnOnce([Work; 2]) -> S) {
    chaos::watchdog::future("a holder of a lock that the consumer wants", async {
        let (lock, held) = (Arc::new(Mutex::new(())), Arc::new(Notify::new()));
        let holder = {
            let (lock, held) = (Arc::clone(&lock), Arc::clone(&held));
            async move {
                let _held = lock.lock().await;
                held.notify_one();
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            }
        };
        let quick = async move { held.notified().await };
        let mut outputs = Box::pin(build([Box::pin(holder), Box::pin(quick)]));
        assert!(next(&mut outputs).await.is_some());
        drop(lock.lock().await);
        assert!(next(&mut outputs).await.is_some());
        assert!(next(&mut outputs).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn nothing_snoozes() {
    finishes(|work| gather(work).spawned().stream()).await;
    finishes(|work| as_completed(work).spawned().stream()).await;
    finishes(|work| {
        as_completed(work)
            .spawned()
            .deadline(Duration::MAX)
            .stream()
    })
    .await;
    finishes(|work| merge(work.map(once)).spawned()).await;
    finishes(|work| {
        merge(work.map(|work| once(work).map(Ok::<_, ()>)))
            .spawned()
            .fail_fast()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn awaited_outputs_are_in_the_order_of_the_input() {
    let start = Instant::now();
    let outputs = gather((0..4_u32).rev().map(|n| async move {
        nap(SECOND * n).await;
        n
    }))
    .spawned()
    .await;
    assert_eq!(outputs, [3, 2, 1, 0]);
    assert_eq!(start.elapsed(), SECOND * 3);
}

#[tokio::test(start_paused = true)]
async fn what_runs_and_what_was_not_taken_are_within_the_limit() {
    let started = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&started);
    let futures = (0..100).map(move |n| {
        let count = Arc::clone(&count);
        async move {
            count.fetch_add(1, SeqCst);
            n
        }
    });
    let mut outputs = gather(futures).limit(4).spawned().stream();
    nap(SECOND).await;
    assert_eq!(
        started.load(SeqCst),
        0,
        "nothing runs before the first poll"
    );
    for taken in 1..=50 {
        assert!(outputs.next().await.is_some());
        nap(SECOND).await; // the consumer is busy, and all that may runs
        assert!(started.load(SeqCst) <= taken + 4);
        assert!(outputs.in_flight() <= 4);
    }
}

#[tokio::test(start_paused = true)]
async fn each_merged_stream_is_one_item_ahead() {
    let made: Arc<[AtomicUsize; 3]> = Arc::default();
    let streams = (0..3).map(|n| {
        let made = Arc::clone(&made);
        iter((0..5).map(move |item| {
            made[n].fetch_add(1, SeqCst);
            (n, item)
        }))
    });
    let mut merged = merge(streams).spawned();
    assert_eq!(merged.size_hint(), (15, Some(15)));
    nap(SECOND).await;
    assert_eq!(
        made[0].load(SeqCst),
        0,
        "nothing runs before the first poll"
    );
    let mut taken = [0; 3];
    while let Some((n, item)) = next(&mut merged).await {
        assert_eq!(item, taken[n], "in the order of its stream");
        taken[n] += 1;
        nap(SECOND).await; // the consumer is busy
        let left = 15 - taken.iter().sum::<usize>();
        assert_eq!(merged.size_hint(), (left, Some(left)));
        for n in 0..3 {
            let made = made[n].load(SeqCst);
            assert_eq!(made, usize::min(taken[n] + 1, 5), "of stream {n}");
        }
    }
    assert_eq!(taken, [5; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_polled_goes_on_from_there_and_parts_keep_the_item_ahead() {
    let mut merged = merge([iter(0..5), iter(10..15)]);
    assert_eq!(next(&mut merged).await, Some(0));
    let mut merged = merged.spawned();
    let mut seen = vec![next(&mut merged).await, next(&mut merged).await];
    nap(SECOND).await;
    let mut rest = merge(merged.into_parts());
    while let Some(item) = next(&mut rest).await {
        seen.push(Some(item));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..5).chain(10..15).map(Some).collect::<Vec<_>>());
}

/// Tells that it was dropped.
struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// What is dropped after a poll aborts its task.
async fn aborts<S: Stream>(build: impl FnOnce(Work) -> S) {
    chaos::watchdog::future("a task that is aborted", async {
        let (started, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (start, told) = (Arc::clone(&started), Told(Arc::clone(&dropped)));
        let mut outputs = Box::pin(build(Box::pin(async move {
            start.notify_one();
            pending::<()>().await;
            drop(told);
        })));
        let (_task, waker) = Task::new();
        assert!(poll_next_cut(&mut outputs, &waker).is_pending());
        started.notified().await;
        drop(outputs);
        dropped.notified().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_dropped_is_aborted() {
    aborts(|work| gather([work]).spawned().stream()).await;
    aborts(|work| as_completed([work]).spawned().stream()).await;
    aborts(|work| merge([once(work)]).spawned()).await;
}

#[tokio::test]
async fn a_panic_is_passed_on_and_the_others_go_on() {
    let work = |n: usize| async move {
        assert!(n != 1, "number one");
        n
    };
    async fn seen<S: Stream<Item = usize>>(stream: S) -> Vec<Option<usize>> {
        let mut stream = Box::pin(stream);
        let mut seen = Vec::new();
        loop {
            let next = AssertUnwindSafe(next(&mut stream));
            match futures_util::FutureExt::catch_unwind(next).await {
                Ok(Some(n)) => seen.push(Some(n)),
                Ok(None) => break,
                Err(panic) => {
                    assert_eq!(panic.downcast_ref::<&str>(), Some(&"number one"));
                    seen.push(None);
                }
            }
        }
        seen.sort_unstable();
        seen
    }
    let all = [None, Some(0), Some(2)];
    let gathered = gather((0..3).map(work)).spawned().stream();
    assert_eq!(seen(gathered.map(|(_, n)| n)).await, all);
    assert_eq!(
        seen(as_completed((0..3).map(work)).spawned().stream()).await,
        all
    );
    assert_eq!(
        seen(merge((0..3).map(|n| once(work(n)))).spawned()).await,
        all
    );

    let awaited = tokio::spawn(async move { gather((0..3).map(work)).spawned().await });
    assert!(awaited.await.unwrap_err().is_panic());
}

/// A runtime that shuts down takes its tasks with it: that is told, and nothing hangs.
#[test]
fn a_runtime_that_shuts_down_is_no_hang() {
    chaos::watchdog::closure("outputs of a runtime that has shut down", || {
        let (_task, waker) = Task::new();

        let home = one_thread();
        let mut outputs = gather([pending::<()>()]).spawned().stream();
        let mut merged = merge([futures_util::stream::pending::<()>()]).spawned();
        {
            let _inside = home.enter();
            assert!(poll_next_cut(&mut outputs, &waker).is_pending());
            assert!(poll_next_cut(&mut merged, &waker).is_pending());
        }
        drop(home);
        let told = [
            catch_unwind(AssertUnwindSafe(|| {
                poll_next_cut(&mut outputs, &waker).is_ready()
            })),
            catch_unwind(AssertUnwindSafe(|| {
                poll_next_cut(&mut merged, &waker).is_ready()
            })),
        ];
        for (panic, name) in told.into_iter().zip(["`.spawned()`", "prefetch"]) {
            assert_eq!(
                panic.unwrap_err().downcast_ref::<String>(),
                Some(&format!(
                    "the runtime that {name} had its tasks on was shut down"
                ))
            );
        }
        assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
        assert_eq!(poll_next_cut(&mut merged, &waker), Poll::Ready(None));
    });
}

#[test]
fn without_a_runtime_it_panics_and_takes_no_future() {
    chaos::watchdog::closure("spawned outputs without a runtime", || {
        let (_task, waker) = Task::new();
        let mut outputs = gather([7, 8].map(|n| async move { n }))
            .spawned()
            .limit(1)
            .stream();
        assert_eq!(
            panic_text(|| poll_next_cut(&mut outputs, &waker)),
            "`.spawned()` starts tasks, so it needs a tokio runtime around it"
        );
        one_thread().block_on(async {
            assert_eq!(outputs.next().await, Some((0, 7)));
            assert_eq!(outputs.next().await, Some((1, 8)));
            assert_eq!(outputs.next().await, None);
        });
    });
}

#[tokio::test(start_paused = true)]
async fn unfinished_tasks_run_on_after_a_deadline() {
    let naps = [1, 3].map(|n| async move {
        nap(SECOND * n).await;
        n
    });
    let mut within = as_completed(naps).spawned().deadline(SECOND * 2).stream();
    let start = Instant::now();
    assert_eq!(next(&mut within).await, Some(Ok(1)));
    assert!(next(&mut within).await.unwrap().is_err());
    let pending: Vec<_> = within.into_pending().collect();
    nap(SECOND * 5).await;
    let finished = Instant::now();
    assert_eq!(gather(pending).await, [3]);
    assert_eq!(
        (start.elapsed(), finished.elapsed()),
        (SECOND * 7, Duration::ZERO)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_on_many_threads_lose_nothing() {
    chaos::watchdog::future("merged streams on tasks", async {
        for round in 0..50_usize {
            let streams = (0..8).map(|n| {
                iter(0..50_usize).then(move |item| async move {
                    if (item + n + round) % 7 == 0 {
                        tokio::task::yield_now().await;
                    }
                    n * 50 + item
                })
            });
            let mut merged = merge(streams).spawned();
            let mut seen = Vec::new();
            while let Some(item) = next(&mut merged).await {
                seen.push(item);
            }
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..400), "round {round}");
        }
    })
    .await;
}
