//! Tasks that do not stop when they are told to, and who pays for it.

use aio_pool::{Exit, TaskError};
use chaos::dice::Dice;
use tokio::join;

use crate::harness::trials;
use crate::line::{Line, timed_out};
use crate::polled::polled;
use crate::pools::one_worker;
use crate::tasks::{hold, pid, spin};

trials![
    a_task_that_does_not_stop_costs_its_worker_and_strands_nobody,
    a_task_that_does_not_stop_does_not_keep_a_close,
    a_timeout_of_a_task_that_does_not_stop_costs_its_worker,
    a_call_that_waits_behind_computing_is_cancelled_without_a_kill,
    ten_thousand_cancellations_that_race_an_answer_kill_nobody,
];

const REASON: &str = "task it::tasks::spin did not stop when it was cancelled";

async fn a_task_that_does_not_stop_costs_its_worker_and_strands_nobody() {
    let pool = one_worker().await;
    let line = Line::open();
    let neighbour = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let kept = line.next().await;
    let call = tokio::spawn(pool.call::<spin>(line.name.clone()).into_future());
    let spinning = line.next().await;
    // Delivered, and never begun there.
    let mut early = pool.call::<pid>(()).into_future();
    assert!(polled(&mut early).await.is_pending());
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());

    let stuck = spinning.pid;
    let (early, late) = join!(early, pool.call::<pid>(()).into_future());
    assert_ne!(early.unwrap(), stuck);
    assert_ne!(late.unwrap(), stuck);
    spinning.gone().await;
    kept.gone().await;
    match neighbour.await.unwrap().unwrap_err() {
        TaskError::WorkerLost {
            pid,
            exit: Exit::Ended { reason },
            started: true,
            ..
        } => assert_eq!((pid, &*reason), (stuck, REASON)),
        other => panic!("{other:?}"),
    }
    pool.close().await.unwrap();
}

async fn a_task_that_does_not_stop_does_not_keep_a_close() {
    let pool = one_worker().await;
    let line = Line::open();
    let call = tokio::spawn(pool.call::<spin>(line.name.clone()).into_future());
    let spinning = line.next().await;
    let mut innocent = pool.call::<pid>(()).into_future();
    assert!(polled(&mut innocent).await.is_pending());
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    pool.close().await.unwrap();
    assert_ne!(innocent.await.unwrap(), spinning.pid);
    spinning.gone().await;
}

async fn a_timeout_of_a_task_that_does_not_stop_costs_its_worker() {
    let pool = one_worker().await;
    let line = Line::open();
    let limit = std::time::Duration::from_millis(20);
    let (spinning, outcome, _) = timed_out::<spin>(&pool, &line, limit).await;
    assert!(matches!(outcome, Err(TaskError::TimedOut { .. })));
    assert_ne!(pool.call::<pid>(()).await.unwrap(), spinning.pid);
    spinning.gone().await;
    pool.close().await.unwrap();
}

async fn a_call_that_waits_behind_computing_is_cancelled_without_a_kill() {
    let pool = one_worker().await;
    // It computes for longer than a cancelled task may run on.
    let computing = tokio::spawn(pool.call::<crate::tasks::compute>(2_500).into_future());
    let mut behind = Box::pin(pool.call::<pid>(()).into_future());
    tokio::task::yield_now().await;
    let _ = polled(&mut behind).await;
    drop(behind);
    let worker = computing.await.unwrap().unwrap();
    assert_eq!(pool.call::<pid>(()).await.unwrap(), worker, "it lives on");
    pool.close().await.unwrap();
}

async fn ten_thousand_cancellations_that_race_an_answer_kill_nobody() {
    const ROUNDS: u64 = 10_000;
    let seed = u64::from(std::process::id());
    let mut dice = Dice::new(seed);
    let pool = one_worker().await;
    let worker = pool.call::<pid>(()).await.unwrap();
    let (mut answered, mut cancelled) = (0, 0);
    // As many looks as an answer takes at most, give or take: how many these are
    // depends on the machine, and on who else uses it.
    let mut looks = 300;
    for round in 0..ROUNDS {
        let mut call = pool.call::<pid>(()).into_future();
        let mut answer = polled(&mut call).await;
        // Until somewhere between its delivery and its answer.
        for _ in 0..dice.below(looks) {
            if answer.is_ready() {
                break;
            }
            // With one processor the worker has its turn only so.
            std::thread::yield_now();
            tokio::task::yield_now().await;
            answer = polled(&mut call).await;
        }
        match answer {
            std::task::Poll::Ready(answer) => {
                answered += 1;
                looks -= looks / 4;
                assert_eq!(answer, Ok(worker), "seed {seed}, round {round}");
            }
            std::task::Poll::Pending => {
                cancelled += 1;
                looks += looks / 8 + 1;
            }
        }
        drop(call);
        if round % 8 == 0 {
            let next = pool.call::<pid>(()).await;
            assert_eq!(next, Ok(worker), "seed {seed}, round {round}");
        }
    }
    println!("cancel races: answered={answered} cancelled={cancelled} seed={seed}");
    // Otherwise it was no race.
    assert!(answered > 100 && cancelled > 100, "{answered}, {cancelled}");
    pool.close().await.unwrap();
}
