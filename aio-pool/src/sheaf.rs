//! Where the answers of one map arrive, many at a time, until its consumer
//! takes all of them at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// An answer, and the key that its sender was made with; no answer where the
/// sender was dropped without one.
pub(crate) type Arrival<V> = (usize, Option<V>);

/// The reading end.
#[derive(Debug)]
pub(crate) struct Sheaf<V>(Arc<Shared<V>>);

#[derive(Debug)]
struct Shared<V>(Mutex<Arrived<V>>);

#[derive(Debug)]
struct Arrived<V> {
    answers: Vec<Arrival<V>>,
    /// Who waits for the first of them.
    reader: Option<Waker>,
    /// Nobody will ever read.
    abandoned: bool,
}

impl<V> Shared<V> {
    /// No code that may panic runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Arrived<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: usize, answer: Option<V>) {
        let mut arrived = self.lock();
        if arrived.abandoned {
            // A value may be anything, and so may its drop.
            drop(arrived);
            return;
        }
        arrived.answers.push((key, answer));
        // Taken by the first answer: those that follow wake nobody.
        let reader = arrived.reader.take();
        drop(arrived);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl<V> Sheaf<V> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared(Mutex::new(Arrived {
            answers: Vec::new(),
            reader: None,
            abandoned: false,
        }))))
    }

    /// The sending end of one answer.
    pub(crate) fn slip(&self, key: usize) -> Slip<V> {
        let sheaf = Some(Arc::clone(&self.0));
        Slip { sheaf, key }
    }

    /// Takes what has arrived into `answers`, which is empty. If that is
    /// nothing, the next answer wakes the task.
    pub(crate) fn take(&self, answers: &mut Vec<Arrival<V>>, cx: &Context<'_>) {
        let mut arrived = self.0.lock();
        if arrived.answers.is_empty() {
            let known = arrived.reader.as_ref();
            if !known.is_some_and(|reader| reader.will_wake(cx.waker())) {
                // A waker may hold anything, which is dropped behind the lock.
                let before = arrived.reader.replace(cx.waker().clone());
                drop(arrived);
                drop(before);
            }
        } else {
            std::mem::swap(&mut arrived.answers, answers);
        }
    }

    /// Nobody reads any more: what still arrives is dropped.
    pub(crate) fn abandon(&self) {
        let mut arrived = self.0.lock();
        arrived.abandoned = true;
        let (answers, reader) = (std::mem::take(&mut arrived.answers), arrived.reader.take());
        drop(arrived);
        drop((answers, reader));
    }
}

impl<V> Drop for Sheaf<V> {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// The sending end of one answer. Dropped without it, it says so.
#[derive(Debug)]
pub(crate) struct Slip<V> {
    /// Until the answer is given.
    sheaf: Option<Arc<Shared<V>>>,
    key: usize,
}

impl<V> Slip<V> {
    pub(crate) fn send(mut self, answer: V) {
        if let Some(sheaf) = self.sheaf.take() {
            sheaf.put(self.key, Some(answer));
        }
    }
}

impl<V> Drop for Slip<V> {
    fn drop(&mut self) {
        if let Some(sheaf) = self.sheaf.take() {
            sheaf.put(self.key, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn many_answers_wake_once_and_are_taken_at_once() {
        let wakes = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let (sheaf, mut taken) = (Sheaf::new(), Vec::new());
        let slips: Vec<_> = (0..4).map(|key| sheaf.slip(key)).collect();
        let cx = Context::from_waker(&waker);
        sheaf.take(&mut taken, &cx);
        assert!(taken.is_empty());
        for (slip, answer) in slips.into_iter().zip(["a", "b", "c"]) {
            slip.send(answer);
        }
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        sheaf.take(&mut taken, &cx);
        let all = [(0, Some("a")), (1, Some("b")), (2, Some("c")), (3, None)];
        assert_eq!(taken, all, "the last was dropped");
        taken.clear();
        sheaf.take(&mut taken, &cx);
        assert!(taken.is_empty());
        drop(sheaf.slip(7));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_arrives_after_the_end_is_dropped() {
        let sheaf = Sheaf::new();
        let (held, answer) = (sheaf.slip(0), Arc::new(()));
        let _keeps_the_place = sheaf.slip(2);
        sheaf.slip(1).send(Arc::clone(&answer));
        drop(sheaf);
        assert_eq!(Arc::strong_count(&answer), 1);
        held.send(Arc::clone(&answer));
        assert_eq!(Arc::strong_count(&answer), 1);
    }
}
