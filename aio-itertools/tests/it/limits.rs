//! A hundred thousand futures keep the limit, whatever runs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use aio_itertools::asyncio::gather_iter;
use aio_itertools::consumers::list;
use aio_itertools::{as_completed, gather, iter, try_gather};

const FUTURES: usize = 100_000;
const LIMIT: usize = 1000;

/// Counts the futures that run.
#[derive(Clone, Default)]
struct Running {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Running {
    async fn work(self, n: usize) -> usize {
        let now = self.now.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
        for _ in 0..n % 4 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, SeqCst);
        n
    }

    fn futures(self) -> impl Iterator<Item = impl Future<Output = usize> + Send + 'static> {
        (0..FUTURES).map(move |n| self.clone().work(n))
    }

    /// The limit was kept, and made use of.
    fn check(&self) {
        assert_eq!((self.most.load(SeqCst), self.now.load(SeqCst)), (LIMIT, 0));
    }

    /// The limit was kept; how far it is made use of is up to the scheduler.
    fn check_spawned(&self) {
        let most = self.most.load(SeqCst);
        assert!((LIMIT / 10..=LIMIT).contains(&most), "{most}");
        assert_eq!(self.now.load(SeqCst), 0);
    }
}

#[tokio::test]
async fn gather_keeps_it() {
    let running = Running::default();
    let outputs = gather(running.clone().futures()).limit(LIMIT).await;
    assert!(outputs.into_iter().eq(0..FUTURES));
    running.check();
}

#[tokio::test]
async fn try_gather_keeps_it() {
    let running = Running::default();
    let futures = running
        .clone()
        .futures()
        .map(|work| async { Ok::<_, ()>(work.await) });
    let outputs = try_gather(futures).limit(LIMIT).await.unwrap();
    assert!(outputs.into_iter().eq(0..FUTURES));
    running.check();
}

#[tokio::test]
async fn gather_iter_keeps_it() {
    let running = Running::default();
    let outputs = gather_iter(iter(running.clone().futures()))
        .limit(LIMIT)
        .await;
    assert!(outputs.into_iter().eq(0..FUTURES));
    running.check();
}

#[tokio::test]
async fn as_completed_keeps_it() {
    let running = Running::default();
    let mut outputs = list(
        as_completed(running.clone().futures())
            .limit(LIMIT)
            .stream(),
    )
    .await;
    outputs.sort_unstable();
    assert!(outputs.into_iter().eq(0..FUTURES));
    running.check();
}

#[tokio::test]
async fn spawned_futures_keep_it() {
    let running = Running::default();
    let outputs = gather(running.clone().futures())
        .limit(LIMIT)
        .spawned()
        .await;
    assert!(outputs.into_iter().eq(0..FUTURES));
    running.check_spawned();

    let running = Running::default();
    let mut outputs = list(
        as_completed(running.clone().futures())
            .spawned()
            .limit(LIMIT)
            .stream(),
    )
    .await;
    outputs.sort_unstable();
    assert!(outputs.into_iter().eq(0..FUTURES));
    running.check_spawned();
}
