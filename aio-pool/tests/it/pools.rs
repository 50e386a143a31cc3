//! The pools that most tests want: of one worker, so that it is known which.

use aio_pool::Pool;

/// As many tasks at a time as a worker runs when nobody says how many.
pub(crate) async fn one_worker() -> Pool {
    aio_pool::start().workers(1).await.expect("a pool")
}

/// So many tasks at a time.
pub(crate) async fn one_worker_for(tasks: usize) -> Pool {
    let start = aio_pool::start().workers(1).tasks_per_worker(tasks);
    start.await.expect("a pool")
}

/// One task after the other.
pub(crate) async fn one_at_a_time() -> Pool {
    one_worker_for(1).await
}
