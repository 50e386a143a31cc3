//! Many small operations at once, with one hop for many of them.
//!
//! A job takes a share of what waits, does it, hands the answers over and takes
//! the next share, until nothing waits. Shares grow while they are quick. As
//! many jobs run as there are cores, or more where the disk is what they wait for;
//! after each share, whoever else waits for the thread has it first.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::offload::{self, Lane};
use crate::turnstile::{self, Claim, Effect, Ticket};

/// What is done to each path.
pub(crate) trait Operation: Send + 'static {
    type Input: Send + 'static;
    type Output: Send + 'static;
    const EFFECT: Effect;
    /// For errors.
    const VERB: &'static str;

    /// Does it. It blocks.
    fn perform(path: &Path, input: Self::Input) -> Done<Self>;

    /// The memory that an answer occupies, about.
    fn size(output: &Self::Output) -> usize;
}

/// How an operation went.
pub(crate) enum Done<O: Operation + ?Sized> {
    Now(io::Result<O::Output>),
    /// It may wait for another process, so it needs a thread of its own.
    MayWait(O::Input, fn(&Path, O::Input) -> io::Result<O::Output>),
}

/// In which order the answers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    AsGiven,
    AsDone,
}

/// The path with what became of it; errors have it inside.
pub(crate) type Answer<O> = (PathBuf, io::Result<<O as Operation>::Output>);

/// A share is to take about this long: a wake-up is a hundredth of it.
const SHARE: Duration = Duration::from_micros(500);
const MOST_IN_SHARE: usize = 256;
/// Slower than this is not from the page cache.
const CACHED: Duration = Duration::from_micros(60);
/// Answers that wait take at most this much memory, and one share more a job.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The consumer's end.
pub(crate) struct InFlight<O: Operation> {
    shared: Arc<Shared<O>>,
}

struct Shared<O: Operation> {
    state: Mutex<State<O>>,
}

struct Item<O: Operation> {
    number: u64,
    path: PathBuf,
    input: O::Input,
    ticket: Option<Ticket>,
}

struct State<O: Operation> {
    order: Order,
    /// Whose turn has come.
    waiting: VecDeque<Item<O>>,
    /// The answers; in the order given, a gap is one that isn't there yet.
    ready: VecDeque<Option<Answer<O>>>,
    bytes: usize,
    /// How many have been given, and how many answers have been taken.
    given: u64,
    taken: u64,
    jobs: usize,
    pace: Pace,
    share: usize,
    waker: Option<Waker>,
    consumer: Consumer,
}

/// What the operations wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Cores,
    Disk,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Consumer {
    Here,
    Gone,
}

impl<O: Operation> InFlight<O> {
    pub(crate) fn new(order: Order) -> Self {
        let state = State {
            order,
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            bytes: 0,
            given: 0,
            taken: 0,
            jobs: 0,
            pace: Pace::Cores,
            share: 8,
            waker: None,
            consumer: Consumer::Here,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
            }),
        }
    }

    /// How many were given and have not been taken.
    pub(crate) fn len(&self) -> usize {
        let state = self.shared.lock();
        usize::try_from(state.given - state.taken).unwrap_or(usize::MAX)
    }

    /// Gives work, each in its turn.
    pub(crate) fn give(&self, work: impl IntoIterator<Item = (PathBuf, O::Input)>) {
        let unhindered = O::EFFECT == Effect::Reads && turnstile::is_clear();
        for (path, input) in work {
            let mut state = self.shared.lock();
            let number = state.given;
            state.given += 1;
            if state.order == Order::AsGiven {
                state.ready.push_back(None);
            }
            let mut item = Item {
                number,
                path,
                input,
                ticket: None,
            };
            if unhindered {
                state.waiting.push_back(item);
                continue;
            }
            drop(state);
            let claims = vec![Claim::on(&item.path)];
            let shared = Arc::clone(&self.shared);
            turnstile::enter(claims, O::EFFECT, move |ticket| {
                item.ticket = Some(ticket);
                shared.admit(item);
            });
        }
        self.shared.start_jobs();
    }

    /// The next answer; pending if there is none, also where no work was given.
    pub(crate) fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Answer<O>> {
        let mut state = self.shared.lock();
        match state.take() {
            Some(answer) => {
                let resume = state.jobs == 0 && !state.waiting.is_empty();
                drop(state);
                if resume {
                    self.shared.start_jobs();
                }
                Poll::Ready(answer)
            }
            None => {
                let old = state.waker.replace(cx.waker().clone());
                drop(state);
                // Dropped without the lock: a waker may run anything.
                drop(old);
                Poll::Pending
            }
        }
    }
}

impl<O: Operation> Drop for InFlight<O> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.consumer = Consumer::Gone;
        let rest = (mem::take(&mut state.waiting), mem::take(&mut state.ready));
        let waker = state.waker.take();
        drop(state);
        // Tickets start what waits for them, so not under the lock.
        drop((rest, waker));
    }
}

impl<O: Operation> State<O> {
    fn take(&mut self) -> Option<Answer<O>> {
        let answer = match self.ready.front_mut()? {
            Some(_) => self.ready.pop_front()??,
            None => return None,
        };
        self.taken += 1;
        self.bytes -= size::<O>(&answer);
        Some(answer)
    }

    /// Keeps an answer, and gives whom to wake.
    fn put(&mut self, number: u64, answer: Answer<O>) {
        self.bytes += size::<O>(&answer);
        match self.order {
            Order::AsDone => self.ready.push_back(Some(answer)),
            Order::AsGiven => {
                let at = usize::try_from(number - self.taken).ok();
                if let Some(gap) = at.and_then(|at| self.ready.get_mut(at)) {
                    *gap = Some(answer);
                }
            }
        }
    }

    /// True if a job should go on: there is work, and room, or nothing to take.
    fn wants_more(&self) -> bool {
        let can_take = matches!(self.ready.front(), Some(Some(_)));
        !self.waiting.is_empty() && (self.bytes < MOST_BYTES || !can_take)
    }

    fn most_jobs(&self) -> usize {
        match self.pace {
            Pace::Cores => offload::cores(),
            Pace::Disk => offload::most_shared(),
        }
    }
}

fn size<O: Operation>((path, result): &Answer<O>) -> usize {
    path.as_os_str().len() + result.as_ref().map_or(0, O::size)
}

impl<O: Operation> Shared<O> {
    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // Nothing of the user's runs under the lock, so nothing is half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an item whose turn has come.
    fn admit(self: &Arc<Self>, item: Item<O>) {
        let mut state = self.lock();
        if state.consumer == Consumer::Gone {
            drop(state);
            return drop(item);
        }
        state.waiting.push_back(item);
        let idle = state.jobs == 0;
        drop(state);
        if idle {
            self.start_jobs();
        }
    }

    fn start_jobs(self: &Arc<Self>) {
        let mut state = self.lock();
        let mut starts = 0;
        // One more job only if there is a share for it.
        while state.wants_more()
            && state.jobs < state.most_jobs()
            && (state.jobs == 0 || state.waiting.len() > state.jobs * state.share)
        {
            state.jobs += 1;
            starts += 1;
        }
        drop(state);
        for _ in 0..starts {
            let shared = Arc::clone(self);
            offload::submit(Lane::Shared, move || shared.work());
        }
    }

    /// A job: shares until nothing waits, by turns with other jobs.
    fn work(self: Arc<Self>) {
        loop {
            let mut state = self.lock();
            if state.consumer == Consumer::Gone || !state.wants_more() {
                state.jobs -= 1;
                return;
            }
            // Some for each of the jobs.
            let fair = state.waiting.len().div_ceil(state.jobs);
            let share = state.share.min(fair);
            let items: Vec<_> = state.waiting.drain(..share).collect();
            drop(state);

            let begun = Instant::now();
            let answers: Vec<_> = items
                .into_iter()
                .filter_map(|item| self.perform(item))
                .collect();
            let taken = begun.elapsed();

            let mut state = self.lock();
            state.learn(share, taken);
            for (number, answer) in answers {
                state.put(number, answer);
            }
            let waker = state.waker.take();
            let grow = state.pace == Pace::Disk;
            drop(state);
            waker.into_iter().for_each(Waker::wake);
            if grow {
                self.start_jobs();
            }
            if offload::others_wait() {
                return offload::submit(Lane::Shared, move || self.work());
            }
        }
    }

    /// Does one; `None` if it was sent to a thread of its own.
    fn perform(self: &Arc<Self>, item: Item<O>) -> Option<(u64, Answer<O>)> {
        let Item {
            number,
            path,
            input,
            ticket,
        } = item;
        let done = catch_unwind(AssertUnwindSafe(|| O::perform(&path, input)));
        drop(ticket);
        match done {
            Ok(Done::Now(result)) => Some((number, (path, result))),
            Ok(Done::MayWait(input, perform)) => {
                let shared = Arc::clone(self);
                offload::submit(Lane::Alone, move || {
                    let done = catch_unwind(AssertUnwindSafe(|| perform(&path, input)));
                    let result = done.unwrap_or_else(|_| Err(offload::lost()));
                    let mut state = shared.lock();
                    if state.consumer == Consumer::Gone {
                        return;
                    }
                    state.put(number, (path, result));
                    let waker = state.waker.take();
                    drop(state);
                    waker.into_iter().for_each(Waker::wake);
                });
                None
            }
            Err(_) => Some((number, (path, Err(offload::lost())))),
        }
    }
}

impl<O: Operation> State<O> {
    /// Chooses the size of the next share by the time that this one took.
    fn learn(&mut self, share: usize, taken: Duration) {
        let each = taken / u32::try_from(share).unwrap_or(u32::MAX).max(1);
        self.pace = match each > CACHED {
            true => Pace::Disk,
            false => Pace::Cores,
        };
        if taken < SHARE / 2 && share == self.share {
            self.share = (share * 2).min(MOST_IN_SHARE);
        } else if taken > SHARE * 2 {
            self.share = (share / 2).max(1);
        }
    }
}
