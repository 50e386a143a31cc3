//! An event loop of ten lines, to look inside of one.

use std::collections::BTreeMap;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

type Callback = Box<dyn FnOnce(&mut EventLoop)>;

/// Calls functions when they are due, one at a time, until none is left.
///
/// This is the core of every event loop: what is to be called and when, and a
/// sleep until the first of it is due. A real one sleeps in a system call that also
/// returns when a socket has something to read. A callback that takes long keeps
/// all others waiting, as there is only this one thread.
///
/// ```
/// use std::time::Duration;
/// use tour::event_loop::EventLoop;
///
/// EventLoop::run(|event_loop| {
///     event_loop.call_later(Duration::from_millis(2), |_| println!("world"));
///     event_loop.call_later(Duration::from_millis(1), |_| println!("hello"));
/// });
/// ```
#[derive(Default)]
pub struct EventLoop {
    /// By the time they are due, and those of the same time in the order given.
    due: BTreeMap<(Instant, usize), Callback>,
    given: usize,
}

impl EventLoop {
    /// Calls a function with a new loop, then what it asks the loop to call, until
    /// there is nothing left.
    pub fn run(first: impl FnOnce(&mut EventLoop)) {
        let mut event_loop = EventLoop::default();
        first(&mut event_loop);
        event_loop.call_all();
    }

    /// Has a function called after a pause, with the loop, so that it can have
    /// others called.
    ///
    /// # Panics
    ///
    /// If the pause is so long that the clock has no time for its end.
    pub fn call_later(&mut self, pause: Duration, call: impl FnOnce(&mut EventLoop) + 'static) {
        self.given += 1;
        let due = (Instant::now() + pause, self.given);
        self.due.insert(due, Box::new(call));
    }

    fn call_all(&mut self) {
        while let Some(((due, _), call)) = self.due.pop_first() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            call(self);
        }
    }

    /// Runs a generator to its next pause, and resumes it after that.
    ///
    /// A task of asyncio is this: a generator, and the callback that resumes it.
    pub fn resume(&mut self, mut task: impl Iterator<Item = Duration> + 'static) {
        if let Some(pause) = task.next() {
            self.call_later(pause, |event_loop| event_loop.resume(task));
        }
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("due", &self.due.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::mem;
    use std::rc::Rc;

    use super::*;

    /// What is called, in the order in which it is.
    #[derive(Clone, Default)]
    struct Calls(Rc<RefCell<Vec<&'static str>>>);

    impl Calls {
        fn note(&self, name: &'static str) -> impl FnOnce(&mut EventLoop) + use<> {
            let Calls(calls) = self.clone();
            move |_| calls.borrow_mut().push(name)
        }
    }

    #[test]
    fn it_calls_what_is_due_first_and_never_early() {
        let calls = Calls::default();
        let start = Instant::now();
        EventLoop::run(|event_loop| {
            event_loop.call_later(Duration::from_millis(200), calls.note("last"));
            event_loop.call_later(Duration::ZERO, calls.note("first"));
            event_loop.call_later(Duration::from_millis(100), calls.note("second"));
        });
        assert_eq!(*calls.0.borrow(), ["first", "second", "last"]);
        assert!(start.elapsed() >= Duration::from_millis(200));
    }

    #[test]
    fn what_is_due_at_the_same_time_is_called_in_the_order_given() {
        let calls = Calls::default();
        let now = Instant::now();
        EventLoop::run(|event_loop| {
            for name in ["a", "b", "c"] {
                event_loop.call_later(Duration::ZERO, calls.note(name));
            }
            // As by a clock too coarse to tell them apart.
            let due = mem::take(&mut event_loop.due).into_iter();
            event_loop.due = due
                .map(|((_, number), call)| ((now, number), call))
                .collect();
        });
        assert_eq!(*calls.0.borrow(), ["a", "b", "c"]);
    }

    #[test]
    fn a_callback_has_others_called() {
        let calls = Calls::default();
        let inner = calls.note("inner");
        EventLoop::run(|event_loop| {
            event_loop.call_later(Duration::ZERO, |event_loop| {
                event_loop.call_later(Duration::ZERO, inner);
            });
        });
        assert_eq!(*calls.0.borrow(), ["inner"]);
    }

    #[test]
    fn generators_take_turns_at_their_pauses() {
        let calls = Calls::default();
        let task = |name, pauses: [u64; 2]| {
            let Calls(calls) = calls.clone();
            pauses.into_iter().map(move |pause| {
                calls.borrow_mut().push(name);
                Duration::from_millis(pause)
            })
        };
        EventLoop::run(|event_loop| {
            event_loop.resume(task("a", [200, 0]));
            event_loop.resume(task("b", [0, 100]));
        });
        assert_eq!(*calls.0.borrow(), ["a", "b", "b", "a"]);
    }
}
