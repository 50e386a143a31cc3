//! What the tasks of one group have in common: who runs, who waits, what failed.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::group_task::{GroupTask, NoValue, Reply};
use crate::tasks::runtime;

/// What a panic carries.
pub(super) type Panic = Box<dyn Any + Send>;

/// The panic of a group whose tasks are gone without its doing.
const SHUT_DOWN: &str = "the runtime that a task group had its tasks on was shut down";

/// What the group gives at its end.
pub(super) struct Failures<E> {
    /// In the order of failure.
    pub(super) errors: Vec<E>,
    /// The first panic.
    pub(super) panic: Option<Panic>,
}

impl<E> Failures<E> {
    fn any(&self) -> bool {
        self.panic.is_some() || !self.errors.is_empty()
    }
}

/// The members of a group. No lock is held while foreign code runs: not a
/// future, its drop, or a waker; nor while a task is spawned or aborted, which
/// may drop it on the spot when the runtime is shutting down.
pub(super) struct Members<E> {
    limit: usize,
    state: Mutex<State<E>>,
}

struct State<E> {
    /// False from the first failure, cancellation or the end on: nothing starts any more.
    open: bool,
    /// GroupTask and not dropped, whether running or waiting.
    alive: usize,
    /// By age, so that the oldest is aborted first; `None` while it is being spawned.
    running: BTreeMap<u64, Option<AbortHandle>>,
    waiting: VecDeque<Waiting>,
    next_id: u64,
    failures: Failures<E>,
    /// True once failures were given to a guard.
    given: bool,
    /// Whoever waits for the first failure or for the end, by the number of the guard.
    waiters: Waiters,
}

/// A group has two guards at most: that of its scope, and the one that is lent to
/// the body, which may be moved away and joined by another task.
type Waiters = [Option<Waker>; 2];

struct Waiting {
    id: u64,
    runtime: Handle,
    task: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<E> Members<E> {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            state: Mutex::new(State {
                open: true,
                alive: 0,
                running: BTreeMap::new(),
                waiting: VecDeque::new(),
                next_id: 0,
                failures: Failures {
                    errors: Vec::new(),
                    panic: None,
                },
                given: false,
                waiters: [None, None],
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self) -> bool {
        self.lock().open
    }

    /// How many run, and how many wait for room.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.running.len(), state.waiting.len())
    }

    /// Lets nothing start any more, and all that runs go at most to its next await.
    pub(super) fn cancel(&self) {
        let mut state = self.lock();
        let mut handles = Vec::new();
        // Once is enough: each of many failures would look through all tasks again.
        if mem::replace(&mut state.open, false) {
            handles.extend(state.running.values_mut().filter_map(Option::take));
        }
        let waiting = mem::take(&mut state.waiting);
        let waiters = mem::take(&mut state.waiters);
        drop(state);
        for handle in handles {
            handle.abort();
        }
        drop(waiting);
        wake(waiters);
    }

    /// Ready after the first failure of a task.
    pub(super) fn poll_failed(&self, guard: usize, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(guard, cx, |state| {
            (state.given || state.failures.any()).then_some(())
        })
    }

    /// Ready when every task has ended. After that the group takes no more.
    ///
    /// Each failure is given once, to the guard that comes first.
    pub(super) fn poll_ended(&self, guard: usize, cx: &mut Context<'_>) -> Poll<Failures<E>> {
        self.poll_until(guard, cx, |state| {
            (state.alive == 0).then(|| {
                state.open = false;
                state.given |= state.failures.any();
                Failures {
                    errors: mem::take(&mut state.failures.errors),
                    panic: state.failures.panic.take(),
                }
            })
        })
    }

    fn poll_until<T>(
        &self,
        guard: usize,
        cx: &mut Context<'_>,
        reached: impl FnOnce(&mut State<E>) -> Option<T>,
    ) -> Poll<T> {
        let mut waker = Some(cx.waker().clone());
        let mut state = self.lock();
        let reached = reached(&mut state);
        let old = match reached {
            None => mem::replace(&mut state.waiters[guard], waker.take()),
            // A spawner may live on: it must not keep the task of who waited.
            Some(_) => state.waiters[guard].take(),
        };
        drop(state);
        drop(old);
        match reached {
            Some(value) => Poll::Ready(value),
            None => Poll::Pending,
        }
    }

    /// How many tasks have failed so far.
    pub(super) fn errors(&self) -> usize {
        self.lock().failures.errors.len()
    }

    fn note_panic(&self, panic: Panic) {
        let mut state = self.lock();
        let later = match state.failures.panic {
            None => state.failures.panic.replace(panic),
            Some(_) => Some(panic),
        };
        drop(state);
        // What a panic carries may panic when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(later)));
        self.cancel();
    }

    /// Starts those that wait, in order, as far as there is room.
    fn start_waiting(&self) {
        let mut state = self.lock();
        while state.running.len() < self.limit {
            let Some(Waiting { id, runtime, task }) = state.waiting.pop_front() else {
                break;
            };
            state.running.insert(id, None);
            drop(state);
            self.start(id, &runtime, task);
            state = self.lock();
        }
    }

    fn start<F>(&self, id: u64, runtime: &Handle, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handle = runtime.spawn(task).abort_handle();
        let mut state = self.lock();
        let open = state.open;
        // A task that has ended meanwhile is in no table any more.
        if let Some(place) = state.running.get_mut(&id) {
            if open {
                *place = Some(handle);
            } else {
                drop(state);
                handle.abort();
            }
        }
    }

    /// A member's future is dropped: there is room for another.
    fn left(&self, id: u64) {
        let mut state = self.lock();
        state.alive -= 1;
        state.running.remove(&id);
        let waiters = match state.alive {
            0 => mem::take(&mut state.waiters),
            _ => [None, None],
        };
        drop(state);
        wake(waiters);
        self.start_waiting();
    }
}

/// Wakes whoever waits for the group. A waker that panics is the trouble of its
/// own executor: the books of the group must be kept to their end.
fn wake(waiters: Waiters) {
    for waiter in waiters.into_iter().flatten() {
        let _ = catch_unwind(AssertUnwindSafe(|| waiter.wake()));
    }
}

impl<E: Send + 'static> Members<E> {
    /// Adds a task, to be started now or when there is room.
    #[track_caller]
    pub(super) fn spawn<T, F>(self: &Arc<Self>, future: F) -> GroupTask<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let runtime = runtime("a task group");
        let reply = Reply::new();
        let spawned = GroupTask::new(&reply);
        let mut state = self.lock();
        if !state.open {
            drop(state);
            drop(future);
            reply.give(Err(NoValue::Cancelled));
            return spawned;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.alive += 1;
        let task = Member {
            future: Some(future),
            reply: Some(reply),
            id,
            members: Arc::clone(self),
        };
        if self.limit == usize::MAX {
            state.running.insert(id, None);
            drop(state);
            self.start(id, &runtime, task);
        } else {
            let task = Box::pin(task);
            state.waiting.push_back(Waiting { id, runtime, task });
            drop(state);
            self.start_waiting();
        }
        spawned
    }
}

pin_project! {
    /// The future of a task, which tells the group how it went and that it is gone.
    ///
    /// It does so however it ends, also when its runtime drops it unpolled, and
    /// only after the future inside is dropped.
    struct Member<T, E, F> {
        #[pin]
        future: Option<F>,
        // `None` once it is given.
        reply: Option<Arc<Reply<T>>>,
        id: u64,
        members: Arc<Members<E>>,
    }

    impl<T, E, F> PinnedDrop for Member<T, E, F> {
        fn drop(this: Pin<&mut Self>) {
            this.end(Ended::Cancelled);
        }
    }
}

enum Ended<T, E> {
    Value(T),
    Failed(E),
    Panicked(Panic),
    Cancelled,
}

impl<T, E, F> Member<T, E, F> {
    /// Drops the future, then tells how it ended: the group first, so that
    /// whoever awaits the task's value doesn't act on a failure before the group.
    fn end(self: Pin<&mut Self>, ended: Ended<T, E>) {
        let mut this = self.project();
        let Some(reply) = this.reply.take() else {
            return;
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
        if let Err(panic) = dropped {
            this.members.note_panic(panic);
        }
        let outcome = match ended {
            Ended::Value(value) => Ok(value),
            Ended::Failed(error) => {
                this.members.lock().failures.errors.push(error);
                this.members.cancel();
                Err(NoValue::Failed)
            }
            Ended::Panicked(panic) => {
                this.members.note_panic(panic);
                Err(NoValue::Panicked)
            }
            Ended::Cancelled => {
                // Cancelled by nobody: the group must not say that all went well.
                if this.members.is_open() {
                    this.members.note_panic(Box::new(SHUT_DOWN));
                }
                Err(NoValue::Cancelled)
            }
        };
        // A value that nobody awaits is dropped here.
        let given = catch_unwind(AssertUnwindSafe(|| reply.give(outcome)));
        if let Err(panic) = given {
            this.members.note_panic(panic);
        }
        this.members.left(*this.id);
    }
}

impl<T, E, F> Future for Member<T, E, F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            match self.as_mut().project().future.as_pin_mut() {
                Some(future) => future.poll(cx).map(Some),
                None => Poll::Ready(None),
            }
        }));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(Ok(value)))) => Ended::Value(value),
            Ok(Poll::Ready(Some(Err(error)))) => Ended::Failed(error),
            Ok(Poll::Ready(None)) => Ended::Cancelled,
            Err(panic) => Ended::Panicked(panic),
        };
        self.end(ended);
        Poll::Ready(())
    }
}
