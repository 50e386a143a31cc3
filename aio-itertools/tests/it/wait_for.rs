//! What `wait_for` promises.

use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use aio_itertools::asyncio::Elapsed;
use aio_itertools::wait_for;
use tokio::time::Instant;

use crate::by_hand::{Task, poll_once};
use crate::paused::{SECOND, nap};
use crate::scripted::Ledger;
use crate::tasks::one_thread;

#[tokio::test(start_paused = true)]
async fn it_gives_the_output_or_an_error_at_the_limit() {
    let start = Instant::now();
    let slow = async {
        nap(SECOND).await;
        7
    };
    assert_eq!(wait_for(slow, SECOND * 2).await, Ok(7));
    assert_eq!(start.elapsed(), SECOND);
    let late: Elapsed = wait_for(pending::<()>(), SECOND * 2).await.unwrap_err();
    assert_eq!(start.elapsed(), SECOND * 3);
    assert_eq!(late.limit(), SECOND * 2);
    let sent: Box<dyn std::error::Error + Send + Sync + 'static> = Box::new(late);
    assert_eq!(sent.to_string(), "the future took longer than 2s");
}

#[tokio::test(start_paused = true)]
async fn the_future_comes_before_the_clock() {
    assert_eq!(wait_for(ready(7), Duration::ZERO).await, Ok(7));
    assert!(wait_for(pending::<()>(), Duration::ZERO).await.is_err());
    // Both at the same time.
    assert_eq!(wait_for(nap(SECOND), SECOND).await, Ok(()));
    // The time runs from the first poll, and is over when it is polled next.
    let waited = wait_for(async { nap(SECOND * 3).await }, SECOND);
    nap(SECOND * 5).await;
    let start = Instant::now();
    assert!(waited.await.is_err());
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_longest_duration_never_ends() {
    // A hundred years are not enough.
    assert_eq!(
        wait_for(nap(SECOND * 3_000_000_000), Duration::MAX).await,
        Ok(())
    );
}

#[test]
fn a_poll_without_a_runtime_panics_and_starts_no_clock() {
    chaos::watchdog::closure("a limit after a poll that panicked", || {
        let mut waited = Box::pin(wait_for(pending::<()>(), Duration::from_millis(1)));
        let (_, waker) = Task::new();
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once(waited.as_mut(), &waker)));
        assert!(polled.is_err());
        assert!(one_thread().block_on(waited).is_err());
    });
}

#[tokio::test(start_paused = true)]
async fn a_late_future_can_be_kept() {
    let mut slow = pin!(async {
        nap(SECOND * 3).await;
        7
    });
    assert!(wait_for(slow.as_mut(), SECOND).await.is_err());
    assert!(wait_for(&mut slow, SECOND).await.is_err());
    assert_eq!(wait_for(slow, SECOND).await, Ok(7));
}

#[tokio::test]
async fn the_limit_comes_though_the_future_takes_the_whole_budget() {
    chaos::watchdog::future("a future that is never without work", async {
        let hog = async {
            while aio_itertools::next(&mut aio_itertools::iter(0..))
                .await
                .is_some()
            {}
        };
        assert!(wait_for(hog, Duration::from_millis(5)).await.is_err());
        let selfish = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(wait_for(selfish, Duration::from_millis(5)).await.is_err());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn cut_wait_for_drops_the_future() {
    for polls in 0..3 {
        let ledger = Ledger::new(1);
        let token = ledger.token(0);
        {
            let mut waited = pin!(wait_for(
                async move {
                    futures_lite::future::yield_now().await;
                    token
                },
                SECOND
            ));
            let (task, waker) = Task::new();
            for poll in 0..polls {
                assert_eq!(task.wakes(), poll);
                let polled = poll_once(waited.as_mut(), &waker);
                assert_eq!(polled.is_ready(), poll == 1);
                if polled.is_ready() {
                    break;
                }
            }
        }
        assert_eq!(ledger.drops(), [1]);
    }
    println!("cuts=3");
}
