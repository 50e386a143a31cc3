//! The laws that every stream operator keeps, checked against plain iterators.
//!
//! Adding an operator is adding one entry to a file of [`entries`](crate::entries).
//! An entry carries the operator's contract card; what the card states is checked
//! here, and the tidy test compares it with the documentation.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aio_itertools::{FusedStream, Stream};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{TestCaseError, TestError};

use crate::by_hand::{Task, poll_next_cut};
use crate::random::{self, CASES, SHARES};
use crate::scripted::{Beat, Hint, Ledger, Script, Tok, Token, Watched};

/// The facts of an operator, in the order of the card in its documentation.
pub(crate) struct Card {
    pub(crate) cancel_safety: &'static str,
    pub(crate) in_flight: &'static str,
    pub(crate) memory: &'static str,
    pub(crate) fairness: &'static str,
    pub(crate) fused: &'static str,
    pub(crate) size_hint: &'static str,
    pub(crate) errors: &'static str,
    pub(crate) runtime: &'static str,
}

impl Card {
    /// What most adaptors of one source are; an entry names what differs.
    pub(crate) const PLAIN: Self = Self {
        cancel_safety: "Cancel safe",
        in_flight: "none",
        memory: "nothing is kept",
        fairness: "one unit of the budget in 64 items",
        fused: "yes: the source is not polled after its end",
        size_hint: EXACT,
        errors: "items pass as they are",
        runtime: "any",
    };

    pub(crate) fn rows(&self) -> [(&'static str, &'static str); 8] {
        [
            ("cancel safety", self.cancel_safety),
            ("in-flight work", self.in_flight),
            ("memory", self.memory),
            ("fairness", self.fairness),
            ("fused", self.fused),
            ("size_hint", self.size_hint),
            ("errors", self.errors),
            ("runtime", self.runtime),
        ]
    }
}

/// A size hint that is as exact as the source's; any other card promises a bracket.
pub(crate) const EXACT: &str = "exact when the source's is";

/// An operator under test: items are lists of ids or numbers, as the oracle gives them.
pub(crate) trait Subject: Stream<Item = Vec<usize>> + FusedStream + Unpin {
    /// The ids of what the operator holds, and the sources that it gives back.
    fn into_parts(self: Box<Self>) -> (Vec<usize>, Vec<Script>);
}

struct Adapted<S: Stream> {
    operator: S,
    encode: fn(&S::Item) -> Vec<usize>,
    parts: fn(S) -> (Vec<Script>, Vec<Token>),
}

impl<S: Stream + Unpin> Stream for Adapted<S> {
    type Item = Vec<usize>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<usize>>> {
        let encode = self.encode;
        Pin::new(&mut self.operator)
            .poll_next(cx)
            .map(|item| item.map(|item| encode(&item)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.operator.size_hint()
    }
}

impl<S: FusedStream + Unpin> FusedStream for Adapted<S> {
    fn is_terminated(&self) -> bool {
        self.operator.is_terminated()
    }
}

impl<S: FusedStream + Unpin> Subject for Adapted<S> {
    fn into_parts(self: Box<Self>) -> (Vec<usize>, Vec<Script>) {
        let (sources, held) = (self.parts)(self.operator);
        (ids(&held), sources)
    }
}

/// Makes a subject of an operator, of what one of its items is as numbers, and of its parts.
pub(crate) fn subject<S: FusedStream + Unpin + 'static>(
    operator: S,
    encode: fn(&S::Item) -> Vec<usize>,
    parts: fn(S) -> (Vec<Script>, Vec<Token>),
) -> Box<dyn Subject> {
    Box::new(Adapted {
        operator,
        encode,
        parts,
    })
}

pub(crate) fn ids(tokens: &[Token]) -> Vec<usize> {
    tokens.iter().map(Token::id).collect()
}

/// What an operator must hold when it is stopped.
pub(crate) enum Held {
    /// All that went in and hasn't come out: its outputs, what it holds and what
    /// the source has left are the input, in order.
    All,
    /// Exactly these ids, in this order.
    These(fn(&Stopped<'_>) -> Vec<usize>),
}

/// Where an operator was stopped.
pub(crate) struct Stopped<'a> {
    pub(crate) parameter: usize,
    /// What it has taken of each source.
    pub(crate) taken: Vec<&'a [Tok]>,
    /// Which sources have said that they are at their end.
    #[allow(dead_code, reason = "a fact that an entry may ask for")]
    pub(crate) ended: Vec<bool>,
    /// The outputs that it has given.
    #[allow(dead_code, reason = "a fact that an entry may ask for")]
    pub(crate) outputs: usize,
}

/// What an operator gives, of slices of values and its parameter.
pub(crate) type Oracle = fn(&[Vec<Tok>], usize) -> Vec<Vec<usize>>;

/// An entry of the registry.
pub(crate) struct Operator {
    /// The type whose documentation holds the card, and its file in `src`.
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) card: Card,
    /// The number of sources, and whether each is in ascending order.
    pub(crate) sources: usize,
    pub(crate) sorted: bool,
    /// The operator over its sources, with a parameter of at least one.
    pub(crate) build: fn(Vec<Script>, usize) -> Box<dyn Subject>,
    /// The same over slices of values.
    pub(crate) oracle: Oracle,
    pub(crate) held: Held,
    /// The most values that it holds between two polls, by its parameter.
    pub(crate) most: fn(usize) -> usize,
}

impl Operator {
    /// One source in any order, a plain card, nothing held: an entry names what differs.
    pub(crate) fn plain(
        name: &'static str,
        file: &'static str,
        build: fn(Vec<Script>, usize) -> Box<dyn Subject>,
        oracle: Oracle,
    ) -> Self {
        Self {
            name,
            file,
            card: Card::PLAIN,
            sources: 1,
            sorted: false,
            build,
            oracle,
            held: Held::These(|_| Vec::new()),
            most: |_| 0,
        }
    }
}

/// Takes the only source of an operator of one.
pub(crate) fn only<S>(sources: Vec<S>) -> S {
    let [source] = <[S; 1]>::try_from(sources).ok().expect("one source");
    source
}

thread_local! {
    static FUSE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Lets no call of [`in_closure`] panic any more; true if one has.
pub(crate) fn disarm() -> bool {
    FUSE.replace(usize::MAX) == usize::MAX
}

/// Called by every closure of an entry: a law lets the n-th call panic.
pub(crate) fn in_closure() {
    let left = FUSE.get();
    if left == 0 {
        FUSE.set(usize::MAX);
        resume_unwind(Box::new("in a closure"));
    }
    if left != usize::MAX {
        FUSE.set(left - 1);
    }
}

/// Lets this call of `in_closure` on this thread panic, counted from 0; `usize::MAX` is none.
pub(crate) fn panic_in_closure(call: usize) {
    FUSE.set(call);
}

/// One random case: the sources and how the operator is polled.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) values: Vec<Vec<usize>>,
    beats: Vec<Vec<Beat>>,
    pub(crate) parameter: usize,
    hint: Hint,
    /// Chooses which of the sources that are waited for is ready next.
    pub(crate) order: Vec<usize>,
    /// Polls are made for two tasks in turn, and the latest one must be woken.
    pub(crate) two_tasks: bool,
}

/// More polls than any case needs.
pub(crate) const ENOUGH: usize = 1000;

pub(crate) fn cases(sources: usize, sorted: bool, share: u32) -> impl Strategy<Value = Case> {
    let beat = move || {
        (0..100_u32).prop_map(move |drawn| match drawn < share {
            true => Beat::Pending,
            false => Beat::Ready,
        })
    };
    let hint = prop_oneof![Just(Hint::Exact), Just(Hint::Loose), Just(Hint::Unknown)];
    // Every value and every poll is cut or panics once: that is the square of their number.
    let (values, beats) = if sources == 1 { (10, 26) } else { (7, 18) };
    (
        vec(vec(0..5_usize, 0..values), sources),
        vec(vec(beat(), 0..beats), sources),
        1..6_usize,
        hint,
        vec(0..sources, 16),
        proptest::bool::ANY,
        0..3 * beats,
    )
        .prop_map(
            move |(mut values, mut beats, parameter, hint, order, two_tasks, panic_at)| {
                if let Some(beat) = beats[panic_at % sources].get_mut(panic_at) {
                    *beat = Beat::Panic;
                }
                if sorted {
                    values.iter_mut().for_each(|values| values.sort_unstable());
                }
                Case {
                    values,
                    beats,
                    parameter,
                    hint,
                    order,
                    two_tasks,
                }
            },
        )
}

/// The sources of a case, each time anew.
pub(crate) struct Stage {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) toks: Vec<Vec<Tok>>,
    pub(crate) watched: Vec<Arc<Watched>>,
}

impl Stage {
    pub(crate) fn set(case: &Case) -> (Self, Vec<Script>) {
        let mut id = 0;
        let mut number = |&value: &usize| {
            id += 1;
            Tok { id: id - 1, value }
        };
        let toks: Vec<Vec<Tok>> = case
            .values
            .iter()
            .map(|values| values.iter().map(&mut number).collect())
            .collect();
        let ledger = Ledger::new(id);
        let (scripts, watched) = toks
            .iter()
            .zip(&case.beats)
            .enumerate()
            .map(|(number, (toks, beats))| Script::of(number, &ledger, toks, beats, case.hint))
            .unzip();
        let stage = Self {
            ledger,
            toks,
            watched,
        };
        (stage, scripts)
    }

    /// Lets foreign code panic when it comes to that.
    pub(crate) fn prepare(&self, panic: Panic) {
        match panic {
            Panic::InClosure(call) => panic_in_closure(call),
            Panic::InDrop(id) => self.ledger.trap(id),
        }
    }

    /// Lets one source that is waited for be ready: one that was polled last, if there is one.
    pub(crate) fn fire(&self, chosen: usize) -> bool {
        let polled: Vec<bool> = self.watched.iter().map(|w| w.was_polled()).collect();
        let fresh: Vec<usize> = (0..polled.len())
            .filter(|&n| polled[n] && self.watched[n].is_awaited())
            .collect();
        let waiting = match fresh.is_empty() {
            false => fresh,
            true => (0..polled.len())
                .filter(|&n| self.watched[n].is_awaited())
                .collect(),
        };
        match waiting.get(chosen % waiting.len().max(1)) {
            Some(&n) => self.watched[n].fire(),
            None => false,
        }
    }
}

/// Runs all laws over random cases; the error names the law that was broken.
pub(crate) fn check(operator: &Operator, share: u32) -> Result<(), TestError<Case>> {
    let cases = cases(operator.sources, operator.sorted, share);
    random::check(CASES, cases, |case| {
        let polls = runs_as_the_oracle(operator, &case)?;
        (0..=polls).try_for_each(|cut| stops_without_loss(operator, &case, cut))?;
        let values = case.values.iter().map(Vec::len).sum();
        // As far as there are calls: further on a case is the same without a panic.
        let mut calls = 0..=values;
        while let Some(call) = calls.next()
            && survives(operator, &case, Panic::InClosure(call))?
        {}
        (0..values).try_for_each(|id| survives(operator, &case, Panic::InDrop(id)).map(drop))
    })
}

macro_rules! law {
    ($holds:expr, $law:literal $(, $($detail:tt)+)?) => {
        if !$holds {
            let detail = String::new() $(+ &format!(": {}", format_args!($($detail)+)))?;
            return Err(TestCaseError::fail(format!("law: {}{detail}", $law)));
        }
    };
}
pub(crate) use law;

/// Drives the operator to its end, every poll with a `next` that is dropped after it.
fn runs_as_the_oracle(operator: &Operator, case: &Case) -> Result<usize, TestCaseError> {
    let (stage, sources) = Stage::set(case);
    let expected = (operator.oracle)(&stage.toks, case.parameter);
    let mut subject = (operator.build)(sources, case.parameter);
    let tasks = [Task::new(), Task::new()];
    let mut output = Vec::new();
    let mut polls = 0;
    loop {
        let (lower, upper) = subject.size_hint();
        let left = expected.len().saturating_sub(output.len());
        law!(
            lower <= left && upper.is_none_or(|upper| left <= upper),
            "size_hint brackets what is left",
            "{lower}..{upper:?} for {left}"
        );
        if operator.card.size_hint == EXACT && case.hint == Hint::Exact {
            law!(lower == left && upper == Some(left), "size_hint is exact");
        }
        let untaken: usize = stage
            .toks
            .iter()
            .zip(&stage.watched)
            .map(|(toks, watched)| toks.len() - watched.taken())
            .sum();
        let held = stage.ledger.alive() - untaken;
        law!(
            held <= (operator.most)(case.parameter),
            "it holds no more than its card says",
            "{held} values"
        );
        law!(polls < ENOUGH, "it ends");
        let turn = if case.two_tasks { polls % 2 } else { 0 };
        let (task, waker) = &tasks[turn];
        let (before, other) = (task.wakes(), tasks[1 - turn].0.wakes());
        // Whoever selects among streams asks no terminated one, and would wait for its end.
        law!(
            !subject.is_terminated(),
            "is_terminated is not true before the end was given"
        );
        let chosen = case.order[polls % case.order.len()];
        polls += 1;
        stage.watched.iter().for_each(|watched| {
            watched.was_polled();
        });
        // A panic of the source passes, and the operator goes on as if nothing was.
        let Ok(polled) = catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut *subject, waker)))
        else {
            continue;
        };
        match polled {
            Poll::Pending => {
                stage.fire(chosen);
                law!(
                    task.wakes() == before + 1,
                    "one wake for a Pending, for the latest task"
                );
                law!(
                    tasks[1 - turn].0.wakes() == other,
                    "no wake for an older task"
                );
            }
            Poll::Ready(Some(item)) => output.push(item),
            Poll::Ready(None) => break,
        }
    }
    law!(
        output == expected,
        "the output is the oracle's",
        "{output:?} for {expected:?}"
    );
    for _ in 0..3 {
        law!(
            subject.is_terminated(),
            "is_terminated is true after the end"
        );
        let again = poll_next_cut(&mut *subject, &tasks[0].1);
        law!(again == Poll::Ready(None), "nothing comes after the end");
        law!(
            subject.size_hint() == (0, Some(0)),
            "size_hint is exact after the end"
        );
    }
    law!(
        stage.watched.iter().all(|w| w.polls_after_end() == 0),
        "the source is not polled after its end"
    );
    drop(subject);
    law!(stage.ledger.is_settled(), "each value is dropped once");
    Ok(polls)
}

/// Stops after `cut` polls: what came out, the buffer and the source hold everything.
fn stops_without_loss(operator: &Operator, case: &Case, cut: usize) -> Result<(), TestCaseError> {
    let (stage, sources) = Stage::set(case);
    let mut subject = (operator.build)(sources, case.parameter);
    let (_task, waker) = Task::new();
    let mut kept = Vec::new();
    let mut outputs = 0;
    for _ in 0..cut {
        let polled = catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut *subject, &waker)));
        if let Ok(Poll::Ready(Some(item))) = polled {
            outputs += 1;
            kept.extend(item.into_iter().filter(|&id| id != MARK));
        }
    }
    let stopped = Stopped {
        parameter: case.parameter,
        taken: stage
            .toks
            .iter()
            .zip(&stage.watched)
            .map(|(toks, watched)| &toks[..watched.taken()])
            .collect(),
        ended: stage.watched.iter().map(|w| w.has_ended()).collect(),
        outputs,
    };
    let (held, sources) = subject.into_parts();
    for (number, watched) in stage.watched.iter().enumerate() {
        let back = sources.iter().any(|source| source.number() == number);
        law!(
            back || watched.has_ended(),
            "a source that isn't at its end is given back"
        );
    }
    match operator.held {
        Held::All => {
            kept.extend(held);
            kept.extend(sources.iter().flat_map(Script::rest));
            let all = stage.toks.iter().flatten().map(|tok| tok.id);
            law!(
                all.eq(kept.iter().copied()),
                "a cut loses nothing",
                "{kept:?} after {cut} polls"
            );
        }
        Held::These(these) => {
            let these = these(&stopped);
            law!(
                held == these,
                "a cut loses nothing",
                "{held:?} is held, not {these:?}, after {cut} polls"
            );
        }
    }
    drop(sources);
    law!(stage.ledger.is_settled(), "each value is dropped once");
    Ok(())
}

/// The most values that a closure of an operator gets.
const MOST_ARGUMENTS: usize = 2;

/// Where foreign code panics.
#[derive(Clone, Copy)]
pub(crate) enum Panic {
    /// In this call of the entry's closures.
    InClosure(usize),
    /// In the drop of this value.
    InDrop(usize),
}

/// A panic passes to the caller; afterwards the operator goes on or has ended,
/// and no value is dropped twice or never. True if it came to the call that panics.
fn survives(operator: &Operator, case: &Case, panic: Panic) -> Result<bool, TestCaseError> {
    let (stage, sources) = Stage::set(case);
    stage.prepare(panic);
    // An operator may drop values of its own accord, as a filter does.
    let built = catch_unwind(AssertUnwindSafe(|| {
        (operator.build)(sources, case.parameter)
    }));
    let (_task, waker) = Task::new();
    if let Ok(mut subject) = built {
        let mut kept = Vec::new();
        let mut polls = 0;
        loop {
            law!(polls < ENOUGH, "it ends after a panic");
            polls += 1;
            let polled = catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut *subject, &waker)));
            match polled {
                Ok(Poll::Ready(None)) => break,
                Ok(Poll::Pending) => drop(stage.fire(polls)),
                Ok(Poll::Ready(Some(item))) => kept.extend(item),
                Err(_) => {}
            }
        }
        if let (Held::All, Panic::InClosure(_)) = (&operator.held, panic) {
            let mut wanted = (operator.oracle)(&stage.toks, case.parameter).concat();
            wanted.retain(|id| !kept.contains(id) && *id != MARK);
            let lost = wanted.len();
            law!(
                lost <= MOST_ARGUMENTS,
                "a panic of a closure loses only its arguments",
                "{lost} values"
            );
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(subject)));
        drop(dropped);
    }
    let panicked = disarm();
    law!(
        stage.watched.iter().all(|w| w.polls_after_end() == 0),
        "the source is not polled after its end, after a panic"
    );
    law!(
        stage.ledger.is_settled(),
        "each value is dropped once, after a panic"
    );
    Ok(panicked)
}

/// Stands for "this output is an error" among the ids of an output.
pub(crate) const MARK: usize = usize::MAX;

/// Runs all laws for some operators; each file of entries calls it in a test of its own.
pub(crate) fn keep_the_laws(operators: Vec<Operator>) {
    for operator in operators {
        for share in SHARES {
            if let Err(broken) = check(&operator, share) {
                panic!("{} at {share} % Pending: {broken}", operator.name);
            }
            println!("{} pending={share}% cases={CASES}", operator.name);
        }
        let (build, sources) = (operator.build, operator.sources);
        crate::neighbours::yields_locally(move || async move {
            let mut subject = build((0..sources).map(Script::endless).collect(), 3);
            // What ends all the same, as a slice does, has had its turns by then.
            while aio_itertools::next(&mut subject).await.is_some() {}
        });
    }
}
