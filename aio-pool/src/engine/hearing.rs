//! What workers say and how they die, and what is believed of it.

use std::collections::BTreeMap;
use std::time::Instant;

use tokio_util::bytes::Bytes;

use super::scheduler::Witness;
use super::worker::{Fault, Stage};
use super::{Effects, Engine, Phase, Replacement, UNEVEN};
use crate::error::{Exit, LastWords};
use crate::ids::WorkerId;
use crate::reply::Failure;
use crate::wire::{CallId, Ending, PROTOCOL, Up};

impl Engine {
    /// Whether this worker has the call, wanted or not.
    pub(crate) fn holds(&self, id: WorkerId, call: CallId) -> bool {
        self.scheduler.holds(id, call)
    }

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
            self.patience = UNEVEN;
        }
        self.let_go(id, effects);
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
                    .give_back(id, call, now)
                    .map_err(|_| format!("it returned call {call}, as nobody had asked"))?;
                self.stopping.over(call);
            }
            Up::Stopped { call } => {
                if !self.scheduler.holds(id, call) || self.scheduler.wants(id, call) {
                    return Err(format!("it stopped call {call}, as nobody had asked"));
                }
                let worker = self.workers.get(&id);
                let heard = worker.map_or(0, |worker| worker.link.heard());
                if !self.stopping.stopped(call, heard, now) {
                    return Err(format!("it stopped call {call}, as it had said before"));
                }
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
        if !matches!(self.phase, Phase::Open | Phase::Closing) {
            return;
        }
        if was_to_leave {
            return self.give_in(effects);
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
}
