//! How long a task keeps the others waiting.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::Failure;

/// When the ticker is due again.
const TICK: Duration = Duration::from_millis(1);

/// Does some work beside a ticker, and returns the longest time between two ticks,
/// in milliseconds.
///
/// The ticker is a task of the same runtime: on one thread, it ticks only while the
/// work awaits something.
///
/// ```
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tour::Failure> {
/// let ms = tour::stall::beside(async {
///     std::thread::sleep(Duration::from_millis(20));
///     Ok(())
/// });
/// assert!(ms.await? >= 20);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of the work.
///
/// # Cancel safety
///
/// *Cancel safe* as far as the work is: it is dropped, and the ticker ends.
pub async fn beside<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<u128, Failure> {
    let (working, mut ended) = oneshot::channel::<()>();
    let mut last = Instant::now();
    let ticker = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        loop {
            let is_over = timeout(TICK, &mut ended).await.is_ok();
            longest = longest.max(last.elapsed());
            last = Instant::now();
            if is_over {
                break longest;
            }
        }
    });
    work.await?;
    drop(working);
    Ok(ticker.await?.as_millis())
}
