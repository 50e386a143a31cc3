//! What `as_completed` and its deadline promise beside what all that gathers has in common.

use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::panic::catch_unwind;
use std::task::Poll;
use std::time::Duration;

use aio_itertools::consumers::list;
use aio_itertools::{FusedStream, Stream, as_completed, gather, next};
use tokio::time::Instant;

use crate::by_hand::{Task, poll_next_cut};
use crate::doors::doors;
use crate::panics::panic_text;
use crate::paused::{SECOND, nap, naps, on_paused_clock};

#[tokio::test(start_paused = true)]
async fn outputs_come_as_the_futures_end() {
    assert_eq!(
        list(as_completed(naps(&[3, 1, 2])).stream()).await,
        [1, 2, 3]
    );
    let two = as_completed(naps(&[3, 1, 1, 5])).limit(2).stream();
    assert_eq!(list(two).await, [1, 1, 3, 5]);
}

#[tokio::test]
async fn nothing_in_nothing_out() {
    let none: [std::future::Ready<u8>; 0] = [];
    assert_eq!(list(as_completed(none.clone()).stream()).await, []);
    let mut within = as_completed(none).deadline(Duration::ZERO).stream();
    assert_eq!(next(&mut within).await, None);
    assert!(within.is_terminated());
}

#[test]
fn zero_is_refused_at_the_call_and_named() {
    let limit = "the limit must be at least 1, got 0";
    let builder = || as_completed([ready(1)]);
    assert_eq!(panic_text(|| builder().limit(0)), limit);
    assert_eq!(panic_text(|| builder().deadline(SECOND).limit(0)), limit);
}

#[test]
fn pending_futures_go_on_where_they_were() {
    let all = doors::<4>();
    let mut ended = as_completed(all.clone().map(|door| door.pass()))
        .limit(2)
        .stream();
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut ended, &waker).is_pending());
    all[0].open();
    assert!(poll_next_cut(&mut ended, &waker).is_ready());
    assert_eq!((ended.in_flight(), ended.size_hint()), (1, (3, Some(3))));
    let pending = ended.into_pending();
    assert_eq!(pending.size_hint(), (3, Some(3)));
    let mut ended = as_completed(pending).stream();
    assert!(poll_next_cut(&mut ended, &waker).is_pending());
    assert_eq!(all[1].polls.get(), 2, "the same future as before");
    all[1].open();
    assert!(poll_next_cut(&mut ended, &waker).is_ready());
}

#[test]
fn pending_futures_of_an_endless_iterator_are_taken_one_by_one() {
    let made = Cell::new(0);
    let endless = std::iter::repeat_with(|| {
        made.set(made.get() + 1);
        pending::<()>()
    });
    let mut ended = as_completed(endless).limit(3).stream();
    let (_task, waker) = Task::new();
    assert!(poll_next_cut(&mut ended, &waker).is_pending());
    assert_eq!(ended.into_pending().take(5).count(), 5);
    assert_eq!(made.get(), 5);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_one_error_tells_how_many_and_they_are_given_back() {
    let start = Instant::now();
    let mut within = as_completed(naps(&[1, 9, 2, 7, 8]))
        .limit(3)
        .deadline(SECOND * 5)
        .stream();
    assert_eq!(within.size_hint(), (1, Some(5)));
    assert_eq!(next(&mut within).await, Some(Ok(1)));
    assert_eq!(next(&mut within).await, Some(Ok(2)));
    let late = next(&mut within).await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), SECOND * 5);
    assert_eq!((late.unfinished(), late.after()), (3, SECOND * 5));
    assert_eq!(
        late.to_string(),
        "the deadline of 5s passed with 3 futures unfinished"
    );
    assert!(!within.is_terminated());
    assert_eq!(within.size_hint(), (0, Some(0)));
    assert_eq!(next(&mut within).await, None);
    assert_eq!(next(&mut within).await, None);
    assert!(within.is_terminated());
    // 9 has run for 5 seconds, 7 for 4, 8 for 3.
    assert_eq!(
        list(as_completed(within.into_pending()).stream()).await,
        [7, 9, 8]
    );
    assert_eq!(start.elapsed(), SECOND * 10);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_runs_from_the_first_poll() {
    let mut within = as_completed(naps(&[2])).deadline(SECOND * 3).stream();
    nap(SECOND * 60).await;
    assert_eq!(next(&mut within).await, Some(Ok(2)));
    // An error that isn't met: the end comes before the deadline.
    assert_eq!(next(&mut within).await, None);
    assert!(within.is_terminated());

    // It runs on while nobody polls; what has ended by then is given first.
    let mut within = as_completed(naps(&[1, 2, 3, 9]))
        .deadline(SECOND * 5)
        .stream();
    assert_eq!(next(&mut within).await, Some(Ok(1)));
    nap(SECOND * 60).await;
    let rest = list(within).await;
    assert_eq!(rest, [Ok(2), Ok(3), Ok(9)], "all have ended in the end");
}

#[tokio::test(start_paused = true)]
async fn the_longest_duration_never_ends() {
    let mut within = as_completed(naps(&[1, 3_000_000_000]))
        .deadline(Duration::MAX)
        .stream();
    assert_eq!(next(&mut within).await, Some(Ok(1)));
    // Nearly a hundred years.
    assert_eq!(next(&mut within).await, Some(Ok(3_000_000_000)));
    assert_eq!(next(&mut within).await, None);
}

/// More than the budget of one poll, and more than between two looks at the clock.
const MANY: usize = 1000;

#[tokio::test(start_paused = true)]
async fn zero_gives_all_that_is_ready_at_the_first_poll() {
    let futures = (0..MANY).map(ready);
    let outputs = list(as_completed(futures).deadline(Duration::ZERO).stream()).await;
    assert!(outputs.into_iter().eq((0..MANY).map(Ok)));

    let half = (0..MANY).map(|n| async move {
        if n % 2 == 0 {
            pending().await
        }
        n
    });
    let mut within = as_completed(half).deadline(Duration::ZERO).stream();
    for n in (1..MANY).step_by(2) {
        assert_eq!(next(&mut within).await, Some(Ok(n)));
    }
    let late = next(&mut within).await.unwrap().unwrap_err();
    assert_eq!(late.unfinished(), MANY / 2);
    assert_eq!(next(&mut within).await, None);

    // There is room for two.
    let mut within = as_completed((0..9).map(ready))
        .limit(2)
        .deadline(Duration::ZERO)
        .stream();
    assert!(matches!(next(&mut within).await, Some(Ok(0))));
}

#[tokio::test]
async fn a_deadline_comes_though_work_is_always_ready() {
    chaos::watchdog::future(
        "an endless supply of ready futures has its deadline",
        async {
            let limit = Duration::from_millis(5);
            let mut within = as_completed((0..).map(ready))
                .limit(4)
                .deadline(limit)
                .stream();
            while let Some(Ok(_)) = next(&mut within).await {}
            assert!(within.is_terminated() || next(&mut within).await.is_none());
        },
    )
    .await;
    chaos::watchdog::future("futures that wake themselves have their deadline", async {
        let selfish = || {
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
        };
        let futures = (0..MANY).map(|_| selfish());
        let mut within = as_completed(futures)
            .deadline(Duration::from_millis(5))
            .stream();
        let late = next(&mut within).await.unwrap().unwrap_err();
        assert_eq!(late.unfinished(), MANY);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_future_that_panics_isnt_counted_as_unfinished() {
    let futures = (0..3).map(|n| async move {
        assert!(n != 1, "number one");
        pending::<()>().await;
    });
    let mut within = as_completed(futures).deadline(SECOND).stream();
    let (_task, waker) = Task::new();
    let poll = std::panic::AssertUnwindSafe(|| poll_next_cut(&mut within, &waker));
    assert!(catch_unwind(poll).is_err());
    let late = next(&mut within).await.unwrap().unwrap_err();
    assert_eq!(
        late.to_string(),
        "the deadline of 1s passed with 2 futures unfinished"
    );
    let pending = gather(within.into_pending()).stream();
    assert_eq!(pending.size_hint(), (2, Some(2)));
}

#[test]
fn errors_say_one_or_many() {
    let late = on_paused_clock(async {
        let mut within = as_completed([pending::<()>()]).deadline(SECOND).stream();
        next(&mut within).await
    });
    let late = late.unwrap().unwrap_err();
    let sent: Box<dyn std::error::Error + Send + Sync + 'static> = Box::new(late);
    assert_eq!(
        sent.to_string(),
        "the deadline of 1s passed with 1 future unfinished"
    );
}

#[tokio::test(start_paused = true)]
async fn cuts_of_next_lose_nothing() {
    let mut within = as_completed(naps(&[3, 1, 2, 60]))
        .deadline(SECOND * 10)
        .stream();
    let mut seen = Vec::new();
    // Each `next` is given half a second, and dropped.
    loop {
        match tokio::time::timeout(SECOND / 2, next(&mut within)).await {
            Ok(Some(output)) => seen.push(output.map_err(|late| late.unfinished())),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(seen, [Ok(1), Ok(2), Ok(3), Err(1)]);
}
