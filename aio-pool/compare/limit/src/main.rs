//! The limit underneath: a process at the end of a bare socketpair, and one
//! process that computes alone.

// It is the limit in the bench of aio-pool too.
#[path = "../../../benches/beside_socketpair/bare.rs"]
mod bare;

use bare::Bare;
use work::{Work, burn, measure, payload, report};

fn main() {
    bare::answer_if_other();
    let work = Work::from_arguments();
    let bare = match work.kind.as_str() {
        "sequential" => Bare::ping_pong(),
        "mapped" => Bare::batches(),
        "large" => Bare::large(),
        "cpu" => {
            return measure(&work, |n| {
                (0..n as u64).map(burn).fold(0, u64::wrapping_add)
            });
        }
        "start" => {
            bare::start(1);
            return report(bare::start(work.n), 0, 0);
        }
        _ => work.unasked(),
    };
    measure(&work, |n| bare.exchange(n));
}
