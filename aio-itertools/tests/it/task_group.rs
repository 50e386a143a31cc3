//! What a group of tasks promises, however it is left.

use std::convert::Infallible;
use std::error::Error;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

use aio_itertools::asyncio::{GroupError, GroupTask, NoValue, Spawner, TaskGroup};
use aio_itertools::{gather, task_group};
use chaos::Fate;
use futures_util::FutureExt as _;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::TestCaseError;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::by_hand::{Task, poll_once};
use crate::panics::{panic_of, panic_text};
use crate::random::{self, CASES};
use crate::tasks::{Census, on_both, one_thread, two_threads};

type Outcome<T> = Result<T, &'static str>;

fn quiet_panic(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}

/// A task that never ends by itself, and counts while it is alive.
fn endless(census: &Census) -> impl Future<Output = Outcome<()>> + Send + use<> {
    let member = census.member();
    async move {
        pending::<()>().await;
        drop(member);
        Ok(())
    }
}

#[test]
fn the_body_gives_its_value_after_every_task_has_ended() {
    on_both("a scope that goes well", || async {
        let census = Census::new();
        let sum = task_group()
            .with(async |group| -> Outcome<i32> {
                let mut values = Vec::new();
                for n in 0..10 {
                    let member = census.member();
                    values.push(group.spawn(async move {
                        yield_now().await;
                        drop(member);
                        Ok(n)
                    }));
                }
                let dropped = census.member();
                drop(group.spawn(async move {
                    for _ in 0..100 {
                        yield_now().await;
                    }
                    drop(dropped);
                    Ok(())
                }));
                let mut sum = 0;
                for value in values {
                    sum += value.await.unwrap();
                }
                Ok(sum)
            })
            .await;
        assert_eq!(sum, Ok(45));
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn a_failing_task_cancels_its_siblings_and_the_body() {
    on_both("a task that fails", || async {
        let census = Census::new();
        let outcome = task_group()
            .with(async |group| -> Outcome<()> {
                let _body = census.member();
                for _ in 0..3 {
                    group.spawn(endless(&census));
                }
                let member = census.member();
                group.spawn(async move {
                    yield_now().await;
                    drop(member);
                    Err::<(), _>("no route")
                });
                pending().await
            })
            .await;
        assert_eq!(outcome.unwrap_err().errors(), ["no route"]);
        assert_eq!(census.alive(), 0, "body and tasks are gone at the return");
    });
}

#[test]
fn a_failing_body_cancels_its_tasks() {
    on_both("a body that fails", || async {
        let census = Census::new();
        let outcome = task_group()
            .with(async |group| -> Outcome<()> {
                group.spawn(endless(&census));
                yield_now().await;
                group.spawn(endless(&census));
                Err("changed my mind")
            })
            .await;
        assert_eq!(outcome.unwrap_err().into_errors(), ["changed my mind"]);
        assert_eq!(census.alive(), 0);
    });
}

/// Blocks until the task has told its group how it ended.
fn until_ended<T>(task: &GroupTask<T>) {
    while !format!("{task:?}").contains("ended: true") {
        std::thread::yield_now();
    }
}

#[test]
fn all_errors_come_back_together_in_the_order_of_failure() {
    chaos::watchdog::closure("errors of body and tasks", || {
        let runtime = two_threads();
        let _inside = runtime.enter();
        let (door, opened) = mpsc::channel::<()>();
        let mut scope = Box::pin(task_group().with(async |group| -> Outcome<()> {
            // It stands inside one poll, so cancelling comes too late for it.
            let (started, start) = mpsc::channel();
            group.spawn(async move {
                started.send(()).unwrap();
                opened.recv().unwrap();
                Err::<(), _>("last")
            });
            start.recv().unwrap();
            // Its failure would drop the body at an await: this one has none.
            until_ended(&group.spawn(async { Err::<(), _>("first") }));
            Err("body")
        }));
        assert!(poll_once(scope.as_mut(), &Task::new().1).is_pending());
        door.send(()).unwrap();
        let error = runtime.block_on(scope).unwrap_err();
        assert_eq!(error.errors(), ["first", "body", "last"]);
        assert_eq!(
            error.to_string(),
            "3 errors in the task group, the first: first"
        );
    });
}

#[test]
fn a_cause_comes_before_the_bodys_error_that_it_has() {
    chaos::watchdog::closure("a body that awaits what has failed meanwhile", || {
        let scope = task_group().with(async |group| -> Outcome<()> {
            let task = group.spawn(async { Err::<(), _>("cause") });
            until_ended(&task);
            task.await.map_err(|_: NoValue| "consequence")
        });
        let error = two_threads().block_on(scope).unwrap_err();
        assert_eq!(error.errors(), ["cause", "consequence"]);
    });
}

#[test]
fn a_panic_of_a_task_goes_on_in_the_scope_after_all_have_ended() {
    on_both("a task that panics", || async {
        let census = Census::new();
        let scope = task_group().with(async |group| -> Outcome<()> {
            let _body = census.member();
            group.spawn(endless(&census));
            group.spawn(async { quiet_panic("task") as Outcome<()> });
            pending().await
        });
        assert_eq!(panic_of(scope).await, "task");
        assert_eq!(census.alive(), 0);

        let group = task_group::<&str>().await;
        group.spawn(endless(&census));
        let panicked = group.spawn(async { quiet_panic("joined") as Outcome<()> });
        assert_eq!(panicked.await, Err(NoValue::Panicked));
        assert_eq!(panic_of(group.join()).await, "joined");
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn a_panic_of_the_body_goes_on_after_all_have_ended() {
    on_both("a body that panics", || async {
        let census = Census::new();
        let scope = task_group().with(async |group| -> Outcome<()> {
            group.spawn(endless(&census));
            yield_now().await;
            quiet_panic("body")
        });
        assert_eq!(panic_of(scope).await, "body");
        assert_eq!(census.alive(), 0);
    });
}

/// Panics when it is dropped.
struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        quiet_panic("in drop");
    }
}

#[test]
fn a_panic_in_the_drop_of_a_cancelled_task_or_of_its_value_is_not_lost() {
    on_both("a task whose drop panics", || async {
        let group = task_group().await;
        let trap = Trap;
        group.spawn(async move {
            pending::<()>().await;
            drop(trap);
            Outcome::Ok(())
        });
        assert_eq!(panic_of(group.cancel()).await, "in drop");

        let group = task_group::<&str>().await;
        // The task may end only when nobody awaits its value any more.
        let (dropped, handle_is_dropped) = tokio::sync::oneshot::channel::<()>();
        drop(group.spawn(async {
            handle_is_dropped.await.ok();
            Ok(Trap)
        }));
        drop(dropped);
        assert_eq!(panic_of(group.join()).await, "in drop");

        // Without room it never starts, and is dropped by us.
        let group = task_group().limit(1).await;
        let census = Census::new();
        group.spawn(endless(&census));
        let trap = Trap;
        group.spawn(async move {
            drop(trap);
            Outcome::Ok(())
        });
        drop(group);
        census.until(0).await;
    });
}

#[test]
fn the_guard_joins_cancels_and_drops() {
    on_both("the guard", || async {
        let census = Census::new();
        let group = task_group::<&str>().await;
        let value = group.spawn(async { Ok(7) });
        assert_eq!(group.join().await, Ok(()));
        assert_eq!(value.await, Ok(7));

        let group = task_group().await;
        let cancelled = group.spawn(endless(&census));
        assert_eq!(group.cancel().await, Ok(()));
        assert_eq!(census.alive(), 0);
        assert_eq!(cancelled.await, Err(NoValue::Cancelled));

        let group = task_group().await;
        let failed = group.spawn(async { Err::<(), _>("early") });
        assert_eq!(failed.await, Err(NoValue::Failed));
        assert_eq!(group.cancel().await.unwrap_err().errors(), ["early"]);

        let group = task_group().limit(2).await;
        let all: Vec<_> = (0..5).map(|_| group.spawn(endless(&census))).collect();
        drop(group);
        for task in all {
            assert_eq!(task.await, Err(NoValue::Cancelled));
        }
        census.until(0).await;
    });
}

#[test]
fn dropped_a_task_runs_at_most_to_its_next_await() {
    // Idle at an await: it is never polled again, though what it waits for comes.
    one_thread().block_on(async {
        let census = Census::new();
        let (opened, door) = tokio::sync::oneshot::channel::<()>();
        let (member, passed) = (census.member(), Arc::new(AtomicBool::new(false)));
        let group = task_group().await;
        let flag = Arc::clone(&passed);
        group.spawn(async move {
            let _member = member;
            door.await.ok();
            flag.store(true, SeqCst);
            Outcome::Ok(())
        });
        yield_now().await;
        drop(group);
        opened.send(()).ok();
        census.until(0).await;
        assert!(!passed.load(SeqCst));
    });
    // In the middle of a poll on another thread: it ends that poll and no more.
    chaos::watchdog::closure("a task in the middle of a poll", || {
        two_threads().block_on(async {
            let census = Census::new();
            let (started, start) = mpsc::channel();
            let (opened, door) = mpsc::channel::<()>();
            let steps = Arc::new(Mutex::new(Vec::new()));
            let group = task_group().await;
            let (member, noted) = (census.member(), Arc::clone(&steps));
            group.spawn(async move {
                let _member = member;
                started.send(()).unwrap();
                door.recv().unwrap();
                noted.lock().unwrap().push("before the await");
                yield_now().await;
                noted.lock().unwrap().push("after the await");
                Outcome::Ok(())
            });
            start.recv().unwrap();
            drop(group);
            assert_eq!(census.alive(), 1, "a drop waits for nothing");
            opened.send(()).unwrap();
            census.until(0).await;
            assert_eq!(*steps.lock().unwrap(), ["before the await"]);
        });
    });
}

#[test]
fn cut_with_at_every_poll() {
    on_both("a scope that is cut", || async {
        // What never ends by itself ends, so it was cancelled.
        let report = chaos::cuts::every("task_group().with(…)")
            .world(async || Census::new())
            .except(Fate::Leak, "tasks of a leaked scope go on for ever")
            .run(
                async |census| {
                    let outcome = task_group()
                        .limit(3)
                        .with(async |group| -> Outcome<()> {
                            for _ in 0..2 {
                                group.spawn(endless(census));
                                yield_now().await;
                            }
                            let member = census.member();
                            let value = group.spawn(async move {
                                yield_now().await;
                                drop(member);
                                Ok(())
                            });
                            value.await.unwrap();
                            group.spawn(endless(census));
                            group.spawn(endless(census));
                            yield_now().await;
                            Err("done")
                        })
                        .await;
                    assert!(outcome.is_err());
                    assert_eq!(census.alive(), 0);
                },
                async |census, _| census.until(0).await,
            )
            .await;
        assert!(report.cuts > 10, "{report}");
    });
}

#[test]
fn cut_join_at_every_poll() {
    on_both("a join that is cut", || async {
        let report = chaos::cuts::every("TaskGroup::join")
            .world(async || Census::new())
            .except(Fate::Leak, "tasks of a leaked group go on for ever")
            .run(
                async |census| {
                    let group = task_group().await;
                    for _ in 0..2 {
                        group.spawn(endless(census));
                    }
                    group.spawn(async {
                        for _ in 0..3 {
                            yield_now().await;
                        }
                        Err::<(), _>("done")
                    });
                    assert!(group.join().await.is_err());
                    assert_eq!(census.alive(), 0);
                },
                async |census, _| census.until(0).await,
            )
            .await;
        assert!(report.cuts > 0, "{report}");
    });
}

#[test]
fn cut_cancel_at_every_poll() {
    on_both("a cancel that is cut", || async {
        let report = chaos::cuts::every("TaskGroup::cancel")
            .world(async || Census::new())
            .except(
                Fate::Leak,
                "before its first poll a leaked cancel has cancelled nothing",
            )
            .run(
                async |census| {
                    let group = task_group().await;
                    for _ in 0..3 {
                        group.spawn(endless(census));
                    }
                    assert_eq!(group.cancel().await, Ok(()));
                    assert_eq!(census.alive(), 0);
                },
                async |census, _| census.until(0).await,
            )
            .await;
        assert!(report.cuts > 0, "{report}");
    });
}

#[test]
fn cut_spawned_loses_nothing_and_opening_holds_nothing() {
    one_thread().block_on(async {
        drop(task_group::<Infallible>().limit(3));
        drop(task_group::<Infallible>().into_future());
        let group = task_group::<Infallible>().await;
        let mut value = Box::pin(group.spawn(async {
            for _ in 0..5 {
                yield_now().await;
            }
            Ok(7)
        }));
        let mut cuts = 0;
        // A borrow of it is cut at every poll.
        while let Err(()) = tokio::select! {
            biased;
            value = &mut value => { assert_eq!(value, Ok(7)); Ok(()) }
            () = std::future::ready(()) => Err(()),
        } {
            cuts += 1;
            yield_now().await;
        }
        assert!(cuts > 3);
        println!("cuts={cuts}");
        let (kept, census) = (group.spawner(), Census::new());
        let member = census.member();
        drop(kept.spawn(async move {
            yield_now().await;
            drop(member);
            Ok(())
        }));
        census.until(0).await;
        assert_eq!(group.join().await, Ok(()));
        let (_task, waker) = Task::new();
        let again = panic_text(|| poll_once(value.as_mut(), &waker));
        assert_eq!(again, "a spawned task was polled after its end");
    });
}

#[test]
fn at_most_so_many_run_at_once_and_start_in_order() {
    on_both("a limit", || async {
        let (running, order) = (Census::new(), Arc::new(Mutex::new(Vec::new())));
        let outcome = task_group()
            .limit(3)
            .with(async |group| -> Result<(), Infallible> {
                // Spawning doesn't wait: all hundred are in before the first runs.
                for n in 0..100 {
                    let (running, order) = (running.clone(), Arc::clone(&order));
                    group.spawn(async move {
                        let member = running.member();
                        order.lock().unwrap().push(n);
                        for _ in 0..n % 4 {
                            yield_now().await;
                        }
                        drop(member);
                        Ok(())
                    });
                }
                Ok(())
            })
            .await;
        assert_eq!(outcome, Ok(()));
        assert!(running.most() <= 3, "{} ran at once", running.most());
        let order = Arc::try_unwrap(order).unwrap().into_inner().unwrap();
        assert_eq!(order.len(), 100);
    });
    // On one thread the order of the starts is that of the calls.
    one_thread().block_on(async {
        let order = Arc::new(Mutex::new(Vec::new()));
        let group = task_group::<Infallible>().limit(2).await;
        for n in 0..20 {
            let order = Arc::clone(&order);
            group.spawn(async move {
                order.lock().unwrap().push(n);
                yield_now().await;
                Ok(())
            });
        }
        group.join().await.unwrap();
        assert!(order.lock().unwrap().iter().copied().eq(0..20));
    });
    let zero = || task_group::<Infallible>().limit(0);
    assert_eq!(panic_text(zero), "the limit must be at least 1, got 0");
}

#[test]
fn those_that_wait_for_room_are_waited_for_however_the_threads_meet() {
    on_both("many short groups", || async {
        for _ in 0..5000 {
            let finished = Arc::new(AtomicUsize::new(0));
            let group = task_group::<Infallible>().limit(1).await;
            for _ in 0..3 {
                let finished = Arc::clone(&finished);
                group.spawn(async move {
                    finished.fetch_add(1, SeqCst);
                    Ok(())
                });
            }
            assert_eq!(group.join().await, Ok(()));
            assert_eq!(finished.load(SeqCst), 3);
        }
    });
}

fn visit(depth: u32, visited: &Arc<AtomicUsize>, spawner: &Spawner<&'static str>) {
    let (visited, deeper) = (Arc::clone(visited), spawner.clone());
    spawner.spawn(async move {
        visited.fetch_add(1, SeqCst);
        for _ in 0..depth {
            yield_now().await;
            visit(depth - 1, &visited, &deeper);
        }
        Ok(())
    });
}

#[test]
fn tasks_spawn_siblings_and_all_are_waited_for() {
    on_both("a crawler", || async {
        let visited = Arc::new(AtomicUsize::new(0));
        let group = task_group().limit(4).await;
        visit(5, &visited, &group.spawner());
        assert_eq!(group.join().await, Ok(()));
        // 1 + 5 + 5·4 + 5·4·3 + …
        assert_eq!(visited.load(SeqCst), 326);
    });
}

#[test]
fn nothing_starts_after_a_failure_or_after_the_end() {
    on_both("a task that is spawned too late", || async {
        let group = task_group().await;
        let late = group.spawner();
        let failed = group.spawn(async { Err::<(), _>("early") });
        assert_eq!(failed.await, Err(NoValue::Failed));
        let census = Census::new();
        assert_eq!(late.spawn(endless(&census)).await, Err(NoValue::Cancelled));
        assert_eq!(census.alive(), 0, "dropped at once");
        assert_eq!(group.join().await.unwrap_err().errors(), ["early"]);

        let group = task_group().await;
        let late = group.spawner();
        assert_eq!(group.join().await, Ok(()));
        assert_eq!(late.spawn(endless(&census)).await, Err(NoValue::Cancelled));
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn a_spawner_that_lives_on_keeps_no_waker() {
    one_thread().block_on(async {
        let group = task_group::<Infallible>().await;
        let late = group.spawner();
        group.spawn(async { Ok(()) });
        let mut join = Box::pin(group.join());
        let (task, waker) = Task::new();
        assert!(poll_once(join.as_mut(), &waker).is_pending());
        while task.wakes() == 0 {
            yield_now().await;
        }
        assert!(poll_once(join.as_mut(), &waker).is_ready());
        drop(waker);
        assert_eq!(Arc::strong_count(&task), 1);
        assert_eq!(late.spawn(async { Ok(()) }).await, Err(NoValue::Cancelled));
    });
}

#[test]
fn a_body_that_moves_its_guard_away_leaves_no_task_behind() {
    on_both("a guard that is moved away", || async {
        let census = Census::new();
        let outcome = task_group()
            .with(async |group| -> Outcome<()> {
                let other = task_group().await;
                let lent: TaskGroup<_> = std::mem::replace(group, other);
                lent.spawn(endless(&census));
                std::mem::forget(lent);
                Err("away")
            })
            .await;
        assert_eq!(outcome.unwrap_err().errors(), ["away"]);
        assert_eq!(census.alive(), 0);
    });
}

/// Takes the guard out of the hands of the scope.
async fn moved_away<E>(group: &mut TaskGroup<E>) -> TaskGroup<E> {
    std::mem::replace(group, task_group().await)
}

#[test]
fn a_guard_that_is_joined_inside_the_body_is_woken_though_the_scope_waits_too() {
    on_both("a join inside the body", || async {
        let (open, opened) = oneshot::channel::<()>();
        let (knock, knocked) = oneshot::channel::<()>();
        let scope = task_group().with(async |group| -> Outcome<()> {
            let lent = moved_away(group).await;
            lent.spawn(async {
                opened.await.unwrap();
                Ok(())
            });
            // Each future of a `gather` is polled only when it was woken itself.
            let both: [Pin<Box<dyn Future<Output = ()>>>; 2] = [
                Box::pin(async { lent.join().await.unwrap() }),
                Box::pin(async { knocked.await.unwrap() }),
            ];
            gather(both).await;
            Ok(())
        });
        let mut scope = Box::pin(scope);
        let (_, waker) = Task::new();
        assert!(poll_once(scope.as_mut(), &waker).is_pending());
        // The scope is polled, and the join is not.
        knock.send(()).unwrap();
        assert!(poll_once(scope.as_mut(), &waker).is_pending());
        open.send(()).unwrap();
        chaos::watchdog::future("the scope", scope).await.unwrap();
    });
}

#[test]
fn a_guard_that_is_joined_elsewhere_leaves_nobody_waiting() {
    on_both("a join elsewhere", || async {
        for fails in [false, true] {
            for _ in 0..100 {
                let (send, joining) = oneshot::channel();
                let scope = task_group().with(async |group| -> Outcome<()> {
                    let lent = moved_away(group).await;
                    lent.spawn(async move {
                        yield_now().await;
                        if fails { Err("task") } else { Ok(()) }
                    });
                    send.send(tokio::spawn(lent.join())).unwrap();
                    if fails { pending().await } else { Ok(()) }
                });
                let scope: Pin<Box<dyn Future<Output = _>>> = Box::pin(scope);
                let mut scope = AssertUnwindSafe(scope).catch_unwind();
                let scope = chaos::watchdog::future("the scope", &mut scope).await;
                let joined = chaos::watchdog::future("the join", joining.await.unwrap()).await;
                // The error is given to one of them, whichever comes first.
                match (scope, joined.unwrap()) {
                    (Ok(scope), joined) => assert_eq!(scope.is_err() || joined.is_err(), fails),
                    (Err(_), joined) => assert_eq!(joined.unwrap_err().errors(), ["task"]),
                }
            }
        }
    });
}

#[test]
fn tasks_and_body_share_one_lock_and_finish() {
    on_both("one lock for tasks and body", || async {
        let lock = Arc::new(tokio::sync::Mutex::new(0));
        let outcome = task_group()
            .with(async |group| -> Result<(), Infallible> {
                for _ in 0..2 {
                    let lock = Arc::clone(&lock);
                    group.spawn(async move {
                        for _ in 0..10 {
                            let mut held = lock.lock().await;
                            yield_now().await;
                            *held += 1;
                        }
                        Ok(())
                    });
                }
                for _ in 0..10 {
                    *lock.lock().await += 1;
                    yield_now().await;
                }
                Ok(())
            })
            .await;
        assert_eq!(outcome, Ok(()));
        assert_eq!(*lock.lock().await, 30);
    });
}

#[test]
fn outside_a_runtime_spawning_panics_and_says_why() {
    let group = futures_lite::future::block_on(task_group::<Infallible>().into_future());
    assert_eq!(
        panic_text(|| group.spawn(async { Ok(()) })),
        "a task group starts tasks, so it needs a tokio runtime around it"
    );
    // A group without tasks needs none.
    assert_eq!(futures_lite::future::block_on(group.join()), Ok(()));
}

#[test]
fn a_runtime_that_is_shut_down_under_the_tasks_is_no_success() {
    chaos::watchdog::closure("a group on a runtime that is gone", || {
        for limit in [1, usize::MAX] {
            let census = Census::new();
            let tasks = one_thread();
            let group = futures_lite::future::block_on(task_group().limit(limit).into_future());
            let (first, all) = tasks.block_on(async {
                let first = group.spawn(endless(&census));
                // Many that wait for room: none may start from within another's end.
                for _ in 0..20_000 {
                    group.spawn(endless(&census));
                }
                (first, census.alive())
            });
            assert_eq!(all, 20_001);
            drop(tasks);
            assert_eq!(census.alive(), 0);
            futures_lite::future::block_on(async {
                assert_eq!(first.await, Err(NoValue::Cancelled));
                assert_eq!(
                    panic_of(group.join()).await,
                    "the runtime that a task group had its tasks on was shut down"
                );
            });
        }
    });
}

#[test]
fn the_error_names_the_count_and_the_first_and_gives_all() {
    one_thread().block_on(async {
        let outcome: Result<(), GroupError<std::num::ParseIntError>> = task_group()
            .with(async |group| {
                group.spawn(async { "x".parse::<u8>() });
                Ok(())
            })
            .await;
        let error = outcome.unwrap_err();
        let text = "1 error in the task group: invalid digit found in string";
        assert_eq!(error.to_string(), text);
        let source = error.source().unwrap();
        assert_eq!(source.to_string(), "invalid digit found in string");
        assert_eq!(error.clone().into_errors().len(), 1);
        assert_eq!(error.into_first(), "x".parse::<u8>().unwrap_err());
        let boxed: Box<dyn Error + Send + Sync> = Box::new(NoValue::Cancelled);
        assert_eq!(boxed.to_string(), "the task was cancelled");
    });
}

/// What a task of a random group does at its end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Value,
    Error,
    Panic,
}

#[derive(Clone, Debug)]
struct Case {
    /// For each task its awaits and its end.
    tasks: Vec<(usize, End)>,
    limit: usize,
    /// After how many awaits of its own the body ends, and how.
    body: (usize, End),
}

fn cases() -> impl Strategy<Value = Case> {
    let end = || {
        prop_oneof![
            8 => Just(End::Value),
            1 => Just(End::Error),
            1 => Just(End::Panic),
        ]
    };
    (
        vec((0..6_usize, end()), 0..12),
        prop_oneof![1..5_usize, Just(usize::MAX)],
        (0..20_usize, end()),
    )
        .prop_map(|(tasks, limit, body)| Case { tasks, limit, body })
}

async fn run(case: &Case) -> Result<(), TestCaseError> {
    let (census, running) = (Census::new(), Census::new());
    let finished = Arc::new(AtomicUsize::new(0));
    let scope = task_group()
        .limit(case.limit)
        .with(async |group| -> Result<usize, usize> {
            for (number, (awaits, end)) in case.tasks.iter().copied().enumerate() {
                let (member, running) = (census.member(), running.clone());
                let finished = Arc::clone(&finished);
                group.spawn(async move {
                    let _members = (member, running.member());
                    for _ in 0..awaits {
                        yield_now().await;
                    }
                    finished.fetch_add(1, SeqCst);
                    match end {
                        End::Value => Ok(()),
                        End::Error => Err(number),
                        End::Panic => quiet_panic("task"),
                    }
                });
            }
            for _ in 0..case.body.0 {
                yield_now().await;
            }
            match case.body.1 {
                End::Value => Ok(7),
                End::Error => Err(usize::MAX),
                End::Panic => quiet_panic("body"),
            }
        });
    let mut scope: Pin<Box<dyn Future<Output = _>>> = Box::pin(scope);
    let outcome = poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| scope.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await;
    assert_eq!(census.alive(), 0, "all have ended at the return");
    assert!(running.most() <= case.limit);
    let ends = || case.tasks.iter().map(|(_, end)| *end).chain([case.body.1]);
    match outcome {
        Ok(Ok(value)) => {
            assert_eq!(value, 7);
            assert!(ends().all(|end| end == End::Value));
            assert_eq!(finished.load(SeqCst), case.tasks.len());
        }
        Ok(Err(error)) => {
            let errors = error.into_errors();
            for number in errors {
                match number {
                    usize::MAX => assert_eq!(case.body.1, End::Error),
                    number => assert_eq!(case.tasks[number].1, End::Error),
                }
            }
        }
        Err(panic) => match *panic.downcast::<&str>().unwrap() {
            "body" => assert_eq!(case.body.1, End::Panic),
            _ => assert!(case.tasks.iter().any(|(_, end)| *end == End::Panic)),
        },
    }
    Ok(())
}

#[test]
fn random_groups_end_as_their_tasks_say() {
    for runtime in [one_thread(), two_threads()] {
        let result = random::check(CASES, cases(), |case| {
            runtime.block_on(chaos::watchdog::future("a random group", run(&case)))
        });
        if let Err(broken) = result {
            panic!("a random group: {broken}");
        }
        println!("task_group cases={CASES}");
    }
}
