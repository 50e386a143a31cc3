//! Every await of the interface, cut at every poll, with every fate.

use aio_pool::streams::Items;
use aio_pool::workers::{Lines, Output};
use aio_pool::{Pool, Process, TaskError};
use chaos::cuts::{Fate, every};
use chaos::{Cut, Trace};

use crate::harness::trials;
use crate::output::say;
use crate::stream_tasks::numbers;
use crate::tasks::{echo, nothing};

trials![
    start_is_cut_everywhere,
    call_is_cut_everywhere,
    stream_is_cut_everywhere,
    next_is_cut_everywhere,
    close_is_cut_everywhere,
    terminate_is_cut_everywhere,
    with_is_cut_everywhere,
    next_line_is_cut_everywhere,
    process_is_cut_everywhere,
    process_with_is_cut_everywhere,
    join_is_cut_everywhere,
    kill_is_cut_everywhere,
];

/// Every fate at least once. More cuts are usual, but an answer that comes
/// before the first poll is over leaves no other.
const FATES: usize = 4;

const LEAKED: &str =
    "a handle that is forgotten keeps its pool, as a forgotten file keeps its descriptor";

async fn start_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("start")
        .world(async || ())
        .except(Fate::Leak, LEAKED)
        .run(
            async |(): &mut ()| drop(aio_pool::start().workers(2).await.unwrap()),
            async |(), _| before.assert_same().await,
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn pool() -> Pool {
    aio_pool::start()
        .workers(1)
        .tasks_per_worker(1)
        .await
        .unwrap()
}

/// The pool goes on, and then goes without a trace.
async fn works_and_goes(before: &Trace, pool: Pool) {
    assert_eq!(pool.call::<echo>(vec![1, 2]).await.unwrap(), [1, 2]);
    pool.close().await.unwrap();
    before.assert_same().await;
}

async fn call_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("call")
        .world(pool)
        .run(
            async |pool: &mut Pool| {
                assert_eq!(pool.call::<echo>(vec![7]).await.unwrap(), [7]);
            },
            async |pool, _| works_and_goes(&before, pool).await,
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn stream_is_cut_everywhere() {
    let before = Trace::take();
    let waits = "a stream that is forgotten waits for its consumer, and a close for the stream";
    let report = every("stream")
        .world(pool)
        .except(Fate::Leak, waits)
        .run(
            async |pool: &mut Pool| {
                // More than the window, so that credit is given back.
                let numbers = pool.stream::<numbers>((0, 40)).await.unwrap();
                assert!(numbers.into_iter().eq(0..40));
            },
            async |pool, _| works_and_goes(&before, pool).await,
        )
        .await;
    assert!(report.cuts >= FATES - 1, "{report}");
}

async fn next_is_cut_everywhere() {
    let before = Trace::take();
    let world = async || {
        let pool = pool().await;
        let items = pool.stream::<numbers>((0, 3)).stream();
        (pool, items)
    };
    let report = every("next")
        .world(world)
        .run(
            async |(_, items): &mut (Pool, Items<numbers>)| {
                let item = items.next().await.expect("an item").unwrap();
                assert_eq!(item, 0);
            },
            async |(pool, mut items), cut| {
                // No item is lost: what was not returned is still there.
                let left = if cut.completed { 1 } else { 0 };
                for number in left..3 {
                    assert_eq!(items.next().await.expect("an item").unwrap(), number);
                }
                assert!(items.next().await.is_none());
                drop(items);
                works_and_goes(&before, pool).await;
            },
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

/// Once polled it ran on; unpolled, nothing has happened.
async fn ended_if_polled(before: &Trace, pool: Pool, cut: Cut) {
    if cut.polls == 0 && !cut.completed {
        return works_and_goes(before, pool).await;
    }
    let error = pool.call::<nothing>(()).await.unwrap_err();
    assert_eq!(error, TaskError::Pool(aio_pool::Error::Closed));
    pool.close().await.unwrap();
    before.assert_same().await;
}

async fn close_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("close")
        .world(pool)
        .run(
            async |pool: &mut Pool| pool.close().await.unwrap(),
            async |pool, cut| ended_if_polled(&before, pool, cut).await,
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn terminate_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("terminate")
        .world(pool)
        .run(
            async |pool: &mut Pool| pool.terminate().await,
            async |pool, cut| ended_if_polled(&before, pool, cut).await,
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn with_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("with")
        .world(async || ())
        .except(Fate::Leak, LEAKED)
        .run(
            async |(): &mut ()| {
                let with = aio_pool::start().workers(1);
                let body = async |pool: &mut Pool| -> Result<_, TaskError<_>> {
                    pool.call::<echo>(vec![3]).await
                };
                assert_eq!(with.with(body).await.unwrap(), [3]);
            },
            async |(), _| before.assert_same().await,
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn next_line_is_cut_everywhere() {
    let before = Trace::take();
    let world = async || {
        let start = aio_pool::start().workers(1).stdout(Output::Lines);
        let pool = start.await.unwrap();
        let lines = pool.lines();
        (pool, lines)
    };
    let report = every("next line")
        .world(world)
        .run(
            async |(pool, lines): &mut (Pool, Lines)| {
                // Not polled any more once it is called: the line comes when it
                // comes.
                pool.call::<say>("one".to_owned()).await.unwrap();
                assert_eq!(lines.next().await.unwrap().text, "one");
            },
            async |(pool, mut lines), _| {
                pool.call::<say>("two".to_owned()).await.unwrap();
                // What was cut short has lost no line.
                let mut said = vec![];
                while said.last().is_none_or(|last| last != "two") {
                    said.push(lines.next().await.unwrap().text);
                }
                assert!(said.len() <= 2, "{said:?}");
                works_and_goes(&before, pool).await;
                assert_eq!(lines.next().await, None);
            },
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn process_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("process")
        .world(async || ())
        .except(Fate::Leak, LEAKED)
        .run(
            async |(): &mut ()| drop(aio_pool::process::<echo>(vec![4]).await.unwrap()),
            async |(), _| before.assert_same().await,
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn process_with_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("process with")
        .world(async || ())
        .except(Fate::Leak, LEAKED)
        .run(
            async |(): &mut ()| {
                let body = async |_: &mut Process<echo>| -> Result<(), TaskError<_>> { Ok(()) };
                let with = aio_pool::process::<echo>(vec![5]).with(body);
                assert_eq!(with.await.unwrap(), [5]);
            },
            async |(), _| before.assert_same().await,
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn a_process() -> Option<Process<echo>> {
    Some(aio_pool::process::<echo>(vec![6]).await.unwrap())
}

async fn join_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("join")
        .world(a_process)
        .except(Fate::Leak, LEAKED)
        .run(
            async |process: &mut Option<Process<echo>>| {
                assert_eq!(process.take().unwrap().join().await.unwrap(), [6]);
            },
            async |process, _| {
                drop(process);
                before.assert_same().await;
            },
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}

async fn kill_is_cut_everywhere() {
    let before = Trace::take();
    let report = every("kill")
        .world(a_process)
        .run(
            async |process: &mut Option<Process<echo>>| {
                process.take().unwrap().kill().await;
            },
            async |process, _| {
                drop(process);
                before.assert_same().await;
            },
        )
        .await;
    assert!(report.cuts >= FATES, "{report}");
}
