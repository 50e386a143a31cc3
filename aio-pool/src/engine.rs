//! What the pool knows and decides, under one lock: who waits for what, who has
//! what, and what follows from all that happens.
//!
//! Callers enter their calls here themselves, and the
//! [`supervisor`](crate::supervisor) brings what workers say and when they die.
//! Nothing here waits, and what could run foreign code or take long (waking a
//! caller, writing to a socket, starting a process) is only noted in
//! [`Effects`], to be carried out when the lock is free again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::error::Error;
use crate::ids::WorkerId;
use crate::initializer::Chosen;
use crate::marks::Marks;
use crate::reply::Failure;
use crate::setup::Setup;
use crate::wire::{Announce, CallId, Down};

mod duties;
mod effects;
mod hearing;
mod ledger;
mod link;
mod pace;
mod respawn;
mod scheduler;
mod stopping;
mod worker;

pub(crate) use effects::Effects;
pub(crate) use ledger::{Sharing, Submission};
pub(crate) use link::Link;
pub(crate) use pace::MOST_AHEAD;

use ledger::{Departure, Ledger};
use link::Withdrawn;
use respawn::{Respawn, Verdict};
use scheduler::{Assigned, Cancelled, Scheduler};
use stopping::Stopping;
use worker::{Fault, Stage, Worker};

/// How long a worker may take to end when it is asked to.
const RETIRE_GRACE: Duration = Duration::from_secs(2);

/// An input beyond this size is not kept for the whole of its call.
const KEPT_INPUT: usize = 64 << 10;

/// Workers may be unevenly loaded for so long; then calls move. A worker that is
/// only not given a processor comes to its calls sooner.
const UNEVEN: Duration = Duration::from_millis(10);

/// For so long at most, if nobody gives back what it is asked for: a worker that
/// is stopped cannot.
const IN_VAIN: Duration = Duration::from_millis(250);

/// So many workers of one place may be about to leave it before another comes:
/// those that are replaced early and have long tasks must not become a crowd.
const MOST_LEAVING: usize = 1;

/// What a pool is started with.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) tasks_per_worker: usize,
    /// A worker must be ready within this time.
    pub(crate) timeout: Duration,
    /// The fingerprint of the table of tasks.
    pub(crate) table: u64,
    /// A worker is replaced after so many calls.
    pub(crate) recycle_after: Option<u64>,
    pub(crate) replacement: Replacement,
    /// What each worker runs before it is ready.
    pub(crate) initializers: Vec<Chosen>,
}

/// Whether another worker takes the place of one that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// Always.
    Always,
    /// Until the first are ready. From then on, calls that come to a place that
    /// is empty are lost with who was there.
    Never,
}

/// Told when the last worker is reaped and the supervisor's descriptors are
/// closed.
pub(crate) type Finished = oneshot::Sender<Result<(), Error>>;

/// Told once, when all workers are ready or never will be.
pub(crate) type Ready = oneshot::Sender<Result<Vec<u32>, Error>>;

/// The pids of the first workers, by their places; or why there are none.
pub(crate) type Started = oneshot::Receiver<Result<Vec<u32>, Error>>;

/// A worker that has just been started.
#[derive(Debug)]
pub(crate) struct Hatchling {
    pub(crate) pid: u32,
    /// What it is told first, its place too.
    pub(crate) setup: Setup,
    pub(crate) link: Arc<Link>,
    pub(crate) marks: Marks,
}

/// The pool has ended.
#[derive(Debug)]
pub(crate) struct HungUp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Calls come in.
    Open,
    /// No new calls; those that are in are answered.
    Closing,
    /// Every call is answered; workers have been asked to end, until then.
    Retiring(Instant),
    /// Workers have been killed.
    Terminating,
    /// There is no worker, no process, and nobody looks here any more.
    Ended,
}

/// What the supervisor has to do.
#[derive(Debug)]
pub(crate) enum Next {
    /// Look again then, or when it is woken.
    Wait(Option<Instant>),
    /// Start a worker for this place.
    Spawn(usize),
    /// Nothing more, ever.
    End,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Engine {
    config: Config,
    phase: Phase,
    scheduler: Scheduler,
    respawn: Respawn,
    ledger: Ledger,
    stopping: Stopping,
    workers: BTreeMap<WorkerId, Worker>,
    next_worker: WorkerId,
    /// The attempt under way, and when the next may begin.
    volley: Option<u64>,
    spawn_at: Instant,
    ready: Option<Ready>,
    /// Why no worker is started any more.
    given_up: Option<Error>,
    /// The end of a worker that is never replaced.
    departed: Option<Failure>,
    /// Workers that had to be killed when they were to end.
    unwilling: Vec<u32>,
    /// Calls were under way when `terminate` cut a `close` short.
    cut_short: bool,
    finished: Vec<Finished>,
    /// The supervisor looks again then.
    alarm: Option<Instant>,
    uneven_since: Option<Instant>,
    /// For how long that is borne.
    patience: Duration,
}

impl Engine {
    pub(crate) fn new(config: Config, ready: Ready) -> Self {
        let now = Instant::now();
        Self {
            phase: Phase::Open,
            scheduler: Scheduler::new(config.tasks_per_worker),
            config,
            respawn: Respawn::default(),
            ledger: Ledger::default(),
            stopping: Stopping::default(),
            workers: BTreeMap::new(),
            next_worker: 0,
            volley: None,
            spawn_at: now,
            ready: Some(ready),
            given_up: None,
            departed: None,
            unwilling: Vec::new(),
            cut_short: false,
            finished: Vec::new(),
            alarm: Some(now),
            uneven_since: None,
            patience: UNEVEN,
        }
    }

    pub(crate) fn submit(
        &mut self,
        submission: Submission,
        effects: &mut Effects,
    ) -> Result<(), HungUp> {
        let refusal = match (self.phase, &self.given_up) {
            (Phase::Ended, _) => {
                effects.depart(Departure::of(submission, None));
                return Err(HungUp);
            }
            (Phase::Open, None) => None,
            // Workers that were ready before still serve.
            (Phase::Open, Some(_)) if !self.workers.is_empty() => None,
            (Phase::Open, Some(error)) => Some(error.clone()),
            _ => Some(Error::Closed),
        };
        if let Some(error) = refusal {
            let reply = Err(Failure::Pool(error));
            effects.depart(Departure::of(submission, Some(reply)));
            return Ok(());
        }
        if let Some(failure) = self.departed.clone() {
            effects.depart(Departure::of(submission, Some(Err(failure))));
            return Ok(());
        }
        match submission.sharing {
            Sharing::Shared => self.scheduler.submit(submission.call),
            Sharing::Exclusive => self.scheduler.submit_exclusive(submission.call),
        }
        if let Some((at, _)) = submission.deadline {
            self.expect(at, effects);
        }
        self.ledger.enter(submission);
        Ok(())
    }

    /// Nobody waits for this call any more.
    pub(crate) fn cancel(&mut self, call: CallId, effects: &mut Effects) {
        let task = self.ledger.call(call).map(|waiting| waiting.task);
        if let Some(departure) = self.ledger.strike(call, None) {
            effects.depart(departure);
        }
        if let Some(task) = task {
            self.stop(call, task, effects);
        }
    }

    /// The consumer of a call has taken some of its items.
    pub(crate) fn credit(&mut self, call: CallId, items: u32, effects: &mut Effects) {
        if let Some(worker) = self.scheduler.place(call) {
            self.order(worker, &Down::Credit { call, items }, effects);
        }
    }

    pub(crate) fn close(
        &mut self,
        finished: Finished,
        effects: &mut Effects,
    ) -> Result<(), HungUp> {
        match self.phase {
            Phase::Ended => return Err(HungUp),
            Phase::Open => self.phase = Phase::Closing,
            _ => {}
        }
        self.finished.push(finished);
        effects.wake_supervisor();
        Ok(())
    }

    pub(crate) fn terminate(
        &mut self,
        finished: Option<Finished>,
        effects: &mut Effects,
    ) -> Result<(), HungUp> {
        if self.phase == Phase::Ended {
            return Err(HungUp);
        }
        self.finished.extend(finished);
        self.cut_short |= self.phase == Phase::Closing;
        self.phase = Phase::Terminating;
        self.abandon(&Failure::Cancelled, effects);
        effects.wake_supervisor();
        Ok(())
    }

    /// The processes of those workers that hold their places, by their places.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let staying = self.workers.values().filter(|worker| worker.stays());
        let mut by_place: Vec<_> = staying.map(|worker| (worker.place, worker.pid)).collect();
        by_place.sort_unstable();
        by_place.into_iter().map(|(_, pid)| pid).collect()
    }

    /// Does what has become possible. After everything that happens.
    pub(crate) fn settle(&mut self, now: Instant, effects: &mut Effects) {
        // Later nobody waits, and what comes back from a dying worker stays.
        if !matches!(self.phase, Phase::Open | Phase::Closing) {
            return;
        }
        while let Some(Assigned {
            worker: id,
            call,
            number,
        }) = self.scheduler.assign()
        {
            let (Some((waiting, place)), Some(worker)) =
                (self.ledger.given(call), self.workers.get_mut(&id))
            else {
                debug_assert!(false, "a call of nobody, or for nobody");
                continue;
            };
            effects.free(place);
            let measured = waiting.run_timeout.is_some() || waiting.input.len() > KEPT_INPUT;
            let head = Down::Run {
                call,
                task: waiting.index,
                number,
                announce: match measured {
                    true => Announce::Yes,
                    false => Announce::No,
                },
            };
            worker.link.call(call, head, &waiting.input);
            effects.flush(&worker.link);
            if worker.quota.is_some_and(|quota| number >= quota) {
                worker.stage = Stage::Recycled;
                self.scheduler.bar(id);
                effects.wake_supervisor();
            }
        }
        if let Some(from) = self.may_be_uneven(now) {
            self.expect(from + self.patience, effects);
        }
        if self.phase == Phase::Closing && self.ledger.is_empty() {
            self.retire_all(now, effects);
        }
    }

    fn retire_all(&mut self, now: Instant, effects: &mut Effects) {
        self.phase = Phase::Retiring(now + RETIRE_GRACE);
        for worker in self.workers.values() {
            match worker.stage {
                Stage::Ready | Stage::Recycled => {
                    worker.link.order(&Down::Retire);
                    effects.flush(&worker.link);
                }
                Stage::Leaving(_) => {}
                Stage::Starting(_) | Stage::Condemned { .. } => worker.link.kill(),
            }
        }
        effects.wake_supervisor();
    }

    /// Lets a recycled worker go that has answered all its calls.
    fn let_go(&mut self, id: WorkerId, effects: &mut Effects) {
        if let Some(worker) = self.workers.get_mut(&id)
            && matches!(worker.stage, Stage::Recycled)
            && self.scheduler.is_empty(id)
        {
            let by = Instant::now() + RETIRE_GRACE;
            worker.stage = Stage::Leaving(by);
            worker.link.order(&Down::Retire);
            effects.flush(&worker.link);
            self.expect(by, effects);
        }
    }

    /// Has the supervisor look again at this time.
    fn expect(&mut self, at: Instant, effects: &mut Effects) {
        if self.alarm.is_none_or(|alarm| at < alarm) {
            self.alarm = Some(at);
            effects.wake_supervisor();
        }
    }

    /// Ends a call wherever it is; whoever waited has been told or is gone.
    fn stop(&mut self, call: CallId, task: &'static str, effects: &mut Effects) {
        let Cancelled::Running { worker: id, number } = self.scheduler.cancel(call) else {
            return;
        };
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        if worker.link.withdraw(call) == Withdrawn::Whole {
            let withdrawn = self.scheduler.done(id, call);
            debug_assert!(withdrawn.is_ok(), "it was there a moment ago");
        } else {
            let mark = worker.marks.begun();
            let now = Instant::now();
            let by = self.stopping.begin(call, (id, number), task, mark, now);
            worker.link.order(&Down::Cancel { call });
            self.expect(by, effects);
        }
        if let Some(worker) = self.workers.get(&id) {
            effects.flush(&worker.link);
        }
        self.let_go(id, effects);
    }

    /// When a call that waits may be moved at the earliest, if one may.
    fn may_be_uneven(&self, now: Instant) -> Option<Instant> {
        match self.phase {
            Phase::Open | Phase::Closing => self.scheduler.may_be_uneven(|id| self.mark(id), now),
            Phase::Retiring(_) | Phase::Terminating | Phase::Ended => None,
        }
    }

    /// In which initializer a worker is that is not ready yet.
    fn within(&self, worker: &Worker) -> String {
        Chosen::under_way(&self.config.initializers, worker.marks.initializing())
    }

    /// How far a worker has begun.
    fn mark(&self, id: WorkerId) -> u64 {
        let worker = self.workers.get(&id);
        worker.map_or(0, |worker| worker.marks.begun())
    }

    fn order(&self, id: WorkerId, order: &Down, effects: &mut Effects) {
        if let Some(worker) = self.workers.get(&id) {
            worker.link.order(order);
            effects.flush(&worker.link);
        }
    }

    /// Kills a worker for a reason, which its lost calls will be told.
    fn condemn(&mut self, id: WorkerId, fault: Fault, reason: String) {
        self.scheduler.bar(id);
        self.stopping.forget(id);
        if let Some(worker) = self.workers.get_mut(&id) {
            match &mut worker.stage {
                // The first reason is why it dies, the worst fault what is left
                // to believe.
                Stage::Condemned { fault: worst, .. } if fault == Fault::Lied => *worst = fault,
                Stage::Condemned { .. } => {}
                stage => *stage = Stage::Condemned { reason, fault },
            }
            worker.link.kill();
        }
    }

    /// Kills every worker and answers every call.
    fn abandon(&mut self, failure: &Failure, effects: &mut Effects) {
        for worker in self.workers.values() {
            worker.link.kill();
        }
        self.scheduler.drain_queue();
        effects.answer_all(&mut self.ledger, failure);
    }

    fn follow(&mut self, verdict: Verdict, reason: String, effects: &mut Effects) {
        match verdict {
            Verdict::After(delay) => {
                self.volley = None;
                self.spawn_at = Instant::now() + delay;
            }
            Verdict::Never => self.give_up(reason, effects),
        }
        self.give_in(effects);
    }

    /// If the last worker is gone and there will be no other, nobody is left to
    /// wait for.
    fn give_in(&mut self, effects: &mut Effects) {
        if self.workers.is_empty()
            && let Some(error) = self.given_up.clone()
        {
            self.abandon(&Failure::Pool(error), effects);
        }
    }

    /// Starts no more workers. A pool that never was complete fails at once.
    fn give_up(&mut self, reason: String, effects: &mut Effects) {
        let error = self.given_up.get_or_insert(Error::NeverReady { reason });
        if let Some(ready) = self.ready.take() {
            effects.tell(ready, Err(error.clone()));
        }
    }
}
