//! Who is there, for a service that ends when nobody comes any more.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// The clients of a service: how many are there, and whether any has come or gone.
///
/// A clone counts the same clients. It is a `watch`: whoever waits is woken by a
/// change, and there is nothing to poll meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Visitors(watch::Sender<usize>);

/// A client that is there.
#[derive(Debug)]
#[must_use = "dropping it says that the client has gone"]
pub struct Visit(watch::Sender<usize>);

impl Visitors {
    /// Counts a client until what this gives is dropped, however its task ends.
    pub fn enter(&self) -> Visit {
        self.0.send_modify(|clients| *clients += 1);
        Visit(self.0.clone())
    }

    /// Waits until for so long no client was there, and none has come and gone.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: the time begins anew.
    pub async fn none_for(&self, idle: Duration) {
        let mut clients = self.0.subscribe();
        loop {
            if *clients.borrow_and_update() > 0 {
                // It can't fail: the sender is in `self`.
                clients.changed().await.ok();
            } else if timeout(idle, clients.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.send_modify(|clients| *clients -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_counts_from_when_the_last_has_gone() {
        let visitors = Visitors::default();
        let start = Instant::now();
        let client = {
            let visitors = visitors.clone();
            async move {
                let _long = visitors.enter();
                // not a wait: the client stays for so long, on a paused clock
                sleep(Duration::from_secs(7)).await;
                drop(visitors.enter());
            }
        };
        tokio::join!(visitors.none_for(Duration::from_secs(3)), client);
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_comes_and_goes_at_once_is_seen() {
        let visitors = Visitors::default();
        let start = Instant::now();
        let client = async {
            // not a wait: the client comes then, on a paused clock
            sleep(Duration::from_secs(2)).await;
            drop(visitors.enter());
        };
        tokio::join!(visitors.none_for(Duration::from_secs(3)), client);
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }
}
