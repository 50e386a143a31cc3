//! A test that asks for a process of its own has one.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

static PID: AtomicU32 = AtomicU32::new(0);

#[test]
fn the_rest_of_the_test_runs_alone() {
    PID.store(process::id(), Ordering::Relaxed);
    chaos::alone!();
    assert!(
        std::env::var_os("CHAOS_ALONE").is_some()
            || std::env::var_os("NEXTEST_EXECUTION_MODE").is_some()
    );
    assert_eq!(PID.load(Ordering::Relaxed), process::id());
}

/// The name is right inside an async test too.
#[tokio::test]
async fn an_async_test_runs_alone() {
    chaos::alone!();
    tokio::task::yield_now().await;
}

#[test]
#[ignore = "fails on purpose, for the test below"]
fn fails() {
    panic!("on purpose");
}

#[test]
fn a_failure_there_is_a_failure_here() {
    let said = crate::caught(|| chaos::alone::run("alone::fails"));
    assert_eq!(said, "alone::fails failed in its own process");
}

#[test]
fn a_test_that_is_not_there_is_a_failure() {
    let said = crate::caught(|| chaos::alone::run("alone::no_such_test"));
    assert_eq!(said, "alone::no_such_test did not run in its own process");
}
