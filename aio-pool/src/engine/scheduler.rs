//! Who gets what: the only queue, the load of each worker, and what is lost
//! when one dies. Pure: no I/O, no bytes, and no clock but what it is told.
//!
//! The rule that everything here serves: a call that was submitted leaves
//! exactly once, through [`Scheduler::done`], [`Scheduler::cancel`] or
//! [`Scheduler::lost`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use super::UNEVEN;
use super::pace::Pace;
use crate::ids::{IdMap, WorkerId};
use crate::wire::CallId;

/// How often a call may be handed to a worker that dies before it starts it.
/// A worker that does not survive *receiving* a call must not eat the pool.
const MAX_DELIVERIES: u8 = 4;

/// Each time that a call is moved it stays for twice as long, up to so many times:
/// that is five seconds.
const MOST_DOUBLINGS: u32 = 9;

/// The queue and the load.
#[derive(Debug)]
pub(crate) struct Scheduler {
    tasks_per_worker: usize,
    /// Waiting calls. Numbers grow with time, so the order of the set is the
    /// order of submission, and a call that comes back is first again.
    shared: BTreeSet<CallId>,
    /// The same, of calls that must run alone.
    exclusive: BTreeSet<CallId>,
    /// Of queued calls that came back: what they have been through.
    returned: HashMap<CallId, Past>,
    /// Where each call is that is in the queue no more.
    placed: IdMap<CallId, WorkerId>,
    workers: BTreeMap<WorkerId, Load>,
    /// How often a worker was asked to give calls back.
    asks: u64,
}

#[derive(Debug, Default)]
struct Load {
    running: IdMap<CallId, Delivery>,
    /// So many calls it has ever been given.
    given: u64,
    /// How many of these were cancelled and are not over.
    stopping: usize,
    /// What runs here runs alone.
    alone: bool,
    /// It gets nothing more: it is about to be dead, or to retire.
    barred: bool,
    /// It was asked for calls that it does not come to, and has answered none
    /// since.
    stalled: bool,
    /// So many calls it was asked for, and has not given back.
    asked: usize,
    /// Which of the asks was the last that it got; 0 if none.
    last_asked: u64,
    pace: Pace,
}

/// What a call has been through before it came to where it is.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// So many workers died that had it and had not begun it.
    deaths: u8,
    /// So many gave it back.
    moves: u32,
    /// Until then it stays with whom it is given to.
    stays: Option<Instant>,
}

impl Past {
    /// Notes that it is moved. Each worker may take longer to begin it than another
    /// takes to start: always moved as soon, it would never be begun, and each move
    /// may cost a worker that was to be replaced after this call.
    fn moved(&mut self, now: Instant) {
        self.moves = self.moves.saturating_add(1);
        self.stays = Some(now + UNEVEN * 2_u32.pow(self.moves.min(MOST_DOUBLINGS)));
    }
}

#[derive(Debug)]
struct Delivery {
    past: Past,
    /// Counts the deliveries to this worker, from 1.
    number: u64,
    started: bool,
    wanted: bool,
}

impl Load {
    /// Its calls that somebody waits for and that have not begun.
    fn waiting(&self, mark: u64) -> impl Iterator<Item = &Delivery> {
        let waits = move |one: &&Delivery| one.wanted && !one.begun(mark);
        // If it has begun the last that it was given there are none. If not, that
        // may have been cancelled, or given back.
        let some = self.given > mark;
        self.running.values().filter(move |one| some && waits(one))
    }
}

impl Delivery {
    /// Whether user code may have run, as the worker's mark says.
    fn begun(&self, mark: u64) -> bool {
        self.started || self.number <= mark
    }
}

/// A call that is to be sent to a worker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub(crate) worker: WorkerId,
    pub(crate) call: CallId,
    /// Counts the deliveries to this worker, from 1.
    pub(crate) number: u64,
}

/// Where a cancelled call was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// In the queue: it is gone.
    Queued,
    /// On this worker, which must be told; its slot stays taken until it says
    /// that the call is over.
    Running {
        worker: WorkerId,
        /// Its number among the deliveries to this worker.
        number: u64,
    },
    /// Nowhere: it is over already.
    Over,
}

/// A call that died with its worker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) call: CallId,
    /// Whether user code may have run.
    pub(crate) started: bool,
    /// How many other calls may have been running there.
    pub(crate) beside: usize,
}

/// What is known of the calls that a dead worker had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witness {
    /// Deliveries up to this number had begun; others run elsewhere.
    Mark(u64),
    /// Nothing that it said can be believed: all may have begun.
    None,
}

/// A worker said something about a call that it does not have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotYours(pub(crate) CallId);

impl Scheduler {
    pub(crate) fn new(tasks_per_worker: usize) -> Self {
        Self {
            tasks_per_worker,
            shared: BTreeSet::new(),
            exclusive: BTreeSet::new(),
            returned: HashMap::new(),
            placed: IdMap::default(),
            workers: BTreeMap::new(),
            asks: 0,
        }
    }

    /// Puts a new call at the end of the queue.
    pub(crate) fn submit(&mut self, call: CallId) {
        self.shared.insert(call);
    }

    /// Puts a new call there that shares its worker with no other.
    pub(crate) fn submit_exclusive(&mut self, call: CallId) {
        self.exclusive.insert(call);
    }

    /// Makes room for the calls of a worker that can take some.
    pub(crate) fn ready(&mut self, worker: WorkerId) {
        self.workers.entry(worker).or_default();
    }

    /// Whether this worker has been ready.
    pub(crate) fn has(&self, worker: WorkerId) -> bool {
        self.workers.contains_key(&worker)
    }

    /// Gives this worker no more calls: it will not live, or is to retire.
    pub(crate) fn bar(&mut self, worker: WorkerId) {
        if let Some(load) = self.workers.get_mut(&worker) {
            load.barred = true;
        }
    }

    /// The worker that has this call.
    pub(crate) fn place(&self, call: CallId) -> Option<WorkerId> {
        self.placed.get(&call).copied()
    }

    /// Whether this worker has the call, wanted or not.
    pub(crate) fn holds(&self, worker: WorkerId, call: CallId) -> bool {
        self.place(call) == Some(worker)
    }

    /// Whether this worker has a call that was delivered to it as this number.
    pub(crate) fn has_delivery(&self, worker: WorkerId, number: u64) -> bool {
        let load = self.workers.get(&worker);
        load.is_some_and(|load| load.running.values().any(|one| one.number == number))
    }

    /// Whether this worker has no call.
    pub(crate) fn is_empty(&self, worker: WorkerId) -> bool {
        let load = self.workers.get(&worker);
        load.is_none_or(|load| load.running.is_empty())
    }

    /// Gives the first waiting call to the ready worker with the fewest, then to
    /// the oldest. Where tasks are short a worker gets more than it runs at a
    /// time, so that it does not wait for the next; see [`Pace`].
    ///
    /// A worker in which a cancelled task has not stopped gets none: it may
    /// never begin another. A call that must run alone gets a worker that has
    /// nothing: while it is the first in the queue, the worker with the fewest
    /// is kept free for it.
    pub(crate) fn assign(&mut self) -> Option<Assigned> {
        let shared = self.shared.first().copied();
        let alone = self.exclusive.first().copied();
        let mut kept = None;
        if let Some(call) = alone
            && shared.is_none_or(|shared| call < shared)
        {
            let fewest = self.fewest()?;
            if self.is_empty(fewest) {
                self.exclusive.pop_first();
                return self.give(fewest, call, true);
            }
            kept = Some(fewest);
        }
        let call = shared?;
        let worker = self.least_loaded(kept)?;
        self.shared.pop_first();
        self.give(worker, call, false)
    }

    /// The worker that is kept free for a call that must be alone.
    fn fewest(&self) -> Option<WorkerId> {
        self.workers
            .iter()
            .filter(|(_, load)| !load.barred && load.stopping == 0 && !load.alone)
            .min_by_key(|(_, load)| (load.running.len(), load.stalled))
            .map(|(&worker, _)| worker)
    }

    /// Whether what waits there could go elsewhere: a call that must be alone
    /// needs a worker that has nothing.
    fn may_move(&self, load: &Load) -> bool {
        let empty = |other: &Load| {
            other.running.is_empty() && !other.barred && !other.stalled && other.stopping == 0
        };
        !load.alone || self.workers.values().any(empty)
    }

    fn least_loaded(&self, but: Option<WorkerId>) -> Option<WorkerId> {
        self.workers
            .iter()
            .filter(|(worker, load)| {
                !load.barred && load.stopping == 0 && !load.alone && but != Some(**worker)
            })
            .filter(|(_, load)| {
                let most = self.tasks_per_worker.saturating_add(load.pace.ahead());
                load.running.len() < most
            })
            .min_by_key(|(_, load)| (load.stalled, load.running.len(), load.last_asked))
            .map(|(&worker, _)| worker)
    }

    fn give(&mut self, worker: WorkerId, call: CallId, alone: bool) -> Option<Assigned> {
        let load = self.workers.get_mut(&worker)?;
        let past = match self.returned.is_empty() {
            true => Past::default(),
            false => self.returned.remove(&call).unwrap_or_default(),
        };
        load.given += 1;
        load.alone = alone;
        let number = load.given;
        let delivery = Delivery {
            past,
            number,
            started: false,
            wanted: true,
        };
        load.running.insert(call, delivery);
        self.placed.insert(call, worker);
        Some(Assigned {
            worker,
            call,
            number,
        })
    }

    /// Notes that user code of `call` runs, as the worker announced.
    pub(crate) fn started(&mut self, worker: WorkerId, call: CallId) -> Result<(), NotYours> {
        let load = self.workers.get_mut(&worker).ok_or(NotYours(call))?;
        match load.running.get_mut(&call) {
            Some(delivery) if !delivery.started => {
                delivery.started = true;
                Ok(())
            }
            _ => Err(NotYours(call)),
        }
    }

    /// Frees the slot of a call that is over.
    pub(crate) fn done(&mut self, worker: WorkerId, call: CallId) -> Result<(), NotYours> {
        self.take_off(worker, call).map(drop)
    }

    /// Puts a call back that its worker was asked for and had not begun; but not
    /// one that nobody waits for.
    pub(crate) fn give_back(
        &mut self,
        worker: WorkerId,
        call: CallId,
        now: Instant,
    ) -> Result<(), NotYours> {
        let load = self.workers.get_mut(&worker).ok_or(NotYours(call))?;
        if load.asked == 0 || load.running.get(&call).is_none_or(|one| one.started) {
            return Err(NotYours(call));
        }
        load.asked -= 1;
        let alone = load.alone;
        let Delivery {
            wanted, mut past, ..
        } = self.take_off(worker, call)?;
        if wanted {
            past.moved(now);
            self.returned.insert(call, past);
            self.queue(alone).insert(call);
        }
        Ok(())
    }

    fn take_off(&mut self, worker: WorkerId, call: CallId) -> Result<Delivery, NotYours> {
        let load = self.workers.get_mut(&worker).ok_or(NotYours(call))?;
        let over = load.running.remove(&call).ok_or(NotYours(call))?;
        self.placed.remove(&call);
        load.alone = false;
        load.stopping -= usize::from(!over.wanted);
        Ok(over)
    }

    /// Notes that the worker has answered so many calls since it was last asked.
    pub(crate) fn paced(&mut self, worker: WorkerId, answers: usize, now: Instant) {
        if let Some(load) = self.workers.get_mut(&worker) {
            load.stalled = false;
            load.pace.answered(answers, !load.running.is_empty(), now);
        }
    }

    /// Whether this worker has the call, and has not been told to cancel it.
    pub(crate) fn wants(&self, worker: WorkerId, call: CallId) -> bool {
        let load = self.workers.get(&worker);
        load.and_then(|load| load.running.get(&call))
            .is_some_and(|delivery| delivery.wanted)
    }

    /// Forgets a call that nobody waits for.
    pub(crate) fn cancel(&mut self, call: CallId) -> Cancelled {
        if self.shared.remove(&call) || self.exclusive.remove(&call) {
            self.returned.remove(&call);
            return Cancelled::Queued;
        }
        let Some(&worker) = self.placed.get(&call) else {
            return Cancelled::Over;
        };
        let load = self.workers.get_mut(&worker);
        match load.and_then(|load| Some((load.running.get_mut(&call)?, &mut load.stopping))) {
            Some((delivery, stopping)) if delivery.wanted => {
                delivery.wanted = false;
                *stopping += 1;
                let number = delivery.number;
                Cancelled::Running { worker, number }
            }
            _ => Cancelled::Over,
        }
    }

    /// Removes a dead worker. What it had begun is lost; what it had not waits
    /// again, before everything younger.
    pub(crate) fn lost(&mut self, worker: WorkerId, witness: Witness) -> Vec<Lost> {
        let Some(load) = self.workers.remove(&worker) else {
            return Vec::new();
        };
        let begun = |delivery: &Delivery| match witness {
            Witness::Mark(mark) => delivery.begun(mark),
            Witness::None => true,
        };
        let running = load.running.values().filter(|one| begun(one)).count();
        let mut lost = Vec::new();
        for (call, delivery) in load.running {
            self.placed.remove(&call);
            if !delivery.wanted {
                continue;
            }
            let started = begun(&delivery);
            let mut past = delivery.past;
            past.deaths += 1;
            if started || past.deaths >= MAX_DELIVERIES {
                let beside = running - usize::from(started);
                lost.push(Lost {
                    call,
                    started,
                    beside,
                });
            } else {
                self.returned.insert(call, past);
                self.queue(load.alone).insert(call);
            }
        }
        lost.sort_unstable_by_key(|lost| lost.call);
        lost
    }

    /// A worker that does not come to what it has, while another could begin it
    /// now: whom to ask to give back, and how many.
    ///
    /// `begun` tells the mark of a worker. Only for one that has been so for a
    /// while: every call waits for a moment.
    pub(crate) fn uneven(
        &self,
        begun: impl Fn(WorkerId) -> u64,
        now: Instant,
    ) -> Option<(WorkerId, u32)> {
        let free = self.free(&begun)?;
        let may_go = |one: &&Delivery| one.past.stays.is_none_or(|until| until <= now);
        let waiting = |id, load: &Load| load.waiting(begun(id)).filter(may_go).count();
        let (worker, waiting) = self
            .workers
            .iter()
            .filter(|(_, load)| self.may_move(load))
            .map(|(&worker, load)| (worker, load.last_asked, waiting(worker, load)))
            .filter(|&(.., waiting)| waiting > 0)
            // By turns: one that cannot hear must not keep what others have.
            .min_by_key(|&(_, last_asked, waiting)| (last_asked, Reverse(waiting)))
            .map(|(worker, _, waiting)| (worker, waiting))?;
        // Of very many the half: it may come to the rest meanwhile.
        let most = waiting.div_ceil(2).max(waiting.min(free)).min(free);
        (most > 0).then(|| (worker, u32::try_from(most).unwrap_or(u32::MAX)))
    }

    /// From when on that may be so, if it may: a worker has calls that it has not
    /// begun, and another has room.
    pub(crate) fn may_be_uneven(
        &self,
        begun: impl Fn(WorkerId) -> u64,
        now: Instant,
    ) -> Option<Instant> {
        let any = |so: &dyn Fn(&Load, u64) -> bool| {
            let mut loads = self.workers.iter();
            loads.any(|(&worker, load)| !load.running.is_empty() && so(load, begun(worker)))
        };
        // What is quickly known comes first.
        let may_be = self.workers.len() > 1
            && any(&|load, mark| load.given > mark)
            && self.free(&begun).is_some();
        if !may_be {
            return None;
        }
        let mut first: Option<Instant> = None;
        for (&worker, load) in self.workers.iter().filter(|(_, load)| self.may_move(load)) {
            for one in load.waiting(begun(worker)) {
                match one.past.stays.filter(|until| *until > now) {
                    Some(until) => first = Some(first.map_or(until, |first| first.min(until))),
                    None => return Some(now),
                }
            }
        }
        first
    }

    /// How many calls could be begun at once, if any.
    fn free(&self, begun: impl Fn(WorkerId) -> u64) -> Option<usize> {
        if !self.shared.is_empty() {
            return None;
        }
        let kept = match self.exclusive.is_empty() {
            true => None,
            false => self.fewest(),
        };
        let room = |stalled: bool| {
            self.workers
                .iter()
                .filter(|(_, load)| !load.barred && load.stopping == 0 && !load.alone)
                .filter(|(_, load)| load.stalled == stalled)
                .filter(|&(&worker, load)| {
                    kept != Some(worker) && load.waiting(begun(worker)).next().is_none()
                })
                .map(|(_, load)| self.tasks_per_worker.saturating_sub(load.running.len()))
                .fold(0, usize::saturating_add)
        };
        // One that did not come to its calls may come to others by now.
        let free = match room(false) {
            0 => room(true),
            free => free,
        };
        (free > 0).then_some(free)
    }

    /// This worker is asked for so many calls that it does not come to.
    pub(crate) fn ask_back(&mut self, worker: WorkerId, most: u32) {
        if let Some(load) = self.workers.get_mut(&worker) {
            load.stalled = true;
            load.asked += most as usize;
            self.asks += 1;
            load.last_asked = self.asks;
        }
    }

    /// Drops everything that waits, and returns it.
    pub(crate) fn drain_queue(&mut self) -> Vec<CallId> {
        self.returned.clear();
        self.shared.append(&mut self.exclusive);
        std::mem::take(&mut self.shared).into_iter().collect()
    }

    /// Where a call waits that runs alone, or does not.
    fn queue(&mut self, alone: bool) -> &mut BTreeSet<CallId> {
        match alone {
            true => &mut self.exclusive,
            false => &mut self.shared,
        }
    }
}

#[cfg(test)]
mod tests;
