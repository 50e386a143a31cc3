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
use tokio_util::bytes::Bytes;

use crate::error::{Error, Exit, LastWords};
use crate::initializer::Chosen;
use crate::marks::Marks;
use crate::reply::Failure;
use crate::setup::Setup;
use crate::wire::{Announce, CallId, Down, Ending, PROTOCOL, Up};

mod effects;
mod ids;
mod ledger;
mod link;
mod pace;
mod respawn;
mod scheduler;
mod stopping;

pub(crate) use effects::Effects;
pub(crate) use ids::WorkerId;
pub(crate) use ledger::{Sharing, Submission};
pub(crate) use link::Link;
pub(crate) use pace::MOST_AHEAD;

use ledger::{Departure, Ledger};
use link::Withdrawn;
use respawn::{Respawn, Verdict};
use scheduler::{Assigned, Cancelled, Scheduler, Witness};
use stopping::Stopping;

/// How long a worker may take to end when it is asked to.
const RETIRE_GRACE: Duration = Duration::from_secs(2);

/// An input beyond this size is not kept for the whole of its call.
const KEPT_INPUT: usize = 64 << 10;

/// Workers may be unevenly loaded for so long; then calls move.
const UNEVEN: Duration = Duration::from_millis(2);

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

#[derive(Debug)]
struct Worker {
    pid: u32,
    place: usize,
    /// The attempt that it was started in.
    volley: u64,
    link: Arc<Link>,
    marks: Marks,
    stage: Stage,
    /// It is replaced when it has been given so many calls.
    quota: Option<u64>,
}

#[derive(Debug)]
enum Stage {
    /// It must be ready by then.
    Starting(Instant),
    Ready,
    /// It has had its calls, and ends when it has answered them.
    Recycled,
    /// It has been asked to end, until then.
    Leaving(Instant),
    /// It has been killed for this reason, and its death is on the way.
    Condemned {
        reason: String,
        fault: Fault,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// What it said was true, and still is.
    Slow,
    /// The same, and it was to end; it may have, at the last moment.
    Unwilling,
    /// It said what cannot be: nothing of it is believed any more.
    Lied,
}

impl Worker {
    /// When it must have done what it is at.
    fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Starting(by) | Stage::Leaving(by) => Some(by),
            _ => None,
        }
    }

    /// Whether it holds its place, or another is to have it.
    fn stays(&self) -> bool {
        !matches!(self.stage, Stage::Recycled | Stage::Leaving(_))
    }
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
        }
    }

    // What callers ask for.

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

    // What workers do.

    /// A worker said these, in this order.
    pub(crate) fn said(
        &mut self,
        id: WorkerId,
        words: impl Iterator<Item = (Up, Bytes)>,
        now: Instant,
        effects: &mut Effects,
    ) {
        let mut answers = 0;
        for (up, payload) in words {
            let lied = self.workers.get(&id).is_none_or(|worker| {
                let fault = Fault::Lied;
                matches!(&worker.stage, Stage::Condemned { fault: of, .. } if *of == fault)
            });
            if lied {
                return;
            }
            answers += usize::from(matches!(up, Up::Done { .. }));
            if let Err(reason) = self.believe(id, up, payload, now, effects) {
                self.condemn(id, Fault::Lied, reason);
            }
        }
        if answers > 0 {
            self.scheduler.paced(id, answers, now);
            self.respawn.fruitful();
            self.let_go(id, now, effects);
        }
    }

    /// A worker broke the protocol.
    pub(crate) fn babbled(&mut self, id: WorkerId, reason: String) {
        self.condemn(id, Fault::Lied, reason);
    }

    /// Believes what a worker says if it can be true.
    fn believe(
        &mut self,
        id: WorkerId,
        up: Up,
        payload: Bytes,
        now: Instant,
        effects: &mut Effects,
    ) -> Result<(), String> {
        match up {
            Up::Done { call, ending } => {
                if ending == Ending::Cancelled && self.scheduler.wants(id, call) {
                    return Err(format!("it cancelled call {call}, as nobody had asked"));
                }
                self.scheduler
                    .done(id, call)
                    .map_err(|_| format!("it answered call {call}, which it does not have"))?;
                self.stopping.over(call);
                effects.answer(&mut self.ledger, call, Ok((ending, payload)));
            }
            Up::Item { call } => {
                if !self.scheduler.holds(id, call) {
                    return Err(format!(
                        "it sent an item of call {call}, which it does not run"
                    ));
                }
                effects.wake(self.ledger.item(call, payload)?);
            }
            Up::Started { call } => {
                self.scheduler
                    .started(id, call)
                    .map_err(|_| format!("it started call {call}, which it does not have"))?;
                self.ledger.started(call, now);
                if let Some(at) = self.ledger.next_deadline() {
                    self.expect(at, effects);
                }
            }
            Up::Returned { call } => {
                self.scheduler
                    .give_back(id, call)
                    .map_err(|_| format!("it returned call {call}, as nobody had asked"))?;
                self.stopping.over(call);
            }
            Up::Ready { protocol, table } => self.greeted(id, protocol, table, effects)?,
            Up::Refused { reason } => {
                let pid = self.workers.get(&id).map_or(0, |worker| worker.pid);
                if self.ready.is_some() {
                    // It would refuse again.
                    self.give_up(format!("worker {pid} refuses: {reason}"), effects);
                }
                return Err(reason);
            }
            Up::Piece { call } => return Err(format!("pieces of call {call} have no end")),
        }
        Ok(())
    }

    fn greeted(
        &mut self,
        id: WorkerId,
        protocol: u32,
        table: u64,
        effects: &mut Effects,
    ) -> Result<(), String> {
        let Some(worker) = self.workers.get_mut(&id) else {
            return Ok(());
        };
        match worker.stage {
            Stage::Starting(_) => {}
            // Too late.
            Stage::Condemned { .. } => return Ok(()),
            _ => return Err("it greeted twice".to_owned()),
        }
        if protocol != PROTOCOL {
            return Err(format!("it speaks protocol {protocol}, not {PROTOCOL}"));
        }
        if table != self.config.table {
            return Err("it has another table of tasks".to_owned());
        }
        worker.stage = Stage::Ready;
        self.scheduler.ready(id);
        self.respawn.ready();
        let all = self.workers.len() == self.config.workers
            && self
                .workers
                .values()
                .all(|worker| matches!(worker.stage, Stage::Ready));
        if all && let Some(ready) = self.ready.take() {
            let by_place: BTreeMap<_, _> = self
                .workers
                .values()
                .map(|worker| (worker.place, worker.pid))
                .collect();
            effects.tell(ready, Ok(by_place.into_values().collect()));
        }
        Ok(())
    }

    /// A worker is dead and reaped, and all that it had said is told.
    /// `stderr` is the end of what it wrote there, if that is read.
    pub(crate) fn ended(
        &mut self,
        id: WorkerId,
        exit: Exit,
        stderr: Option<String>,
        effects: &mut Effects,
    ) {
        let Some(worker) = self.workers.remove(&id) else {
            return;
        };
        effects.wake_supervisor();
        let pid = worker.pid;
        let was_ready = self.scheduler.has(id);
        let was_to_leave = !worker.stays();
        let within = match worker.stage {
            Stage::Starting(_) => self.within(&worker),
            _ => String::new(),
        };
        let by_itself = matches!(worker.stage, Stage::Starting(_))
            && matches!(exit, Exit::Code(_))
            && within.is_empty();
        self.stopping.forget(id);
        let mark = Witness::Mark(worker.marks.begun());
        let (exit, witness) = match worker.stage {
            Stage::Condemned { reason, fault } => {
                if fault == Fault::Unwilling && exit != Exit::Code(0) {
                    self.unwilling.push(pid);
                }
                let witness = match fault {
                    // What it did not say that it had started, it may have.
                    Fault::Lied => Witness::None,
                    Fault::Slow | Fault::Unwilling => mark,
                };
                (Exit::Ended { reason }, witness)
            }
            _ => (exit, mark),
        };
        for lost in self.scheduler.lost(id, witness) {
            let failure = Failure::Lost {
                pid,
                exit: exit.clone(),
                started: lost.started,
                beside: lost.beside,
                stderr: stderr.clone(),
            };
            effects.answer(&mut self.ledger, lost.call, Err(failure));
        }
        if was_ready && self.config.replacement == Replacement::Never {
            let failure = Failure::Lost {
                pid,
                exit: exit.clone(),
                started: false,
                beside: 0,
                stderr: stderr.clone(),
            };
            for call in self.scheduler.drain_queue() {
                effects.answer(&mut self.ledger, call, Err(failure.clone()));
            }
            self.departed = Some(failure);
        }
        if !matches!(self.phase, Phase::Open | Phase::Closing) || was_to_leave {
            return;
        }
        let verdict = if was_ready {
            self.respawn.died()
        } else {
            self.respawn.stillborn(worker.volley)
        };
        let hint = if by_itself {
            "; is aio_pool::init() the first line of main?"
        } else {
            ""
        };
        let said = LastWords(stderr.as_deref());
        let reason = format!("worker {pid} ended before it was ready: {exit}{within}{said}{hint}");
        self.follow(verdict, reason, effects);
    }

    // What the supervisor does.

    /// Does what is due, and tells what there is to do.
    pub(crate) fn next(&mut self, now: Instant, effects: &mut Effects) -> Next {
        while let Some((call, after)) = self.ledger.overdue(now) {
            let task = self.ledger.call(call).map(|waiting| waiting.task);
            effects.answer(&mut self.ledger, call, Err(Failure::TimedOut { after }));
            if let Some(task) = task {
                self.stop(call, task, effects);
            }
        }
        self.condemn_late(now, effects);
        self.even_out(now, effects);
        self.settle(now, effects);
        if self.workers.is_empty() && matches!(self.phase, Phase::Retiring(_) | Phase::Terminating)
        {
            return Next::End;
        }
        if let Some(place) = self.vacancy() {
            if self.spawn_at <= now {
                self.volley.get_or_insert_with(|| self.respawn.volley());
                return Next::Spawn(place);
            }
        } else {
            self.volley = None;
        }
        self.alarm = self.next_alarm();
        Next::Wait(self.alarm)
    }

    /// The place of a worker that is missing.
    fn vacancy(&self) -> Option<usize> {
        let replaced = self.config.replacement == Replacement::Always || self.ready.is_some();
        if !matches!(self.phase, Phase::Open | Phase::Closing)
            || self.given_up.is_some()
            || !replaced
        {
            return None;
        }
        let taken = |place| {
            let mut stays = self.workers.values().filter(|worker| worker.stays());
            stays.any(|worker| worker.place == place)
        };
        (0..self.config.workers).find(|&place| !taken(place))
    }

    /// A worker was started.
    pub(crate) fn hatched(&mut self, hatchling: Hatchling, effects: &mut Effects) -> WorkerId {
        let id = self.next_worker;
        self.next_worker += 1;
        let Hatchling {
            pid,
            setup,
            link,
            marks,
        } = hatchling;
        let place = usize::try_from(setup.place).unwrap_or(usize::MAX);
        link.order(&Down::Hello {
            protocol: PROTOCOL,
            table: self.config.table,
            setup,
        });
        effects.flush(&link);
        let by = after(self.config.timeout);
        let worker = Worker {
            pid,
            place,
            volley: self.volley.unwrap_or_default(),
            link,
            marks,
            stage: Stage::Starting(by),
            quota: self.config.recycle_after.map(|most| quota(most, id)),
        };
        // The pool may have been terminated while the process was started.
        if !matches!(self.phase, Phase::Open | Phase::Closing) {
            worker.link.kill();
        }
        self.workers.insert(id, worker);
        id
    }

    /// A worker could not be started.
    pub(crate) fn stillborn(&mut self, reason: String, effects: &mut Effects) {
        let volley = self.volley.take().unwrap_or_default();
        let verdict = self.respawn.stillborn(volley);
        self.follow(verdict, reason, effects);
    }

    /// The supervisor has ended, after the last worker or by a panic: returns
    /// those who wait for the pool's end, and what they are to be told.
    pub(crate) fn end(&mut self, effects: &mut Effects) -> (Result<(), Error>, Vec<Finished>) {
        self.phase = Phase::Ended;
        self.workers.clear();
        self.scheduler.drain_queue();
        effects.abandon(&mut self.ledger);
        self.ready = None;
        let result = if self.cut_short {
            Err(Error::Terminated)
        } else if self.unwilling.is_empty() {
            Ok(())
        } else {
            self.unwilling.sort_unstable();
            Err(Error::Unwilling {
                pids: std::mem::take(&mut self.unwilling),
                after: RETIRE_GRACE,
            })
        };
        (result, std::mem::take(&mut self.finished))
    }

    // What follows.

    /// Does what has become possible. After everything that happens.
    pub(crate) fn settle(&mut self, now: Instant, effects: &mut Effects) {
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
        if self.may_be_uneven() {
            self.expect(now + UNEVEN, effects);
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
    fn let_go(&mut self, id: WorkerId, now: Instant, effects: &mut Effects) {
        if let Some(worker) = self.workers.get_mut(&id)
            && matches!(worker.stage, Stage::Recycled)
            && self.scheduler.is_empty(id)
        {
            let by = now + RETIRE_GRACE;
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

    fn next_alarm(&self) -> Option<Instant> {
        let spawn = self.vacancy().map(|_| self.spawn_at);
        let phase = match self.phase {
            Phase::Retiring(by) => Some(by),
            Phase::Terminating | Phase::Ended => None,
            Phase::Open | Phase::Closing => self.stopping.next_deadline(),
        };
        let uneven = match self.may_be_uneven() {
            true => Some(Instant::now() + UNEVEN),
            false => None,
        };
        let due = self.workers.values().filter_map(Worker::due);
        due.chain(self.ledger.next_deadline())
            .chain(spawn)
            .chain(phase)
            .chain(uneven)
            .min()
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
            let now = Instant::now();
            let mark = worker.marks.begun();
            self.stopping.begin(call, (id, number), task, mark, now);
            worker.link.order(&Down::Cancel { call });
            if let Some(at) = self.stopping.next_deadline() {
                self.expect(at, effects);
            }
        }
        if let Some(worker) = self.workers.get(&id) {
            effects.flush(&worker.link);
        }
    }

    /// Asks for calls that wait in one worker while another could begin them.
    fn even_out(&mut self, now: Instant, effects: &mut Effects) {
        let mark = |id| self.mark(id);
        let Some((id, most)) = self.scheduler.uneven(mark) else {
            self.uneven_since = None;
            return;
        };
        if *self.uneven_since.get_or_insert(now) + UNEVEN <= now {
            self.uneven_since = None;
            self.scheduler.ask_back(id, most);
            self.order(id, &Down::Return { most }, effects);
        }
    }

    fn may_be_uneven(&self) -> bool {
        self.scheduler.may_be_uneven(|id| self.mark(id))
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

    /// Kills workers that take too long to begin, to stop a task or to end.
    fn condemn_late(&mut self, now: Instant, effects: &mut Effects) {
        if matches!(self.phase, Phase::Open | Phase::Closing) {
            let workers = &self.workers;
            let mark = |id| workers.get(&id).map_or(0, |worker| worker.marks.begun());
            let mut late = Vec::new();
            while let Some((id, task)) = self.stopping.late(mark, now) {
                self.stopping.forget(id);
                late.push((id, task));
            }
            for (id, task) in late {
                let reason = format!("task {task} did not stop when it was cancelled");
                self.condemn(id, Fault::Slow, reason);
            }
        }
        let timeout = self.config.timeout;
        let late: Vec<_> = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.due().is_some_and(|by| by <= now))
            .map(|(&id, worker)| (id, worker.pid, worker.stays(), self.within(worker)))
            .collect();
        for (id, pid, starting, within) in late {
            let reason = match starting {
                true => format!("it was not ready within {timeout:?}{within}"),
                false => "it did not end when it was to be replaced".to_owned(),
            };
            self.condemn(id, Fault::Slow, reason);
            if starting && self.ready.is_some() {
                let reason = format!("worker {pid} was not ready within {timeout:?}{within}");
                self.give_up(reason, effects);
            }
        }
        if let Phase::Retiring(by) = self.phase
            && by <= now
        {
            let unwilling: Vec<_> = self.workers.keys().copied().collect();
            for id in unwilling {
                let reason = "it did not end when asked to".to_owned();
                self.condemn(id, Fault::Unwilling, reason);
            }
            self.phase = Phase::Terminating;
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
        // The last worker is gone and there will be no other.
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

/// The end of a limit; of one beyond the clock's reach, some decades away.
fn after(limit: Duration) -> Instant {
    const DECADES: Duration = Duration::from_secs(1 << 30);
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(now + DECADES)
}

/// So many calls for this worker: up to a tenth fewer than allowed, so that
/// workers which were started together are not replaced together.
fn quota(most: u64, id: WorkerId) -> u64 {
    let spread = most / 10 + 1;
    most - (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % spread
}
