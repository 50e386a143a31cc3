//! Histories of calls and workers, written by hand and at random.

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
    assert_eq!(scheduler.give_back(2, 5, Instant::now()), Err(NotYours(5)));
    assert_eq!(
        scheduler.give_back(1, 5, Instant::now()),
        Err(NotYours(5)),
        "not asked"
    );
    scheduler.ask_back(1, 9);
    scheduler.started(1, 5).unwrap();
    assert_eq!(scheduler.started(1, 5), Err(NotYours(5)), "only once");
    assert_eq!(
        scheduler.give_back(1, 5, Instant::now()),
        Err(NotYours(5)),
        "it runs"
    );
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
    let now = Instant::now();
    let mut scheduler = with_workers(1, &[1]);
    (0..3).for_each(|call| scheduler.submit(call));
    assert_eq!(next(&mut scheduler), Some((1, 0)));
    assert_eq!(scheduler.assign(), None);
    hurry(&mut scheduler, 1);
    assert_eq!(next(&mut scheduler), Some((1, 1)));
    assert_eq!(next(&mut scheduler), Some((1, 2)));
    assert_eq!(scheduler.uneven(|_| 1, now), None, "nobody else is there");
    scheduler.ready(2);
    let begun = |mark| move |worker| if worker == 1 { mark } else { 0 };
    assert_eq!(scheduler.may_be_uneven(begun(1), now), Some(now));
    assert_eq!(scheduler.uneven(begun(1), now), Some((1, 1)));
    assert_eq!(
        scheduler.may_be_uneven(begun(3), now),
        None,
        "all have begun"
    );
    assert_eq!(scheduler.uneven(begun(3), now), None);
    scheduler.ask_back(1, 1);
    scheduler.give_back(1, 2, now).unwrap();
    assert_eq!(next(&mut scheduler), Some((2, 2)));
    assert_eq!(
        scheduler.uneven(begun(1), now),
        None,
        "worker 2 has its own"
    );
    scheduler.done(2, 2).unwrap();
    assert_eq!(scheduler.uneven(|_| 1, now), Some((1, 1)));
    let given = scheduler.give_back(1, 1, now);
    assert_eq!(given, Err(NotYours(1)), "no more asked");
}

#[test]
fn a_call_stays_twice_as_long_each_time_that_it_is_moved() {
    let mut now = Instant::now();
    let mut scheduler = with_workers(1, &[0]);
    scheduler.submit(7);
    assert_eq!(next(&mut scheduler), Some((0, 7)));
    let mut stay = Duration::ZERO;
    for worker in 0..8 {
        // The next comes, and this one is to leave.
        scheduler.ready(worker + 1);
        scheduler.bar(worker);
        let until = now + stay;
        assert_eq!(scheduler.may_be_uneven(|_| 0, now), Some(until));
        if let Some(just_before) = until.checked_sub(Duration::from_millis(1))
            && just_before >= now
        {
            assert_eq!(scheduler.uneven(|_| 0, just_before), None);
        }
        assert_eq!(scheduler.uneven(|_| 0, until), Some((worker, 1)));
        now = until;
        stay = UNEVEN * 2_u32.pow(u32::try_from(worker).unwrap() + 1);
        scheduler.ask_back(worker, 1);
        scheduler.give_back(worker, 7, now).unwrap();
        assert_eq!(scheduler.lost(worker, Witness::Mark(0)), []);
        assert_eq!(next(&mut scheduler), Some((worker + 1, 7)));
    }
    // It was moved more often than it may die, and is not lost for that.
    assert_eq!(scheduler.lost(8, Witness::Mark(0)), []);
    // Nor is it forgotten with a death how often it was moved.
    scheduler.ready(9);
    assert_eq!(next(&mut scheduler), Some((9, 7)));
    scheduler.ready(10);
    assert_eq!(scheduler.uneven(|_| 0, now), None);
    // Another that was never moved need not wait for that.
    scheduler.submit(8);
    assert_eq!(next(&mut scheduler), Some((10, 8)));
    scheduler.ready(11);
    assert_eq!(scheduler.may_be_uneven(|_| 0, now), Some(now));
    assert_eq!(scheduler.uneven(|_| 0, now), Some((10, 1)));
    assert_eq!(scheduler.uneven(|_| 0, now + stay), Some((9, 1)));
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
                    prop_assert!(scheduler.give_back(worker, call, Instant::now()).is_err(), "not asked");
                    if !begun.contains(&call) {
                        scheduler.ask_back(worker, 1);
                        scheduler.give_back(worker, call, Instant::now()).unwrap();
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
