//! The laws that every adaptor keeps, checked against plain iterators.
//!
//! Adding an operator is adding one entry to [`operators`]. An entry carries the
//! operator's contract card; what the card states is checked here, and the tidy
//! test compares it with the documentation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use aio_itertools::adaptors::{Batched, StrictBatched};
use aio_itertools::{FusedStream, Stream, batched};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::by_hand::{Task, poll_next_cut};
use crate::scripted::{Beat, Hint, Ledger, Script, Token};

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

/// An operator under test: items are the ids of the values in one output.
pub(crate) trait Subject: Stream<Item = Vec<usize>> + FusedStream + Unpin {
    /// What the source and the buffer still hold, by id.
    fn into_rest(self: Box<Self>) -> (Vec<usize>, Vec<usize>);
}

struct Adapted<S: Stream> {
    operator: S,
    ids: fn(&S::Item) -> Vec<usize>,
    parts: fn(S) -> (Script, Vec<Token>),
}

impl<S: Stream + Unpin> Stream for Adapted<S> {
    type Item = Vec<usize>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<usize>>> {
        let ids = self.ids;
        Pin::new(&mut self.operator)
            .poll_next(cx)
            .map(|item| item.map(|item| ids(&item)))
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
    fn into_rest(self: Box<Self>) -> (Vec<usize>, Vec<usize>) {
        let (source, buffered) = (self.parts)(self.operator);
        (buffered.iter().map(Token::id).collect(), source.rest())
    }
}

/// Makes a subject of an operator, of the ids in one of its items, and of its parts.
pub(crate) fn subject<S: FusedStream + Unpin + 'static>(
    operator: S,
    ids: fn(&S::Item) -> Vec<usize>,
    parts: fn(S) -> (Script, Vec<Token>),
) -> Box<dyn Subject> {
    Box::new(Adapted {
        operator,
        ids,
        parts,
    })
}

pub(crate) fn ids(batch: &[Token]) -> Vec<usize> {
    batch.iter().map(Token::id).collect()
}

/// An entry of the registry.
pub(crate) struct Operator {
    /// The type whose documentation holds the card, and its file.
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) card: Card,
    /// The operator over a source, with a parameter of at least one.
    pub(crate) build: fn(Script, usize) -> Box<dyn Subject>,
    /// The same over a slice of values.
    pub(crate) oracle: fn(&[usize], usize) -> Vec<Vec<usize>>,
}

/// Every adaptor of the crate.
pub(crate) fn operators() -> Vec<Operator> {
    vec![
        Operator {
            name: "Batched",
            file: "batched.rs",
            card: Card {
                cancel_safety: "Cancel safe",
                in_flight: "none",
                memory: "one batch",
                fairness: "one unit of the budget in 64 items",
                fused: "yes: the source is not polled after its end",
                size_hint: EXACT,
                errors: "items pass as they are",
                runtime: "any",
            },
            build: |source, size| {
                subject(
                    batched(source, size),
                    |batch| ids(batch),
                    Batched::into_parts,
                )
            },
            oracle: |values, size| values.chunks(size).map(<[usize]>::to_vec).collect(),
        },
        Operator {
            name: "StrictBatched",
            file: "batched.rs",
            card: Card {
                cancel_safety: "Cancel safe",
                in_flight: "none",
                memory: "one batch",
                fairness: "one unit of the budget in 64 items",
                fused: "yes: the source is not polled after its end",
                size_hint: EXACT,
                errors: "a short last batch is handed over inside the error, then the end",
                runtime: "any",
            },
            build: |source, size| {
                // An error is told apart by a mark that no value has.
                subject(
                    batched(source, size).strict(),
                    |batch| match batch {
                        Ok(items) => ids(items),
                        Err(short) => [&[MARK], ids(short.items()).as_slice()].concat(),
                    },
                    StrictBatched::into_parts,
                )
            },
            oracle: |values, size| {
                let full = values.chunks_exact(size);
                let short = full.remainder();
                let mut batches: Vec<_> = full.map(<[usize]>::to_vec).collect();
                if !short.is_empty() {
                    batches.push([&[MARK], short].concat());
                }
                batches
            },
        },
    ]
}

/// Stands for "this output is an error" among the ids.
const MARK: usize = usize::MAX;

/// One random case: the source and how it is polled.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    values: usize,
    parameter: usize,
    beats: Vec<Beat>,
    hint: Hint,
    /// Polls are made for two tasks in turn, and the latest one must be woken.
    two_tasks: bool,
}

/// Shares of polls that are `Pending`, in percent.
pub(crate) const SHARES: [u32; 4] = [0, 10, 50, 90];

/// Cases for each share.
pub(crate) const CASES: u32 = 256;

fn cases(share: u32) -> impl Strategy<Value = Case> {
    let beat = move || {
        (0..100_u32).prop_map(move |drawn| match drawn < share {
            true => Beat::Pending,
            false => Beat::Ready,
        })
    };
    let hint = prop_oneof![Just(Hint::Exact), Just(Hint::Loose), Just(Hint::Unknown)];
    (
        0..32_usize,
        1..9_usize,
        vec(beat(), 0..64),
        hint,
        proptest::bool::ANY,
        0..200_usize,
    )
        .prop_map(
            |(values, parameter, mut beats, hint, two_tasks, panic_at)| {
                if let Some(beat) = beats.get_mut(panic_at) {
                    *beat = Beat::Panic;
                }
                Case {
                    values,
                    parameter,
                    beats,
                    hint,
                    two_tasks,
                }
            },
        )
}

/// Runs all laws over random cases; the error names the law that was broken.
pub(crate) fn check(operator: &Operator, share: u32) -> Result<(), TestError<Case>> {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config).run(&cases(share), |case| {
        let polls = runs_as_the_oracle(operator, &case)?;
        (0..=polls).try_for_each(|cut| stops_without_loss(operator, &case, cut))
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

/// Drives the operator to its end, every poll with a `next` that is dropped after it.
fn runs_as_the_oracle(operator: &Operator, case: &Case) -> Result<usize, TestCaseError> {
    let values: Vec<usize> = (0..case.values).collect();
    let expected = (operator.oracle)(&values, case.parameter);
    let ledger = Ledger::new(case.values);
    let (source, watched) = Script::new(&ledger, case.values, &case.beats, case.hint);
    let mut subject = (operator.build)(source, case.parameter);
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
        law!(polls < 1000, "it ends");
        let turn = if case.two_tasks { polls % 2 } else { 0 };
        let (task, waker) = &tasks[turn];
        let (before, other) = (task.wakes(), tasks[1 - turn].0.wakes());
        let terminated = subject.is_terminated();
        polls += 1;
        // A panic of the source passes, and the operator goes on as if nothing was.
        let Ok(polled) = catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut *subject, waker)))
        else {
            continue;
        };
        match polled {
            Poll::Pending => {
                watched.fire();
                law!(
                    task.wakes() == before + 1,
                    "one wake for a Pending, for the latest task"
                );
                law!(
                    tasks[1 - turn].0.wakes() == other,
                    "no wake for an older task"
                );
            }
            Poll::Ready(Some(item)) => {
                law!(!terminated, "is_terminated is not true before the end");
                output.push(item);
            }
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
    }
    law!(
        watched.polls_after_end() == 0,
        "the source is not polled after its end"
    );
    drop(subject);
    law!(
        ledger.drops().iter().all(|&drops| drops == 1),
        "each value is dropped once"
    );
    Ok(polls)
}

/// Stops after `cut` polls: what came out, the buffer and the source hold everything.
fn stops_without_loss(operator: &Operator, case: &Case, cut: usize) -> Result<(), TestCaseError> {
    let ledger = Ledger::new(case.values);
    let (source, _watched) = Script::new(&ledger, case.values, &case.beats, case.hint);
    let mut subject = (operator.build)(source, case.parameter);
    let (_task, waker) = Task::new();
    let mut kept = Vec::new();
    for _ in 0..cut {
        let polled = catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut *subject, &waker)));
        if let Ok(Poll::Ready(Some(item))) = polled {
            kept.extend(item.into_iter().filter(|&id| id != MARK));
        }
    }
    let (buffered, rest) = subject.into_rest();
    kept.extend(buffered);
    kept.extend(rest);
    law!(
        kept.iter().copied().eq(0..case.values),
        "a cut loses nothing",
        "{kept:?} of {} after {cut} polls",
        case.values
    );
    law!(
        ledger.drops().iter().all(|&drops| drops == 1),
        "each value is dropped once"
    );
    Ok(())
}

#[test]
fn every_operator_keeps_the_laws() {
    for operator in operators() {
        for share in SHARES {
            if let Err(broken) = check(&operator, share) {
                panic!("{} at {share} % Pending: {broken}", operator.name);
            }
            println!("{} pending={share}% cases={CASES}", operator.name);
        }
    }
}
