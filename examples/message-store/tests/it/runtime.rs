//! A runtime for a test, and a place beside it.

use std::panic::resume_unwind;
use std::thread;

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Runs what has a runtime of its own, which none may have inside another.
pub(crate) fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let ended = thread::scope(|scope| scope.spawn(work).join());
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}
