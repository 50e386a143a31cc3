//! The harnesses at work, and each of them on a broken subject that it must catch.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps says what it expects by failing there"
)]

mod alone;
mod cuts;
mod gate;
#[cfg(target_os = "linux")]
mod inject;
#[cfg(target_os = "linux")]
mod power;
mod skip;
mod subjects;
mod trace;
mod watchdog;
mod woken;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what must panic, and returns what it said.
fn caught(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it must be caught");
    said(&*panic)
}

fn said(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

/// Runs a future on a runtime of its own, as `#[tokio::test]` would.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

chaos::auto_traits! {
    chaos::Gate: Send, Sync, Unpin;
    chaos::Step: Send, Sync, Unpin;
    chaos::Trace: Send, Sync, Unpin;
    chaos::cuts::Cut: Send, Sync, Unpin;
    chaos::woken::Probe<std::rc::Rc<u8>>: !Send, !Sync, Unpin;
}
