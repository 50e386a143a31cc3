//! Pipelines against plain slices: random jobs, gaps, limits, wake orders, cuts and panics.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use aio_itertools::pipeline::{Pipeline, Stage};
use aio_itertools::prelude::*;
use futures_util::FutureExt;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use crate::by_hand::{Task, poll_once};
use crate::random::{CASES, at_every_share};
use crate::scripted::{Beat, Hint, Ledger, Script, Tok, Token, Watched};

/// The stages between the source and the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    Nothing,
    Jobs,
    Weighed,
    WithInput,
    JobsOfJobs,
    BatchesOfJobs,
    JobsOfBatches,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    List,
    ForEach,
    Concurrent,
    TryForEach,
    TryConcurrent,
}

#[derive(Clone, Debug)]
struct Case {
    chain: Chain,
    sink: Sink,
    /// Polls of the source that are pending.
    beats: Vec<Beat>,
    /// How often each item's work is pending: in two stages and in the body.
    gaps: Vec<[usize; 3]>,
    weights: Vec<usize>,
    /// Of the two stages and of the sink.
    limits: [usize; 3],
    unordered: [bool; 2],
    /// The item whose body fails, if there is one and the sink may fail.
    failing: usize,
    /// Chooses which of the waiting futures is woken next, and how many at once.
    order: Vec<Index>,
    bursts: Vec<usize>,
}

fn cases(share: u32) -> impl Strategy<Value = Case> {
    let chain = prop_oneof![
        Just(Chain::Nothing),
        Just(Chain::Jobs),
        Just(Chain::Weighed),
        Just(Chain::WithInput),
        Just(Chain::JobsOfJobs),
        Just(Chain::BatchesOfJobs),
        Just(Chain::JobsOfBatches),
    ];
    let sink = prop_oneof![
        Just(Sink::List),
        Just(Sink::ForEach),
        Just(Sink::Concurrent),
        Just(Sink::TryForEach),
        Just(Sink::TryConcurrent),
    ];
    let beat = (0..100_u32).prop_map(move |drawn| match drawn < share {
        true => Beat::Pending,
        false => Beat::Ready,
    });
    // The number of heads in a row: a gap of each length has its share.
    let gap = vec(0..100_u32, 4)
        .prop_map(move |drawn| drawn.into_iter().take_while(|&drawn| drawn < share).count());
    (
        (chain, sink),
        vec(beat, 0..12),
        vec((gap.clone(), gap.clone(), gap), 0..9),
        vec(0..5_usize, 9),
        [1..5_usize, 1..4_usize, 1..4_usize],
        [any::<bool>(), any::<bool>()],
        0..20_usize,
        vec(any::<Index>(), 32),
        vec(1..4_usize, 32),
    )
        .prop_map(
            |((chain, sink), beats, gaps, weights, limits, unordered, failing, order, bursts)| {
                Case {
                    chain,
                    sink,
                    beats,
                    gaps: gaps.into_iter().map(|(a, b, c)| [a, b, c]).collect(),
                    weights,
                    limits,
                    unordered,
                    failing,
                    order,
                    bursts,
                }
            },
        )
}

impl Case {
    fn toks(&self) -> Vec<Tok> {
        (0..self.gaps.len())
            .map(|id| Tok { id, value: id })
            .collect()
    }

    fn is_ordered(&self) -> bool {
        match self.chain {
            Chain::Nothing => true,
            Chain::JobsOfJobs => self.unordered == [false; 2],
            _ => !self.unordered[0],
        }
    }

    fn may_fail(&self) -> bool {
        matches!(self.sink, Sink::TryForEach | Sink::TryConcurrent)
    }

    fn bodies_at_once(&self) -> usize {
        match self.sink {
            Sink::Concurrent | Sink::TryConcurrent => self.limits[2],
            _ => 1,
        }
    }

    fn weight(&self, id: usize) -> usize {
        match self.chain {
            Chain::Weighed => self.weights[id % self.weights.len()].max(1),
            _ => 1,
        }
    }

    /// What each body is given, from a plain slice.
    fn oracle(&self) -> Vec<Vec<usize>> {
        let ids: Vec<usize> = (0..self.gaps.len()).collect();
        match self.chain {
            Chain::Nothing | Chain::Jobs | Chain::Weighed | Chain::JobsOfJobs => {
                ids.chunks(1).map(<[_]>::to_vec).collect()
            }
            Chain::WithInput => ids.iter().map(|&id| vec![id, id]).collect(),
            Chain::BatchesOfJobs | Chain::JobsOfBatches => {
                ids.chunks(self.limits[1]).map(<[_]>::to_vec).collect()
            }
        }
    }
}

/// What the futures of one run have told.
#[derive(Default)]
struct World {
    waiting: RefCell<Vec<Waker>>,
    /// Polls of futures, wake-ups of them, and futures, of all places.
    polls: Cell<usize>,
    fired: Cell<usize>,
    made: Cell<usize>,
    /// Of each place: what was started, what runs, and the most that ran.
    started: [Cell<usize>; 3],
    running: [Cell<usize>; 3],
    most: [Cell<usize>; 3],
    /// The weight that the first stage holds, and the heaviest that wasn't alone.
    held: Cell<usize>,
    heaviest: Cell<usize>,
    seen: RefCell<Vec<Vec<usize>>>,
    /// Calls of foreign code until one panics; `None` is never.
    fuse: Cell<Option<usize>>,
    calls: Cell<usize>,
}

impl World {
    fn foreign(&self) {
        self.calls.set(self.calls.get() + 1);
        if self.fuse.get() == Some(self.calls.get()) {
            resume_unwind(Box::new("scripted"));
        }
    }

    /// The work for some items in one place: pending as often as the case says.
    fn work<T: Ids>(
        self: &Rc<Self>,
        case: &Rc<Case>,
        place: usize,
        item: T,
    ) -> impl Future<Output = T> + use<T> {
        self.foreign();
        let (world, id) = (Rc::clone(self), item.ids()[0]);
        let mut left = case.gaps[id][place];
        let mut first = true;
        world.made.set(world.made.get() + 1);
        world.started[place].set(world.started[place].get() + 1);
        if place == 0 {
            let held = world.held.get() + case.weight(id);
            if world.held.replace(held) > 0 {
                world.heaviest.set(world.heaviest.get().max(held));
            }
        }
        async move {
            poll_fn(|cx| {
                world.foreign();
                world.polls.set(world.polls.get() + 1);
                if std::mem::take(&mut first) {
                    let running = world.running[place].get() + 1;
                    world.running[place].set(running);
                    world.most[place].set(world.most[place].get().max(running));
                }
                if left == 0 {
                    world.running[place].set(world.running[place].get() - 1);
                    return Poll::Ready(());
                }
                left -= 1;
                world.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            })
            .await;
            item
        }
    }

    /// Notes what came to the sink.
    fn note<T: Ids>(&self, case: &Case, item: &T) {
        self.foreign();
        let ids = item.ids();
        if matches!(case.chain, Chain::Jobs | Chain::Weighed | Chain::WithInput) {
            self.held.set(self.held.get() - case.weight(ids[0]));
        }
        self.seen.borrow_mut().push(ids);
    }
}

/// An item as the ids of its tokens.
trait Ids {
    fn ids(&self) -> Vec<usize>;
}

impl Ids for Token {
    fn ids(&self) -> Vec<usize> {
        vec![self.id()]
    }
}

impl Ids for Vec<Token> {
    fn ids(&self) -> Vec<usize> {
        self.iter().map(Token::id).collect()
    }
}

impl Ids for (Token, Token) {
    fn ids(&self) -> Vec<usize> {
        vec![self.0.id(), self.1.id()]
    }
}

type Outcome = Result<(), usize>;
type Sunk = Pin<Box<dyn Future<Output = Outcome>>>;

/// The pipeline of a case over its source.
fn build(case: &Rc<Case>, world: &Rc<World>, source: Script) -> Sunk {
    let source = source.pipeline();
    let job = |place| {
        let (case, world) = (Rc::clone(case), Rc::clone(world));
        move |item: Token| world.work(&case, place, item)
    };
    let first = case.limits[0];
    let second = case.limits[1];
    macro_rules! jobs {
        ($stages:expr, $limit:expr, $place:literal, $job:expr) => {{
            let stages = $stages.map_concurrent($limit, $job);
            match case.unordered[$place] {
                true => stages.unordered(),
                false => stages,
            }
        }};
    }
    match case.chain {
        Chain::Nothing => sink(case, world, source),
        Chain::Jobs => sink(case, world, jobs!(source, first, 0, job(0))),
        Chain::Weighed => {
            let (weights, told) = (case.weights.clone(), Rc::clone(world));
            let weigh = move |token: &Token| {
                told.foreign();
                weights[token.id() % weights.len()]
            };
            sink(case, world, jobs!(source, first, 0, job(0)).weight(weigh))
        }
        Chain::WithInput => sink(case, world, jobs!(source, first, 0, job(0)).with_input()),
        Chain::JobsOfJobs => {
            let stages = jobs!(source, first, 0, job(0));
            sink(case, world, jobs!(stages, second, 1, job(1)))
        }
        Chain::BatchesOfJobs => sink(case, world, jobs!(source, first, 0, job(0)).batched(second)),
        Chain::JobsOfBatches => {
            let (case_of, world_of) = (Rc::clone(case), Rc::clone(world));
            let job = move |item: Vec<Token>| world_of.work(&case_of, 0, item);
            sink(case, world, jobs!(source.batched(second), first, 0, job))
        }
    }
}

fn sink<S>(case: &Rc<Case>, world: &Rc<World>, stages: Pipeline<S>) -> Sunk
where
    S: Stage + 'static,
    S::Item: Ids + 'static,
{
    let limit = case.bodies_at_once();
    let (case_of, world_of) = (Rc::clone(case), Rc::clone(world));
    let body = move |item: S::Item| {
        world_of.note(&case_of, &item);
        let failing = item.ids().contains(&case_of.failing) && case_of.may_fail();
        let id = case_of.failing;
        let work = world_of.work(&case_of, 2, item);
        async move {
            drop(work.await);
            if failing { Err(id) } else { Ok(()) }
        }
    };
    match case.sink {
        Sink::List => {
            let (case, world) = (Rc::clone(case), Rc::clone(world));
            let list = stages.list();
            Box::pin(async move {
                list.await.iter().for_each(|item| world.note(&case, item));
                Ok(())
            })
        }
        Sink::ForEach => {
            let sink = stages.for_each(move |item| {
                let work = body(item);
                async { work.await.unwrap() }
            });
            Box::pin(sink.map(Ok))
        }
        Sink::Concurrent => {
            let sink = stages.for_each_concurrent(limit, move |item| {
                let work = body(item);
                async { work.await.unwrap() }
            });
            Box::pin(sink.map(Ok))
        }
        Sink::TryForEach => Box::pin(stages.try_for_each(body)),
        Sink::TryConcurrent => Box::pin(stages.try_for_each_concurrent(limit, body)),
    }
}

/// One run of a case, with all that is seen of it.
struct Run {
    case: Rc<Case>,
    world: Rc<World>,
    ledger: Arc<Ledger>,
    watched: Arc<Watched>,
    sink: Option<Sunk>,
    tasks: [(Arc<Task>, Waker); 2],
    polls: usize,
}

impl Run {
    fn start(case: &Rc<Case>, fuse: Option<usize>, beats: &[Beat]) -> Self {
        let world = Rc::new(World::default());
        world.fuse.set(fuse);
        let toks = case.toks();
        let ledger = Ledger::new(toks.len());
        let (script, watched) = Script::of(0, &ledger, &toks, beats, Hint::Exact);
        let sink = build(case, &world, script);
        Self {
            case: Rc::clone(case),
            world,
            ledger,
            watched,
            sink: Some(sink),
            tasks: [Task::new(), Task::new()],
            polls: 0,
        }
    }

    /// Polls the sink, for two tasks in turn.
    fn poll(&mut self) -> Poll<Outcome> {
        self.polls += 1;
        let waker = &self.tasks[self.polls % 2].1;
        let sink = self.sink.as_mut().unwrap();
        poll_once(Pin::new(sink), waker)
    }

    /// Wakes some of what is waited for; gives how many.
    fn fire(&self) -> usize {
        let case = &self.case;
        let mut fired = 0;
        for burst in 0..case.bursts[self.polls % case.bursts.len()] {
            let at = case.order[(self.polls + burst) % case.order.len()];
            let futures = self.world.waiting.borrow().len();
            let all = futures + usize::from(self.watched.is_awaited());
            if all == 0 {
                break;
            }
            let at = at.index(all);
            if at == futures {
                self.watched.fire();
            } else {
                let waker = self.world.waiting.borrow_mut().swap_remove(at);
                self.world.fired.set(self.world.fired.get() + 1);
                waker.wake();
            }
            fired += 1;
        }
        fired
    }

    /// Polls to the end, or a panic; before each poll but the first something is woken.
    fn finish(&mut self) -> Result<Outcome, Box<dyn std::any::Any + Send>> {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.poll()))? {
                Poll::Ready(outcome) => return Ok(outcome),
                Poll::Pending => assert!(self.fire() > 0, "nothing is waited for"),
            }
        }
    }
}

macro_rules! law {
    ($holds:expr, $law:literal $(, $value:expr)*) => {
        if !$holds {
            let values: &[&dyn std::fmt::Debug] = &[$(&$value),*];
            return Err(TestCaseError::fail(format!("law: {}: {values:?}", $law)));
        }
    };
}

/// What holds whenever the sink is pending.
fn is_settled(run: &Run) -> Result<(), TestCaseError> {
    let (case, world) = (&run.case, &run.world);
    law!(
        world.polls.get() == world.made.get() + world.fired.get(),
        "each future is polled once, and once for each wake-up, whatever the sink does",
        world.polls.get()
    );
    let at_rest = !run.watched.is_awaited() && !run.watched.has_ended();
    if matches!(case.chain, Chain::Jobs | Chain::WithInput) && case.sink != Sink::List {
        let held = world.started[0].get() - world.seen.borrow().len();
        law!(
            held <= case.limits[0],
            "the limit counts what isn't taken",
            held
        );
        law!(
            !at_rest || held == case.limits[0],
            "the source rests only while its stage is full",
            held
        );
        let ahead = run.watched.taken() - world.started[0].get();
        law!(ahead <= 1, "one item is asked for ahead", ahead);
    }
    Ok(())
}

/// Runs a case as the oracle does; gives the polls and the calls of foreign code.
fn runs_as_the_oracle(case: &Rc<Case>) -> Result<(usize, usize), TestCaseError> {
    let mut run = Run::start(case, None, &case.beats);
    let outcome = loop {
        let wakes = [0, 1].map(|n| run.tasks[n].0.wakes());
        match run.poll() {
            Poll::Ready(outcome) => break outcome,
            Poll::Pending => {
                is_settled(&run)?;
                let now = run.polls % 2;
                law!(
                    run.tasks[now].0.wakes() == wakes[now],
                    "no wake without an event"
                );
                let fired = run.fire();
                law!(fired > 0, "somebody is waited for");
                let woken = run.tasks[now].0.wakes() - wakes[now];
                law!(
                    (1..=fired).contains(&woken),
                    "a wake for the latest task",
                    woken
                );
                let older = run.tasks[1 - now].0.wakes();
                law!(older == wakes[1 - now], "no wake for an older task");
            }
        }
    };
    let world = &run.world;
    let expected = case.oracle();
    let seen = world.seen.borrow().clone();
    let fails = case.may_fail() && case.failing < case.gaps.len();
    if fails {
        law!(
            outcome == Err(case.failing),
            "the Err of a body is the sink's",
            outcome
        );
        if case.is_ordered() {
            law!(expected.starts_with(&seen), "bodies start in order", seen);
        }
    } else {
        law!(outcome == Ok(()), "it ends well", outcome);
        if case.is_ordered() {
            law!(
                seen == expected,
                "the output is the oracle's",
                seen,
                expected
            );
        } else {
            let sizes = |items: &[Vec<usize>]| items.iter().map(Vec::len).collect::<Vec<_>>();
            let flat = |items: &[Vec<usize>]| {
                let mut ids = items.concat();
                ids.sort_unstable();
                ids
            };
            // The last batch may be the short one before the others are done.
            let mut lengths = [sizes(&seen), sizes(&expected)];
            lengths
                .iter_mut()
                .for_each(|lengths| lengths.sort_unstable());
            law!(lengths[0] == lengths[1], "batches are as long", seen);
            law!(
                flat(&seen) == flat(&expected),
                "the output is the oracle's",
                seen
            );
        }
        let polls: usize = world.made.get() + world.fired.get();
        law!(world.polls.get() == polls, "no future is polled in vain");
    }
    for place in 0..3 {
        let limit = match place {
            2 => case.bodies_at_once(),
            0 if case.chain == Chain::Weighed => usize::MAX,
            _ => case.limits[place],
        };
        let most = world.most[place].get();
        law!(
            most <= limit,
            "no more run at once than the limit",
            place,
            most
        );
    }
    if case.sink != Sink::List && matches!(case.chain, Chain::Jobs | Chain::Weighed) {
        let heaviest = world.heaviest.get();
        law!(
            heaviest <= case.limits[0],
            "no more weight than the limit",
            heaviest
        );
    }
    law!(
        run.watched.polls_after_end() == 0,
        "the source is not polled after its end"
    );
    law!(
        run.ledger.is_settled() || case.sink == Sink::List,
        "all is dropped at the end"
    );
    run.sink = None;
    law!(run.ledger.is_settled(), "each value is dropped once");
    Ok((run.polls, run.world.calls.get()))
}

/// Drops the sink after `cut` polls.
fn cut_drops_once(case: &Rc<Case>, cut: usize) -> Result<(), TestCaseError> {
    let mut run = Run::start(case, None, &case.beats);
    for _ in 0..cut {
        if run.poll().is_ready() {
            break;
        }
        run.fire();
    }
    run.sink = None;
    law!(run.ledger.is_settled(), "a cut drops each value once", cut);
    // Wakers that are left over are harmless, and don't keep the task.
    run.world.waiting.take().into_iter().for_each(Waker::wake);
    Ok(())
}

/// Runs what panics somewhere, unless it ends before it gets there.
fn panic_drops_once(mut run: Run) -> Result<(), TestCaseError> {
    let panicked = run.finish().is_err();
    if panicked && run.case.sink != Sink::List {
        law!(run.ledger.is_settled(), "a panic drops everything at once");
    }
    run.sink = None;
    law!(run.ledger.is_settled(), "a panic drops each value once");
    Ok(())
}

/// Polls again after a panic, which must not wait for anything.
fn panic_ends_it(mut run: Run) -> Result<(), TestCaseError> {
    if run.finish().is_err() {
        let again = catch_unwind(AssertUnwindSafe(|| run.poll()));
        law!(again.is_err(), "after a panic there is nothing to wait for");
    }
    Ok(())
}

fn check(law: fn(&Rc<Case>) -> Result<(), TestCaseError>) {
    let kinds = RefCell::new(BTreeMap::new());
    at_every_share("a pipeline", CASES, cases, |case| {
        let kind = format!("{:?}", case.chain);
        *kinds.borrow_mut().entry(kind).or_insert(0) += 1;
        law(&Rc::new(case))
    });
    println!("{:?}", kinds.into_inner());
}

#[test]
fn random_pipelines_give_what_slices_give_and_keep_their_limits() {
    check(|case| runs_as_the_oracle(case).map(drop));
}

#[test]
fn a_cut_at_every_poll_drops_each_value_once() {
    check(|case| {
        let (polls, _) = runs_as_the_oracle(case)?;
        (0..=polls).try_for_each(|cut| cut_drops_once(case, cut))
    });
}

#[test]
fn a_panic_at_every_position_passes_and_drops_each_value_once() {
    check(|case| {
        let (_, calls) = runs_as_the_oracle(case)?;
        for call in 1..=calls {
            panic_drops_once(Run::start(case, Some(call), &case.beats))?;
        }
        panic_ends_it(Run::start(case, Some(calls / 2), &case.beats))?;
        for beat in 0..=case.beats.len() {
            let beats = [&case.beats[..beat], &[Beat::Panic]].concat();
            panic_drops_once(Run::start(case, None, &beats))?;
        }
        for id in 0..case.gaps.len() {
            let run = Run::start(case, None, &case.beats);
            run.ledger.trap(id);
            panic_drops_once(run)?;
        }
        Ok(())
    });
}
