//! What `gather` promises, case by case; the random ones are in `gather_laws`.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use aio_itertools::{FusedStream, Stream, gather};

use crate::by_hand::{Task, poll_next_cut, poll_once};
use crate::cuts;
use crate::doors::{Door, doors};
use crate::panics::panic_text;
use crate::scripted::Ledger;

/// More futures are woken at once than one poll takes, and more are woken while
/// some are left over: none of the wake-ups may wait for another's.
#[tokio::test]
async fn wake_ups_beside_leftovers_are_not_lost() {
    for limit in [1, 127, 128, 129, 200, 1_000, 10_000] {
        let futures = (0..10_000usize).map(async |n| {
            tokio::task::yield_now().await;
            n
        });
        let limited = std::future::IntoFuture::into_future(gather(futures).limit(limit));
        let gathered = tokio::time::timeout(std::time::Duration::from_secs(30), limited).await;
        let outputs = gathered.expect("it hangs");
        assert!(outputs.into_iter().eq(0..10_000), "limit {limit}");
    }
}

/// The same by hand: one output is taken while another woken future is left,
/// and a third is woken then.
#[test]
fn a_future_that_is_woken_while_another_is_left_over_is_polled() {
    let doors: [Door; 3] = doors();
    let (task, waker) = Task::new();
    let mut outputs = Box::pin(gather(doors.clone().map(Door::pass)).stream());
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    doors[0].open();
    doors[1].knock(); // it goes one step, and is pending again
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((0, ())))
    );
    let before = task.wakes();
    doors[2].open();
    assert!(task.wakes() <= before + 1);
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((2, ())))
    );
}

#[tokio::test]
async fn outputs_are_in_the_order_of_the_input_errors_included() {
    let outputs = gather((0..6_u32).map(|n| async move {
        for _ in 0..(6 - n) {
            tokio::task::yield_now().await;
        }
        if n % 2 == 0 {
            Ok(n)
        } else {
            Err(format!("odd {n}"))
        }
    }))
    .limit(4)
    .await;
    let expected: Vec<_> = (0..6)
        .map(|n| {
            if n % 2 == 0 {
                Ok(n)
            } else {
                Err(format!("odd {n}"))
            }
        })
        .collect();
    assert_eq!(outputs, expected);
}

#[tokio::test]
async fn nothing_in_nothing_out() {
    assert_eq!(gather([] as [std::future::Ready<u8>; 0]).await, []);
    let mut outputs = gather([] as [std::future::Ready<u8>; 0]).stream();
    assert_eq!(outputs.next().await, None);
    assert!(outputs.is_terminated());
}

#[test]
fn zero_is_refused_at_the_call_and_named() {
    let message = panic_text(|| gather([ready(1)]).limit(0));
    assert_eq!(message, "the limit must be at least 1, got 0");
}

#[test]
fn a_builder_is_inert_and_takes_builders() {
    struct Doubled(u32, Rc<Cell<u32>>);
    impl IntoFuture for Doubled {
        type Output = u32;
        type IntoFuture = std::future::Ready<u32>;
        fn into_future(self) -> Self::IntoFuture {
            self.1.set(self.1.get() + 1);
            ready(self.0 * 2)
        }
    }
    let (taken, started) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let count = (Rc::clone(&taken), Rc::clone(&started));
    let builder = gather((0..3).map(move |n| {
        count.0.set(count.0.get() + 1);
        Doubled(n, Rc::clone(&count.1))
    }))
    .limit(2);
    let future = builder.into_future();
    assert_eq!((taken.get(), started.get()), (0, 0));
    let (_task, waker) = Task::new();
    assert_eq!(poll_once(pin!(future), &waker), Poll::Ready(vec![0, 2, 4]));
    assert_eq!((taken.get(), started.get()), (3, 3));
}

#[test]
fn futures_are_taken_when_there_is_room_so_an_endless_iterator_works() {
    let made = Rc::new(Cell::new(0));
    let count = Rc::clone(&made);
    let source = std::iter::from_fn(move || {
        count.set(count.get() + 1);
        Some(pending::<()>())
    });
    let (_task, waker) = Task::new();
    let mut outputs = gather(source).limit(3).stream();
    assert_eq!(made.get(), 0);
    for _ in 0..5 {
        assert!(poll_next_cut(&mut outputs, &waker).is_pending());
        assert_eq!((made.get(), outputs.in_flight()), (3, 3));
    }
}

#[test]
fn only_the_woken_future_is_polled() {
    let all = doors::<100>();
    let mut outputs = gather(all.clone().map(Door::pass)).stream();
    let (task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    assert!(all.iter().all(|door| door.polls.get() == 1));

    all[32].unlock();
    assert!(
        poll_next_cut(&mut outputs, &waker).is_pending(),
        "nobody was woken"
    );
    assert_eq!(task.wakes(), 0);
    all[32].knock();
    all[32].knock();
    assert_eq!(task.wakes(), 1, "woken once for two wake-ups");
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((32, ())))
    );
    assert_eq!(all.iter().map(|door| door.polls.get()).sum::<usize>(), 101);
}

#[test]
fn two_wakes_before_a_poll_are_one_poll() {
    let [door] = doors();
    let mut outputs = gather([door.clone().pass()]).stream();
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    door.knock();
    door.knock();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    assert_eq!(door.polls.get(), 2);
}

#[test]
fn several_wakes_before_a_poll_wake_the_task_once() {
    let all = doors::<4>();
    let mut outputs = gather(all.clone().map(Door::pass)).stream();
    let (task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    for door in all.iter().rev() {
        door.open();
    }
    assert_eq!(task.wakes(), 1);
    for index in [3, 2, 1, 0] {
        let output = poll_next_cut(&mut outputs, &waker);
        assert_eq!(
            output,
            Poll::Ready(Some((index, ()))),
            "in the order of wake-ups"
        );
    }
    assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
    assert!(all.iter().all(|door| door.polls.get() == 2));
}

#[test]
fn the_latest_task_is_the_one_that_is_woken() {
    let [door] = doors();
    let mut outputs = gather([door.clone().pass()]).stream();
    let ((first, first_waker), (second, second_waker)) = (Task::new(), Task::new());
    assert!(poll_next_cut(&mut outputs, &first_waker).is_pending());
    assert!(poll_next_cut(&mut outputs, &second_waker).is_pending());
    assert_eq!(
        door.polls.get(),
        1,
        "a new task is no reason to poll the future"
    );
    door.open();
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
}

#[test]
fn room_is_filled_at_the_next_poll_and_not_before() {
    let all = doors::<3>();
    let mut outputs = gather(all.clone().map(Door::pass)).limit(2).stream();
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    all[0].open();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((0, ())))
    );
    assert_eq!((outputs.in_flight(), all[2].polls.get()), (1, 0));
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    assert_eq!((outputs.in_flight(), all[2].polls.get()), (2, 1));
}

#[test]
fn an_endless_source_that_is_always_ready_leaves_no_woken_future_lying() {
    let [door] = doors();
    let slow: Pin<Box<dyn Future<Output = ()>>> = Box::pin(door.clone().pass());
    let quick =
        std::iter::repeat_with(|| -> Pin<Box<dyn Future<Output = ()>>> { Box::pin(ready(())) });
    let mut outputs = gather(std::iter::once(slow).chain(quick)).limit(2).stream();
    let (_task, waker) = Task::new();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((1, ())))
    );
    door.open();
    let mut after_the_knock = (0..3).map(|_| poll_next_cut(&mut outputs, &waker));
    assert!(after_the_knock.any(|output| output == Poll::Ready(Some((0, ())))));
}

#[test]
fn size_hint_counts_what_is_in_flight_at_every_step() {
    let all = doors::<4>();
    let mut outputs = gather(all.clone().map(Door::pass)).limit(2).stream();
    let (_task, waker) = Task::new();
    assert_eq!(outputs.size_hint(), (4, Some(4)));
    assert!(!outputs.is_terminated(), "before the first poll");
    for (index, door) in all.iter().enumerate() {
        assert!(poll_next_cut(&mut outputs, &waker).is_pending());
        assert_eq!(outputs.size_hint(), (4 - index, Some(4 - index)));
        assert!(!outputs.is_terminated());
        door.open();
        assert!(poll_next_cut(&mut outputs, &waker).is_ready());
    }
    assert_eq!(outputs.size_hint(), (0, Some(0)));
    assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
    assert!(outputs.is_terminated());

    let mut endless = gather((0..).map(|_| pending::<()>())).limit(2).stream();
    assert!(poll_next_cut(&mut endless, &waker).is_pending());
    assert_eq!(endless.size_hint(), (usize::MAX, None));
}

#[test]
fn the_iterator_is_not_asked_again_after_its_end() {
    let mut calls = 0;
    let source = std::iter::from_fn(move || {
        calls += 1;
        assert!(calls <= 2, "asked after the end");
        (calls == 1).then(|| ready(()))
    });
    let mut outputs = gather(source).limit(4).stream();
    let (_task, waker) = Task::new();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((0, ())))
    );
    for _ in 0..3 {
        assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
    }
}

#[test]
fn a_panic_drops_its_own_future_and_the_others_go_on() {
    let ledger = Ledger::new(4);
    let [door] = doors();
    let mut outputs = gather((0..4).map(|id| {
        let (token, door) = (ledger.token(id), door.clone());
        async move {
            if id == 3 {
                door.pass().await;
            }
            assert!(id != 1, "number one");
            token.id()
        }
    }))
    .stream();
    let (_task, waker) = Task::new();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((0, 0)))
    );
    let panic = catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut outputs, &waker)));
    assert_eq!(
        panic.unwrap_err().downcast_ref::<&str>(),
        Some(&"number one")
    );
    assert_eq!(outputs.size_hint(), (2, Some(2)));
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((2, 2)))
    );
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    door.open();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((3, 3)))
    );
    assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
    drop(outputs);
    assert_eq!(ledger.drops(), [1; 4]);
}

#[test]
fn a_panic_passes_through_await_and_drops_the_rest() {
    let ledger = Ledger::new(3);
    let mut future = gather((0..3).map(|id| {
        let token = ledger.token(id);
        async move {
            assert!(id != 2, "number two");
            pending::<()>().await;
            drop(token);
        }
    }))
    .into_future();
    let (_task, waker) = Task::new();
    let mut poll = || poll_once(Pin::new(&mut future), &waker);
    let panic = catch_unwind(AssertUnwindSafe(&mut poll)).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"number two"));
    assert_eq!(ledger.drops(), [1; 3], "dropped by the panic, not later");
    let again = catch_unwind(AssertUnwindSafe(poll)).unwrap_err();
    assert_eq!(
        again.downcast_ref::<&str>(),
        Some(&"gather was polled after its end")
    );
}

#[test]
fn a_panic_in_the_drop_of_a_future_leaves_the_rest_usable() {
    struct DropPanics(bool);
    impl Drop for DropPanics {
        fn drop(&mut self) {
            assert!(!self.0, "in drop");
        }
    }
    impl Future for DropPanics {
        type Output = bool;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<bool> {
            Poll::Ready(self.0)
        }
    }
    let mut outputs = gather([true, false, false].map(DropPanics))
        .limit(1)
        .stream();
    let (_task, waker) = Task::new();
    assert!(catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut outputs, &waker))).is_err());
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((1, false)))
    );
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((2, false)))
    );
    assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));
}

#[test]
fn what_is_in_flight_is_dropped_oldest_first() {
    struct Noted(usize, Rc<RefCell<Vec<usize>>>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
        }
    }
    let order = Rc::default();
    let first = Door::default();
    let mut outputs = gather((0..5).map(|n| {
        let (noted, first) = (Noted(n, Rc::clone(&order)), first.clone());
        async move {
            match n {
                0 => first.pass().await,
                _ => pending().await,
            }
            drop(noted);
        }
    }))
    .limit(3)
    .stream();
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    // The fourth future takes the slot of the first, in front of older ones.
    first.open();
    assert!(poll_next_cut(&mut outputs, &waker).is_ready());
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    drop(outputs);
    assert_eq!(*order.borrow(), [0, 1, 2, 3]);
}

#[test]
fn cut_gather_at_every_poll() {
    cuts::at_every_poll(
        |work| gather(work).limit(2).into_future(),
        |tokens| assert!(tokens.iter().map(|token| token.id()).eq(0..6)),
    );
}

#[test]
fn cut_outputs_next_at_every_poll() {
    // One stream for each number of cuts before it is polled to its end.
    let mut cuts = 0;
    for (unpolled, limit) in [(0, 1), (1, 2), (2, 3), (0, 6)] {
        let ledger = Ledger::new(6);
        let mut outputs = gather((0..6).map(|id| {
            let token = ledger.token(id);
            async move {
                for _ in 0..id % 3 {
                    tokio::task::yield_now().await;
                }
                token
            }
        }))
        .limit(limit)
        .stream();
        let (_task, waker) = Task::new();
        let mut seen = Vec::new();
        loop {
            (0..unpolled).for_each(|_| drop(outputs.next()));
            let mut next = Box::pin(outputs.next());
            let polled = poll_once(next.as_mut(), &waker);
            drop(next);
            cuts += 1 + unpolled;
            match polled {
                Poll::Ready(Some((index, token))) => seen.push((index, token.id())),
                Poll::Ready(None) => break,
                Poll::Pending => {}
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..6).map(|id| (id, id)).collect::<Vec<_>>());
        assert_eq!(ledger.drops(), [1; 6]);
    }
    println!("cuts={cuts}");
}

#[test]
fn wakers_that_outlive_their_future_or_the_stream_are_harmless() {
    let [first, second] = doors();
    let mut outputs = gather([first.clone().pass(), second.clone().pass()])
        .limit(1)
        .stream();
    let (task, waker) = Task::new();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    let stale = first.waker.borrow().clone().unwrap();
    first.open();
    assert!(poll_next_cut(&mut outputs, &waker).is_ready());
    // The slot is empty, then it is the second future's.
    stale.wake_by_ref();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    stale.wake_by_ref();
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    second.open();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((1, ())))
    );
    assert_eq!(poll_next_cut(&mut outputs, &waker), Poll::Ready(None));

    let wakes = task.wakes();
    drop(outputs);
    stale.wake_by_ref();
    assert_eq!(task.wakes(), wakes);
    drop(waker);
    assert_eq!(
        Arc::strong_count(&task),
        1,
        "a leaked waker doesn't keep the task"
    );
}

#[test]
fn wakers_may_wake_others_and_panic_in_every_method() {
    /// Wakes another future of the same stream, then panics.
    struct Hostile(AtomicUsize, std::sync::Mutex<Option<Waker>>);
    impl Wake for Hostile {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            let other = self.1.lock().unwrap().take();
            if let Some(other) = other {
                other.wake();
            }
            panic!("hostile");
        }
    }
    let all = doors::<3>();
    let mut outputs = gather(all.clone().map(Door::pass)).stream();
    let hostile = Arc::new(Hostile(AtomicUsize::new(0), std::sync::Mutex::new(None)));
    let waker = Waker::from(Arc::clone(&hostile));
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
    *hostile.1.lock().unwrap() = all[2].waker.borrow().clone();
    all.iter().for_each(Door::unlock);
    assert!(catch_unwind(AssertUnwindSafe(|| all[0].knock())).is_err());
    assert_eq!(hostile.0.load(Ordering::SeqCst), 1);
    // Both wake-ups arrived, the panic of the task's waker notwithstanding.
    let (_task, waker) = Task::new();
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((0, ())))
    );
    assert_eq!(
        poll_next_cut(&mut outputs, &waker),
        Poll::Ready(Some((2, ())))
    );
    assert!(poll_next_cut(&mut outputs, &waker).is_pending());
}

#[test]
fn wake_ups_from_other_threads_are_not_lost() {
    const FUTURES: usize = 8;
    const ROUNDS: usize = 300;
    for round in 0..ROUNDS {
        let (send, receive) = std::sync::mpsc::channel::<(Arc<AtomicUsize>, Waker)>();
        let futures = (0..FUTURES).map(move |_| {
            let (send, hits, mut sent) = (send.clone(), Arc::new(AtomicUsize::new(0)), 0);
            poll_fn(move |cx| {
                // Three knocks each, and the next waker leaves only after a knock.
                let hits_so_far = hits.load(Ordering::SeqCst);
                if hits_so_far == 3 {
                    return Poll::Ready(());
                }
                if sent == hits_so_far {
                    sent += 1;
                    send.send((Arc::clone(&hits), cx.waker().clone())).unwrap();
                }
                Poll::Pending
            })
        });
        let receive = std::sync::Mutex::new(receive);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let Ok((hits, waker)) = receive.lock().unwrap().recv() else {
                            break;
                        };
                        hits.fetch_add(1, Ordering::SeqCst);
                        waker.wake();
                    }
                });
            }
            let outputs = futures_lite::future::block_on(gather(futures).into_future());
            assert_eq!(outputs.len(), FUTURES, "round {round}");
        });
    }
}

#[test]
fn awaited_futures_share_a_lock_among_themselves_and_end() {
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let mut awaited = gather((0..3).map(|_| {
        let lock = Arc::clone(&lock);
        async move {
            let _held = lock.lock().await;
            tokio::task::yield_now().await;
        }
    }))
    .into_future();
    let (task, waker) = Task::new();
    let mut polls = 0;
    while poll_once(Pin::new(&mut awaited), &waker).is_pending() {
        polls += 1;
        assert_eq!(task.wakes(), polls);
    }
}
