//! The thread that called `init`. It runs no user code, so whatever that does,
//! somebody still hears a cancellation, or that the parent is gone. It sleeps
//! for as long as the runtime does.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::runtime::Runtime;

use super::desk::Desk;
use super::dispatcher::dispatch;
use super::incoming::Fill;
use super::pulse::Beat;
use crate::spin;

/// How long the runtime may be busy with one thing before the watcher reads in
/// its place.
const TICK: Duration = Duration::from_millis(5);

/// How often the watcher looks, while it reads, whether it is still needed.
const TAKEN_OVER: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 10_000_000,
};

/// So many looks at nothing, and the watcher sleeps until it is roused.
const QUIET: u32 = 3;

/// Watches for as long as the process lives.
pub(super) fn watch(desk: &Arc<Desk>, runtime: &Runtime, spin: spin::Spin) -> ! {
    let mut last = desk.pulse.beat();
    let mut quiet = 0;
    let mut dispatchers = 1;
    loop {
        thread::park_timeout(TICK);
        let beat = desk.pulse.beat();
        if beat.stuck_since(last) {
            stand_in(desk, last, || {
                dispatchers += 1;
                runtime.spawn(dispatch(Arc::clone(desk), dispatchers, spin));
            });
            quiet = 0;
        } else if beat == last && beat.at_rest() {
            quiet += 1;
            if quiet >= QUIET {
                desk.pulse.sleep();
                quiet = 0;
            }
        } else {
            quiet = 0;
        }
        last = desk.pulse.beat();
    }
}

/// Reads and writes as long as the dispatcher has been where it was.
fn stand_in(desk: &Arc<Desk>, stuck: Beat, mut replace: impl FnMut()) {
    loop {
        desk.uplink.flush_without_waiting();
        let beat = desk.pulse.beat();
        if let Some(dispatcher) = beat.left_behind_since(stuck)
            && desk.pulse.displace(dispatcher)
        {
            replace();
        }
        if !beat.stuck_since(stuck) {
            break;
        }
        let mut socket = [PollFd::from_borrowed_fd(
            desk.socket().as_fd(),
            PollFlags::IN,
        )];
        // An error is an early look.
        let _ = rustix::event::poll(&mut socket, Some(&TAKEN_OVER));
        if desk.read() != Fill::Nothing {
            // The runtime may be busy with tasks that yield. Its own socket says
            // nothing of what was read here.
            desk.ring();
            desk.leave_if_retired();
        }
    }
    // What has come is the dispatcher's again, and what was not written.
    desk.ring();
}
