//! Looking again for some microseconds before going to sleep.
//!
//! A worker that does next to nothing answers in less time than it takes to wake
//! this thread. So for a moment after it has heard something, the supervisor
//! asks the reactor again and again, and yields the core in between. An idle
//! pool does not spin: each try is bounded, and where tries do not pay they
//! become rare.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::spin;

/// Somewhat more than it takes to wake a caller and to hear of its next call.
const LENGTH: Duration = Duration::from_micros(50);

/// After so many tries in a row that did not pay, of 64 occasions one is taken.
const MOST_MISSES: u32 = 6;

/// What the attendants tell of, and what is spun for.
#[derive(Debug, Default)]
pub(super) struct Spin {
    heard: AtomicU64,
    occasion: Notify,
}

impl Spin {
    /// Starts to spin on every occasion that is worth it. With one core nobody
    /// spins: whoever is waited for would need that very core.
    pub(super) fn begin(wanted: spin::Spin) -> Arc<Self> {
        let spin = Arc::new(Self::default());
        if wanted == spin::Spin::Adaptive
            && std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
        {
            tokio::spawn(Arc::clone(&spin).run());
        }
        spin
    }

    /// A worker was heard: this is an occasion, or a try that paid.
    pub(super) fn heard(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
        self.occasion.notify_one();
    }

    async fn run(self: Arc<Self>) {
        let mut misses = 0;
        loop {
            for _ in 0..1_u32 << misses {
                self.occasion.notified().await;
            }
            if self.pays().await {
                misses = 0;
            } else {
                misses = MOST_MISSES.min(misses + 1);
            }
        }
    }

    /// Spins until nothing has been heard for a while. Tells whether anything
    /// was heard at all.
    async fn pays(&self) -> bool {
        let mut paid = false;
        let mut heard = self.heard.load(Ordering::Relaxed);
        let mut until = Instant::now() + LENGTH;
        loop {
            std::thread::yield_now();
            // Comes back when the reactor has been asked.
            tokio::task::yield_now().await;
            let now = Instant::now();
            let latest = self.heard.load(Ordering::Relaxed);
            if latest != heard {
                (heard, until, paid) = (latest, now + LENGTH, true);
            } else if now >= until {
                return paid;
            }
        }
    }
}
