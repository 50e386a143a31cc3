//! The watchdog names what hangs, and lets pass what does not.

use std::future::pending;
use std::time::Duration;

use chaos::watchdog;

use crate::{block_on, caught};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_future_that_ends_gives_its_output() {
    assert_eq!(block_on(watchdog::future("seven", async { 7 })), 7);
    assert_eq!(watchdog::closure("eight", || 8), 8);
}

#[test]
fn a_future_that_hangs_is_named() {
    let said = caught(|| block_on(watchdog::future_within(SHORT, "the reply", pending())));
    assert_eq!(said, "watchdog: the reply hung for 50ms");
}

#[test]
fn a_closure_that_hangs_is_named() {
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let said = caught(|| {
        watchdog::closure_within(SHORT, "the join", move || {
            wait.recv().ok();
        })
    });
    assert_eq!(said, "watchdog: the join hung for 50ms");
    drop(end);
}

#[test]
fn a_panic_inside_is_passed_on() {
    let said = caught(|| watchdog::closure("it", || panic!("its own words")));
    assert_eq!(said, "its own words");
}

/// A paused clock leaps ahead whenever the runtime is idle; the watchdog does not.
#[test]
fn a_paused_clock_does_not_matter() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(watchdog::future("an hour of paused time", async {
        tokio::time::sleep(Duration::from_secs(3600)).await; // not a wait: the clock is paused
    }));
}
