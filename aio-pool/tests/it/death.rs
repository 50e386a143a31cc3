//! Workers that die, and what the calls on them and beside them get.

use std::collections::HashMap;

use aio_pool::{Exit, TaskError};
use rustix::process::{Pid, Signal, kill_process};
use tokio::join;

use crate::deeds::until;
use crate::harness::trials;
use crate::line::Line;
use crate::polled::polled;
use crate::pools::{one_worker, pool_of};
use crate::tasks::{abort, exit, hold, nothing, pid};

trials![
    a_killed_worker_is_named_and_replaced,
    only_the_calls_of_the_dead_worker_are_lost,
    an_exit_in_a_task_is_an_outcome,
    an_abort_in_a_task_is_an_outcome,
    a_call_that_had_not_started_runs_elsewhere,
];

pub(crate) fn send(signal: Signal, pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

async fn a_killed_worker_is_named_and_replaced() {
    let pool = one_worker().await;
    let line = Line::open();
    let victim = async {
        let victim = line.next().await.pid;
        send(Signal::KILL, victim);
        victim
    };
    let call = pool.call::<hold>(line.name.clone()).into_future();
    let (outcome, victim) = join!(call, victim);
    let error = outcome.unwrap_err();
    let said = error.to_string();
    let task = "it::tasks::hold";
    assert_eq!(
        said,
        format!("worker {victim} was lost while running task {task}: killed by signal 9")
    );
    let TaskError::WorkerLost {
        pid: lost,
        exit,
        started,
        beside,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((lost, exit, started), (victim, Exit::Signal(9), true));
    assert_eq!(beside, 0);
    assert_ne!(pool.call::<pid>(()).await.unwrap(), victim);
    pool.close().await.unwrap();
}

async fn only_the_calls_of_the_dead_worker_are_lost() {
    let pool = pool_of(2, 2).await;
    let line = Line::open();
    let mut calls: HashMap<u32, Vec<_>> = HashMap::new();
    for _ in 0..4 {
        let call = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
        let held = line.next().await;
        calls.entry(held.pid).or_default().push((call, held));
    }
    assert_eq!(calls.len(), 2);
    let mut workers = calls.into_iter();
    let (victim, lost) = workers.next().unwrap();
    let (_, kept) = workers.next().unwrap();
    send(Signal::KILL, victim);
    for (call, _) in lost {
        let error = call.await.unwrap().unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains(" task it::tasks::hold beside another: "),
            "{said}"
        );
        assert!(
            matches!(error, TaskError::WorkerLost { pid, beside: 1, .. } if pid == victim),
            "{error:?}"
        );
    }
    for (call, held) in kept {
        assert!(!call.is_finished());
        call.abort();
        held.gone().await;
    }
    pool.close().await.unwrap();
}

async fn an_exit_in_a_task_is_an_outcome() {
    let pool = one_worker().await;
    for code in [0, 3] {
        let error = pool.call::<exit>(code).await.unwrap_err();
        match error {
            TaskError::WorkerLost {
                exit,
                started: true,
                ..
            } => assert_eq!(exit, Exit::Code(code)),
            other => panic!("{other:?}"),
        }
    }
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn an_abort_in_a_task_is_an_outcome() {
    let pool = one_worker().await;
    let error = pool.call::<abort>(()).await.unwrap_err();
    match error {
        TaskError::WorkerLost { exit, .. } => assert_eq!(exit, Exit::Signal(6)),
        other => panic!("{other:?}"),
    }
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

/// Waits until no thread of a process runs any more.
pub(crate) async fn wait_until_stopped(pid: u32) {
    let stopped = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        stat[stat.rfind(')').unwrap()..].starts_with(") T")
    };
    until("a worker that stops", || {
        let mut tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        tasks.all(stopped)
    })
    .await;
}

async fn a_call_that_had_not_started_runs_elsewhere() {
    let pool = one_worker().await;
    let first = pool.call::<pid>(()).await.unwrap();
    send(Signal::STOP, first);
    wait_until_stopped(first).await;
    // Sent to a worker that cannot read it.
    let mut call = pool.call::<pid>(()).into_future();
    assert!(polled(&mut call).await.is_pending());
    send(Signal::KILL, first);
    assert_ne!(call.await.unwrap(), first);
    pool.close().await.unwrap();
}
