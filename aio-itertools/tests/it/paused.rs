//! Time on tokio's paused clock.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Lets this much time pass: on the paused clock it passes when all else is idle.
pub(crate) async fn nap(time: Duration) {
    tokio::time::sleep(time).await; // not a wait: the clock is paused, and time is what is tested
}

/// Naps of as many seconds, which they give.
pub(crate) fn naps(seconds: &[u32]) -> impl Iterator<Item = impl Future<Output = u32> + use<>> {
    seconds.iter().map(|&n| async move {
        nap(SECOND * n).await;
        n
    })
}

/// A runtime on one thread and a paused clock.
pub(crate) fn paused_runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

/// Runs a future there, for tests that need many runtimes or none around them.
pub(crate) fn on_paused_clock<F: Future>(future: F) -> F::Output {
    paused_runtime().block_on(future)
}
