//! Every way to die at every moment: who is told what, and that the pool goes on.

use std::collections::HashMap;

use aio_pool::{Never, Pool, TaskError};
use chaos::Trace;
use chaos::dice::Dice;
use rustix::process::{Pid, Signal, kill_process};
use tokio::join;
use tokio::task::JoinSet;

use crate::death::{send, wait_until_stopped};
use crate::deeds::{
    Blob, Way, arm, arm_at_exit, arm_for_growth, arm_for_output, compute_until_told, die, ended,
    give_blob, give_way, is_alive, is_worker, program, take_blob, told, workers_of,
};
use crate::forge::{FIRST_CALL, done, say_and_die};
use crate::harness::{runtime, trials};
use crate::line::Line;
use crate::polled::polled;
use crate::pools::{one_at_a_time, pool_of};
use crate::tasks::{nothing, pid};

trials![
    a_worker_that_always_dies_before_it_is_ready_is_one_clear_error,
    a_worker_that_dies_before_it_is_ready_is_replaced,
    a_worker_that_dies_while_it_reads_has_started_nothing,
    a_worker_that_is_killed_with_half_an_order_has_started_nothing,
    a_worker_that_dies_while_it_runs_loses_what_it_ran,
    a_worker_that_dies_half_way_through_an_answer_has_not_answered,
    a_worker_that_dies_between_the_writes_of_an_answer_has_not_answered,
    a_worker_that_dies_idle_hurts_no_call,
    a_worker_that_dies_while_it_retires_is_a_worker_that_has_ended,
    a_worker_that_dies_at_the_last_of_its_tasks_loses_only_that,
    a_worker_that_dies_after_the_last_of_its_tasks_loses_nothing,
    no_death_at_full_speed_costs_more_than_what_ran_there,
];

/// This call began in this worker, alone, and the worker died in this way.
fn assert_lost<T: std::fmt::Debug>(outcome: Result<T, TaskError<Never>>, victim: u32, way: Way) {
    match outcome {
        Err(TaskError::WorkerLost {
            pid,
            exit,
            started: true,
            beside: 0,
            ..
        }) => assert_eq!((pid, exit), (victim, way.exit()), "{way:?}"),
        other => panic!("{way:?} came out as {other:?}"),
    }
}

const WAY: &str = "AIO_POOL_TEST_WAY";

/// A file; whoever removes it is to die. Without one, every worker is.
const DOOM: &str = "AIO_POOL_TEST_DOOM";

/// In a program of ours: workers die before they call `init`.
pub(crate) fn run_if_told() {
    if told().as_deref() != Some("die-before-init") {
        return;
    }
    let way: usize = std::env::var(WAY)
        .expect("a way")
        .parse()
        .expect("a number");
    let way = Way::ALL[way];
    let doom = std::env::var(DOOM).ok();
    if is_worker()
        && doom
            .as_ref()
            .is_none_or(|doom| std::fs::remove_file(doom).is_ok())
    {
        way.die();
    }
    aio_pool::init();
    runtime().block_on(async {
        let pool = match aio_pool::start().workers(1).await {
            Ok(pool) => pool,
            Err(error) => return println!("error: {error}"),
        };
        let doom = doom.expect("a pool of workers that die");
        std::fs::write(&doom, "").expect("a folder");
        let victim = pool.call::<pid>(()).await.expect("an answer");
        // The call makes room for a worker that does not come to serve.
        assert_lost(pool.call::<die>(Way::Kill).await, victim, Way::Kill);
        let next = pool.call::<pid>(()).await.expect("an answer");
        assert_ne!(next, victim);
        assert!(
            !std::path::Path::new(&doom).exists(),
            "nobody has died of it"
        );
        pool.close().await.expect("an end");
        println!("served");
    });
    std::process::exit(0)
}

fn run(way: usize, doom: Option<&std::path::Path>) -> String {
    let mut program = program("die-before-init");
    program.env(WAY, way.to_string());
    if let Some(doom) = doom {
        program.env(DOOM, doom);
    }
    let output = program.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).unwrap()
}

async fn a_worker_that_always_dies_before_it_is_ready_is_one_clear_error() {
    for (number, way) in Way::ALL.into_iter().enumerate() {
        let said = run(number, None);
        let end = format!("ended before it was ready: {}", way.exit());
        assert!(said.contains(&end), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

async fn a_worker_that_dies_before_it_is_ready_is_replaced() {
    let folder = chaos::scratch::folder();
    for number in 0..Way::ALL.len() {
        let said = run(number, Some(&folder.path().join("doom")));
        assert_eq!(said, "served\n");
    }
}

async fn a_worker_that_dies_while_it_reads_has_started_nothing() {
    for way in Way::ALL {
        let pool = one_at_a_time().await;
        loop {
            let victim = pool.call::<arm_for_growth>((way, 1 << 20)).await.unwrap();
            let outcome = pool.call::<take_blob>(Blob::patterned(12 << 20)).await;
            ended(victim).await;
            match outcome {
                Ok((pid, whole)) => {
                    assert!(whole, "{way:?}");
                    if pid != victim {
                        break;
                    }
                }
                lost => assert_lost(lost, victim, way),
            }
            // The machine has let it read all before it let it die: once more.
        }
        pool.close().await.unwrap();
    }
}

async fn a_worker_that_is_killed_with_half_an_order_has_started_nothing() {
    let pool = one_at_a_time().await;
    let victim = pool.call::<pid>(()).await.unwrap();
    send(Signal::STOP, victim);
    wait_until_stopped(victim).await;
    let mut call = pool
        .call::<take_blob>(Blob::patterned(8 << 20))
        .into_future();
    assert!(polled(&mut call).await.is_pending());
    let mut behind = pool.call::<pid>(()).into_future();
    assert!(polled(&mut behind).await.is_pending());
    // More than a socket holds is on its way, and nobody reads.
    send(Signal::KILL, victim);
    let (call, behind) = join!(call, behind);
    let (survivor, whole) = call.unwrap();
    assert!(whole);
    assert_ne!(survivor, victim);
    assert_eq!(behind.unwrap(), survivor);
    pool.close().await.unwrap();
}

async fn a_worker_that_dies_while_it_runs_loses_what_it_ran() {
    for way in Way::ALL {
        let pool = one_at_a_time().await;
        let victim = pool.call::<pid>(()).await.unwrap();
        let (lost, behind, last) = join!(
            pool.call::<die>(way).into_future(),
            pool.call::<pid>(()).into_future(),
            pool.call::<pid>(()).into_future(),
        );
        assert_lost(lost, victim, way);
        let survivor = behind.unwrap();
        assert_ne!(survivor, victim, "{way:?}");
        assert_eq!(last.unwrap(), survivor, "{way:?}");
        pool.close().await.unwrap();
    }
}

async fn a_worker_that_dies_half_way_through_an_answer_has_not_answered() {
    for way in Way::ALL {
        let pool = one_at_a_time().await;
        let victim = pool.call::<pid>(()).await.unwrap();
        let mut half = done(FIRST_CALL + 1);
        half.pop();
        let (lost, behind) = join!(
            pool.call::<say_and_die>((half, way)).into_future(),
            pool.call::<pid>(()).into_future(),
        );
        assert_lost(lost, victim, way);
        assert_ne!(behind.unwrap(), victim, "{way:?}");
        pool.close().await.unwrap();
    }
}

async fn a_worker_that_dies_between_the_writes_of_an_answer_has_not_answered() {
    const BYTES: usize = 4 << 20;
    for way in Way::ALL {
        let pool = one_at_a_time().await;
        loop {
            let victim = pool.call::<arm_for_output>(way).await.unwrap();
            match pool.call::<give_blob>(BYTES).await {
                // The machine may let it write all before it lets it die.
                Ok(blob) => assert!(blob == Blob::patterned(BYTES)),
                lost => break assert_lost(lost, victim, way),
            }
        }
        assert!(pool.call::<give_blob>(BYTES).await.unwrap() == Blob::patterned(BYTES));
        pool.close().await.unwrap();
    }
}

async fn a_worker_that_dies_idle_hurts_no_call() {
    let line = Line::open();
    for way in Way::ALL {
        let pool = one_at_a_time().await;
        let victim = pool.call::<arm>((way, line.name.clone())).await.unwrap();
        drop(line.next().await);
        ended(victim).await;
        let (next, last) = join!(
            pool.call::<pid>(()).into_future(),
            pool.call::<pid>(()).into_future()
        );
        assert_ne!(next.unwrap(), victim, "{way:?}");
        assert_ne!(last.unwrap(), victim, "{way:?}");
        pool.close().await.unwrap();
    }
}

async fn a_worker_that_dies_while_it_retires_is_a_worker_that_has_ended() {
    let line = Line::open();
    for way in Way::ALL {
        let before = Trace::take();
        let pool = pool_of(2, 1).await;
        let call = pool.call::<compute_until_told>((way, line.name.clone()));
        let call = tokio::spawn(call.into_future());
        let victim = line.next().await;
        let other = pool.call::<pid>(()).await.unwrap();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        let mut close = Box::pin(pool.close());
        assert!(polled(&mut close).await.is_pending());
        // It was asked to end, so both were.
        ended(other).await;
        let pid = victim.pid;
        drop(victim);
        ended(pid).await;
        close.await.unwrap();
        before.assert_same().await;
    }
}

/// Its workers are replaced after two tasks each.
async fn recycling(workers: usize) -> Pool {
    aio_pool::start()
        .workers(workers)
        .tasks_per_worker(1)
        .recycle_after(2)
        .await
        .unwrap()
}

async fn a_worker_that_dies_at_the_last_of_its_tasks_loses_only_that() {
    let line = Line::open();
    for way in Way::ALL {
        let before = Trace::take();
        let pool = recycling(1).await;
        // Once more, if its successor was ready before it began the call.
        let (victim, call, held) = loop {
            let victim = pool.call::<pid>(()).await.unwrap();
            let call = pool.call::<compute_until_told>((way, line.name.clone()));
            let call = tokio::spawn(call.into_future());
            let held = line.next().await;
            if held.pid == victim {
                break (victim, call, held);
            }
            let successor = held.pid;
            drop(held);
            assert_lost(call.await.unwrap(), successor, way);
        };
        // It has had its tasks, so another has its place while it runs the last.
        let next = pool.call::<pid>(()).await.unwrap();
        assert_ne!(next, victim, "{way:?}");
        assert!(!call.is_finished(), "{way:?}");
        drop(held);
        assert_lost(call.await.unwrap(), victim, way);
        assert_eq!(pool.pids(), [next], "{way:?}");
        pool.call::<pid>(()).await.unwrap();
        pool.close().await.unwrap();
        before.assert_same().await;
    }
}

async fn a_worker_that_dies_after_the_last_of_its_tasks_loses_nothing() {
    for way in Way::ALL {
        let before = Trace::take();
        let pool = recycling(2).await;
        for _ in 0..10 {
            // Each says where its worker's end is to go wrong.
            let victim = pool.call::<arm_at_exit>(way).await.unwrap();
            while is_alive(victim) {
                let (one, other) = join!(
                    pool.call::<pid>(()).into_future(),
                    pool.call::<pid>(()).into_future()
                );
                one.unwrap();
                other.unwrap();
            }
        }
        pool.close().await.unwrap();
        before.assert_same().await;
    }
}

async fn no_death_at_full_speed_costs_more_than_what_ran_there() {
    const CALLS: usize = 5_000;
    const IN_FLIGHT: usize = 2_000;
    // One alone, one that is full, and two that share.
    for (workers, tasks_per_worker) in [(1, 1), (1, 16), (2, 4), (2, 16)] {
        let seed = u64::from(std::process::id());
        let mut dice = Dice::new(seed);
        let pool = pool_of(workers, tasks_per_worker).await;
        let mut running = JoinSet::new();
        let (mut answered, mut kills, mut made) = (0, 0, 0);
        let mut next_kill = IN_FLIGHT / 2;
        let mut lost: HashMap<u32, usize> = HashMap::new();
        loop {
            while made < CALLS && running.len() < IN_FLIGHT {
                // Half of them do nothing, half are under way for a moment.
                match dice.below(2) {
                    0 => running.spawn(pool.call::<nothing>(()).into_future()),
                    _ => running.spawn(pool.call::<give_way>(dice.below(100)).into_future()),
                };
                made += 1;
            }
            let Some(outcome) = running.join_next().await else {
                break;
            };
            match outcome.unwrap() {
                Ok(()) => answered += 1,
                Err(TaskError::WorkerLost {
                    pid, started: true, ..
                }) => *lost.entry(pid).or_default() += 1,
                other => panic!("seed {seed}: {other:?}"),
            }
            if answered >= next_kill {
                // Wherever it is by then.
                for _ in 0..dice.below(20_000) {
                    std::hint::spin_loop();
                }
                let alive = workers_of(std::process::id());
                if let Some(victim) = alive.get(dice.below(alive.len() as u64) as usize) {
                    let victim = Pid::from_raw(i32::try_from(*victim).unwrap()).unwrap();
                    kills += usize::from(kill_process(victim, Signal::KILL).is_ok());
                    next_kill = answered + 200 + dice.below(400) as usize;
                }
            }
        }
        let total: usize = lost.values().sum();
        let most = lost.values().max().copied().unwrap_or_default();
        println!(
            "full speed: workers={workers} tasks_per_worker={tasks_per_worker} \
             calls={CALLS} kills={kills} answered={answered} lost={total} most_of_one={most}"
        );
        assert_eq!(answered + total, CALLS, "seed {seed}");
        assert!(most <= tasks_per_worker, "seed {seed}: {lost:?}");
        assert!(kills >= 5, "seed {seed}: {kills} kills");
        pool.call::<nothing>(()).await.unwrap();
        pool.close().await.unwrap();
    }
}
