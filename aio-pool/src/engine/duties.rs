//! What the supervisor does for the engine: looks at the clock, starts workers,
//! and ends everything.

use std::time::{Duration, Instant};

use super::stopping::Signs;
use super::worker::{Fault, Stage, Worker, quota};
use super::{
    Effects, Engine, Finished, Hatchling, IN_VAIN, MOST_LEAVING, Next, Phase, RETIRE_GRACE,
    Replacement, UNEVEN,
};
use crate::error::Error;
use crate::ids::WorkerId;
use crate::reply::Failure;
use crate::wire::{Down, PROTOCOL};

impl Engine {
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
    pub(super) fn vacancy(&self) -> Option<usize> {
        let replaced = self.config.replacement == Replacement::Always || self.ready.is_some();
        if !matches!(self.phase, Phase::Open | Phase::Closing)
            || self.given_up.is_some()
            || !replaced
        {
            return None;
        }
        // Who holds each place, and who is about to leave it.
        let mut places = vec![(0, 0); self.config.workers];
        for worker in self.workers.values() {
            if let Some((staying, leaving)) = places.get_mut(worker.place) {
                *(if worker.stays() { staying } else { leaving }) += 1_usize;
            }
        }
        places
            .iter()
            .position(|&(staying, leaving)| staying == 0 && leaving <= MOST_LEAVING)
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

    fn next_alarm(&self) -> Option<Instant> {
        let spawn = self.vacancy().map(|_| self.spawn_at);
        let phase = match self.phase {
            Phase::Retiring(by) => Some(by),
            Phase::Terminating | Phase::Ended => None,
            Phase::Open | Phase::Closing => self.stopping.next_deadline(),
        };
        let uneven = self.may_be_uneven(Instant::now());
        let uneven = uneven.map(|from| self.uneven_since.unwrap_or(from) + self.patience);
        let due = self.workers.values().filter_map(Worker::due);
        due.chain(self.ledger.next_deadline())
            .chain(spawn)
            .chain(phase)
            .chain(uneven)
            .min()
    }

    /// Asks for calls that wait in one worker while another could begin them.
    fn even_out(&mut self, now: Instant, effects: &mut Effects) {
        let mark = |id| self.mark(id);
        let Some((id, most)) = self.scheduler.uneven(mark, now) else {
            self.uneven_since = None;
            self.patience = UNEVEN;
            return;
        };
        if *self.uneven_since.get_or_insert(now) + self.patience <= now {
            self.uneven_since = None;
            self.patience = IN_VAIN.min(self.patience * 2);
            self.scheduler.ask_back(id, most);
            self.order(id, &Down::Return { most }, effects);
        }
    }

    /// Kills workers that take too long to begin, to stop a task or to end.
    fn condemn_late(&mut self, now: Instant, effects: &mut Effects) {
        if matches!(self.phase, Phase::Open | Phase::Closing) {
            let workers = &self.workers;
            let scheduler = &self.scheduler;
            let signs = |id| match workers.get(&id) {
                // What it says that it polls is only believed if it has that.
                Some(worker) => {
                    let in_hand = worker.marks.in_hand();
                    let holds = scheduler.has_delivery(id, in_hand);
                    Signs {
                        begun: worker.marks.begun(),
                        in_hand: if holds { in_hand } else { 0 },
                        heard: worker.link.heard(),
                    }
                }
                None => Signs::default(),
            };
            let mut late = Vec::new();
            while let Some((id, task)) = self.stopping.late(signs, now) {
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
}

/// The end of a limit; of one beyond the clock's reach, some decades away.
fn after(limit: Duration) -> Instant {
    const DECADES: Duration = Duration::from_secs(1 << 30);
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(now + DECADES)
}
