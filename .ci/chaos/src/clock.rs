//! One thread that keeps the time of every watchdog.
//!
//! A runtime's own timer would not do: a test may pause it, may run without
//! one, or may be the very thing that hangs.

use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The name of the thread, which the trace leaves out.
pub(crate) const THREAD: &str = "chaos-clock";

/// Locks even after a panic elsewhere: a failing test must still report.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What happens at an instant.
enum Act {
    Wake(Weak<Mutex<Bell>>),
    Abort(Weak<String>),
}

struct Entry {
    at: Instant,
    act: Act,
}

// The heap gives its greatest first, so the earliest instant is the greatest.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.at.cmp(&self.at)
    }
}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
impl Eq for Entry {}

#[derive(Default)]
struct Clock {
    entries: Mutex<BinaryHeap<Entry>>,
    changed: Condvar,
}

#[derive(Default)]
struct Bell {
    rung: bool,
    waker: Option<Waker>,
}

fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    static STARTED: OnceLock<()> = OnceLock::new();
    let clock = CLOCK.get_or_init(Clock::default);
    STARTED.get_or_init(|| {
        // A thread has its parent's name until it runs and gives itself its
        // own, and a trace that saw it so would count it for the parent's.
        let (named, wait) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name(THREAD.into())
            .spawn(move || {
                named.send(()).ok();
                run(clock)
            })
            .expect("the clock's thread starts");
        wait.recv().expect("the clock's thread runs");
    });
    clock
}

fn run(clock: &'static Clock) -> ! {
    let mut entries = lock(&clock.entries);
    loop {
        let now = Instant::now();
        match entries.peek().map(|entry| entry.at) {
            None => {
                entries = clock
                    .changed
                    .wait(entries)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            Some(at) if at > now => {
                entries = clock
                    .changed
                    .wait_timeout(entries, at - now)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
            Some(_) => {
                let due = entries.pop();
                // A waker may come back here, so it is called unlocked.
                drop(entries);
                match due.map(|entry| entry.act) {
                    Some(Act::Wake(bell)) => ring(&bell),
                    Some(Act::Abort(what)) => abort(&what),
                    None => {}
                }
                entries = lock(&clock.entries);
            }
        }
    }
}

fn ring(bell: &Weak<Mutex<Bell>>) {
    if let Some(bell) = bell.upgrade() {
        let waker = {
            let mut bell = lock(&bell);
            bell.rung = true;
            bell.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn abort(what: &Weak<String>) {
    if let Some(what) = what.upgrade() {
        eprintln!(
            "watchdog: {what} blocks its thread; the process is ended, since nothing else can"
        );
        std::process::abort();
    }
}

fn add(at: Instant, act: Act) {
    let clock = clock();
    lock(&clock.entries).push(Entry { at, act });
    clock.changed.notify_one();
}

/// Resolves after a real time, whatever the runtime's clock says.
pub(crate) struct After(Arc<Mutex<Bell>>);

pub(crate) fn after(time: Duration) -> After {
    let bell = Arc::new(Mutex::new(Bell::default()));
    add(Instant::now() + time, Act::Wake(Arc::downgrade(&bell)));
    After(bell)
}

impl Future for After {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut bell = lock(&self.0);
        if bell.rung {
            Poll::Ready(())
        } else {
            bell.waker = Some(cx.waker().clone());
            Poll::Pending
        }
    }
}

/// Ends the process after `time` unless dropped before.
pub(crate) struct Deadline {
    _what: Arc<String>,
}

pub(crate) fn abort_after(time: Duration, what: String) -> Deadline {
    let what = Arc::new(what);
    add(Instant::now() + time, Act::Abort(Arc::downgrade(&what)));
    Deadline { _what: what }
}
