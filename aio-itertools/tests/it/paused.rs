//! Time on tokio's paused clock.

use std::time::Duration;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Lets this much time pass: on the paused clock it passes when all else is idle.
pub(crate) async fn nap(time: Duration) {
    tokio::time::sleep(time).await; // not a wait: the clock is paused, and time is what is tested
}
