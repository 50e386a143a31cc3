//! The thread that owns the workers: starts them, gives them calls, reaps them.
//!
//! It has a runtime of its own, so it works under any runtime of the caller's,
//! outlives it, and does not stop when the caller pauses the clock. Handles only
//! send it words; dropping one never waits.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::bytes::Bytes;

use crate::error::{Error, Exit};
use crate::line::{Command, Finished, Submission};
use crate::marks::Marks;
use crate::reply::Failure;
use crate::setup::Setup;
use crate::wire::{self, Announce, CallId, Down, Ending, PROTOCOL, Up};

mod attend;
mod ledger;
mod respawn;
mod scheduler;
mod spawn;
mod stopping;

use attend::{Event, Order, What};
use ledger::Ledger;
use respawn::{Respawn, Verdict};
use scheduler::{Cancelled, Scheduler, Unstarted, WorkerId};
use spawn::Process;
use stopping::Stopping;

/// How long a worker may take to end when it is asked to.
const RETIRE_GRACE: Duration = Duration::from_secs(2);

/// Events that wait for the supervisor; a worker that says more waits itself.
const EVENTS: usize = 256;

/// What a pool is started with.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) tasks_per_worker: usize,
    /// A worker must be ready within this time.
    pub(crate) timeout: Duration,
    /// The fingerprint of the table of tasks.
    pub(crate) table: u64,
    /// How far below the program its workers are.
    pub(crate) depth: u32,
}

/// Starts the thread. The receiver hears when every worker is ready, or why not.
pub(crate) fn start(
    config: Config,
    commands: mpsc::UnboundedReceiver<Command>,
) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
    let lost = |error: std::io::Error| Error::Supervisor {
        reason: format!("did not start: {error}"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(lost)?;
    let (ready, started) = oneshot::channel();
    std::thread::Builder::new()
        .name("aio-pool".to_owned())
        .spawn(move || {
            let (events, inbox) = mpsc::channel(EVENTS);
            let supervisor = Supervisor::new(config, ready, events);
            let (result, waiting) = runtime.block_on(supervisor.run(commands, inbox));
            // The reactor's descriptors go before anyone hears that all is gone.
            drop(runtime);
            for finished in waiting {
                let _ = finished.send(result.clone());
            }
        })
        .map_err(lost)?;
    Ok(started)
}

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
}

#[derive(Debug)]
struct Worker {
    pid: u32,
    /// How many calls it has been given.
    delivered: u64,
    marks: Marks,
    /// The attempt that it was started in.
    volley: u64,
    orders: mpsc::UnboundedSender<Order>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It must be ready by then.
    Starting(Instant),
    Ready,
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
    fn ready_by(&self) -> Option<Instant> {
        match self.stage {
            Stage::Starting(by) => Some(by),
            _ => None,
        }
    }
}

struct Supervisor {
    config: Config,
    phase: Phase,
    scheduler: Scheduler,
    respawn: Respawn,
    ledger: Ledger,
    stopping: Stopping,
    workers: HashMap<WorkerId, Worker>,
    next_worker: WorkerId,
    spawn_at: Instant,
    /// Told once, when all workers are ready or never will be.
    ready: Option<oneshot::Sender<Result<(), Error>>>,
    /// Why no worker is started any more.
    given_up: Option<Error>,
    /// Workers that had to be killed when they were to end.
    unwilling: Vec<u32>,
    /// Calls were under way when `terminate` cut a `close` short.
    cut_short: bool,
    finished: Vec<Finished>,
    events: mpsc::Sender<Event>,
}

impl Supervisor {
    fn new(
        config: Config,
        ready: oneshot::Sender<Result<(), Error>>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self {
            phase: Phase::Open,
            scheduler: Scheduler::new(config.tasks_per_worker),
            config,
            respawn: Respawn::default(),
            ledger: Ledger::default(),
            stopping: Stopping::default(),
            workers: HashMap::new(),
            next_worker: 0,
            spawn_at: Instant::now(),
            ready: Some(ready),
            given_up: None,
            unwilling: Vec::new(),
            cut_short: false,
            finished: Vec::new(),
            events,
        }
    }

    async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut inbox: mpsc::Receiver<Event>,
    ) -> (Result<(), Error>, Vec<Finished>) {
        let mut listening = true;
        loop {
            self.advance(Instant::now());
            if self.workers.is_empty()
                && matches!(self.phase, Phase::Retiring(_) | Phase::Terminating)
            {
                break;
            }
            let alarm = self.next_alarm();
            tokio::select! {
                command = commands.recv(), if listening => {
                    listening = command.is_some();
                    self.command(command.unwrap_or(Command::Terminate(None)));
                }
                Some(event) = inbox.recv() => self.event(event),
                () = sleep_until(alarm.unwrap_or_else(Instant::now)), if alarm.is_some() => {
                    // If this process was stopped for a while, what came in
                    // time is here, unread: nobody is condemned before it is.
                    tokio::task::yield_now().await;
                    while let Ok(event) = inbox.try_recv() {
                        self.event(event);
                    }
                }
            }
        }
        // Whoever asked while the last worker ended gets an answer too.
        commands.close();
        while let Ok(command) = commands.try_recv() {
            self.command(command);
        }
        (self.result(), self.finished)
    }

    /// What `close` has to report.
    fn result(&mut self) -> Result<(), Error> {
        if self.cut_short {
            return Err(Error::Terminated);
        }
        if self.unwilling.is_empty() {
            return Ok(());
        }
        self.unwilling.sort_unstable();
        Err(Error::Unwilling {
            pids: std::mem::take(&mut self.unwilling),
            after: RETIRE_GRACE,
        })
    }

    /// Does what is due, and what has become possible.
    fn advance(&mut self, now: Instant) {
        while let Some(call) = self.ledger.overdue(now) {
            let task = self.ledger.task(call);
            self.ledger.answer(call, Err(Failure::TimedOut));
            self.cancel(call, task, now);
        }
        self.condemn_late(now);
        if self.wants_workers() && self.spawn_at <= now {
            self.spawn();
        }
        while let Some((worker, call)) = self.scheduler.assign() {
            let (Some((task, input)), Some(of)) =
                (self.ledger.job(call), self.workers.get_mut(&worker))
            else {
                continue;
            };
            of.delivered += 1;
            let run = Down::Run {
                call,
                task,
                number: of.delivered,
                announce: Announce::Yes,
            };
            let mut frame = wire::head(&run).to_vec();
            frame.extend_from_slice(&input);
            self.order(worker, Order::Send(frame.into()));
        }
        if self.phase == Phase::Closing && self.ledger.is_empty() {
            self.phase = Phase::Retiring(now + RETIRE_GRACE);
            for worker in self.workers.values() {
                let retire = match worker.stage {
                    Stage::Ready => Order::Send(wire::head(&Down::Retire)),
                    Stage::Starting(_) | Stage::Condemned { .. } => Order::Kill,
                };
                let _ = worker.orders.send(retire);
            }
        }
    }

    fn wants_workers(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Closing)
            && self.given_up.is_none()
            && self.workers.len() < self.config.workers
    }

    fn next_alarm(&self) -> Option<Instant> {
        let deadline = self.ledger.next_deadline();
        let spawn = self.wants_workers().then_some(self.spawn_at);
        let retire = match self.phase {
            Phase::Retiring(by) => Some(by),
            Phase::Terminating => None,
            Phase::Open | Phase::Closing => self.stopping.next_deadline(),
        };
        let late = self.workers.values().filter_map(Worker::ready_by);
        late.chain(deadline).chain(spawn).chain(retire).min()
    }

    /// Kills workers that take too long to begin, to stop a task or to end.
    fn condemn_late(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Open | Phase::Closing) {
            while let Some((id, task)) = self.stopping.late(now) {
                let reason = format!("task {task} did not stop when it was cancelled");
                self.condemn(id, Fault::Slow, reason);
            }
        }
        let timeout = self.config.timeout;
        let late: Vec<_> = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.ready_by().is_some_and(|by| by <= now))
            .map(|(&id, worker)| (id, worker.pid))
            .collect();
        for (id, pid) in late {
            let reason = format!("it was not ready within {timeout:?}");
            self.condemn(id, Fault::Slow, reason);
            if self.ready.is_some() {
                let reason = format!("worker {pid} was not ready within {timeout:?}");
                self.give_up(reason);
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

    fn command(&mut self, command: Command) {
        match command {
            Command::Submit(submission) => self.submit(submission),
            Command::Cancel(call) => {
                let task = self.ledger.task(call);
                self.ledger.strike(call);
                self.cancel(call, task, Instant::now());
            }
            Command::Close(finished) => {
                self.finished.push(finished);
                if self.phase == Phase::Open {
                    self.phase = Phase::Closing;
                }
            }
            Command::Terminate(finished) => {
                self.finished.extend(finished);
                self.cut_short |= self.phase == Phase::Closing;
                self.phase = Phase::Terminating;
                self.abandon(&Failure::Cancelled);
            }
        }
    }

    fn submit(&mut self, submission: Submission) {
        let refusal = match (self.phase, &self.given_up) {
            (Phase::Open, None) => None,
            // Workers that were ready before still serve.
            (Phase::Open, Some(_)) if !self.workers.is_empty() => None,
            (Phase::Open, Some(error)) => Some(error.clone()),
            _ => Some(Error::Closed),
        };
        if let Some(error) = refusal {
            submission.reply.send(Err(Failure::Pool(error)));
            return;
        }
        self.scheduler.submit(submission.call);
        self.ledger.enter(submission);
    }

    /// Ends a call wherever it is; whoever waited has been told or is gone.
    fn cancel(&mut self, call: CallId, task: Option<&'static str>, now: Instant) {
        if let Cancelled::Running { worker, started } = self.scheduler.cancel(call)
            && let Some(task) = task
        {
            self.stopping
                .begin(call, worker, task, started.then_some(now));
            self.order(worker, Order::Send(wire::head(&Down::Cancel { call })));
        }
    }

    /// Kills every worker and answers every call.
    fn abandon(&mut self, failure: &Failure) {
        for worker in self.workers.values() {
            let _ = worker.orders.send(Order::Kill);
        }
        self.scheduler.drain_queue();
        self.ledger.answer_all(failure);
    }

    fn spawn(&mut self) {
        let volley = self.respawn.volley();
        while self.workers.len() < self.config.workers {
            let spawned = match Process::spawn(self.config.depth) {
                Ok(spawned) => spawned,
                Err(error) => {
                    let verdict = self.respawn.stillborn(volley);
                    self.follow(verdict, format!("/proc/self/exe does not start: {error}"));
                    return;
                }
            };
            let id = self.next_worker;
            self.next_worker += 1;
            let (orders, inbox) = mpsc::unbounded_channel();
            let hello = Down::Hello {
                protocol: PROTOCOL,
                table: self.config.table,
                setup: Setup {
                    place: 0,
                    tasks_per_worker: u32::try_from(self.config.tasks_per_worker)
                        .unwrap_or(u32::MAX),
                },
            };
            let _ = orders.send(Order::Send(wire::head(&hello)));
            let worker = Worker {
                pid: spawned.process.pid(),
                delivered: 0,
                marks: spawned.marks,
                volley,
                orders,
                stage: Stage::Starting(after(self.config.timeout)),
            };
            self.workers.insert(id, worker);
            let events = self.events.clone();
            tokio::spawn(attend::attend(
                id,
                spawned.process,
                spawned.ended,
                spawned.socket,
                inbox,
                events,
            ));
        }
    }

    fn order(&self, worker: WorkerId, order: Order) {
        if let Some(worker) = self.workers.get(&worker) {
            // Already dead: the event that says so is on the way.
            let _ = worker.orders.send(order);
        }
    }

    /// Kills a worker for a reason, which its lost calls will be told.
    fn condemn(&mut self, id: WorkerId, fault: Fault, reason: String) {
        self.scheduler.condemn(id);
        self.stopping.forget(id);
        if let Some(worker) = self.workers.get_mut(&id) {
            match &mut worker.stage {
                // The first reason is why it dies, the worst fault what is left
                // to believe.
                Stage::Condemned { fault: worst, .. } if fault == Fault::Lied => *worst = fault,
                Stage::Condemned { .. } => {}
                stage => *stage = Stage::Condemned { reason, fault },
            }
            let _ = worker.orders.send(Order::Kill);
        }
    }

    fn event(&mut self, event: Event) {
        let id = event.worker;
        match event.what {
            What::Ended(exit) => self.ended(id, exit),
            What::Babbled(reason) => self.condemn(id, Fault::Lied, reason),
            What::Said(up, payload) => {
                let lied = self.workers.get(&id).is_none_or(|worker| {
                    matches!(
                        worker.stage,
                        Stage::Condemned {
                            fault: Fault::Lied,
                            ..
                        }
                    )
                });
                if !lied && let Err(reason) = self.said(id, up, payload) {
                    self.condemn(id, Fault::Lied, reason);
                }
            }
        }
    }

    /// Believes what a worker says if it can be true.
    fn said(&mut self, id: WorkerId, up: Up, payload: Bytes) -> Result<(), String> {
        match up {
            Up::Ready { protocol, table } => self.greeted(id, protocol, table),
            Up::Refused { reason } => Err(reason),
            Up::Returned { .. } | Up::Item { .. } | Up::Piece { .. } => {
                Err("it said what it was not asked".to_owned())
            }
            Up::Started { call } => {
                self.scheduler
                    .started(id, call)
                    .map_err(|_| format!("it started call {call}, which it does not have"))?;
                self.ledger.started(call);
                self.stopping.started(call, Instant::now());
                Ok(())
            }
            Up::Done {
                call,
                ending: Ending::Cancelled,
            } if self.scheduler.wants(id, call) => {
                Err(format!("it cancelled call {call}, as nobody had asked"))
            }
            Up::Done { call, ending } => {
                self.scheduler
                    .done(id, call)
                    .map_err(|_| format!("it answered call {call}, which it does not have"))?;
                self.stopping.over(call);
                self.respawn.fruitful();
                self.ledger.answer(call, Ok((ending, payload)));
                Ok(())
            }
        }
    }

    fn greeted(&mut self, id: WorkerId, protocol: u32, table: u64) -> Result<(), String> {
        let Some(worker) = self.workers.get_mut(&id) else {
            return Ok(());
        };
        match worker.stage {
            Stage::Starting(_) => {}
            Stage::Ready => return Err("it greeted twice".to_owned()),
            // Too late.
            Stage::Condemned { .. } => return Ok(()),
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
            let _ = ready.send(Ok(()));
        }
        Ok(())
    }

    fn ended(&mut self, id: WorkerId, exit: Exit) {
        let Some(worker) = self.workers.remove(&id) else {
            return;
        };
        let pid = worker.pid;
        let was_ready = self.scheduler.has(id);
        let by_itself = matches!(worker.stage, Stage::Starting(_)) && matches!(exit, Exit::Code(_));
        self.stopping.forget(id);
        let (exit, unstarted) = match worker.stage {
            Stage::Condemned { reason, fault } => {
                if fault == Fault::Unwilling && exit != Exit::Code(0) {
                    self.unwilling.push(pid);
                }
                let unstarted = match fault {
                    // What it did not say that it had started, it may have.
                    Fault::Lied => Unstarted::Lost,
                    Fault::Slow | Fault::Unwilling => Unstarted::Requeued,
                };
                (Exit::Ended { reason }, unstarted)
            }
            Stage::Starting(_) | Stage::Ready => (exit, Unstarted::Requeued),
        };
        for lost in self.scheduler.lost(id, unstarted) {
            let failure = Failure::Lost {
                pid,
                exit: exit.clone(),
                started: lost.started,
                beside: lost.beside,
            };
            self.ledger.answer(lost.call, Err(failure));
        }
        if !matches!(self.phase, Phase::Open | Phase::Closing) {
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
        self.follow(
            verdict,
            format!("worker {pid} ended before it was ready: {exit}{hint}"),
        );
    }

    fn follow(&mut self, verdict: Verdict, reason: String) {
        match verdict {
            Verdict::After(delay) => self.spawn_at = Instant::now() + delay,
            Verdict::Never => self.give_up(reason),
        }
        // The last worker is gone and there will be no other.
        if self.workers.is_empty()
            && let Some(error) = self.given_up.clone()
        {
            self.abandon(&Failure::Pool(error));
        }
    }

    /// Starts no more workers. A pool that never was complete fails at once.
    fn give_up(&mut self, reason: String) {
        let error = self.given_up.get_or_insert(Error::NeverReady { reason });
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(Err(error.clone()));
        }
    }
}

/// The end of a limit; of one beyond the clock's reach, some decades away.
fn after(limit: Duration) -> Instant {
    const DECADES: Duration = Duration::from_secs(1 << 30);
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(now + DECADES)
}
