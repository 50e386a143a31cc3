//! Who gets what: the only queue, the load of each worker, and what is lost
//! when one dies. Pure: no I/O, no bytes, and no clock but what it is told.
//!
//! The rule that everything here serves: a call that was submitted leaves
//! exactly once, through [`Scheduler::done`], [`Scheduler::cancel`] or
//! [`Scheduler::lost`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use super::ids::{IdMap, WorkerId};
use super::pace::Pace;
use crate::wire::CallId;

/// How often a call may be handed to a worker that dies before it starts it.
/// A worker that does not survive *receiving* a call must not eat the pool.
const MAX_DELIVERIES: u8 = 4;

/// The queue and the load.
#[derive(Debug)]
pub(crate) struct Scheduler {
    tasks_per_worker: usize,
    /// Waiting calls. Numbers grow with time, so the order of the set is the
    /// order of submission, and a call that comes back is first again.
    queue: BTreeSet<CallId>,
    /// Those of them that must run alone.
    exclusive: BTreeSet<CallId>,
    /// Deliveries so far, of queued calls that came back from a dead worker.
    returned: HashMap<CallId, u8>,
    /// Where each call is that is in the queue no more.
    placed: IdMap<CallId, WorkerId>,
    workers: BTreeMap<WorkerId, Load>,
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
    pace: Pace,
}

#[derive(Debug)]
struct Delivery {
    /// How often the call has been delivered.
    attempt: u8,
    /// Counts the deliveries to this worker, from 1.
    number: u64,
    started: bool,
    wanted: bool,
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
            queue: BTreeSet::new(),
            exclusive: BTreeSet::new(),
            returned: HashMap::new(),
            placed: IdMap::default(),
            workers: BTreeMap::new(),
        }
    }

    /// Puts a new call at the end of the queue.
    pub(crate) fn submit(&mut self, call: CallId) {
        self.queue.insert(call);
    }

    /// Puts a new call there that shares its worker with no other.
    pub(crate) fn submit_exclusive(&mut self, call: CallId) {
        self.exclusive.insert(call);
        self.queue.insert(call);
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
        let first = *self.queue.first()?;
        if self.exclusive.contains(&first) {
            let (&kept, load) = self
                .workers
                .iter()
                .filter(|(_, load)| !load.barred && load.stopping == 0 && !load.alone)
                .min_by_key(|(_, load)| load.running.len())?;
            if load.running.is_empty() {
                self.queue.pop_first();
                self.exclusive.remove(&first);
                return self.give(kept, first, true);
            }
            let call = *self
                .queue
                .iter()
                .find(|call| !self.exclusive.contains(call))?;
            let worker = self.least_loaded(Some(kept))?;
            self.queue.remove(&call);
            return self.give(worker, call, false);
        }
        let worker = self.least_loaded(None)?;
        self.queue.pop_first();
        self.give(worker, first, false)
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
            .min_by_key(|(_, load)| (load.stalled, load.running.len()))
            .map(|(&worker, _)| worker)
    }

    fn give(&mut self, worker: WorkerId, call: CallId, alone: bool) -> Option<Assigned> {
        let load = self.workers.get_mut(&worker)?;
        let attempt = match self.returned.is_empty() {
            true => 1,
            false => self.returned.remove(&call).unwrap_or(0) + 1,
        };
        load.given += 1;
        load.alone = alone;
        let number = load.given;
        let delivery = Delivery {
            attempt,
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
    pub(crate) fn give_back(&mut self, worker: WorkerId, call: CallId) -> Result<(), NotYours> {
        let load = self.workers.get_mut(&worker).ok_or(NotYours(call))?;
        if load.asked == 0 || load.running.get(&call).is_none_or(|one| one.started) {
            return Err(NotYours(call));
        }
        load.asked -= 1;
        let alone = load.alone;
        if self.take_off(worker, call)?.wanted {
            self.queue.insert(call);
            if alone {
                self.exclusive.insert(call);
            }
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
        if self.queue.remove(&call) {
            self.returned.remove(&call);
            self.exclusive.remove(&call);
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
            if started || delivery.attempt >= MAX_DELIVERIES {
                let beside = running - usize::from(started);
                lost.push(Lost {
                    call,
                    started,
                    beside,
                });
            } else {
                if load.alone {
                    self.exclusive.insert(call);
                }
                self.returned.insert(call, delivery.attempt);
                self.queue.insert(call);
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
    pub(crate) fn uneven(&self, begun: impl Fn(WorkerId) -> u64) -> Option<(WorkerId, u32)> {
        let free = self.free(&begun)?;
        let (worker, waiting) = self
            .workers
            .iter()
            .map(|(&worker, load)| {
                let mark = begun(worker);
                let waits = |one: &&Delivery| one.wanted && !one.begun(mark);
                (worker, load.running.values().filter(waits).count())
            })
            .max_by_key(|&(_, waiting)| waiting)?;
        // Of very many the half: it may come to the rest meanwhile.
        let most = waiting.div_ceil(2).max(waiting.min(free)).min(free);
        (most > 0).then(|| (worker, u32::try_from(most).unwrap_or(u32::MAX)))
    }

    /// Whether that may be so: a worker has calls that it has not begun, and
    /// another has room.
    pub(crate) fn may_be_uneven(&self, begun: impl Fn(WorkerId) -> u64) -> bool {
        let mut loads = self.workers.iter();
        self.workers.len() > 1
            && loads.any(|(&worker, load)| load.running.len() > 1 && load.given > begun(worker))
            && self.free(begun).is_some()
    }

    /// How many calls could be begun at once, if any.
    fn free(&self, begun: impl Fn(WorkerId) -> u64) -> Option<usize> {
        if !self.queue.is_empty() {
            return None;
        }
        let free = self
            .workers
            .iter()
            .filter(|(_, load)| !load.barred && !load.stalled && load.stopping == 0 && !load.alone)
            .filter(|&(&worker, load)| load.given <= begun(worker))
            .map(|(_, load)| self.tasks_per_worker.saturating_sub(load.running.len()))
            .fold(0, usize::saturating_add);
        (free > 0).then_some(free)
    }

    /// This worker is asked for so many calls that it does not come to.
    pub(crate) fn ask_back(&mut self, worker: WorkerId, most: u32) {
        if let Some(load) = self.workers.get_mut(&worker) {
            load.stalled = true;
            load.asked += most as usize;
        }
    }

    /// Drops everything that waits, and returns it.
    pub(crate) fn drain_queue(&mut self) -> Vec<CallId> {
        self.returned.clear();
        self.exclusive.clear();
        std::mem::take(&mut self.queue).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn with_workers(tasks_per_worker: usize, workers: &[WorkerId]) -> Scheduler {
        let mut scheduler = Scheduler::new(tasks_per_worker);
        for &worker in workers {
            scheduler.ready(worker);
        }
        scheduler
    }

    /// Who gets what next.
    fn next(scheduler: &mut Scheduler) -> Option<(WorkerId, CallId)> {
        let given = scheduler.assign()?;
        Some((given.worker, given.call))
    }

    #[test]
    fn calls_go_to_the_least_loaded_worker_in_order() {
        let mut scheduler = with_workers(2, &[1, 2]);
        (10..15).for_each(|call| scheduler.submit(call));
        let given: Vec<_> = std::iter::from_fn(|| next(&mut scheduler)).collect();
        assert_eq!(given, [(1, 10), (2, 11), (1, 12), (2, 13)]);
        scheduler.done(2, 11).unwrap();
        assert_eq!(next(&mut scheduler), Some((2, 14)));
    }

    #[test]
    fn deliveries_are_numbered_for_each_worker() {
        let mut scheduler = with_workers(2, &[1, 2]);
        (10..14).for_each(|call| scheduler.submit(call));
        let given = std::iter::from_fn(|| scheduler.assign());
        let numbers: Vec<_> = given.map(|given| (given.worker, given.number)).collect();
        assert_eq!(numbers, [(1, 1), (2, 1), (1, 2), (2, 2)]);
    }

    #[test]
    fn nobody_ready_means_nothing_is_given() {
        let mut scheduler = Scheduler::new(4);
        scheduler.submit(1);
        assert_eq!(scheduler.assign(), None);
        scheduler.ready(7);
        assert_eq!(next(&mut scheduler), Some((7, 1)));
    }

    #[test]
    fn a_dead_worker_loses_what_had_begun_and_returns_the_rest_first() {
        let mut scheduler = with_workers(3, &[1]);
        (1..=4).for_each(|call| scheduler.submit(call));
        while scheduler.assign().is_some() {}
        let alone = Lost {
            call: 1,
            started: true,
            beside: 0,
        };
        assert_eq!(scheduler.lost(1, Witness::Mark(1)), [alone]);
        scheduler.ready(9);
        assert_eq!(next(&mut scheduler), Some((9, 2)), "older than call 4");
        assert_eq!(next(&mut scheduler), Some((9, 3)));
        assert_eq!(next(&mut scheduler), Some((9, 4)));
    }

    #[test]
    fn a_worker_that_is_no_witness_loses_everything() {
        let mut scheduler = with_workers(2, &[1]);
        (4..6).for_each(|call| scheduler.submit(call));
        while scheduler.assign().is_some() {}
        let lost = scheduler.lost(1, Witness::None);
        let (started, beside) = (true, 1);
        let both = [4, 5].map(|call| Lost {
            call,
            started,
            beside,
        });
        assert_eq!(lost, both);
        assert_eq!(scheduler.drain_queue(), []);
    }

    #[test]
    fn what_ran_beside_a_lost_call_is_counted_wanted_or_not() {
        let mut scheduler = with_workers(4, &[1]);
        (0..4).for_each(|call| scheduler.submit(call));
        while scheduler.assign().is_some() {}
        scheduler.cancel(2);
        let lost = scheduler.lost(1, Witness::Mark(3));
        let counted: Vec<_> = lost.iter().map(|lost| (lost.call, lost.beside)).collect();
        assert_eq!(counted, [(0, 2), (1, 2)]);
    }

    #[test]
    fn a_call_that_no_worker_survives_receiving_is_lost_in_the_end() {
        let mut scheduler = Scheduler::new(1);
        scheduler.submit(1);
        for worker in 0..u64::from(MAX_DELIVERIES) {
            scheduler.ready(worker);
            assert_eq!(next(&mut scheduler), Some((worker, 1)));
            let lost = scheduler.lost(worker, Witness::Mark(0));
            let last = worker + 1 == u64::from(MAX_DELIVERIES);
            assert_eq!(lost.len(), usize::from(last));
        }
        scheduler.ready(99);
        assert_eq!(scheduler.assign(), None);
    }

    #[test]
    fn a_cancelled_call_keeps_its_slot_and_is_not_lost_twice() {
        let mut scheduler = with_workers(1, &[1]);
        scheduler.submit(1);
        scheduler.submit(2);
        scheduler.assign().unwrap();
        let (worker, number) = (1, 1);
        assert_eq!(scheduler.cancel(1), Cancelled::Running { worker, number });
        assert_eq!(scheduler.cancel(1), Cancelled::Over, "only once");
        assert_eq!(scheduler.assign(), None, "the slot is still taken");
        assert_eq!(scheduler.cancel(2), Cancelled::Queued);
        assert_eq!(scheduler.cancel(2), Cancelled::Over);
        assert_eq!(scheduler.lost(1, Witness::Mark(0)), []);
    }

    #[test]
    fn a_worker_in_which_a_cancelled_task_is_not_over_gets_nothing() {
        let mut scheduler = with_workers(9, &[1, 2]);
        (0..4).for_each(|call| scheduler.submit(call));
        assert_eq!(next(&mut scheduler), Some((1, 0)));
        scheduler.cancel(0);
        for call in 1..4 {
            assert_eq!(next(&mut scheduler), Some((2, call)), "whatever its load");
        }
        scheduler.done(1, 0).unwrap();
        scheduler.submit(4);
        assert_eq!(next(&mut scheduler), Some((1, 4)));
    }

    #[test]
    fn a_barred_worker_gets_nothing() {
        let mut scheduler = with_workers(1, &[1]);
        scheduler.bar(1);
        scheduler.submit(1);
        assert_eq!(scheduler.assign(), None);
        assert!(scheduler.has(1), "it had been ready all the same");
    }

    #[test]
    fn an_exclusive_call_waits_for_an_empty_worker_and_keeps_it() {
        let mut scheduler = with_workers(2, &[1, 2]);
        (0..3).for_each(|call| scheduler.submit(call));
        while scheduler.assign().is_some() {}
        // Worker 1 has two calls, worker 2 has one.
        scheduler.submit_exclusive(3);
        (4..6).for_each(|call| scheduler.submit(call));
        assert_eq!(scheduler.assign(), None, "worker 2 is kept free for it");
        scheduler.done(1, 0).unwrap();
        scheduler.done(2, 1).unwrap();
        assert_eq!(next(&mut scheduler), Some((2, 3)));
        assert_eq!(next(&mut scheduler), Some((1, 4)));
        scheduler.done(1, 2).unwrap();
        assert_eq!(next(&mut scheduler), Some((1, 5)), "never beside it");
        scheduler.submit(6);
        assert_eq!(scheduler.assign(), None);
        scheduler.done(2, 3).unwrap();
        assert_eq!(next(&mut scheduler), Some((2, 6)));
    }

    #[test]
    fn what_came_before_an_exclusive_call_goes_before_it() {
        let mut scheduler = with_workers(1, &[1]);
        (0..2).for_each(|call| scheduler.submit(call));
        scheduler.submit_exclusive(2);
        scheduler.submit(3);
        for call in 0..4 {
            assert_eq!(next(&mut scheduler), Some((1, call)));
            assert_eq!(scheduler.assign(), None);
            scheduler.done(1, call).unwrap();
        }
    }

    #[test]
    fn an_exclusive_call_that_comes_back_is_still_exclusive() {
        let mut scheduler = with_workers(2, &[1]);
        scheduler.submit_exclusive(1);
        scheduler.submit(2);
        assert_eq!(next(&mut scheduler), Some((1, 1)));
        assert_eq!(scheduler.lost(1, Witness::Mark(0)), []);
        scheduler.ready(2);
        assert_eq!(next(&mut scheduler), Some((2, 1)));
        assert_eq!(scheduler.assign(), None);
    }

    #[test]
    fn words_about_a_call_of_another_worker_are_refused() {
        let mut scheduler = with_workers(1, &[1, 2]);
        scheduler.submit(5);
        assert_eq!(next(&mut scheduler), Some((1, 5)));
        assert_eq!(scheduler.done(2, 5), Err(NotYours(5)));
        assert_eq!(scheduler.started(2, 5), Err(NotYours(5)));
        scheduler.ask_back(2, 1);
        assert_eq!(scheduler.give_back(2, 5), Err(NotYours(5)));
        assert_eq!(scheduler.give_back(1, 5), Err(NotYours(5)), "not asked");
        scheduler.ask_back(1, 9);
        scheduler.started(1, 5).unwrap();
        assert_eq!(scheduler.started(1, 5), Err(NotYours(5)), "only once");
        assert_eq!(scheduler.give_back(1, 5), Err(NotYours(5)), "it runs");
        scheduler.done(1, 5).unwrap();
        assert_eq!(scheduler.done(1, 5), Err(NotYours(5)), "only once");
    }

    /// Teaches the scheduler that this worker answers at once.
    fn hurry(scheduler: &mut Scheduler, worker: WorkerId) {
        let now = Instant::now();
        scheduler.paced(worker, 1, now);
        scheduler.paced(worker, 100, now + Duration::from_micros(100));
    }

    #[test]
    fn a_fast_worker_is_sent_ahead_and_gives_back_what_another_could_begin() {
        let mut scheduler = with_workers(1, &[1]);
        (0..3).for_each(|call| scheduler.submit(call));
        assert_eq!(next(&mut scheduler), Some((1, 0)));
        assert_eq!(scheduler.assign(), None);
        hurry(&mut scheduler, 1);
        assert_eq!(next(&mut scheduler), Some((1, 1)));
        assert_eq!(next(&mut scheduler), Some((1, 2)));
        assert_eq!(scheduler.uneven(|_| 1), None, "nobody else is there");
        scheduler.ready(2);
        let begun = |mark| move |worker| if worker == 1 { mark } else { 0 };
        assert!(scheduler.may_be_uneven(begun(1)));
        assert_eq!(scheduler.uneven(begun(1)), Some((1, 1)));
        assert!(!scheduler.may_be_uneven(begun(3)), "all have begun");
        assert_eq!(scheduler.uneven(begun(3)), None);
        scheduler.ask_back(1, 1);
        scheduler.give_back(1, 2).unwrap();
        assert_eq!(next(&mut scheduler), Some((2, 2)));
        assert_eq!(scheduler.uneven(begun(1)), None, "worker 2 has its own");
        scheduler.done(2, 2).unwrap();
        assert_eq!(scheduler.uneven(|_| 1), Some((1, 1)));
        assert_eq!(scheduler.give_back(1, 1), Err(NotYours(1)), "no more asked");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Submit,
        SubmitExclusive,
        Ready,
        Hurry(usize),
        Assign,
        Begin(usize),
        Finish(usize),
        Return(usize),
        Cancel(usize),
        Kill(usize),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Submit),
            1 => Just(Step::SubmitExclusive),
            1 => Just(Step::Ready),
            1 => any::<usize>().prop_map(Step::Hurry),
            4 => Just(Step::Assign),
            2 => any::<usize>().prop_map(Step::Begin),
            2 => any::<usize>().prop_map(Step::Finish),
            1 => any::<usize>().prop_map(Step::Return),
            1 => any::<usize>().prop_map(Step::Cancel),
            1 => any::<usize>().prop_map(Step::Kill),
        ]
    }

    fn pick<T: Copy>(from: &[T], index: usize) -> Option<T> {
        (!from.is_empty()).then(|| from[index % from.len()])
    }

    /// What the test believes of a worker.
    #[derive(Debug, Default)]
    struct Believed {
        /// Its calls and their numbers, in order.
        calls: Vec<(CallId, u64)>,
        mark: u64,
    }

    proptest! {
        #[test]
        fn every_call_leaves_exactly_once(
            steps in proptest::collection::vec(any_step(), 0..200),
            tasks_per_worker in 1_usize..4,
        ) {
            let mut scheduler = Scheduler::new(tasks_per_worker);
            let (mut next_call, mut next_worker) = (0, 0);
            let mut workers: BTreeMap<WorkerId, Believed> = BTreeMap::new();
            let mut exclusive: HashSet<CallId> = HashSet::new();
            let mut begun: HashSet<CallId> = HashSet::new();
            let mut left: HashSet<CallId> = HashSet::new();
            let mut cancelled: HashSet<CallId> = HashSet::new();

            for step in steps {
                let alive: Vec<WorkerId> = workers.keys().copied().collect();
                let on: Vec<(WorkerId, CallId, u64)> = workers
                    .iter()
                    .flat_map(|(&id, of)| of.calls.iter().map(move |&(call, number)| (id, call, number)))
                    .collect();
                match step {
                    Step::Submit => { scheduler.submit(next_call); next_call += 1; }
                    Step::SubmitExclusive => {
                        scheduler.submit_exclusive(next_call);
                        exclusive.insert(next_call);
                        next_call += 1;
                    }
                    Step::Ready => {
                        scheduler.ready(next_worker);
                        workers.insert(next_worker, Believed::default());
                        next_worker += 1;
                    }
                    Step::Hurry(index) => if let Some(worker) = pick(&alive, index) {
                        hurry(&mut scheduler, worker);
                    },
                    Step::Assign => if let Some(Assigned { worker, call, number }) = scheduler.assign() {
                        prop_assert!(!left.contains(&call), "a call that left ran again");
                        prop_assert!(!begun.contains(&call), "a call that had begun ran again");
                        prop_assert!(on.iter().all(|&(_, other, _)| other != call), "on two workers");
                        let of = workers.get_mut(&worker).expect("alive");
                        let alone = of.calls.is_empty();
                        prop_assert!(alone || !exclusive.contains(&call));
                        prop_assert!(of.calls.iter().all(|(other, _)| !exclusive.contains(other)));
                        prop_assert!(of.calls.iter().all(|(other, _)| !cancelled.contains(other)));
                        prop_assert!(of.calls.iter().all(|&(_, other)| other < number));
                        of.calls.push((call, number));
                    },
                    Step::Begin(index) => if let Some((worker, ..)) = pick(&on, index) {
                        // In order: the first that has not.
                        let of = workers.get_mut(&worker).expect("alive");
                        let waits = |(_, number): &&(CallId, u64)| *number > of.mark;
                        if let Some(&(call, number)) = of.calls.iter().find(waits) {
                            of.mark = number;
                            begun.insert(call);
                        }
                    },
                    Step::Finish(index) => if let Some((worker, call, _)) = pick(&on, index) {
                        scheduler.done(worker, call).unwrap();
                        workers.get_mut(&worker).expect("alive").calls.retain(|&(other, _)| other != call);
                        left.insert(call);
                    },
                    Step::Return(index) => if let Some((worker, call, _)) = pick(&on, index) {
                        let of = workers.get_mut(&worker).expect("alive");
                        prop_assert!(scheduler.give_back(worker, call).is_err(), "not asked");
                        if !begun.contains(&call) {
                            scheduler.ask_back(worker, 1);
                            scheduler.give_back(worker, call).unwrap();
                            of.calls.retain(|&(other, _)| other != call);
                        }
                    },
                    Step::Cancel(index) => if next_call > 0 {
                        let call = index as u64 % next_call;
                        match scheduler.cancel(call) {
                            Cancelled::Queued => prop_assert!(left.insert(call)),
                            Cancelled::Running { worker, number } => {
                                prop_assert!(on.contains(&(worker, call, number)));
                                prop_assert!(cancelled.insert(call));
                                left.insert(call);
                            }
                            Cancelled::Over => prop_assert!(left.contains(&call)),
                        }
                    },
                    Step::Kill(index) => if let Some(worker) = pick(&alive, index) {
                        let of = workers.remove(&worker).expect("alive");
                        for lost in scheduler.lost(worker, Witness::Mark(of.mark)) {
                            prop_assert_eq!(lost.started, begun.contains(&lost.call));
                            prop_assert!(of.calls.iter().any(|&(call, _)| call == lost.call));
                            prop_assert!(left.insert(lost.call), "left twice");
                        }
                    },
                }
            }
            // Whatever did not leave is on a worker or in the queue: none is forgotten.
            let mut found: HashSet<CallId> = workers.values().flat_map(|of| &of.calls).map(|&(call, _)| call).collect();
            found.extend(scheduler.drain_queue());
            for call in 0..next_call {
                prop_assert!(left.contains(&call) || found.contains(&call), "call {} is gone", call);
            }
        }
    }
}
