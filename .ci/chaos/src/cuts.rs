//! Cuts an operation at every poll and at every worker step, with every fate.
//!
//! For each cut a fresh world is built, the operation is polled only when it
//! has been woken (so that a reply from another thread is one poll, not a
//! thousand), cut, and what is left of the world is handed to the check.

use std::fmt;
use std::future::{Future, pending};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::{JoinError, LocalSet};

use crate::clock::lock;
pub use crate::fate::Fate;
use crate::fate::{Beside, Met, Second, meet};
use crate::gate::Gate;
pub use crate::poll::Moment;
use crate::poll::{Counted, Ran, Stop};
use crate::watchdog;

/// An operation that takes more polls than this without ending is called endless.
const POLLS: usize = 250;

/// Starts the cuts of an operation; the name is printed and is in every panic.
#[must_use = "nothing runs before `.world(…).run(…)` is awaited"]
pub fn every(name: impl Into<String>) -> Named {
    Named { name: name.into() }
}

/// The name of an operation to cut.
#[derive(Debug)]
#[must_use = "nothing runs before `.world(…).run(…)` is awaited"]
pub struct Named {
    name: String,
}

impl Named {
    /// Says how the fresh world of each cut is built.
    pub fn world<S: AsyncFn() -> W, W>(self, setup: S) -> Cuts<S, W> {
        Cuts {
            name: self.name,
            setup,
            gates: Vec::new(),
            second: None,
            except: Vec::new(),
            limit: watchdog::LIMIT,
        }
    }
}

/// The cuts of an operation: a builder that does nothing before [`run`](Cuts::run) is awaited.
#[must_use = "nothing runs before `.run(…)` is awaited"]
pub struct Cuts<S, W> {
    name: String,
    setup: S,
    gates: Vec<PickGate<W>>,
    second: Option<(Rank, StartSecond<W>)>,
    except: Vec<(Fate, String)>,
    limit: Duration,
}

type PickGate<W> = Box<dyn Fn(&W) -> Gate>;
type StartSecond<W> = Box<dyn Fn(&W) -> Second>;

#[derive(Clone, Copy)]
enum Rank {
    Finishes,
    MayWait,
}

/// Which cut was made, for the check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cut {
    /// What became of the future.
    pub fate: Fate,
    /// At which instant.
    pub moment: Moment,
    /// How many polls it had; a gate's cut says how many it had by then.
    pub polls: usize,
    /// The gate at which the worker stood, for [`Moment::AtGate`].
    pub gate: Option<String>,
    /// Whether the operation came to its end: before the cut, or after a snooze.
    pub completed: bool,
}

/// What was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The operation's name.
    pub op: String,
    /// How many cuts were made, snoozes included.
    pub cuts: usize,
    /// How many of them were made while the worker stood at a gate.
    pub at_gates: usize,
    /// The most polls that the operation had when it completed uncut.
    pub polls: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cuts={} op={}", self.cuts, self.op)
    }
}

impl<S: AsyncFn() -> W, W: 'static> Cuts<S, W> {
    /// Adds the operation that runs to its end while the first is snoozed.
    ///
    /// It is given the world before the operation starts, and must not wait
    /// for the operation: if it does, that is a deadlock, and named.
    pub fn beside<F>(self, second: impl Fn(&W) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.with_second(Rank::Finishes, second)
    }

    /// Adds an operation that may wait for the snoozed one, and must end after it is resumed.
    pub fn behind<F>(self, second: impl Fn(&W) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.with_second(Rank::MayWait, second)
    }

    fn with_second<F>(mut self, rank: Rank, second: impl Fn(&W) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.second = Some((rank, Box::new(move |world| Box::pin(second(world)))));
        self
    }

    /// Cuts at this step of the worker too, with every fate.
    ///
    /// In all other cuts the gate is open from the start. The gate stays shut
    /// until the fate has been dealt, then it is opened, and the check runs.
    pub fn at_gate(mut self, pick: impl Fn(&W) -> Gate + 'static) -> Self {
        self.gates.push(Box::new(pick));
        self
    }

    /// Leaves out a fate; the reason is printed.
    pub fn except(mut self, fate: Fate, reason: impl Into<String>) -> Self {
        self.except.push((fate, reason.into()));
        self
    }

    /// Gives each step another limit than 30 s; for tests of this harness.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Cuts `op`, which borrows the world, and runs `check` on the world after each cut.
    ///
    /// The world comes back whatever the fate, so `check` can use it, close it
    /// and look for traces. An aborted operation is a task of a `LocalSet`, so
    /// the operation need not be `Send`.
    ///
    /// # Panics
    /// When the operation was never cut, is not woken, hangs, does not reach a
    /// gate, or panics itself; and with every panic of `check`.
    ///
    /// # Cancel safety
    /// Not cancel safe: the cut under way is left as it is.
    pub async fn run<O, C>(self, op: O, check: C) -> Report
    where
        O: AsyncFn(&mut W) + 'static,
        C: AsyncFn(W, Cut),
    {
        let (op, limit) = (Rc::new(op), self.limit);
        self.each(
            async |mut world, fate, stop, beside| {
                if fate == Fate::Abort {
                    return abort_local(world, Rc::clone(&op), stop).await;
                }
                let met = meet(Box::pin(op(&mut world)), fate, stop, beside, limit).await;
                (world, met)
            },
            check,
        )
        .await
    }

    /// Does what [`run`](Cuts::run) does in spawned tasks, with a world of cloneable handles.
    ///
    /// On a multi-thread runtime the future is polled, cut and dropped on a
    /// runtime worker. With [`Fate::Leak`] a clone of the world is leaked too.
    ///
    /// # Panics
    /// As `run`.
    ///
    /// # Cancel safety
    /// Not cancel safe: the cut under way is left as it is.
    pub async fn run_spawned<O, F, C>(self, op: O, check: C) -> Report
    where
        W: Clone + Send,
        O: Fn(W) -> F,
        F: Future<Output = ()> + Send + 'static,
        C: AsyncFn(W, Cut),
    {
        let limit = self.limit;
        self.each(
            async |world: W, fate, stop, beside| {
                let operation = Box::pin(op(world.clone()));
                let met = if fate == Fate::Abort {
                    abort(operation, stop).await
                } else {
                    or_resume(tokio::spawn(meet(operation, fate, stop, beside, limit)).await)
                        .expect("nobody aborts it")
                };
                (world, met)
            },
            check,
        )
        .await
    }

    async fn each<D, C>(self, deal: D, check: C) -> Report
    where
        D: AsyncFn(W, Fate, Stop, Beside) -> (W, Met),
        C: AsyncFn(W, Cut),
    {
        for (fate, reason) in &self.except {
            println!("except={fate:?} op={} because {reason}", self.name);
        }
        let fates = || {
            let left_out = |fate: &Fate| self.except.iter().any(|(out, _)| out == fate);
            Fate::ALL.into_iter().filter(move |fate| !left_out(fate))
        };
        let mut report = Report {
            op: self.name.clone(),
            cuts: 0,
            at_gates: 0,
            polls: 0,
        };
        for gate in 0..self.gates.len() {
            for fate in fates() {
                let met = self.one(&deal, &check, fate, Place::Gate(gate)).await;
                report.cuts += usize::from(met.cut);
                report.at_gates += usize::from(met.cut);
            }
        }
        for k in 0.. {
            assert!(
                k <= POLLS,
                "{} is still not complete after {POLLS} polls: give it less to do",
                self.name
            );
            // Before the first poll nothing can have been woken.
            let moments: &[Moment] = match k {
                0 => &[Moment::Pending],
                _ => &[Moment::Pending, Moment::Woken],
            };
            let mut cut_here = false;
            for &moment in moments {
                for fate in fates() {
                    let met = self.one(&deal, &check, fate, Place::Poll(k, moment)).await;
                    report.cuts += usize::from(met.cut);
                    cut_here |= met.cut;
                    if !met.cut {
                        report.polls = report.polls.max(met.polls);
                    }
                }
            }
            if !cut_here {
                break;
            }
        }
        assert!(report.cuts > 0, "{} was never cut", self.name);
        println!("{report}");
        report
    }

    async fn one<D, C>(&self, deal: &D, check: &C, fate: Fate, place: Place) -> Met
    where
        D: AsyncFn(W, Fate, Stop, Beside) -> (W, Met),
        C: AsyncFn(W, Cut),
    {
        let world = (self.setup)().await;
        let (mut stop, mut at) = (Stop::Never, None);
        for (index, pick) in self.gates.iter().enumerate() {
            let gate = pick(&world);
            if matches!(place, Place::Gate(wanted) if wanted == index) {
                at = Some(gate.clone());
                stop = Stop::AtGate(gate);
            } else {
                gate.open();
            }
        }
        let moment = match place {
            Place::Gate(_) => Moment::AtGate,
            Place::Poll(k, moment) => {
                stop = Stop::After(k, moment);
                moment
            }
        };
        let mut cut = Cut {
            fate,
            moment,
            polls: match place {
                Place::Poll(k, _) => k,
                Place::Gate(_) => 0,
            },
            gate: at.as_ref().map(|gate| gate.name().to_owned()),
            completed: false,
        };
        let mut said = Said {
            op: &self.name,
            cut: cut.clone(),
        };
        let beside = match &self.second {
            Some((rank, start)) if fate == Fate::Snooze => match rank {
                Rank::Finishes => Beside::Finishes(start(&world)),
                Rank::MayWait => Beside::MayWait(start(&world)),
            },
            _ => Beside::None,
        };
        let what = format!("{} cut by {cut:?}", self.name);
        // Later than the limits inside, which know better what hangs.
        let outer = self.limit + self.limit / 4;
        let (world, met) =
            watchdog::future_within(outer, &what, deal(world, fate, stop, beside)).await;
        if let Some(gate) = at {
            assert!(
                met.cut,
                "{} ended without coming to gate {:?}",
                self.name,
                gate.name()
            );
            gate.open();
        }
        cut.polls = met.polls;
        cut.completed = !met.cut || fate == Fate::Snooze;
        said.cut = cut.clone();
        let checked = check(world, cut);
        watchdog::future_within(self.limit, &format!("the check of {what}"), checked).await;
        met
    }
}

#[derive(Clone, Copy)]
enum Place {
    Poll(usize, Moment),
    Gate(usize),
}

/// Says which cut it was, if the test fails in it.
struct Said<'a> {
    op: &'a str,
    cut: Cut,
}

impl Drop for Said<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed in the cut of {}: {:?}", self.op, self.cut);
        }
    }
}

impl<S, W> fmt::Debug for Cuts<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cuts")
            .field("name", &self.name)
            .field("gates", &self.gates.len())
            .field("except", &self.except)
            .finish_non_exhaustive()
    }
}

/// Runs the operation as a task until `stop`, then aborts the task.
async fn abort<F>(operation: Pin<Box<F>>, stop: Stop) -> Met
where
    F: Future<Output = ()> + Send + 'static,
{
    let (at_stop, polls) = (Signal::default(), Polls::default());
    let task = tokio::spawn(until_aborted(
        operation,
        stop,
        at_stop.clone(),
        polls.clone(),
    ));
    let handle = task.abort_handle();
    let mut task = std::pin::pin!(task);
    let ended = tokio::select! {
        biased;
        ended = &mut task => ended,
        () = at_stop.wait() => {
            handle.abort();
            task.await
        }
    };
    met(ended, &polls)
}

/// The same for an operation that borrows the world, which the task gives back however it ends.
async fn abort_local<W, O>(world: W, op: Rc<O>, stop: Stop) -> (W, Met)
where
    W: 'static,
    O: AsyncFn(&mut W) + 'static,
{
    let (at_stop, polls) = (Signal::default(), Polls::default());
    let back = Rc::new(std::cell::RefCell::new(None));
    let mut lease = Lease {
        world: Some(world),
        back: Rc::clone(&back),
    };
    let tasks = LocalSet::new();
    let (signal, count) = (at_stop.clone(), polls.clone());
    let task = tasks.spawn_local(async move {
        // The operation is declared after the lease, so it is dropped first.
        let world = lease.world.as_mut().expect("given back on drop only");
        until_aborted(Box::pin(op(world)), stop, signal, count).await;
    });
    let ended = tasks
        .run_until(async {
            let handle = task.abort_handle();
            let mut task = std::pin::pin!(task);
            tokio::select! {
                biased;
                ended = &mut task => ended,
                () = at_stop.wait() => {
                    handle.abort();
                    task.await
                }
            }
        })
        .await;
    let met = met(ended, &polls);
    let world = back.borrow_mut().take().expect("the task has ended");
    (world, met)
}

async fn until_aborted<F>(operation: Pin<Box<F>>, stop: Stop, at_stop: Signal, polls: Polls)
where
    F: Future<Output = ()>,
{
    let mut operation = Counted::new(operation);
    let ran = operation.run(stop).await;
    *lock(&polls) = operation.polls();
    if matches!(ran, Ran::Stopped) {
        at_stop.send();
        pending::<()>().await;
    }
}

type Polls = Arc<Mutex<usize>>;

fn met(ended: Result<(), JoinError>, polls: &Polls) -> Met {
    Met {
        cut: or_resume(ended).is_none(),
        polls: *lock(polls),
    }
}

/// Gives nothing for an aborted task, and goes on with a task's panic.
fn or_resume<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(output) => Some(output),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

/// Gives the world back when the task that borrowed it is dropped.
struct Lease<W> {
    world: Option<W>,
    back: Rc<std::cell::RefCell<Option<W>>>,
}

impl<W> Drop for Lease<W> {
    fn drop(&mut self) {
        *self.back.borrow_mut() = self.world.take();
    }
}

/// Tells the harness that the task stands at its stop.
#[derive(Clone, Default)]
struct Signal(Arc<Mutex<(bool, Option<std::task::Waker>)>>);

impl Signal {
    fn send(&self) {
        let waker = {
            let mut state = lock(&self.0);
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn wait(&self) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.0);
            if state.0 {
                return std::task::Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            std::task::Poll::Pending
        })
        .await;
    }
}
