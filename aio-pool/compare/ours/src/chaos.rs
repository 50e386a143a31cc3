//! Every call has an outcome, whatever becomes of the workers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aio_pool::{Never, Pool, TaskError};
use futures_util::{StreamExt, stream};
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Handle;
use work::{IN_FLIGHT, Work, children, descriptors, report};

use crate::two_workers;

/// From one blow to the next.
const PACE: Duration = Duration::from_millis(20);

aio_pool::task! {
    async fn pause(number: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        number
    }
}

aio_pool::task! {
    async fn abort() {
        std::process::abort()
    }
}

type Outcomes = BTreeMap<&'static str, u64>;

/// Makes `n` calls, counts their outcomes by kind, and then counts whatever should
/// not be there: calls without an outcome, children, descriptors.
pub fn measure(work: &Work) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // A runtime opens its own on its first use.
    runtime.block_on(tokio::task::yield_now());
    let before = descriptors();
    let start = Instant::now();
    let (outcomes, blows) = runtime.block_on(async {
        let pool = two_workers().await.expect("a pool");
        let over = AtomicBool::new(false);
        let (over, runtime) = (&over, Handle::current());
        let measured = thread::scope(|scope| {
            let striking = scope.spawn({
                let (pool, runtime) = (pool.clone(), runtime.clone());
                move || strike(&pool, &runtime, over)
            });
            let outcomes = tokio::task::block_in_place(|| {
                let outcomes = runtime.block_on(outcomes(&pool, work.n as u64));
                over.store(true, Ordering::Relaxed);
                outcomes
            });
            (outcomes, striking.join().expect("blows"))
        });
        pool.terminate().await;
        measured
    });
    let nanoseconds = start.elapsed().as_nanos();
    let answered: u64 = outcomes.values().sum();
    eprintln!(
        "{answered} of {} calls: {outcomes:?}; blows: {blows:?}",
        work.n
    );
    assert!(
        outcomes.contains_key("lost") || blows.values().sum::<u64>() < 10,
        "no blow has hit anything"
    );
    let left = children().len() + descriptors().abs_diff(before);
    let missing = (work.n as u64).abs_diff(answered);
    report(
        nanoseconds as f64 / work.n as f64,
        answered,
        missing + left as u64,
    );
}

async fn outcomes(pool: &Pool, n: u64) -> Outcomes {
    stream::iter(0..n)
        .map(|number| async move { (number, pool.call::<pause>(number).await) })
        .buffer_unordered(IN_FLIGHT)
        .fold(Outcomes::new(), async |mut outcomes, (number, outcome)| {
            *outcomes.entry(kind(number, &outcome)).or_default() += 1;
            outcomes
        })
        .await
}

fn kind(number: u64, outcome: &Result<u64, TaskError<Never>>) -> &'static str {
    match outcome {
        Ok(answer) => {
            assert_eq!(*answer, number, "the answer to another call");
            "answered"
        }
        Err(TaskError::WorkerLost { .. }) => "lost",
        Err(error) => panic!("nobody asked for this outcome: {error}"),
    }
}

/// Strikes a worker at each turn: kills it, stops it until the next turn, or lets
/// a task abort it. Gives how often it did each.
fn strike(pool: &Pool, runtime: &Handle, over: &AtomicBool) -> Outcomes {
    let mut blows = Outcomes::new();
    let mut stopped = None;
    for turn in 0_usize.. {
        thread::sleep(PACE);
        if let Some(pid) = stopped.take() {
            // Where it is gone, someone else has killed it.
            let _ = kill_process(pid, Signal::CONT);
        }
        if over.load(Ordering::Relaxed) {
            break;
        }
        let workers = children();
        let Some(pid) = workers.get(turn % workers.len().max(1)) else {
            continue;
        };
        let pid = Pid::from_raw(i32::try_from(*pid).expect("a pid"));
        let blow = match turn % 3 {
            0 => {
                let _ = kill_process(pid.expect("a pid"), Signal::KILL);
                "killed"
            }
            1 => {
                stopped = pid.filter(|pid| kill_process(*pid, Signal::STOP).is_ok());
                "stopped"
            }
            _ => {
                runtime.spawn(pool.call::<abort>(()).into_future());
                "aborted"
            }
        };
        *blows.entry(blow).or_default() += 1;
    }
    blows
}
