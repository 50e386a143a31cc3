//! Who gets what: the only queue, the load of each worker, and what is lost
//! when one dies. Pure: no clock, no I/O, no bytes.
//!
//! The rule that everything here serves: a call that was submitted leaves
//! exactly once, through [`Scheduler::done`], [`Scheduler::cancel`] or
//! [`Scheduler::lost`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::wire::CallId;

/// A worker, numbered by the supervisor and never again.
pub(crate) type WorkerId = u64;

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
    /// Deliveries so far, of queued calls that came back from a dead worker.
    returned: HashMap<CallId, u8>,
    workers: BTreeMap<WorkerId, Load>,
}

#[derive(Debug, Default)]
struct Load {
    running: BTreeMap<CallId, Delivery>,
    /// How many of these it has not said to have started.
    unacknowledged: usize,
    /// How many of these have started, and were cancelled then or before.
    stopping: usize,
    /// It is about to be dead.
    condemned: bool,
}

#[derive(Debug)]
struct Delivery {
    number: u8,
    started: bool,
    wanted: bool,
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
        /// Whether it has said that the call has started.
        started: bool,
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

/// What becomes of calls that a dead worker had not said to have started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unstarted {
    /// They have not: another worker runs them.
    Requeued,
    /// It was no witness: they may have, so they are lost.
    Lost,
}

/// A worker said something about a call that it does not have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotYours(pub(crate) CallId);

impl Scheduler {
    pub(crate) fn new(tasks_per_worker: usize) -> Self {
        Self {
            tasks_per_worker,
            queue: BTreeSet::new(),
            returned: HashMap::new(),
            workers: BTreeMap::new(),
        }
    }

    /// Puts a new call at the end of the queue.
    pub(crate) fn submit(&mut self, call: CallId) {
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

    /// Gives this worker no more calls: it will not live.
    pub(crate) fn condemn(&mut self, worker: WorkerId) {
        if let Some(load) = self.workers.get_mut(&worker) {
            load.condemned = true;
        }
    }

    /// Gives the first waiting call to the ready worker with the fewest; among
    /// equals to the one that has the fewest to begin yet, since the other is
    /// computing; then to the oldest. A worker in which a cancelled task has not
    /// stopped gets none: it may never begin another.
    pub(crate) fn assign(&mut self) -> Option<(WorkerId, CallId)> {
        let (&worker, load) = self
            .workers
            .iter_mut()
            .filter(|(_, load)| !load.condemned && load.stopping == 0)
            .filter(|(_, load)| load.running.len() < self.tasks_per_worker)
            .min_by_key(|(_, load)| (load.running.len(), load.unacknowledged))?;
        let call = self.queue.pop_first()?;
        let number = self.returned.remove(&call).unwrap_or(0) + 1;
        let delivery = Delivery {
            number,
            started: false,
            wanted: true,
        };
        load.running.insert(call, delivery);
        load.unacknowledged += 1;
        Some((worker, call))
    }

    /// Notes that user code of `call` runs: from here on it is never given to
    /// another worker.
    pub(crate) fn started(&mut self, worker: WorkerId, call: CallId) -> Result<(), NotYours> {
        let load = self.workers.get_mut(&worker).ok_or(NotYours(call))?;
        match load.running.get_mut(&call) {
            Some(delivery) if !delivery.started => {
                delivery.started = true;
                load.unacknowledged -= 1;
                load.stopping += usize::from(!delivery.wanted);
                Ok(())
            }
            _ => Err(NotYours(call)),
        }
    }

    /// Frees the slot of a call that is over.
    pub(crate) fn done(&mut self, worker: WorkerId, call: CallId) -> Result<(), NotYours> {
        let load = self.workers.get_mut(&worker).ok_or(NotYours(call))?;
        let over = load.running.remove(&call).ok_or(NotYours(call))?;
        if !over.started {
            load.unacknowledged -= 1;
        } else if !over.wanted {
            load.stopping -= 1;
        }
        Ok(())
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
            return Cancelled::Queued;
        }
        for (&worker, load) in &mut self.workers {
            if let Some(delivery) = load.running.get_mut(&call) {
                let started = delivery.started;
                load.stopping += usize::from(started && delivery.wanted);
                delivery.wanted = false;
                return Cancelled::Running { worker, started };
            }
        }
        Cancelled::Over
    }

    /// Removes a dead worker. What it had started is lost; what it had not
    /// started waits again, before everything younger, or is lost too.
    pub(crate) fn lost(&mut self, worker: WorkerId, unstarted: Unstarted) -> Vec<Lost> {
        let Some(load) = self.workers.remove(&worker) else {
            return Vec::new();
        };
        let ran = |delivery: &Delivery| delivery.started || unstarted == Unstarted::Lost;
        let running = load.running.values().filter(|one| ran(one)).count();
        let mut lost = Vec::new();
        for (call, delivery) in load.running {
            if !delivery.wanted {
                continue;
            }
            let started = ran(&delivery);
            if started || delivery.number >= MAX_DELIVERIES {
                let beside = running - usize::from(started);
                lost.push(Lost {
                    call,
                    started,
                    beside,
                });
            } else {
                self.returned.insert(call, delivery.number);
                self.queue.insert(call);
            }
        }
        lost
    }

    /// Drops everything that waits, and returns it.
    pub(crate) fn drain_queue(&mut self) -> Vec<CallId> {
        self.returned.clear();
        std::mem::take(&mut self.queue).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn with_workers(tasks_per_worker: usize, workers: &[WorkerId]) -> Scheduler {
        let mut scheduler = Scheduler::new(tasks_per_worker);
        for &worker in workers {
            scheduler.ready(worker);
        }
        scheduler
    }

    #[test]
    fn calls_go_to_the_least_loaded_worker_in_order() {
        let mut scheduler = with_workers(2, &[1, 2]);
        (10..15).for_each(|call| scheduler.submit(call));
        let given: Vec<_> = std::iter::from_fn(|| scheduler.assign()).collect();
        assert_eq!(given, [(1, 10), (2, 11), (1, 12), (2, 13)]);
        scheduler.done(2, 11).unwrap();
        assert_eq!(scheduler.assign(), Some((2, 14)));
    }

    #[test]
    fn nobody_ready_means_nothing_is_given() {
        let mut scheduler = Scheduler::new(4);
        scheduler.submit(1);
        assert_eq!(scheduler.assign(), None);
        scheduler.ready(7);
        assert_eq!(scheduler.assign(), Some((7, 1)));
    }

    #[test]
    fn a_dead_worker_loses_what_had_started_and_returns_the_rest_first() {
        let mut scheduler = with_workers(2, &[1]);
        (1..=3).for_each(|call| scheduler.submit(call));
        while scheduler.assign().is_some() {}
        scheduler.started(1, 2).unwrap();
        let alone = Lost {
            call: 2,
            started: true,
            beside: 0,
        };
        assert_eq!(scheduler.lost(1, Unstarted::Requeued), [alone]);
        scheduler.ready(9);
        assert_eq!(scheduler.assign(), Some((9, 1)), "older than call 3");
        assert_eq!(scheduler.assign(), Some((9, 3)));
    }

    #[test]
    fn a_worker_that_is_no_witness_loses_everything() {
        let mut scheduler = with_workers(2, &[1]);
        (4..6).for_each(|call| scheduler.submit(call));
        while scheduler.assign().is_some() {}
        let lost = scheduler.lost(1, Unstarted::Lost);
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
        (0..3).for_each(|call| scheduler.started(1, call).unwrap());
        scheduler.cancel(2);
        let lost = scheduler.lost(1, Unstarted::Requeued);
        let counted: Vec<_> = lost.iter().map(|lost| (lost.call, lost.beside)).collect();
        assert_eq!(counted, [(0, 2), (1, 2)]);
    }

    #[test]
    fn a_call_that_no_worker_survives_receiving_is_lost_in_the_end() {
        let mut scheduler = Scheduler::new(1);
        scheduler.submit(1);
        for worker in 0..u64::from(MAX_DELIVERIES) {
            scheduler.ready(worker);
            assert_eq!(scheduler.assign(), Some((worker, 1)));
            let lost = scheduler.lost(worker, Unstarted::Requeued);
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
        let (worker, started) = (1, false);
        assert_eq!(scheduler.cancel(1), Cancelled::Running { worker, started });
        assert_eq!(scheduler.assign(), None, "the slot is still taken");
        assert_eq!(scheduler.cancel(2), Cancelled::Queued);
        assert_eq!(scheduler.cancel(2), Cancelled::Over);
        assert_eq!(scheduler.lost(1, Unstarted::Requeued), []);
    }

    #[test]
    fn a_worker_in_which_a_cancelled_task_runs_on_gets_nothing() {
        let mut scheduler = with_workers(9, &[1, 2]);
        (0..4).for_each(|call| scheduler.submit(call));
        assert_eq!(scheduler.assign(), Some((1, 0)));
        scheduler.started(1, 0).unwrap();
        let (worker, started) = (1, true);
        assert_eq!(scheduler.cancel(0), Cancelled::Running { worker, started });
        for call in 1..4 {
            assert_eq!(scheduler.assign(), Some((2, call)), "whatever its load");
        }
        scheduler.done(1, 0).unwrap();
        scheduler.submit(4);
        assert_eq!(scheduler.assign(), Some((1, 4)));
        // Cancelled first, started later: the words crossed.
        scheduler.cancel(4);
        scheduler.started(1, 4).unwrap();
        scheduler.submit(5);
        assert_eq!(scheduler.assign(), Some((2, 5)));
    }

    #[test]
    fn of_equals_the_one_that_begins_what_it_gets_is_given_more() {
        let mut scheduler = with_workers(9, &[1, 2]);
        (0..3).for_each(|call| scheduler.submit(call));
        assert_eq!(scheduler.assign(), Some((1, 0)));
        assert_eq!(scheduler.assign(), Some((2, 1)));
        scheduler.started(2, 1).unwrap();
        assert_eq!(scheduler.assign(), Some((2, 2)));
    }

    #[test]
    fn a_condemned_worker_gets_nothing() {
        let mut scheduler = with_workers(1, &[1]);
        scheduler.condemn(1);
        scheduler.submit(1);
        assert_eq!(scheduler.assign(), None);
        assert!(scheduler.has(1), "it had been ready all the same");
    }

    #[test]
    fn words_about_a_call_of_another_worker_are_refused() {
        let mut scheduler = with_workers(1, &[1, 2]);
        scheduler.submit(5);
        assert_eq!(scheduler.assign(), Some((1, 5)));
        assert_eq!(scheduler.done(2, 5), Err(NotYours(5)));
        assert_eq!(scheduler.started(2, 5), Err(NotYours(5)));
        scheduler.started(1, 5).unwrap();
        assert_eq!(scheduler.started(1, 5), Err(NotYours(5)), "only once");
        scheduler.done(1, 5).unwrap();
        assert_eq!(scheduler.done(1, 5), Err(NotYours(5)), "only once");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Submit,
        Ready,
        Assign,
        Start(usize),
        Finish(usize),
        Cancel(usize),
        Kill(usize),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Submit),
            1 => Just(Step::Ready),
            4 => Just(Step::Assign),
            2 => any::<usize>().prop_map(Step::Start),
            2 => any::<usize>().prop_map(Step::Finish),
            1 => any::<usize>().prop_map(Step::Cancel),
            1 => any::<usize>().prop_map(Step::Kill),
        ]
    }

    fn pick<T: Copy>(from: &[T], index: usize) -> Option<T> {
        (!from.is_empty()).then(|| from[index % from.len()])
    }

    proptest! {
        #[test]
        fn every_call_leaves_exactly_once(
            steps in proptest::collection::vec(any_step(), 0..200),
            tasks_per_worker in 1_usize..4,
        ) {
            let mut scheduler = Scheduler::new(tasks_per_worker);
            let (mut next_call, mut next_worker) = (0, 0);
            let mut alive: Vec<WorkerId> = Vec::new();
            // What the test believes is on which worker, and who has left.
            let mut on: Vec<(WorkerId, CallId)> = Vec::new();
            let mut started: HashSet<CallId> = HashSet::new();
            let mut left: HashSet<CallId> = HashSet::new();
            let mut cancelled: HashSet<CallId> = HashSet::new();

            for step in steps {
                match step {
                    Step::Submit => { scheduler.submit(next_call); next_call += 1; }
                    Step::Ready => { scheduler.ready(next_worker); alive.push(next_worker); next_worker += 1; }
                    Step::Assign => if let Some((worker, call)) = scheduler.assign() {
                        prop_assert!(alive.contains(&worker));
                        prop_assert!(!left.contains(&call), "a call that left ran again");
                        prop_assert!(!started.contains(&call), "a started call ran again");
                        prop_assert!(on.iter().all(|&(_, other)| other != call), "on two workers");
                        on.push((worker, call));
                        let load = on.iter().filter(|(other, _)| *other == worker).count();
                        prop_assert!(load <= tasks_per_worker);
                        let stops = |call| cancelled.contains(call) && started.contains(call);
                        prop_assert!(!on.iter().any(|(other, call)| *other == worker && stops(call)));
                    },
                    Step::Start(index) => if let Some((worker, call)) = pick(&on, index) {
                        prop_assert_eq!(scheduler.started(worker, call).is_ok(), started.insert(call));
                    },
                    Step::Finish(index) => if let Some((worker, call)) = pick(&on, index) {
                        scheduler.done(worker, call).unwrap();
                        on.retain(|&pair| pair != (worker, call));
                        left.insert(call);
                    },
                    Step::Cancel(index) => if next_call > 0 {
                        let call = index as u64 % next_call;
                        match scheduler.cancel(call) {
                            Cancelled::Queued => prop_assert!(left.insert(call)),
                            Cancelled::Running { worker, started: said } => {
                                prop_assert!(on.contains(&(worker, call)));
                                prop_assert_eq!(said, started.contains(&call));
                                cancelled.insert(call);
                                left.insert(call);
                            }
                            Cancelled::Over => prop_assert!(left.contains(&call)),
                        }
                    },
                    Step::Kill(index) => if let Some(worker) = pick(&alive, index) {
                        for lost in scheduler.lost(worker, Unstarted::Requeued) {
                            prop_assert_eq!(lost.started, started.contains(&lost.call));
                            prop_assert!(on.contains(&(worker, lost.call)));
                            prop_assert!(left.insert(lost.call), "left twice");
                        }
                        alive.retain(|&other| other != worker);
                        on.retain(|&(other, _)| other != worker);
                    },
                }
            }
            // Whatever did not leave is on a worker or in the queue: none is forgotten.
            let mut found: HashSet<CallId> = on.iter().map(|&(_, call)| call).collect();
            found.extend(scheduler.drain_queue());
            for call in 0..next_call {
                prop_assert!(left.contains(&call) || found.contains(&call), "call {} is gone", call);
            }
        }
    }
}
