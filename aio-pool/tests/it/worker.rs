//! A worker's own runtime, and who is heard while a task holds it.

use std::future::pending;
use std::time::Duration;

use aio_pool::{TaskError, task};
use rustix::process::{Signal, getpid, kill_process};
use tokio::join;

use crate::harness::trials;
use crate::line::{self, Line};
use crate::polled::polled;
use crate::pools::one_worker_for;
use crate::tasks::{compute, nothing, pid};

trials![
    a_task_has_all_of_tokio,
    an_answer_arrives_while_the_next_task_computes,
    a_task_that_blocks_in_place_lets_others_begin_and_end,
    what_queues_behind_computing_is_cancelled_and_the_worker_lives_on,
    short_calls_starve_no_task_that_waits,
    an_answer_before_a_death_is_not_lost,
    a_panic_while_a_cancelled_task_is_dropped_frees_its_place,
];

task! {
    /// What it says was made on another thread, by another task, in place, and
    /// after some time.
    async fn tour() -> Vec<String> {
        let name = |what: &str| what.to_owned();
        let thread = tokio::task::spawn_blocking(move || name("a thread"));
        let nested = tokio::spawn(async move {
            // not a wait: it is a timer of the worker's that is tried.
            tokio::time::sleep(Duration::from_millis(1)).await;
            tokio::task::yield_now().await;
            name("a task")
        });
        let place = tokio::task::block_in_place(|| name("the place"));
        let late = tokio::time::timeout(Duration::from_millis(1), pending::<()>()).await;
        let late = if late.is_err() { name("a time") } else { name("no end") };
        vec![thread.await.expect("a thread"), nested.await.expect("a task"), place, late]
    }
}

task! {
    /// Says where it runs, then blocks its thread until the test hangs up.
    pub(crate) async fn block(line: String) {
        use std::io::Read as _;
        let mut line = line::call(&line);
        let _ = line.read(&mut [0]);
    }
}

task! {
    /// The same, but it says that it blocks.
    async fn block_in_place(line: String) {
        use std::io::Read as _;
        let mut line = line::call(&line);
        tokio::task::block_in_place(|| {
            let _ = line.read(&mut [0]);
        });
    }
}

task! {
    /// Waits for so many turns of its runtime.
    async fn turns(count: u32) -> u32 {
        for _ in 0..count {
            tokio::task::yield_now().await;
        }
        count
    }
}

task! {
    /// Ends the process while the answers before it have just been given.
    async fn die_at_once() {
        kill_process(getpid(), Signal::KILL).expect("an end");
    }
}

async fn a_task_has_all_of_tokio() {
    let pool = one_worker_for(2).await;
    for _ in 0..20 {
        let (one, other) = join!(
            pool.call::<tour>(()).into_future(),
            pool.call::<tour>(()).into_future()
        );
        let said = ["a thread", "a task", "the place", "a time"];
        assert_eq!(one.unwrap(), said);
        assert_eq!(other.unwrap(), said);
    }
    pool.close().await.unwrap();
}

async fn an_answer_arrives_while_the_next_task_computes() {
    let pool = one_worker_for(8).await;
    let line = Line::open();
    for _ in 0..20 {
        let before = tokio::spawn(pool.call::<nothing>(()).into_future());
        let blocking = tokio::spawn(pool.call::<block>(line.name.clone()).into_future());
        // It blocks until this test lets it go, which it does only then.
        let held = line.next().await;
        before.await.unwrap().unwrap();
        drop(held);
        blocking.await.unwrap().unwrap();
    }
    pool.close().await.unwrap();
}

async fn a_task_that_blocks_in_place_lets_others_begin_and_end() {
    let pool = one_worker_for(4).await;
    let line = Line::open();
    let blocking = tokio::spawn(pool.call::<block_in_place>(line.name.clone()).into_future());
    let held = line.next().await;
    for _ in 0..100 {
        assert_eq!(pool.call::<pid>(()).await.unwrap(), held.pid);
    }
    drop(held);
    blocking.await.unwrap().unwrap();
    pool.close().await.unwrap();
}

async fn what_queues_behind_computing_is_cancelled_and_the_worker_lives_on() {
    let pool = one_worker_for(1).await;
    let line = Line::open();
    let blocking = tokio::spawn(pool.call::<block>(line.name.clone()).into_future());
    let held = line.next().await;
    for _ in 0..10 {
        let mut behind = pool.call::<compute>(u64::MAX).into_future();
        assert!(polled(&mut behind).await.is_pending());
    }
    let limit = Duration::from_millis(5);
    let late = pool.call::<compute>(u64::MAX).timeout(limit).await;
    assert!(matches!(late, Err(TaskError::TimedOut { .. })), "{late:?}");
    let worker = held.pid;
    drop(held);
    blocking.await.unwrap().unwrap();
    assert_eq!(pool.call::<pid>(()).await.unwrap(), worker);
    pool.close().await.unwrap();
}

async fn short_calls_starve_no_task_that_waits() {
    let pool = one_worker_for(8).await;
    let waiting = tokio::spawn(pool.call::<turns>(100).into_future());
    // It ends, or this never does.
    while !waiting.is_finished() {
        pool.call::<nothing>(()).await.unwrap();
    }
    assert_eq!(waiting.await.unwrap().unwrap(), 100);
    pool.close().await.unwrap();
}

async fn an_answer_before_a_death_is_not_lost() {
    // With one place a call begins only when the answer before it is written.
    let pool = one_worker_for(1).await;
    for _ in 0..50 {
        let before = pool.call::<nothing>(()).into_future();
        let death = pool.call::<die_at_once>(()).into_future();
        let (before, death) = join!(before, death);
        before.unwrap();
        let error = death.unwrap_err();
        assert!(
            matches!(error, TaskError::WorkerLost { started: true, .. }),
            "{error}"
        );
    }
    pool.close().await.unwrap();
}

async fn a_panic_while_a_cancelled_task_is_dropped_frees_its_place() {
    let pool = one_worker_for(1).await;
    let line = Line::open();
    let before = pool.call::<pid>(()).await.unwrap();
    for _ in 0..10 {
        let call = pool.call::<crate::tasks::holds_a_bomb>(line.name.clone());
        let call = tokio::spawn(call.into_future());
        let held = line.next().await;
        call.abort();
        held.gone().await;
        assert_eq!(pool.call::<pid>(()).await.unwrap(), before);
    }
    pool.close().await.unwrap();
}
