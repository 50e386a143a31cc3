//! The pools that most tests want.

use aio_pool::Pool;

/// One worker, so that it is known which. It runs as many tasks at a time as it
/// does when nobody says how many.
pub(crate) async fn one_worker() -> Pool {
    aio_pool::start().workers(1).await.expect("a pool")
}

/// One worker, and so many tasks at a time.
pub(crate) async fn one_worker_for(tasks: usize) -> Pool {
    pool_of(1, tasks).await
}

/// One worker, and one task after the other.
pub(crate) async fn one_at_a_time() -> Pool {
    pool_of(1, 1).await
}

/// So many workers, and so many tasks at a time in each.
pub(crate) async fn pool_of(count: usize, tasks: usize) -> Pool {
    let start = aio_pool::start().workers(count).tasks_per_worker(tasks);
    start.await.expect("a pool")
}
