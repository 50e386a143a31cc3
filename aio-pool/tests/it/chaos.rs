//! Thousands of tasks while workers are killed, stopped, aborted and leave: each
//! call has one outcome, and nothing is left of the rest. Once more while workers
//! are recycled, and once with maps and streams.
//!
//! A run says what it did. It goes on until so many workers have died and a
//! hundred times as many calls are over; the long form, of a million calls:
//!
//! `AIO_DEATHS=10000 cargo test --release -p aio-pool --test it -- chaos --nocapture`
//!
//! What it does comes from a seed, which it prints and `AIO_SEED` sets.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::Duration;

use aio_pool::{Exit, Pool, TaskError};
use chaos::Trace;
use chaos::dice::Dice;
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::deeds::{Blob, Chore, Refused, Way, children_of, do_chore, resident, until, workers_of};
use crate::harness::{runtime, trial};

mod many;

/// So many workers die when `AIO_DEATHS` does not say how many.
const DEATHS: usize = 50;

/// So many calls are made for each death.
const CALLS_PER_DEATH: usize = 100;

const WORKERS: usize = 4;

const TASKS_PER_WORKER: usize = 4;

/// So many calls wait for their answers at a time.
const IN_FLIGHT: usize = 64;

/// The program may be so much larger at the end than it was after a fifth of
/// the calls: less than one byte in four of what crosses in the short form.
const GROWTH: u64 = 32 << 20;

/// For each hundredth part of the deaths, the time that any test may take.
const LIMIT_PER_DEATHS: usize = 100;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "chaos::a_history_with_a_missing_outcome_is_rejected",
            a_history_with_a_missing_outcome_is_rejected,
        ),
        trial(
            "chaos::a_history_with_a_second_outcome_is_rejected",
            a_history_with_a_second_outcome_is_rejected,
        ),
        trial(
            "chaos::a_history_with_an_outcome_of_nobody_is_rejected",
            a_history_with_an_outcome_of_nobody_is_rejected,
        ),
        long_trial(
            "chaos::every_call_has_one_outcome_and_nothing_is_left",
            |deaths| every_call_has_one_outcome(deaths, Recycling::Off),
        ),
        long_trial(
            "chaos::every_call_has_one_outcome_while_workers_are_recycled",
            |deaths| every_call_has_one_outcome(deaths, Recycling::On),
        ),
        long_trial(
            "chaos::every_input_and_every_stream_has_one_end",
            many::every_input_and_every_stream_has_one_end,
        ),
    ]
}

/// A trial whose length is told from outside, and what it may take with it.
fn long_trial<F: Future<Output = ()> + 'static>(
    name: &'static str,
    test: impl Fn(usize) -> F + Send + 'static,
) -> Trial {
    Trial::test(name, move || {
        let deaths = number("AIO_DEATHS").map_or(DEATHS, |deaths| deaths as usize);
        let times = deaths.div_ceil(LIMIT_PER_DEATHS).max(1);
        let limit = chaos::watchdog::LIMIT * u32::try_from(times).unwrap();
        runtime().block_on(chaos::watchdog::future_within(limit, name, test(deaths)));
        Ok(())
    })
}

/// Whether workers also go because they have had their tasks.
#[derive(Debug, Clone, Copy)]
enum Recycling {
    Off,
    On,
}

impl Recycling {
    /// Some of these workers live to see their last task.
    const TASKS: u64 = 100;

    async fn start(self) -> Pool {
        let start = aio_pool::start()
            .workers(WORKERS)
            .tasks_per_worker(TASKS_PER_WORKER);
        let start = match self {
            Self::Off => start,
            Self::On => start.recycle_after(Self::TASKS),
        };
        start.await.unwrap()
    }
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().expect("a number"))
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Ok,
    Error,
    Panic,
    WorkerLost,
}

/// What was called and what came of it. A call is known by what it *answered*,
/// so an answer that is given to another call is one too many and one too few.
#[derive(Debug, Default)]
struct History {
    /// How many outcomes each call has had.
    outcomes: Vec<u32>,
    /// Outcomes of calls that nobody made.
    strays: Vec<u64>,
    kinds: BTreeMap<Outcome, usize>,
}

impl History {
    fn call(&mut self) -> u64 {
        self.outcomes.push(0);
        self.outcomes.len() as u64 - 1
    }

    fn ended(&mut self, number: u64, outcome: Outcome) {
        *self.kinds.entry(outcome).or_default() += 1;
        match self.outcomes.get_mut(number as usize) {
            Some(outcomes) => *outcomes += 1,
            None => self.strays.push(number),
        }
    }

    /// Says what is wrong with it.
    fn check(&self) -> Result<(), String> {
        let of = |wrong: fn(u32) -> bool| -> Vec<usize> {
            let outcomes = self.outcomes.iter().enumerate();
            outcomes
                .filter(|&(_, &count)| wrong(count))
                .map(|(call, _)| call)
                .collect()
        };
        let (missing, twice) = (of(|count| count == 0), of(|count| count > 1));
        if missing.is_empty() && twice.is_empty() && self.strays.is_empty() {
            return Ok(());
        }
        Err(format!(
            "without an outcome: {missing:?}; with more than one: {twice:?}; never called: {:?}",
            self.strays
        ))
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self.outcomes.iter().filter(|&&count| count == 0).count();
        let kind = |outcome| self.kinds.get(&outcome).copied().unwrap_or_default();
        write!(
            f,
            "outcomes={{ok={}, error={}, panic={}, worker_lost={}}} lost={lost}",
            kind(Outcome::Ok),
            kind(Outcome::Error),
            kind(Outcome::Panic),
            kind(Outcome::WorkerLost)
        )
    }
}

/// Three calls, and all but the first have ended.
fn almost() -> History {
    let mut history = History::default();
    let _first = history.call();
    for _ in 0..2 {
        let number = history.call();
        history.ended(number, Outcome::Ok);
    }
    history
}

async fn a_history_with_a_missing_outcome_is_rejected() {
    let mut history = almost();
    let said = history.check().unwrap_err();
    assert!(said.starts_with("without an outcome: [0]"), "{said}");
    assert!(history.to_string().ends_with("lost=1"), "{history}");
    history.ended(0, Outcome::Error);
    history.check().unwrap();
}

async fn a_history_with_a_second_outcome_is_rejected() {
    let mut history = almost();
    history.ended(0, Outcome::Ok);
    history.ended(2, Outcome::WorkerLost);
    let said = history.check().unwrap_err();
    assert!(said.contains("with more than one: [2]"), "{said}");
}

async fn a_history_with_an_outcome_of_nobody_is_rejected() {
    let mut history = almost();
    history.ended(0, Outcome::Ok);
    history.ended(3, Outcome::Ok);
    let said = history.check().unwrap_err();
    assert!(said.ends_with("never called: [3]"), "{said}");
}

/// What a call is to do. One in a hundred ends its worker.
fn any_chore(dice: &mut Dice) -> (Chore, Blob) {
    let chore = match dice.below(100) {
        0..40 => Chore::Nothing,
        40..55 => Chore::Nap(dice.below(3_000)),
        55..70 => Chore::Compute(dice.below(1_000)),
        70..80 => {
            let bytes = dice.below(256 << 10);
            return (Chore::Nothing, Blob::patterned(bytes as usize));
        }
        80..90 => Chore::Refuse,
        90..99 => Chore::Panic,
        _ => {
            let ways = [Way::Abort, Way::Exit(0), Way::Exit(42), Way::Kill];
            Chore::Die(ways[dice.below(4) as usize])
        }
    };
    (chore, Blob::default())
}

type Answer = Result<(u64, Blob), TaskError<Refused>>;

/// Which call it was, by its answer, how it ended, and who died of it.
fn judge(called: u64, chore: Chore, ballast: &Blob, answer: Answer) -> (u64, Outcome, Option<u32>) {
    match (chore, answer) {
        (_, Err(TaskError::WorkerLost { pid, exit, .. })) => {
            // Its own end, or that of a neighbour.
            let known = [
                Exit::Signal(9),
                Exit::Signal(6),
                Exit::Code(0),
                Exit::Code(42),
            ];
            assert!(known.contains(&exit), "{exit:?}");
            (called, Outcome::WorkerLost, Some(pid))
        }
        (Chore::Nothing | Chore::Nap(_) | Chore::Compute(_), Ok((number, back))) => {
            assert_eq!(back.0.len(), ballast.0.len());
            assert!(back == *ballast, "call {called} has got other bytes back");
            (number, Outcome::Ok, None)
        }
        (Chore::Refuse, Err(TaskError::Task(Refused(number)))) => (number, Outcome::Error, None),
        (Chore::Panic, Err(TaskError::Panicked { message, .. })) => {
            (message.parse().unwrap(), Outcome::Panic, None)
        }
        (chore, answer) => panic!("call {called}, {chore:?}, was answered {answer:?}"),
    }
}

/// Someone who harms workers from outside.
struct Villain {
    dice: Dice,
    /// Stopped workers, until when, and what sets them free.
    stopped: Vec<(u32, Instant, Signal)>,
    /// All that were ever met.
    seen: HashSet<u32>,
    /// All that have died.
    dead: HashSet<u32>,
}

impl Villain {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed.wrapping_add(1)),
            stopped: Vec::new(),
            seen: HashSet::new(),
            dead: HashSet::new(),
        }
    }

    /// How many have gone without a death that anybody knows of, or live.
    fn others(&self) -> usize {
        self.seen.difference(&self.dead).count()
    }

    fn release_all(&mut self) {
        self.release(Instant::now() + chaos::watchdog::LIMIT);
    }

    fn strike(&mut self) {
        let workers = workers_of(std::process::id());
        self.seen.extend(&workers);
        if workers.is_empty() {
            return;
        }
        let victim = workers[self.dice.below(workers.len() as u64) as usize];
        if self.dice.below(3) > 0 {
            self.kill(victim);
            return;
        }
        let fate = [Signal::CONT, Signal::KILL][self.dice.below(2) as usize];
        if send(Signal::STOP, victim) {
            let by = Instant::now() + Duration::from_micros(self.dice.below(20_000));
            self.stopped.push((victim, by, fate));
        }
    }

    fn kill(&mut self, victim: u32) {
        if send(Signal::KILL, victim) {
            self.dead.insert(victim);
        }
    }

    fn next_release(&self) -> Option<Instant> {
        self.stopped.iter().map(|&(_, by, _)| by).min()
    }

    fn release(&mut self, now: Instant) {
        let (due, later) = self.stopped.drain(..).partition(|&(_, by, _)| by <= now);
        self.stopped = later;
        let due: Vec<(u32, Instant, Signal)> = due;
        for (victim, _, fate) in due {
            // Only a worker of ours: its number may be another's by now.
            if workers_of(std::process::id()).contains(&victim) {
                match fate {
                    Signal::KILL => self.kill(victim),
                    other => drop(send(other, victim)),
                }
            }
        }
    }
}

fn send(signal: Signal, pid: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).is_ok()
}

/// How many descriptors this process has.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn complete(pool: &Pool) {
    until("a full pool", || {
        workers_of(std::process::id()).len() == WORKERS
    })
    .await;
    // A worker that serves has been greeted; nothing of it is still to come.
    let calls: Vec<_> = (0..WORKERS * TASKS_PER_WORKER)
        .map(|_| {
            let call = pool.call::<do_chore>((0, Chore::Nap(10_000), Blob::default()));
            tokio::spawn(call.into_future())
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

async fn every_call_has_one_outcome(deaths: usize, recycling: Recycling) {
    let seed = number("AIO_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let mut dice = Dice::new(seed);
    let calls = deaths * CALLS_PER_DEATH;
    let begun = std::time::Instant::now();
    let before = Trace::take();
    let pool = recycling.start().await;
    complete(&pool).await;
    let open = descriptors();

    let mut history = History::default();
    let mut villain = Villain::new(seed);
    let mut running = JoinSet::new();
    let (mut over, mut next_strike, mut early) = (0, 0, None);
    loop {
        let enough = over >= calls && villain.dead.len() >= deaths;
        while !enough && running.len() < IN_FLIGHT {
            let number = history.call();
            let (chore, ballast) = any_chore(&mut dice);
            let call = pool.call::<do_chore>((number, chore, ballast.clone()));
            running.spawn(async move { judge(number, chore, &ballast, call.await) });
        }
        if !enough && over >= next_strike {
            villain.strike();
            next_strike = over + 50 + dice.below(100) as usize;
        }
        let release = villain.next_release();
        tokio::select! {
            ended = running.join_next() => {
                let Some(ended) = ended else { break };
                let (number, outcome, died) = ended.unwrap();
                history.ended(number, outcome);
                villain.dead.extend(died);
                over += 1;
                if over == calls / 5 {
                    early = Some(resident());
                }
            }
            // not a wait: how long a worker stands still
            () = sleep_until(release.unwrap_or_else(Instant::now)), if release.is_some() => {
                villain.release(Instant::now());
            }
        }
    }

    villain.release_all();
    complete(&pool).await;
    let growth = resident().saturating_sub(early.unwrap());
    println!(
        "chaos: recycling={recycling:?} tasks={over} deaths={} others={} {history} seed={seed} grown_by={} KiB in {:?}",
        villain.dead.len(),
        villain.others(),
        growth >> 10,
        begun.elapsed()
    );
    history.check().unwrap();
    assert!(villain.dead.len() >= deaths);
    if let Recycling::On = recycling {
        // Otherwise it was the same test once more.
        let recycled = villain.others().saturating_sub(WORKERS);
        assert!(recycled > WORKERS, "{recycled} workers were recycled");
    }
    assert!(growth < GROWTH, "{growth} bytes more than after a fifth");
    until("as many descriptors as at first", || descriptors() <= open).await;
    until("no child but workers", || {
        children_of(std::process::id()).len() == WORKERS
    })
    .await;
    pool.close().await.unwrap();
    before.assert_same().await;
}
