//! What `wait` promises.

use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aio_itertools::wait;
use tokio::time::Instant;

use crate::by_hand::{Task, poll_once};
use crate::cuts;
use crate::doors::{Door, doors};
use crate::paused::{SECOND, nap, naps};

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// Naps of as many seconds, each in a box, since one that is left is given back.
fn boxed_naps(seconds: &[u32]) -> Vec<Boxed<u32>> {
    naps(seconds)
        .map(|nap| Box::pin(nap) as Boxed<u32>)
        .collect()
}

fn passes(doors: &[Door]) -> Vec<Boxed<()>> {
    let pass = |door: &Door| -> Boxed<()> { Box::pin(door.clone().pass()) };
    doors.iter().map(pass).collect()
}

#[tokio::test(start_paused = true)]
async fn all_are_waited_for_by_default() {
    let (done, pending) = wait(boxed_naps(&[3, 1, 2])).await;
    assert_eq!(
        done,
        [(1, 1), (2, 2), (0, 3)],
        "in the order in which they ended"
    );
    assert!(pending.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_first_is_given_and_the_rest_given_back_to_be_waited_for_again() {
    let mut pending = boxed_naps(&[3, 1, 2, 1]);
    let mut rounds = Vec::new();
    while !pending.is_empty() {
        let done;
        (done, pending) = wait(pending).first_completed().await;
        rounds.push(done);
    }
    assert_eq!(rounds, [vec![(1, 1), (3, 1)], vec![(1, 2)], vec![(0, 3)]]);
}

#[tokio::test]
async fn tasks_are_waited_for() {
    let mut pending: Vec<_> = (0..100).map(|n| tokio::spawn(async move { n })).collect();
    let mut sum = 0;
    while !pending.is_empty() {
        let done;
        (done, pending) = wait(pending).first_completed().await;
        assert!(!done.is_empty());
        sum += done.into_iter().map(|(_, n)| n.unwrap()).sum::<u32>();
    }
    assert_eq!(sum, 4950);
}

#[tokio::test]
async fn nothing_is_waited_for_at_once() {
    let none: Vec<std::future::Pending<Result<(), ()>>> = Vec::new();
    assert!(wait(none.clone()).await.0.is_empty());
    assert!(wait(none.clone()).first_completed().await.1.is_empty());
    assert!(wait(none.clone()).first_error().await.0.is_empty());
    assert!(wait(none).timeout(Duration::MAX).await.1.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_first_error_ends_it_and_a_success_does_not() {
    let naps = |results: &[Result<u32, u32>]| {
        let boxed = |result: &Result<u32, u32>| {
            let result = *result;
            Box::pin(async move {
                let (Ok(n) | Err(n)) = result;
                nap(SECOND * n).await;
                result
            })
        };
        results.iter().map(boxed).collect::<Vec<_>>()
    };
    let (done, pending) = wait(naps(&[Ok(1), Err(3), Ok(2), Ok(4)]))
        .first_error()
        .await;
    assert_eq!(done, [(0, Ok(1)), (2, Ok(2)), (1, Err(3))]);
    assert_eq!(pending.len(), 1);
    let (done, pending) = wait(pending).first_error().await;
    assert_eq!(done, [(0, Ok(4))]);
    assert!(pending.is_empty());
}

#[test]
fn all_that_are_ready_in_one_poll_are_done_and_the_rest_keep_their_order() {
    let all = doors::<6>();
    let (task, waker) = Task::new();
    let mut waited = pin!(wait(passes(&all)).first_completed().into_future());
    assert!(poll_once(waited.as_mut(), &waker).is_pending());
    for n in [4, 1, 2] {
        all[n].open();
    }
    assert_eq!(task.wakes(), 1);
    let Poll::Ready((done, pending)) = poll_once(waited.as_mut(), &waker) else {
        panic!("it is still pending");
    };
    assert_eq!(done, [(4, ()), (1, ()), (2, ())]);
    assert_eq!(pending.len(), 3);
    let polls: Vec<_> = all.iter().map(|door| door.polls.get()).collect();
    assert_eq!(polls, [1, 2, 2, 1, 2, 1], "only those that were woken");
    for (n, mut future) in [0, 3, 5].into_iter().zip(pending) {
        all[n].unlock();
        assert!(poll_once(Pin::new(&mut future), &waker).is_ready());
    }
}

/// More than the budget of one poll.
const MANY: usize = 1000;

#[tokio::test(start_paused = true)]
async fn the_budget_doesnt_divide_what_is_ready_at_once() {
    let futures = || (0..MANY).map(ready);
    let (done, pending) = wait(futures()).first_completed().await;
    assert!(done.into_iter().eq((0..MANY).map(|n| (n, n))));
    assert!(pending.is_empty());
    let (done, _) = wait(futures()).timeout(Duration::ZERO).await;
    assert_eq!(done.len(), MANY);
}

#[tokio::test(start_paused = true)]
async fn what_spends_budget_itself_is_done_if_it_is_ready() {
    // More handles than there are units, and an odd number of units for them.
    let tasks: Vec<_> = (0..200).map(|_| tokio::spawn(async {})).collect();
    while !tasks.iter().all(|task| task.is_finished()) {
        tokio::task::yield_now().await;
    }
    let mut waited = pin!(wait(tasks).timeout(Duration::ZERO).into_future());
    let (done, pending) = poll_fn(|cx| {
        if let Poll::Ready(unit) = tokio::task::coop::poll_proceed(cx) {
            unit.made_progress();
        }
        waited.as_mut().poll(cx)
    })
    .await;
    assert_eq!((done.len(), pending.len()), (200, 0));
}

#[tokio::test]
async fn futures_that_wake_themselves_hold_up_neither_the_first_nor_the_clock() {
    let selfish = || -> Boxed<()> {
        Box::pin(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }))
    };
    chaos::watchdog::future("the first among futures that wake themselves", async {
        let mut futures: Vec<_> = (0..MANY).map(|_| selfish()).collect();
        futures.push(Box::pin(tokio::task::yield_now()));
        let (done, pending) = wait(futures).first_completed().await;
        assert_eq!(done, [(MANY, ())]);
        let (done, pending) = wait(pending).timeout(Duration::from_millis(5)).await;
        assert_eq!((done.len(), pending.len()), (0, MANY));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_gives_what_has_come_and_the_rest_back() {
    let start = Instant::now();
    let (done, pending) = wait(boxed_naps(&[5, 1, 9, 2])).timeout(SECOND * 3).await;
    assert_eq!(start.elapsed(), SECOND * 3);
    assert_eq!(done, [(1, 1), (3, 2)]);
    let (done, pending) = wait(pending).first_completed().timeout(SECOND).await;
    assert_eq!((done.len(), pending.len()), (0, 2));
    let (done, pending) = wait(pending).timeout(Duration::MAX).await;
    assert_eq!(done, [(0, 5), (1, 9)]);
    assert!(pending.is_empty());
    assert_eq!(start.elapsed(), SECOND * 9);
    // The futures come before the clock.
    let (done, pending) = wait([ready(1)]).timeout(Duration::ZERO).await;
    assert_eq!((done, pending.len()), (vec![(0, 1)], 0));
    let (done, pending) = wait([pending_forever()]).timeout(Duration::ZERO).await;
    assert_eq!((done.len(), pending.len()), (0, 1));
}

fn pending_forever() -> std::future::Pending<()> {
    pending()
}

#[test]
fn borrowed_futures_outlive_a_wait_that_is_dropped() {
    let all = doors::<3>();
    let mut futures = passes(&all);
    let (_task, waker) = Task::new();
    {
        let mut waited = pin!(wait(&mut futures).first_completed().into_future());
        assert!(poll_once(waited.as_mut(), &waker).is_pending());
    }
    all[1].open();
    let mut waited = pin!(wait(futures.iter_mut()).first_completed().into_future());
    let Poll::Ready((done, pending)) = poll_once(waited.as_mut(), &waker) else {
        panic!("it is still pending");
    };
    assert_eq!((done, pending.len()), (vec![(1, ())], 2));
    assert_eq!(all[0].polls.get(), 2, "the same future as before");
}

#[test]
fn a_panic_drops_its_own_future_and_the_others_go_on() {
    let [door] = doors();
    let futures: [Boxed<()>; 3] = [
        Box::pin(door.clone().pass()),
        Box::pin(async { panic!("number one") }),
        Box::pin(ready(())),
    ];
    let (task, waker) = Task::new();
    let mut waited = pin!(wait(futures).into_future());
    let poll = AssertUnwindSafe(|| poll_once(waited.as_mut(), &waker));
    let panic = catch_unwind(poll).err().unwrap();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"number one"));
    assert!(poll_once(waited.as_mut(), &waker).is_pending());
    door.open();
    assert_eq!(task.wakes(), 1);
    let Poll::Ready((done, pending)) = poll_once(waited.as_mut(), &waker) else {
        panic!("it is still pending");
    };
    assert_eq!((done, pending.len()), (vec![(2, ()), (0, ())], 0));
}

#[test]
fn the_latest_task_is_woken_and_a_late_waker_is_harmless() {
    let all = doors::<2>();
    let ((first, first_waker), (second, second_waker)) = (Task::new(), Task::new());
    let mut waited = Box::pin(wait(passes(&all)).first_completed().into_future());
    assert!(poll_once(waited.as_mut(), &first_waker).is_pending());
    assert!(poll_once(waited.as_mut(), &second_waker).is_pending());
    all[0].open();
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
    assert!(poll_once(waited.as_mut(), &second_waker).is_ready());
    drop(waited);
    all[1].knock();
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
    drop((first_waker, second_waker));
    assert_eq!(
        (Arc::strong_count(&first), Arc::strong_count(&second)),
        (1, 1)
    );
}

#[test]
fn cut_wait_at_every_poll() {
    cuts::at_every_poll(
        |work| wait(work).into_future(),
        |(done, pending)| assert_eq!((done.len(), pending.len()), (6, 0)),
    );
    cuts::at_every_poll(
        |work| {
            wait(work.into_iter().skip(1).step_by(3))
                .first_completed()
                .into_future()
        },
        |(done, pending)| assert_eq!((done.len(), pending.len()), (2, 0)),
    );
}
