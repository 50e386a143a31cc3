use super::*;

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, ThreadId};

use chaos::woken::{Probe, probe};

/// What a scripted source does next.
enum Act {
    Give(u32),
    End,
    Panic,
}

/// A source that does what it is told, when it is told.
struct Script {
    acts: mpsc::Receiver<Act>,
    notes: Arc<Notes>,
    /// The batches that the consumer's thread may take.
    at_hand: VecDeque<u32>,
    waits: bool,
}

#[derive(Default)]
struct Notes {
    given: AtomicUsize,
    drops: Mutex<Vec<ThreadId>>,
    jobs: Mutex<Vec<ThreadId>>,
}

impl Notes {
    fn dropped(&self) -> usize {
        self.drops.lock().unwrap().len()
    }
}

impl Source for Script {
    type Batch = u32;

    fn next_batch(&mut self) -> Option<u32> {
        let mut jobs = self.notes.jobs.lock().unwrap();
        jobs.push(thread::current().id());
        drop(jobs);
        match self.acts.recv() {
            Ok(Act::Give(batch)) => {
                self.notes.given.fetch_add(1, Ordering::SeqCst);
                Some(batch)
            }
            Ok(Act::End) | Err(_) => None,
            Ok(Act::Panic) => panic!("as the script says"),
        }
    }

    fn may_wait(&mut self) -> bool {
        self.waits
    }

    fn is_at_hand(&mut self) -> bool {
        !self.at_hand.is_empty()
    }

    fn batch_at_once(&mut self) -> Option<u32> {
        self.at_hand.pop_front()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let mut drops = self.notes.drops.lock().unwrap();
        drops.push(thread::current().id());
    }
}

struct Stage {
    tell: mpsc::Sender<Act>,
    notes: Arc<Notes>,
    ahead: Ahead<Script>,
}

fn stage_with(depth: usize, at_hand: impl IntoIterator<Item = u32>, waits: bool) -> Stage {
    let (tell, acts) = mpsc::channel();
    let notes = Arc::<Notes>::default();
    let script = Script {
        acts,
        notes: Arc::clone(&notes),
        at_hand: at_hand.into_iter().collect(),
        waits,
    };
    Stage {
        tell,
        notes,
        ahead: Ahead::new(script, depth, Vec::new()),
    }
}

fn stage(depth: usize) -> Stage {
    stage_with(depth, [], false)
}

type Item = Option<io::Result<u32>>;

impl Stage {
    fn act(&self, act: Act) {
        self.tell.send(act).unwrap();
    }

    fn next(&mut self) -> Probe<impl Future<Output = Item> + '_> {
        probe("next", poll_fn(|cx| self.ahead.poll_next(cx)))
    }

    /// Waits for it on this thread.
    fn take(&mut self) -> Item {
        let mut next = self.next();
        loop {
            match next.poll() {
                Poll::Ready(item) => return item,
                Poll::Pending => next.woken(),
            }
        }
    }

    fn give(&mut self) -> u32 {
        self.take().expect("a batch").expect("no panic")
    }
}

fn until(what: &str, is_so: impl Fn() -> bool + Send + 'static) {
    chaos::watchdog::closure(what, move || {
        while !is_so() {
            thread::yield_now();
        }
    });
}

#[test]
fn batches_come_in_order_and_the_end_is_the_end() {
    for depth in [1, 2, 3, 4, 9] {
        let mut stage = stage(depth);
        (0..20).for_each(|batch| stage.act(Act::Give(batch)));
        stage.act(Act::End);
        for batch in 0..20 {
            assert_eq!(stage.give(), batch, "depth {depth}");
        }
        assert!(stage.take().is_none());
        assert!(stage.take().is_none());
        // It was dropped before the end was told.
        assert_eq!(stage.notes.dropped(), 1);
    }
}

#[test]
fn nothing_happens_before_the_first_poll() {
    let stage = stage(4);
    stage.act(Act::Give(1));
    let notes = Arc::clone(&stage.notes);
    drop(stage);
    assert!(notes.jobs.lock().unwrap().is_empty());
    // There is nothing to close in it, so it can go here.
    assert_eq!(*notes.drops.lock().unwrap(), [thread::current().id()]);
}

#[test]
fn no_more_wait_than_were_asked_for_and_the_job_ends_then() {
    let mut stage = stage(3);
    (0..100).for_each(|batch| stage.act(Act::Give(batch)));
    stage.next().pending();
    let notes = Arc::clone(&stage.notes);
    until("three batches", move || {
        notes.given.load(Ordering::SeqCst) == 3
    });
    until_at_rest(&stage);
    assert_eq!(stage.notes.given.load(Ordering::SeqCst), 3);
    // Two are still more than half.
    assert_eq!(stage.give(), 0);
    assert!(matches!(stage.ahead.shared.lock().place, Place::Here(_)));
    assert_eq!(stage.notes.given.load(Ordering::SeqCst), 3);
    // One isn't: it goes on before they run out.
    assert_eq!(stage.give(), 1);
    until_at_rest(&stage);
    assert_eq!(stage.ahead.shared.lock().ready.len(), 3);
    assert_eq!(stage.notes.given.load(Ordering::SeqCst), 5);
}

fn until_at_rest(stage: &Stage) {
    let shared = Arc::clone(&stage.ahead.shared);
    until("a rest", move || {
        matches!(shared.lock().place, Place::Here(_) | Place::AtHand(_))
    });
}

#[test]
fn each_batch_and_the_end_wake_the_poll_that_came_last() {
    let mut stage = stage(4);
    let tell = stage.tell.clone();
    for batch in 0..10 {
        let mut next = stage.next();
        next.pending();
        // Another waker: the one before is forgotten.
        next.pending();
        next.asleep();
        tell.send(Act::Give(batch)).unwrap();
        next.woken();
        assert_eq!(next.ready().unwrap().unwrap(), batch);
    }
    let mut next = stage.next();
    next.pending();
    next.asleep();
    tell.send(Act::End).unwrap();
    next.woken();
    assert!(next.ready().is_none());
}

#[test]
fn a_panic_is_told_once_behind_what_was_given() {
    let mut stage = stage(4);
    stage.act(Act::Give(1));
    stage.act(Act::Panic);
    assert_eq!(stage.give(), 1);
    let error = stage.take().unwrap().unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    assert!(stage.take().is_none());
    assert_eq!(stage.notes.dropped(), 1);
}

#[test]
fn a_panic_wakes() {
    let mut stage = stage(4);
    let tell = stage.tell.clone();
    let mut next = stage.next();
    next.pending();
    tell.send(Act::Panic).unwrap();
    next.woken();
    assert!(next.ready().unwrap().is_err());
}

#[test]
fn dropped_at_rest_it_is_dropped_on_another_thread() {
    let mut stage = stage(2);
    (0..9).for_each(|batch| stage.act(Act::Give(batch)));
    assert_eq!(stage.give(), 0);
    until_at_rest(&stage);
    dropped_elsewhere(stage);
}

#[test]
fn dropped_inside_a_batch_it_ends_behind_that_batch() {
    for polls in 1..4 {
        let mut stage = stage(4);
        (0..polls).for_each(|_| stage.next().pending());
        let notes = Arc::clone(&stage.notes);
        until("a batch that is begun", move || {
            !notes.jobs.lock().unwrap().is_empty()
        });
        let tell = stage.tell.clone();
        let notes = Arc::clone(&stage.notes);
        drop(stage);
        assert_eq!(notes.dropped(), 0);
        tell.send(Act::Give(1)).unwrap();
        tell.send(Act::Give(2)).unwrap_or(());
        let seen = Arc::clone(&notes);
        until("the drop", move || seen.dropped() == 1);
        assert_eq!(notes.given.load(Ordering::SeqCst), 1);
    }
}

fn dropped_elsewhere(stage: Stage) {
    let notes = Arc::clone(&stage.notes);
    drop(stage);
    let seen = Arc::clone(&notes);
    until("the drop", move || seen.dropped() == 1);
    assert_ne!(*notes.drops.lock().unwrap(), [thread::current().id()]);
}

#[test]
fn what_is_at_hand_is_taken_on_the_consumers_thread() {
    let mut stage = stage_with(4, [10, 11, 12], false);
    stage.act(Act::Give(0));
    assert_eq!(stage.give(), 0);
    until_at_rest(&stage);
    for batch in 10..13 {
        match stage.next().poll() {
            Poll::Ready(Some(Ok(found))) => assert_eq!(found, batch),
            other => panic!("{other:?}"),
        }
    }
    // The job rested behind its batch, and nothing was read ahead.
    assert_eq!(stage.notes.jobs.lock().unwrap().len(), 1);
    // Then it isn't at hand any more, and a job goes on.
    let tell = stage.tell.clone();
    let mut next = stage.next();
    next.pending();
    tell.send(Act::Give(1)).unwrap();
    next.woken();
    assert_eq!(next.ready().unwrap().unwrap(), 1);
    stage.act(Act::End);
    assert!(stage.take().is_none());
}

#[test]
fn dropped_at_hand_it_is_dropped_on_another_thread() {
    let mut stage = stage_with(4, [10, 11], false);
    stage.act(Act::Give(0));
    assert_eq!(stage.give(), 0);
    until_at_rest(&stage);
    dropped_elsewhere(stage);
}

#[test]
fn a_source_that_waits_has_a_thread_of_its_own() {
    // More of them than shared threads, and none is told to go on.
    let mut waiting: Vec<_> = (0..80).map(|_| stage_with(4, [], true)).collect();
    waiting.iter_mut().for_each(|stage| stage.next().pending());
    let mut other = stage(4);
    other.act(Act::Give(7));
    assert_eq!(other.give(), 7);
    for stage in &mut waiting {
        stage.act(Act::Give(1));
        assert_eq!(stage.give(), 1);
    }
}

#[test]
fn it_waits_for_earlier_changes_of_its_paths() {
    let claims = || vec![Claim::on(std::path::Path::new("/ahead/claimed"))];
    let (hold, held) = mpsc::channel();
    turnstile::enter(claims(), Effect::Changes, move |ticket| {
        hold.send(ticket).unwrap();
    });
    let ticket = held.recv().unwrap();
    let mut stage = stage(4);
    stage.ahead.claims = Some(claims());
    stage.act(Act::Give(1));
    let notes = Arc::clone(&stage.notes);
    let mut next = stage.next();
    next.pending();
    assert!(notes.jobs.lock().unwrap().is_empty());
    drop(ticket);
    next.woken();
    assert_eq!(next.ready().unwrap().unwrap(), 1);
}

/// A source that no consumer is too slow for.
struct Endless;

impl Source for Endless {
    type Batch = ();

    fn next_batch(&mut self) -> Option<()> {
        thread::yield_now();
        Some(())
    }
}

#[test]
fn sources_that_never_rest_leave_threads_to_others() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut streams: Vec<_> = (0..2 * offload::most_shared())
        .map(|_| Ahead::new(Endless, usize::MAX, Vec::new()))
        .collect();
    for stream in &mut streams {
        let _ = stream.poll_next(&mut cx);
    }
    let (said, heard) = mpsc::channel();
    offload::submit(Lane::Shared, move || said.send(()).unwrap());
    let limit = std::time::Duration::from_secs(20);
    assert_eq!(heard.recv_timeout(limit), Ok(()));
}
