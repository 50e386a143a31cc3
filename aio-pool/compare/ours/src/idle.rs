//! What a pool costs that has nothing to do.

use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use work::{WORKERS, Work, children, report, switches};

use crate::{mapped, runtime, two_workers};

/// Calls before, so that everything that will ever run has run.
const BEFORE: u64 = 10_000;

/// After the last answer, until what it woke is at rest.
const SETTLING: Duration = Duration::from_millis(200);

/// Counts how often a thread of the pool, in this process or in a worker, runs
/// within `n` seconds. The thread that counts is not counted.
pub fn measure(work: &Work) {
    let seconds = Duration::from_secs(work.n as u64);
    let runtime = runtime();
    let (sum, count) = runtime.block_on(async {
        let pool = two_workers().await.expect("a pool");
        let at_rest = switches();
        let sum = mapped(&pool, BEFORE).await;
        assert!(switches() > at_rest, "a pool at work was not seen to run");
        assert_eq!(children().len(), WORKERS, "who is watched");
        let (tell, told) = oneshot::channel();
        thread::spawn(move || {
            thread::sleep(SETTLING);
            let before = switches();
            thread::sleep(seconds);
            tell.send(switches() - before).expect("to tell");
        });
        let count = told.await.expect("a count");
        pool.close().await.expect("to close");
        (sum, count)
    });
    report(1e9, sum, count);
}
