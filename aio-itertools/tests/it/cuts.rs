//! Cuts what runs several futures at every poll.

use std::pin::{Pin, pin};
use std::task::Poll;

use crate::by_hand::{Task, poll_once};
use crate::scripted::{Ledger, Token};

/// A future that is pending a few times, and gives a token that it held meanwhile.
pub(crate) type Work = Pin<Box<dyn Future<Output = Token>>>;

/// Drops what `run` gives after each number of polls, up to its end: one wake for
/// each `Pending`, and every token is dropped once.
pub(crate) fn at_every_poll<F: Future>(run: impl Fn(Vec<Work>) -> F, check: impl Fn(F::Output)) {
    let mut cuts = 0;
    for polls in 0.. {
        let ledger = Ledger::new(6);
        let work = (0..6).map(|id| -> Work {
            let token = ledger.token(id);
            Box::pin(async move {
                for _ in 0..id % 3 {
                    tokio::task::yield_now().await;
                }
                token
            })
        });
        let (task, waker) = Task::new();
        let mut ended = false;
        {
            let mut future = pin!(run(work.collect()));
            for poll in 0..polls {
                assert_eq!(task.wakes(), poll, "one wake for each Pending");
                if let Poll::Ready(output) = poll_once(future.as_mut(), &waker) {
                    check(output);
                    ended = true;
                    break;
                }
            }
        }
        cuts += 1;
        assert_eq!(ledger.drops(), [1; 6]);
        if ended {
            break;
        }
    }
    assert!(cuts > 2, "{cuts} cuts");
    println!("cuts={cuts}");
}
