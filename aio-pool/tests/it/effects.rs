//! What a task does to the world outside, it does at most once; and what a worker
//! has said before its end was said.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use aio_pool::{Exit, TaskError, task};
use chaos::dice::Dice;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::death::send;
use crate::deeds::{is_alive, until, workers_of};
use crate::forge::{FIRST_CALL, done, own_socket, say_and_leave};
use crate::harness::trials;
use crate::line::{self, Line};
use crate::pools::pool_of;
use crate::tasks::nothing;

trials![
    no_task_has_its_effect_twice,
    what_was_said_before_an_exit_is_an_answer,
    a_worker_whose_child_holds_its_socket_is_lost_at_once,
];

task! {
    /// Adds a line to a file, in one write, and is in no hurry to say so: a
    /// death between the effect and the answer is what tempts to run it again.
    async fn add(path: PathBuf, line: usize) {
        let file = std::fs::OpenOptions::new().append(true).open(path);
        let line = format!("{line}\n");
        file.expect("a file").write_all(line.as_bytes()).expect("its end");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

task! {
    /// Hands the worker's socket to a process that a kill of its group does not
    /// reach, and stays.
    async fn hand_out_the_socket(left: Left, line: String) -> u32 {
        let socket = OwnedFd::from(own_socket());
        let mut keeper = match left {
            Left::Group => Command::new("sleep"),
            // It leaves its session first, and goes on as the other.
            Left::Session => Command::new("setsid"),
        };
        match left {
            Left::Group => keeper.process_group(0),
            Left::Session => keeper.arg("sleep"),
        };
        let keeper = keeper
            .arg("1000")
            .stdin(Stdio::from(socket))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sleep is everywhere")
            .id();
        let mut stream = line::call(&line);
        stream.write_all(&keeper.to_be_bytes()).expect("its ear");
        std::future::pending().await
    }
}

/// What a child of a worker has left.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Left {
    Group,
    Session,
}

/// A process that is nobody's child any more, and does not outlive its test.
struct Keeper(u32);

impl Drop for Keeper {
    fn drop(&mut self) {
        if is_alive(self.0) {
            send(Signal::KILL, self.0);
        }
    }
}

async fn no_task_has_its_effect_twice() {
    const CALLS: usize = 3_000;
    const IN_FLIGHT: usize = 300;
    let seed = u64::from(std::process::id());
    let mut dice = Dice::new(seed);
    let folder = chaos::scratch::folder();
    let path = folder.path().join("effects");
    std::fs::write(&path, "").unwrap();
    let pool = pool_of(2, 4).await;

    let mut running = JoinSet::new();
    let call = |running: &mut JoinSet<_>, line: usize| {
        let call = pool.call::<add>((path.clone(), line)).into_future();
        running.spawn(async move { (line, call.await) });
    };
    let mut answered = vec![0; CALLS];
    let (mut next, mut lost, mut again, mut kills, mut since) = (0, 0, 0, 0, 0);
    let mut kill_after = 50;
    loop {
        while next < CALLS && running.len() < IN_FLIGHT {
            call(&mut running, next);
            next += 1;
        }
        let Some(outcome) = running.join_next().await else {
            break;
        };
        match outcome.unwrap() {
            (line, Ok(())) => answered[line] += 1,
            (_, Err(TaskError::WorkerLost { started: true, .. })) => lost += 1,
            // Calling again is safe: that is what it says.
            (line, Err(TaskError::WorkerLost { started: false, .. })) => {
                again += 1;
                call(&mut running, line);
            }
            (_, Err(other)) => panic!("{other}"),
        }
        since += 1;
        if since >= kill_after {
            (since, kill_after) = (0, 30 + dice.below(60));
            let alive = workers_of(std::process::id());
            if let Some(victim) = alive.get(dice.below(alive.len() as u64) as usize) {
                let victim = Pid::from_raw(i32::try_from(*victim).unwrap()).unwrap();
                kills += usize::from(kill_process(victim, Signal::KILL).is_ok());
            }
        }
    }

    let mut effects = vec![0; CALLS];
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        effects[line.parse::<usize>().unwrap()] += 1;
    }
    let seen: usize = effects.iter().sum();
    println!(
        "effects: calls={CALLS} kills={kills} effects={seen} lost={lost} called_again={again} \
         seed={seed}"
    );
    for (line, (&effects, &answers)) in effects.iter().zip(&answered).enumerate() {
        assert!(effects <= 1, "{line} happened {effects} times");
        assert!(
            answers <= effects,
            "{line} was answered, and did not happen"
        );
    }
    assert_eq!(answered.iter().sum::<usize>() + lost, CALLS);
    assert!(kills >= 20, "{kills} kills");
    pool.close().await.unwrap();
}

async fn what_was_said_before_an_exit_is_an_answer() {
    // Death and answer race each time; the answer was first.
    const CALLS: u64 = 1_000;
    let pool = aio_pool::start().workers(1).await.unwrap();
    for call in FIRST_CALL..FIRST_CALL + CALLS {
        let answer = pool.call::<say_and_leave>(done(call)).await;
        assert!(answer.is_ok(), "call {call} of {CALLS}: {answer:?}");
    }
    pool.close().await.unwrap();
}

async fn a_worker_whose_child_holds_its_socket_is_lost_at_once() {
    use tokio::io::AsyncReadExt as _;
    let pool = aio_pool::start().workers(1).await.unwrap();
    let line = Line::open();
    let mut keepers = Vec::new();
    for left in [Left::Group, Left::Session] {
        let call = pool.call::<hand_out_the_socket>((left, line.name.clone()));
        let call = tokio::spawn(call.into_future());
        let mut held = line.next().await;
        let keeper = Keeper(held.stream.read_u32().await.unwrap());
        if matches!(left, Left::Session) {
            until("a session of its own", || session_of(keeper.0) == keeper.0).await;
        }
        send(Signal::KILL, held.pid);
        let outcome = call.await.unwrap();
        assert!(is_alive(keeper.0), "it still holds the socket");
        assert!(
            matches!(&outcome, Err(TaskError::WorkerLost { pid, exit: Exit::Signal(9), started: true, .. }) if *pid == held.pid),
            "{outcome:?}"
        );
        pool.call::<nothing>(()).await.unwrap();
        keepers.push(keeper);
    }
    pool.close().await.unwrap();
    for keeper in &keepers {
        assert!(is_alive(keeper.0), "it holds the socket to the end");
    }
}

/// From `/proc`: `getsid` says 0 of a session that was begun outside this
/// namespace of processes.
fn session_of(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let session = after_name.split(' ').nth(3).unwrap();
    session.parse().unwrap()
}
