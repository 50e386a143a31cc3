//! What a pipeline promises, case by case; the random ones are in `pipeline_laws`.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aio_itertools::pipeline::{Batches, Call, ItemTimeout, MapConcurrent, Pipeline, Source, Stage};
use aio_itertools::sources::Iter;
use aio_itertools::{Stream, gather, iter, prelude::*};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::sync::Mutex;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::by_hand::{Task, poll_once};
use crate::neighbours::yields_locally;
use crate::panics::panic_text;
use crate::paused::on_paused_clock;
use crate::scripted::{Ledger, Token};
use crate::tasks::two_threads;

const ITEMS: u32 = 12;

/// Work that takes time on the paused clock.
async fn takes(time: Duration) {
    tokio::time::sleep(time).await; // not a wait: it stands for work
}

/// Runs a future on one thread and a paused clock, under the watchdog.
fn finishes<F: Future>(what: &str, make: impl FnOnce() -> F + Send + 'static)
where
    F::Output: Send + 'static,
{
    chaos::watchdog::closure(what, move || on_paused_clock(make()));
}

/// Takes the lock, and keeps it over a pause.
async fn locked(lock: &Mutex<u32>) {
    let mut held = lock.lock().await;
    takes(Duration::from_millis(10)).await;
    *held += 1;
}

/// Runs every sink behind the stages; its bodies want the lock as well.
async fn every_sink<S: Stage>(lock: &Mutex<u32>, stages: impl Fn() -> Pipeline<S>) {
    let bodies = Cell::new(0);
    let body = |_: S::Item| {
        bodies.set(bodies.get() + 1);
        locked(lock)
    };
    let fallible = |_: S::Item| {
        bodies.set(bodies.get() + 1);
        async {
            locked(lock).await;
            Ok::<_, Infallible>(())
        }
    };
    let all = stages().list().await.len();
    stages().for_each(body).await;
    stages().for_each_concurrent(2, body).await;
    stages().try_for_each(fallible).await.unwrap();
    let last = stages().try_for_each_concurrent(3, fallible);
    last.await.unwrap();
    assert_eq!(bodies.get(), all * 4);
}

/// A source that takes the lock before each item.
fn locking(lock: &Mutex<u32>) -> impl Stream<Item = u32> {
    stream::unfold(0, async |n| {
        locked(lock).await;
        (n < ITEMS).then_some((n, n + 1))
    })
}

#[test]
fn items_in_flight_and_bodies_share_one_lock_and_finish() {
    finishes("the mutex matrix", async || {
        let lock = &Mutex::new(0);
        let job = |_: u32| locked(lock);
        let again = |()| locked(lock);
        let source = || iter(0..ITEMS).pipeline();
        for limit in [1, 2, 3, usize::MAX] {
            every_sink(lock, || source().map_concurrent(limit, job)).await;
            every_sink(lock, || source().map_concurrent(limit, job).unordered()).await;
            every_sink(lock, || {
                source().map_concurrent(limit, job).weight(|n| *n as usize)
            })
            .await;
            every_sink(lock, || {
                let first = source().map_concurrent(limit, job);
                first.map_concurrent(2, again)
            })
            .await;
            every_sink(lock, || {
                let first = source().map_concurrent(2, job).unordered();
                first.map_concurrent(limit, again).unordered()
            })
            .await;
            every_sink(lock, || source().map_concurrent(limit, job).batched(2)).await;
            every_sink(lock, || {
                let batches = source().map_concurrent(limit, job).batched(2);
                batches.map_concurrent(2, |_| locked(lock)).unordered()
            })
            .await;
            // The source wants the lock too.
            let locking = || Box::pin(locking(lock)).pipeline();
            every_sink(lock, locking).await;
            every_sink(lock, || locking().map_concurrent(limit, job)).await;
            every_sink(lock, || locking().batched(5)).await;
            every_sink(lock, || {
                let batches = locking().map_concurrent(limit, job).unordered().batched(2);
                batches.map_concurrent(2, |_| locked(lock))
            })
            .await;
        }
    });
}

#[test]
fn with_a_time_limit_the_lock_is_shared_as_well() {
    finishes("the mutex with timeouts", async || {
        let lock = &Mutex::new(0);
        every_sink(lock, || {
            let jobs = iter(0..ITEMS)
                .pipeline()
                .map_concurrent(3, |_| locked(lock));
            jobs.item_timeout(Duration::from_millis(15)).with_input()
        })
        .await;
    });
}

/// Takes the lock over one step; it needs no clock.
async fn locked_a_step(lock: &Mutex<u32>) {
    let mut held = lock.lock().await;
    yield_now().await;
    *held += 1;
}

/// Polls by hand for as long as something is woken; true if the future ended.
fn ends_by_its_wake_ups<F: Future>(future: F) -> bool {
    let mut future = Box::pin(future);
    let (task, waker) = Task::new();
    loop {
        let wakes = task.wakes();
        if poll_once(future.as_mut(), &waker).is_ready() {
            return true;
        }
        if task.wakes() == wakes {
            return false;
        }
    }
}

#[test]
fn the_same_made_of_plain_streams_snoozes() {
    let jobs = |lock: &'static Mutex<u32>| (0..ITEMS).map(move |_| locked_a_step(lock));
    let ordered = |lock, limit| stream::iter(jobs(lock)).buffered(limit);
    let snoozes = |run: &dyn Fn(&'static Mutex<u32>) -> LocalFuture| {
        let lock = Box::leak(Box::new(Mutex::new(0)));
        assert!(!ends_by_its_wake_ups(run(lock)));
    };
    snoozes(&|lock| Box::pin(ordered(lock, 2).for_each(|()| locked_a_step(lock))));
    snoozes(&|lock| {
        let unordered = stream::iter(jobs(lock)).buffer_unordered(2);
        Box::pin(unordered.for_each(|()| locked_a_step(lock)))
    });
    snoozes(&|lock| {
        let outputs = gather(jobs(lock)).limit(2).stream();
        Box::pin(outputs.for_each(|_| locked_a_step(lock)))
    });
    // Bodies at once, and bodies that may fail.
    snoozes(&|lock| {
        let sink = ordered(lock, 4).for_each_concurrent(2, |()| locked_a_step(lock));
        Box::pin(sink)
    });
    snoozes(&|lock| {
        let items = ordered(lock, 2).map(Ok::<_, Infallible>);
        let sink = items.try_for_each(|()| locked_a_step(lock).map(Ok));
        Box::pin(sink.map(drop))
    });
    snoozes(&|lock| {
        let items = ordered(lock, 4).map(Ok::<_, Infallible>);
        let sink = items.try_for_each_concurrent(2, |()| locked_a_step(lock).map(Ok));
        Box::pin(sink.map(drop))
    });
    // Two in a chain, batches in between, and a source that locks.
    snoozes(&|lock| {
        let chained = ordered(lock, 2).map(|()| locked_a_step(lock)).buffered(2);
        Box::pin(chained.for_each(|()| locked_a_step(lock)))
    });
    snoozes(&|lock| {
        let batches = ordered(lock, 2).batched(2);
        Box::pin(batches.for_each(|_| locked_a_step(lock)))
    });
    snoozes(&|lock| {
        let source = stream::iter(0..ITEMS).then(|_| locked_a_step(lock));
        let items = source.map(|()| locked_a_step(lock)).buffered(2);
        Box::pin(items.for_each(|()| locked_a_step(lock)))
    });

    // The pipeline passes the same check.
    let lock = Mutex::new(0);
    let pipeline = iter(0..ITEMS)
        .pipeline()
        .map_concurrent(2, |_| locked_a_step(&lock));
    assert!(ends_by_its_wake_ups(
        pipeline.for_each(|()| locked_a_step(&lock))
    ));
    assert_eq!(lock.into_inner(), ITEMS * 2);
}

type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

/// Jobs of 3 s, two at once, and a sink of 10 s an item.
async fn timeline(run: impl AsyncFnOnce(&dyn Fn())) -> Vec<u64> {
    let (start, seen) = (Instant::now(), RefCell::new(Vec::new()));
    run(&|| seen.borrow_mut().push(start.elapsed().as_secs())).await;
    seen.into_inner()
}

#[tokio::test(start_paused = true)]
async fn each_item_that_is_taken_lets_the_next_one_start_at_once() {
    let job = async |_: u32| takes(Duration::from_secs(3)).await;
    let pipeline = timeline(async |note| {
        let jobs = iter(0..4).pipeline().map_concurrent(2, job);
        jobs.for_each(async |()| {
            note();
            takes(Duration::from_secs(10)).await;
        })
        .await;
    });
    assert_eq!(pipeline.await, [3, 13, 23, 33]);

    // The stream that snoozes shows the difference.
    let stream = timeline(async |note| {
        let jobs = stream::iter(0..4).map(job).buffered(2);
        jobs.for_each(async |()| {
            note();
            takes(Duration::from_secs(10)).await;
        })
        .await;
    });
    assert_eq!(stream.await, [3, 13, 26, 36]);
}

#[tokio::test(start_paused = true)]
async fn a_source_does_its_own_work_for_one_item_while_the_sink_is_busy() {
    // 8 s an item of the source, 10 s an item of the sink: only the first is waited for.
    let source = || stream::iter(0..4).then(|_| takes(Duration::from_secs(8)));
    let arrivals = timeline(async |note| {
        let source = Box::pin(source()).pipeline();
        source
            .for_each(async |()| {
                note();
                takes(Duration::from_secs(10)).await;
            })
            .await;
    });
    assert_eq!(arrivals.await, [8, 18, 28, 38]);
}

#[tokio::test(start_paused = true)]
async fn unordered_hands_on_what_is_there() {
    let outputs = iter([30, 10, 20, 1])
        .pipeline()
        .map_concurrent(3, async |ms| {
            takes(Duration::from_millis(ms)).await;
            ms
        });
    assert_eq!(outputs.unordered().list().await, [10, 1, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn unordered_outputs_wait_for_a_busy_sink_in_the_order_of_their_ends() {
    let seen = RefCell::new(Vec::new());
    let jobs = iter([4, 1, 3, 2])
        .pipeline()
        .map_concurrent(4, async |secs| {
            takes(Duration::from_secs(secs)).await;
            secs
        });
    jobs.unordered()
        .for_each(async |secs| {
            seen.borrow_mut().push(secs);
            takes(Duration::from_secs(10)).await;
        })
        .await;
    assert_eq!(seen.into_inner(), [1, 2, 3, 4]);
}

#[test]
fn zero_is_refused_at_the_call_and_named() {
    let source = || iter([1]).pipeline();
    let limit = "the limit must be at least 1, got 0";
    assert_eq!(panic_text(|| source().map_concurrent(0, ready)), limit);
    assert_eq!(
        panic_text(|| source().for_each_concurrent(0, async |_| ())),
        limit
    );
    let fallible = async |_| Ok::<_, ()>(());
    assert_eq!(
        panic_text(|| source().try_for_each_concurrent(0, fallible)),
        limit
    );
    let size = "the batch size must be at least 1, got 0";
    assert_eq!(panic_text(|| source().batched(0)), size);
}

#[tokio::test]
async fn nothing_in_nothing_out() {
    let empty = || iter(None::<u8>).pipeline();
    assert_eq!(empty().list().await, []);
    assert_eq!(empty().map_concurrent(2, ready).list().await, []);
    assert_eq!(empty().batched(2).list().await, [[0_u8; 0]; 0]);
    empty().for_each(async |_| unreachable!()).await;
    let fine = empty().try_for_each(async |_| Err("no item")).await;
    assert_eq!(fine, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_largest_limits_are_no_limits() {
    let all = iter(0..100)
        .pipeline()
        .map_concurrent(usize::MAX, async |n| {
            takes(Duration::from_secs(1)).await;
            n
        })
        .item_timeout(Duration::MAX)
        .weight(|_| usize::MAX / 3)
        .batched(usize::MAX)
        .list();
    let start = Instant::now();
    let batches = all.await;
    assert!(batches[0].iter().map(|n| n.unwrap()).eq(0..100));
    assert_eq!(batches.len(), 1);
    // Three weights of a third fit at once.
    assert_eq!(start.elapsed().as_secs(), 34);
    let sum = Cell::new(0);
    iter(0..100)
        .pipeline()
        .for_each_concurrent(usize::MAX, |n| {
            sum.set(sum.get() + n);
            yield_now()
        })
        .await;
    assert_eq!(sum.get(), 4950);
}

#[tokio::test]
async fn weights_fill_the_limit_and_what_is_too_heavy_runs_alone() {
    let load = Cell::new(0);
    let peaks = RefCell::new(Vec::new());
    let (load, peaks) = (&load, &peaks);
    let weights = [3, 3, 4, 5, 100, 1, 0, 0, 0, 7, usize::MAX, 10];
    let outputs = iter(weights)
        .pipeline()
        .map_concurrent(10, async |weight: usize| {
            load.set(load.get() + weight as u128);
            for _ in 0..3 {
                yield_now().await;
            }
            peaks.borrow_mut().push((weight, load.get()));
            load.set(load.get() - weight as u128);
            weight
        })
        .weight(|weight| *weight)
        .list()
        .await;
    assert_eq!(outputs, weights, "none overtakes one that waits");
    for (weight, load) in peaks.borrow().iter() {
        assert!(*load <= 10 || *load == *weight as u128, "{weight}: {load}");
    }
    assert!(
        peaks.borrow().iter().any(|(_, load)| *load == 10),
        "3 + 3 + 4"
    );
}

#[test]
fn weightless_items_weigh_one_so_an_endless_source_stays_bounded() {
    let started = Cell::new(0);
    let endless = iter(0..).pipeline().map_concurrent(5, |_| {
        started.set(started.get() + 1);
        pending::<()>()
    });
    let mut sink = Box::pin(endless.weight(|_| 0).list());
    let (_task, waker) = Task::new();
    for _ in 0..5 {
        assert!(poll_once(sink.as_mut(), &waker).is_pending());
        assert_eq!(started.get(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn options_wrap_what_is_before_them() {
    let jobs = || {
        iter([1_u64, 9]).pipeline().map_concurrent(2, async |secs| {
            takes(Duration::from_secs(secs)).await;
            secs * 10
        })
    };
    let limit = Duration::from_secs(5);
    let inside = jobs().with_input().item_timeout(limit).unordered().list();
    let inside: Vec<Result<(u64, u64), ItemTimeout>> = inside.await;
    assert_eq!(inside[0], Ok((1, 10)));
    let late = inside[1].unwrap_err();
    assert_eq!(late.limit(), limit);
    assert_eq!(late.to_string(), "the item was not done within 5s");

    let start = Instant::now();
    let outside = jobs()
        .unordered()
        .item_timeout(limit)
        .weight(|_| 1)
        .with_input();
    assert_eq!(outside.list().await, [(1, Ok(10)), (9, Err(late))]);
    assert_eq!(start.elapsed(), limit);
    let error: Box<dyn std::error::Error + Send + Sync> = Box::new(late);
    assert!(error.source().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_counts_from_the_start_of_the_work_and_drops_it() {
    let ledger = Ledger::new(3);
    let start = Instant::now();
    let outputs = iter(0..3)
        .pipeline()
        .map_concurrent(1, |id| {
            let token = ledger.token(id);
            async move {
                let _held = token;
                pending::<()>().await;
            }
        })
        .item_timeout(Duration::from_secs(2))
        .for_each(async |output| {
            // What is late is gone before its error is handed on.
            assert!(output.is_err());
            assert!(ledger.alive() <= 1);
        });
    outputs.await;
    assert_eq!(start.elapsed(), Duration::from_secs(6));
    assert!(ledger.is_settled());

    // Work that is ready at once is in time, whatever the limit.
    let ready = iter([1]).pipeline().map_concurrent(1, ready);
    assert_eq!(ready.item_timeout(Duration::ZERO).list().await, [Ok(1)]);
}

#[tokio::test]
async fn items_may_borrow_and_need_not_be_send() {
    let words = vec![String::from("a"), String::from("bb"), String::from("ccc")];
    let lock = Mutex::new(Rc::new(0));
    let (words_of, lock_of) = (&words, &lock);
    let lengths: Vec<(&String, Rc<usize>)> = iter(words_of)
        .pipeline()
        .map_concurrent(2, async |word: &String| {
            let mut sum = lock_of.lock().await;
            yield_now().await;
            *Rc::make_mut(&mut sum) += word.len();
            Rc::new(word.len())
        })
        .with_input()
        .list()
        .await;
    assert_eq!(lengths.len(), 3);
    assert_eq!(**lock.lock().await, 6);
    assert_eq!(words.len(), 3);
}

#[tokio::test]
async fn builders_are_taken_for_jobs_and_for_bodies() {
    let sums = iter([1, 2])
        .pipeline()
        .map_concurrent(2, |n| gather((0..3).map(move |m| async move { n * m })));
    assert_eq!(sums.list().await, [vec![0, 1, 2], vec![0, 2, 4]]);
    let empty = || gather([] as [std::future::Ready<()>; 0]);
    let outputs = iter([1]).pipeline().map_concurrent(1, |_| empty());
    assert_eq!(outputs.list().await, [vec![]]);
}

#[tokio::test]
async fn results_pass_as_they_are_and_a_body_decides() {
    let words = ["1", "two", "3"];
    let parse = async |word: &str| word.parse::<u32>();
    let all = iter(words).pipeline().map_concurrent(2, parse);
    let all = all.list().await;
    assert_eq!((&all[0], &all[2]), (&Ok(1), &Ok(3)));
    assert!(all[1].is_err());

    let seen = RefCell::new(Vec::new());
    let first = iter(words).pipeline().map_concurrent(2, parse);
    let first = first.try_for_each(async |number| {
        seen.borrow_mut().push(number.clone());
        number.map(drop)
    });
    assert_eq!(first.await, Err(all[1].clone().unwrap_err()));
    assert_eq!(*seen.borrow(), all[..2], "nothing after the first Err");
}

#[tokio::test]
async fn an_endless_source_ends_with_the_first_err() {
    let endless = iter(0..).pipeline().map_concurrent(3, ready).batched(2);
    let full = endless.try_for_each_concurrent(2, async |batch| match batch[0] {
        1000.. => Err(batch),
        _ => Ok(()),
    });
    assert_eq!(full.await, Err(vec![1000, 1001]));
}

/// Says when it is dropped.
struct Noted(&'static str, usize, Rc<RefCell<Vec<(&'static str, usize)>>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.2.borrow_mut().push((self.0, self.1));
    }
}

#[test]
fn the_first_err_drops_what_is_in_flight_bodies_first_and_oldest_first() {
    let order = Rc::default();
    let noted = |name, n| Noted(name, n, Rc::clone(&order));
    let fail = Rc::new(Cell::new(false));
    let failing = &fail;
    let mut sink = Box::pin(
        iter(0..)
            .pipeline()
            .map_concurrent(3, |n| {
                let held = noted("job", n);
                async move {
                    if n >= 4 {
                        pending::<()>().await;
                    }
                    drop(held);
                    n
                }
            })
            .try_for_each_concurrent(3, |n| {
                let held = noted("body", n);
                async move {
                    let _held = held;
                    poll_fn(|cx| match n == 1 && failing.get() {
                        true => Poll::Ready(()),
                        false => {
                            cx.waker().wake_by_ref();
                            Poll::Pending
                        }
                    })
                    .await;
                    Err::<(), _>(n)
                }
            }),
    );
    let (_task, waker) = Task::new();
    for _ in 0..5 {
        assert!(poll_once(sink.as_mut(), &waker).is_pending());
    }
    order.borrow_mut().clear();
    fail.set(true);
    let Poll::Ready(failed) = poll_once(sink.as_mut(), &waker) else {
        panic!("the body that may fail was not polled");
    };
    assert_eq!(failed, Err(1));
    let all = [
        ("body", 1),
        ("body", 0),
        ("body", 2),
        ("job", 4),
        ("job", 5),
    ];
    assert_eq!(
        *order.borrow(),
        all,
        "dropped by the end, not by the sink's drop"
    );
}

#[test]
fn a_panic_drops_everything_and_a_later_poll_is_no_hang() {
    let ledger = Ledger::new(6);
    let (_task, waker) = Task::new();
    let mut sink = Box::pin(
        iter(0..6)
            .pipeline()
            .map_concurrent(3, |id| {
                let token = ledger.token(id);
                async move {
                    yield_now().await;
                    assert!(id != 4, "number four");
                    token
                }
            })
            .for_each_concurrent(9, |token| async move {
                pending::<()>().await;
                drop(token);
            }),
    );
    let mut poll = || catch_unwind(AssertUnwindSafe(|| poll_once(sink.as_mut(), &waker)));
    let panic = loop {
        match poll() {
            Ok(polled) => assert!(polled.is_pending()),
            Err(panic) => break panic,
        }
    };
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"number four"));
    assert!(ledger.is_settled(), "dropped by the panic, not later");
    let again = poll().unwrap_err();
    let again = again.downcast_ref::<&str>().unwrap();
    assert_eq!(*again, "for_each was polled after its end");
}

/// Ready work without end, in every place.
#[test]
fn work_that_is_always_ready_lets_its_neighbours_run() {
    let endless = || stream::repeat(1).pipeline();
    yields_locally(move || async move {
        endless().list().await;
    });
    yields_locally(move || endless().for_each(|_| ready(())));
    yields_locally(move || endless().for_each_concurrent(3, |_| ready(())));
    yields_locally(move || async move {
        let fine = endless().try_for_each(async |_| Ok::<_, Infallible>(()));
        fine.await.unwrap();
    });
    yields_locally(move || async move {
        endless()
            .map_concurrent(8, ready)
            .batched(3)
            .for_each(async |_| ())
            .await;
    });
    yields_locally(move || async move {
        endless().batched(usize::MAX).for_each(async |_| ()).await;
    });
    yields_locally(move || async move {
        let stuck = endless().map_concurrent(usize::MAX, |_| pending::<()>());
        stuck.unordered().list().await;
    });
}

/// Each place is full of futures that wake themselves, more than one poll's budget
/// takes, until the last place has had its turns.
#[tokio::test]
async fn no_place_keeps_another_from_its_turn() {
    const MANY: usize = 1000;
    for last in 0..3 {
        let turns = &[const { Cell::new(0_usize) }; 3];
        let busy = |place: usize| async move {
            while turns[last].get() < MANY * 4 {
                turns[place].set(turns[place].get() + 1);
                yield_now().await;
            }
        };
        // Some items pass each stage at once, so that there is work in every place.
        let run = iter(0..MANY * 3)
            .pipeline()
            .map_concurrent(MANY, |n| async move {
                if n >= MANY {
                    busy(0).await;
                }
                n
            })
            .unordered()
            .map_concurrent(MANY / 2, |n| async move {
                if n % 2 == 1 {
                    busy(1).await;
                }
            })
            .unordered()
            .for_each_concurrent(MANY / 4, |()| busy(2));
        chaos::watchdog::future("every place has its turns", run).await;
        assert!(turns[last].get() >= MANY * 4);
    }
}

#[tokio::test]
async fn a_source_that_is_always_ready_leaves_no_woken_future_lying() {
    // Endless unless the first body, which is slower than the others, is polled again.
    let sink = iter(0..).pipeline().try_for_each_concurrent(2, async |n| {
        if n > 0 {
            return Ok(());
        }
        yield_now().await;
        Err("there")
    });
    let seen = chaos::watchdog::future("the woken one has its turn", sink);
    assert_eq!(seen.await, Err("there"));
}

#[tokio::test]
async fn futures_that_wake_themselves_dont_keep_new_ones_out() {
    // More than one poll's budget can start: those that run must leave turns.
    const ALL: usize = 1000;
    let started = &Cell::new(0);
    let sink = iter(0..ALL).pipeline().for_each_concurrent(ALL, |_| async {
        started.set(started.get() + 1);
        // Endless unless all are started.
        while started.get() < ALL {
            yield_now().await;
        }
    });
    chaos::watchdog::future("all are started", sink).await;
}

/// A stage and batches over seven values.
fn stages(ledger: &Arc<Ledger>) -> Pipeline<Batches<Jobs>> {
    let tokens: Vec<Token> = (0..7).map(|id| ledger.token(id)).collect();
    let job: fn(Token) -> Paused = |token| Box::pin(pauses(token));
    iter(tokens).pipeline().map_concurrent(3, job).batched(2)
}

type Jobs = MapConcurrent<Source<Iter<std::vec::IntoIter<Token>>>, Call<fn(Token) -> Paused>>;
type Paused = Pin<Box<dyn Future<Output = Token>>>;

async fn pauses(token: Token) -> Token {
    for _ in 0..token.id() % 3 {
        yield_now().await;
    }
    token
}

async fn body(batch: Vec<Token>) {
    for token in batch {
        pauses(token).await;
    }
}

async fn fallible_body(batch: Vec<Token>) -> Result<(), usize> {
    let id = batch[0].id();
    body(batch).await;
    if id == 4 { Err(id) } else { Ok(()) }
}

/// Drops a sink after each number of polls: each value is dropped once.
fn cut_at_every_poll<F: Future>(sink: impl Fn(Pipeline<Batches<Jobs>>) -> F) {
    let mut cuts = 0;
    for polls in 0.. {
        let ledger = Ledger::new(7);
        let mut future = Box::pin(sink(stages(&ledger)));
        let (task, waker) = Task::new();
        let mut ended = false;
        for _ in 0..polls {
            let wakes = task.wakes();
            ended = poll_once(future.as_mut(), &waker).is_ready();
            if ended {
                break;
            }
            assert!(task.wakes() > wakes, "what is pending is woken");
        }
        drop(future);
        cuts += 1;
        assert_eq!(ledger.drops(), [1; 7]);
        if ended {
            break;
        }
    }
    assert!(cuts > 3);
    println!("cuts={cuts}");
}

#[test]
fn cut_list_at_every_poll() {
    cut_at_every_poll(Pipeline::list);
}

#[test]
fn cut_for_each_at_every_poll() {
    cut_at_every_poll(|stages| stages.for_each(body));
}

#[test]
fn cut_for_each_concurrent_at_every_poll() {
    cut_at_every_poll(|stages| stages.for_each_concurrent(2, body));
}

#[test]
fn cut_try_for_each_at_every_poll() {
    cut_at_every_poll(|stages| stages.try_for_each(fallible_body));
}

#[test]
fn cut_try_for_each_concurrent_at_every_poll() {
    cut_at_every_poll(|stages| stages.try_for_each_concurrent(2, fallible_body));
}

#[test]
fn wake_ups_from_other_threads_are_not_lost() {
    chaos::watchdog::closure("a pipeline over tasks of other threads", || {
        let runtime = two_threads();
        let elsewhere = async |n: usize| tokio::spawn(async move { n }).await.unwrap();
        for limit in [1, 2, 16] {
            let sum = &Cell::new(0);
            let run = iter(0..3_000)
                .pipeline()
                .map_concurrent(limit, elsewhere)
                .unordered()
                .map_concurrent(limit, elsewhere)
                .batched(7)
                .for_each_concurrent(limit, async |batch| {
                    let part = elsewhere(batch.iter().sum()).await;
                    sum.set(sum.get() + part);
                });
            runtime.block_on(run);
            assert_eq!(sum.get(), 3_000 * 2_999 / 2);
        }
    });
}

/// What is left of a source that was only lent can be used after an end.
#[tokio::test]
async fn a_lent_source_keeps_what_was_not_asked_for() {
    let mut source = iter(0..10);
    let failed = (&mut source).pipeline().try_for_each(async |n| match n {
        3 => Err(n),
        _ => Ok(()),
    });
    assert_eq!(failed.await, Err(3));
    let rest = source.pipeline().list().await;
    assert!(
        rest.ends_with(&[5, 6, 7, 8, 9]),
        "at most one was asked for ahead"
    );
}

#[test]
fn debug_shows_counts_and_needs_nothing_of_the_items() {
    struct Opaque;
    let pipeline = iter([1, 2]).pipeline().map_concurrent(2, async |_| Opaque);
    let pipeline = pipeline.weight(|_| 1).with_input().batched(3);
    let shown = format!("{pipeline:?}");
    assert!(
        shown.starts_with("Pipeline { stage: Batches { stage: MapConcurrent {"),
        "{shown}"
    );
    let mut sink = Box::pin(pipeline.list());
    assert!(format!("{sink:?}").starts_with("List { stage: Batches"));
    let (_task, waker) = Task::new();
    assert!(poll_once(sink.as_mut(), &waker).is_ready());
    assert_eq!(format!("{sink:?}"), "List { .. }");
    let sink = iter([1]).pipeline().for_each(async |_| ());
    assert!(format!("{sink:?}").starts_with("ForEach { bodies: Some(MapConcurrent"));
}
