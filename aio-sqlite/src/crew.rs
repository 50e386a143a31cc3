//! The queue that several workers share: a job goes to whoever is free.
//!
//! A queue of its own for each worker would let a job wait behind a long one
//! while another worker has nothing to do. A worker that is held, because
//! somebody reads a stream on it, takes no jobs; where all are held, another is
//! asked for. Where there may be no more, the held ones watch how long the jobs
//! wait: those that sleep are told when there is something to watch.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::callers::Callers;

/// How many jobs may be queued or running before a caller waits to queue more.
pub(crate) const PERMITS: u32 = 1024;

/// Jobs `J` for workers, each known by the way `W` to hand it one.
#[derive(Debug)]
pub(crate) struct Crew<J, W> {
    state: Mutex<State<J, W>>,
    pub(crate) permits: Semaphore,
    pub(crate) callers: Callers,
    most: usize,
    patience: Duration,
}

#[derive(Debug)]
struct State<J, W> {
    queue: VecDeque<(Instant, J)>,
    /// Workers that have nothing to do; the last is the one that was busy last.
    idle: Vec<(u64, W)>,
    /// Workers that there are, counting those that are on their way.
    workers: usize,
    /// Workers on which somebody reads a stream.
    held: Vec<(u64, W)>,
    /// How many callers are closing.
    closing: usize,
}

impl<J, W: Clone> State<J, W> {
    fn is_stuck(&self) -> bool {
        self.held.len() >= self.workers
    }

    /// Who is to be told that jobs wait while all are held: everybody, since
    /// some may be at work on their streams.
    fn watch(&self) -> Vec<W> {
        if !self.is_stuck() || self.queue.is_empty() {
            return Vec::new();
        }
        self.held.iter().map(|(_, way)| way.clone()).collect()
    }
}

/// What becomes of a job that is submitted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Submitted<J, W> {
    /// This worker is free: hand it the job.
    Hand(W, J),
    /// It waits for a worker.
    Queued,
    /// It waits, and one more worker is asked for: all are held.
    Recruit,
    /// It waits, and all are held that there may be: these are to be told, so
    /// that they look how long.
    Watch(Vec<W>),
    /// No new jobs are taken.
    Closed(J),
}

/// What a worker that is gone leaves behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Left<J, W> {
    /// The jobs that nobody is left for.
    pub(crate) jobs: Vec<J>,
    /// Who is to be told that jobs wait while all are held.
    pub(crate) watch: Vec<W>,
}

/// What is to be done for those who wait when one more worker is held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Held<W> {
    /// Nothing: none waits, or another worker is free.
    Enough,
    /// One more worker is asked for.
    Recruit,
    /// These are to be told that jobs wait while all are held.
    Watch(Vec<W>),
}

impl<J, W> Crew<J, W> {
    fn state(&self) -> MutexGuard<'_, State<J, W>> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J, W: Clone> Crew<J, W> {
    /// A crew of at most so many workers, none of which is there yet; jobs that
    /// wait for longer than `patience` while all are held may be refused.
    pub(crate) fn new(most: usize, patience: Duration) -> Crew<J, W> {
        Crew {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                idle: Vec::new(),
                workers: 0,
                held: Vec::new(),
                closing: 0,
            }),
            permits: Semaphore::new(PERMITS as usize),
            callers: Callers::default(),
            most,
            patience,
        }
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Says that a worker is on its way; `false` where there are enough.
    pub(crate) fn expect_worker(&self) -> bool {
        let mut state = self.state();
        let wanted = state.workers < self.most;
        state.workers += usize::from(wanted);
        wanted
    }

    /// Says that one more worker is on its way for the jobs that wait; `false`
    /// where none waits any more, or there are enough.
    pub(crate) fn expect_one_more(&self) -> bool {
        let mut state = self.state();
        let wanted = state.workers < self.most && !state.queue.is_empty();
        state.workers += usize::from(wanted);
        wanted
    }

    /// Says that a worker has gone, or did not come.
    pub(crate) fn lose_worker(&self, id: u64) -> Left<J, W> {
        let mut state = self.state();
        state.workers -= 1;
        state.held.retain(|(held, _)| *held != id);
        state.idle.retain(|(idle, _)| *idle != id);
        let jobs = match state.workers {
            0 => state.queue.drain(..).map(|(_, job)| job).collect(),
            _ => Vec::new(),
        };
        Left {
            jobs,
            watch: state.watch(),
        }
    }

    pub(crate) fn submit(&self, job: J, now: Instant) -> Submitted<J, W> {
        let mut state = self.state();
        if state.closing > 0 {
            return Submitted::Closed(job);
        }
        match state.idle.pop() {
            Some((_, worker)) => Submitted::Hand(worker, job),
            None => {
                state.queue.push_back((now, job));
                match state.is_stuck() {
                    true if state.workers < self.most => Submitted::Recruit,
                    // Where others wait already, the held ones know.
                    true if state.queue.len() == 1 => Submitted::Watch(state.watch()),
                    _ => Submitted::Queued,
                }
            }
        }
    }

    /// Takes the next job, or enters the worker as idle.
    pub(crate) fn take(&self, id: u64, way: impl FnOnce() -> W) -> Option<J> {
        let mut state = self.state();
        match state.queue.pop_front() {
            Some((_, job)) => Some(job),
            None => {
                debug_assert!(state.idle.iter().all(|(idle, _)| *idle != id));
                state.idle.push((id, way()));
                None
            }
        }
    }

    /// Takes the next job if it is such a one; it is told since when the job
    /// waits.
    pub(crate) fn take_if(&self, is_such: impl FnOnce(Instant, &J) -> bool) -> Option<J> {
        let mut state = self.state();
        let (since, job) = state.queue.front()?;
        match is_such(*since, job) {
            true => state.queue.pop_front().map(|(_, job)| job),
            false => None,
        }
    }

    /// How many jobs at the front are such ones, up to `most`.
    pub(crate) fn count_at_front(
        &self,
        most: usize,
        mut is_such: impl FnMut(Instant, &J) -> bool,
    ) -> usize {
        let state = self.state();
        let front = state.queue.iter().take(most);
        front
            .take_while(|(since, job)| is_such(*since, job))
            .count()
    }

    /// Says that a worker takes no more jobs for now.
    pub(crate) fn hold(&self, id: u64, way: W) -> Held<W> {
        let mut state = self.state();
        state.held.push((id, way));
        match state.watch() {
            watch if watch.is_empty() => Held::Enough,
            _ if state.workers < self.most => Held::Recruit,
            watch => Held::Watch(watch),
        }
    }

    /// Says that a worker takes jobs again.
    pub(crate) fn release(&self, id: u64) {
        self.state().held.retain(|(held, _)| *held != id);
    }

    /// Until when the job that has waited longest is kept, where all workers
    /// are held.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        if !state.is_stuck() {
            return None;
        }
        state
            .queue
            .front()
            .and_then(|(since, _)| since.checked_add(self.patience))
    }

    /// Takes a job that has waited for too long while all workers are held.
    pub(crate) fn take_expired(&self, now: Instant) -> Option<J> {
        let mut state = self.state();
        let (since, _) = state.queue.front()?;
        if state.is_stuck() && now.duration_since(*since) >= self.patience {
            return state.queue.pop_front().map(|(_, job)| job);
        }
        None
    }

    /// How many workers there are.
    pub(crate) fn workers(&self) -> usize {
        self.state().workers
    }

    /// Takes no new jobs for as long as what is returned lives.
    pub(crate) fn close(&self) -> Closing<'_, J, W> {
        self.state().closing += 1;
        Closing(self)
    }
}

/// A caller that closes; dropped, new jobs are taken again.
#[derive(Debug)]
pub(crate) struct Closing<'c, J, W>(&'c Crew<J, W>);

impl<J, W> Closing<'_, J, W> {
    /// Leaves the crew closed for good.
    pub(crate) fn for_good(self) {
        std::mem::forget(self);
    }
}

impl<J, W> Drop for Closing<'_, J, W> {
    fn drop(&mut self) {
        self.0.state().closing -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Test = Crew<&'static str, &'static str>;

    fn crew(most: usize, there: usize) -> Test {
        let crew = Test::new(most, Duration::from_secs(5));
        for _ in 0..there {
            assert!(crew.expect_worker());
        }
        crew
    }

    #[test]
    fn a_job_goes_to_whoever_was_busy_last() {
        let crew = crew(2, 2);
        assert_eq!(crew.take(1, || "one"), None);
        assert_eq!(crew.take(2, || "two"), None);
        let now = Instant::now();
        assert_eq!(crew.submit("a", now), Submitted::Hand("two", "a"));
        assert_eq!(crew.submit("b", now), Submitted::Hand("one", "b"));
        let queued = Submitted::Queued;
        assert_eq!(crew.submit("c", now), queued, "both are busy, not held");
        assert_eq!(crew.take(2, || "two"), Some("c"));
    }

    #[test]
    fn the_next_job_is_looked_at_before_it_is_taken() {
        let crew = crew(1, 1);
        let began = Instant::now();
        for (job, wait) in [("a", 0), ("b", 1), ("c", 2)] {
            crew.submit(job, began + Duration::from_secs(wait));
        }
        let by = |last: u64| move |since, _: &&str| since <= began + Duration::from_secs(last);
        assert_eq!(crew.count_at_front(9, by(1)), 2);
        assert_eq!(crew.count_at_front(1, by(1)), 1);
        assert_eq!(crew.take_if(by(0)), Some("a"));
        assert_eq!(crew.take_if(by(0)), None);
        assert_eq!(crew.take(1, || "one"), Some("b"));
    }

    #[test]
    fn one_more_is_asked_for_when_all_are_held() {
        let crew = crew(2, 1);
        let now = Instant::now();
        let queued = Submitted::Queued;
        assert_eq!(
            crew.submit("a", now),
            queued,
            "its worker may be on its way"
        );
        assert_eq!(crew.take(1, || "one"), Some("a"));
        assert_eq!(crew.hold(1, "one"), Held::Enough, "nobody waits");
        assert_eq!(crew.submit("b", now), Submitted::Recruit);
        assert!(crew.expect_worker());
        assert!(!crew.expect_worker(), "there are enough");
        assert_eq!(crew.take(2, || "two"), Some("b"));
        assert_eq!(crew.submit("c", now), queued, "one is busy, not held");
        let watch = Held::Watch(vec!["one", "two"]);
        assert_eq!(crew.hold(2, "two"), watch, "one waits");
        assert_eq!(crew.deadline(), Some(now + Duration::from_secs(5)));
        assert_eq!(crew.take_expired(now), None);
        assert_eq!(crew.take_expired(now + Duration::from_secs(5)), Some("c"));
        assert_eq!(crew.deadline(), None, "nobody waits");
        assert_eq!(
            crew.submit("d", now),
            Submitted::Watch(vec!["one", "two"]),
            "both may sleep"
        );
        assert_eq!(crew.submit("f", now), queued, "they have been told");
        crew.release(1);
        crew.submit("e", now);
        assert_eq!(crew.deadline(), None, "one takes jobs again");
    }

    #[test]
    fn a_worker_that_does_not_come_leaves_nobody_unwatched() {
        let crew = crew(2, 1);
        assert_eq!(crew.hold(1, "one"), Held::Enough);
        assert_eq!(crew.submit("a", Instant::now()), Submitted::Recruit);
        assert!(crew.expect_worker());
        let left = crew.lose_worker(2);
        assert_eq!((left.jobs.len(), left.watch), (0, vec!["one"]));
        let left = crew.lose_worker(1);
        assert_eq!((left.jobs, left.watch), (vec!["a"], vec![]));
    }

    #[test]
    fn a_close_that_is_given_up_lets_jobs_in_again() {
        let crew = crew(1, 1);
        let now = Instant::now();
        let closing = crew.close();
        assert_eq!(crew.submit("a", now), Submitted::Closed("a"));
        drop(closing);
        assert_eq!(crew.submit("a", now), Submitted::Queued);
        assert_eq!(crew.lose_worker(1).jobs, ["a"], "nobody is left for it");
        assert_eq!(crew.workers(), 0);
    }
}
