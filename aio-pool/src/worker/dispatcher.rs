//! The task that begins calls. It reads the parent's words itself and polls each
//! call once itself, so a short call wakes no other thread or task; only a call
//! that waits becomes a task.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::begun::Begun;
use super::desk::Desk;
use super::inbox::{Next, Waiting};
use super::incoming::Fill;
use super::pulse::DispatcherId;
use super::spin::Spin;
use super::uplink::Wrote;
use super::watchdog;
use crate::context::{self, Stop};
use crate::job::{Answer, Job};
use crate::role;
use crate::spin;
use crate::wire::{Announce, Ending, Up};

/// After so many calls the runtime's other tasks have their turn,
const BATCH: usize = 64;

/// and after so long, whichever comes first. The answers of the calls wait as
/// long for each other.
const LONG: Duration = Duration::from_micros(50);

/// Waits that were cut short by a call, before the runtime looks after its
/// timers and its other sockets.
const SPINS: u32 = 32;

/// How far a batch has come.
enum Batch {
    /// Nothing can begin now.
    Done,
    /// There is more, but others come first.
    More,
    /// Another dispatcher goes on.
    Displaced,
}

/// Begins calls, for ever, unless user code keeps this dispatcher to itself and
/// another takes its place.
pub(super) async fn dispatch(desk: Arc<Desk>, id: DispatcherId, spin: spin::Spin) {
    let _vital = Vital;
    let mut spin = Spin::new(spin);
    let mut spins = 0;
    // What came with the greeting announces itself no more.
    desk.read();
    loop {
        desk.pulse.turn();
        match batch(&desk, id) {
            Batch::Displaced => {
                desk.uplink.flush();
                return desk.ring();
            }
            Batch::More => {
                desk.uplink.flush();
                tokio::task::yield_now().await;
                desk.read();
            }
            Batch::Done => {
                let wrote = desk.uplink.flush();
                if wrote == Wrote::Something && is_alone() {
                    if spins < SPINS && spin.until(|| desk.read() != Fill::Nothing) {
                        spins += 1;
                        continue;
                    }
                    spins = 0;
                }
                desk.wait().await;
            }
        }
    }
}

/// Whether the runtime has no task but this one.
fn is_alone() -> bool {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
        <= 1
}

fn batch(desk: &Arc<Desk>, id: DispatcherId) -> Batch {
    let begun = Instant::now();
    for _ in 0..BATCH {
        // Looked at first: what another thread writes after this look frees
        // places that the next look may have missed.
        let unwritten = desk.uplink.unwritten();
        match desk.next() {
            (Next::Begin(waiting), stop) => {
                if begin(desk, id, waiting, stop) == Office::Lost {
                    return Batch::Displaced;
                }
                if begun.elapsed() > LONG {
                    return Batch::More;
                }
            }
            // A place is free only once the answer is in the kernel's hands.
            (Next::Full, _) if unwritten > 0 => {
                desk.uplink.flush();
            }
            (Next::Full | Next::Empty, _) => return Batch::Done,
            (Next::Retired, _) => desk.leave(),
        }
    }
    Batch::More
}

/// Whether this dispatcher is still the dispatcher.
#[derive(PartialEq, Eq)]
enum Office {
    Kept,
    Lost,
}

fn begin(desk: &Arc<Desk>, id: DispatcherId, waiting: Waiting, stop: Stop) -> Office {
    let Waiting {
        call,
        task,
        number,
        announce,
        input,
    } = waiting;
    // From now on, the parent can see, this call must not be given to another.
    desk.marks.begin(number);
    if announce == Announce::Yes {
        desk.uplink.say(&Up::Started { call }, &[]);
    }
    let Some(entry) = desk.table.entry(task) else {
        desk.answer(call, Answer::from(Ending::UnknownTask));
        return Office::Kept;
    };
    // Only what the parent asked for may start workers here.
    role::may_start();
    let context = context::Context::new(stop, desk.surroundings());
    let job = Job { input, context };

    desk.pulse.enter(id);
    let mut begun = Begun::new(desk, (call, number), entry.run, job);
    // Nobody needs to be woken by this poll: a call that waits is polled again
    // as a task.
    match begun.advance(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(()) => drop(begun),
        Poll::Pending if desk.is_cancelled(call) => drop(begun),
        Poll::Pending => {
            let task = tokio::spawn(begun);
            desk.abort_through(call, task.abort_handle());
        }
    }
    if desk.pulse.leave(id) {
        Office::Kept
    } else {
        Office::Lost
    }
}

/// Without a dispatcher a worker would only seem to serve.
struct Vital;

impl Drop for Vital {
    fn drop(&mut self) {
        if std::thread::panicking() {
            watchdog::end();
        }
    }
}
