//! `merge` and its error policies against an oracle: random values, gaps, panics,
//! cuts and wake orders.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aio_itertools::asyncio::merge;
use aio_itertools::{FusedStream, Stream};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};

use crate::by_hand::{Task, poll_next_cut};
use crate::random::{CASES, at_every_share};
use crate::scripted::{Beat, Hint, Ledger, Script, Tok, Token, Watched};

#[derive(Clone, Debug)]
struct Case {
    /// The values of each stream; the value 4 is an error.
    values: Vec<Vec<usize>>,
    beats: Vec<Vec<Beat>>,
    hint: Hint,
    /// Chooses which of the streams that wait is woken next.
    order: Vec<usize>,
}

const ERROR: usize = 4;

fn cases(share: u32) -> impl Strategy<Value = Case> {
    let beat = (0..100_u32, 0..40_u32).prop_map(move |(drawn, panics)| match panics {
        0 => Beat::Panic,
        _ if drawn < share => Beat::Pending,
        _ => Beat::Ready,
    });
    let hint = prop_oneof![Just(Hint::Exact), Just(Hint::Loose), Just(Hint::Unknown)];
    (0..6_usize).prop_flat_map(move |streams| {
        (
            vec(vec(0..=ERROR, 0..6), streams),
            vec(vec(beat.clone(), 0..10), streams),
            hint.clone(),
            vec(0..100_usize, 16),
        )
            .prop_map(|(values, beats, hint, order)| Case {
                values,
                beats,
                hint,
                order,
            })
    })
}

/// A stream of tokens, of which some are errors.
struct Fallible(Script);

impl Stream for Fallible {
    type Item = Result<Token, Token>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.0).poll_next(cx);
        polled.map(|item| {
            item.map(|token| match token.value() {
                ERROR => Err(token),
                _ => Ok(token),
            })
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// What stands for an item: ids, and whether they are errors.
type Output = (Vec<usize>, bool);

/// One of the three policies, as a stream of ids and with its parts as ids.
trait Policy: FusedStream<Item = Output> + Unpin {
    /// The numbers and the rests of the streams, and the ids of what is kept.
    fn stop(self: Box<Self>) -> (Vec<(usize, Vec<usize>)>, Vec<usize>);
}

/// The streams that are given back, and the errors.
type Parts = (Vec<Pin<Box<Fallible>>>, Vec<Token>);

struct Adapted<S: Stream> {
    stream: S,
    encode: fn(S::Item) -> Output,
    parts: fn(S) -> Parts,
}

impl<S: Stream + Unpin> Stream for Adapted<S> {
    type Item = Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Output>> {
        let encode = self.encode;
        let polled = Pin::new(&mut self.stream).poll_next(cx);
        polled.map(|item| item.map(encode))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S: FusedStream + Unpin> FusedStream for Adapted<S> {
    fn is_terminated(&self) -> bool {
        self.stream.is_terminated()
    }
}

impl<S: FusedStream + Unpin> Policy for Adapted<S> {
    fn stop(self: Box<Self>) -> (Vec<(usize, Vec<usize>)>, Vec<usize>) {
        let (streams, kept) = (self.parts)(self.stream);
        let rests = streams
            .iter()
            .map(|stream| (stream.0.number(), stream.0.rest()));
        (rests.collect(), kept.iter().map(Token::id).collect())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pass,
    FailFast,
    CollectErrors,
}

fn one(item: Result<Token, Token>) -> Output {
    let is_error = item.is_err();
    let (Ok(token) | Err(token)) = item;
    (vec![token.id()], is_error)
}

fn build(kind: Kind, streams: Vec<Fallible>) -> Box<dyn Policy> {
    match kind {
        Kind::Pass => Box::new(Adapted {
            stream: merge(streams),
            encode: one,
            parts: |merged| (merged.into_parts(), Vec::new()),
        }),
        Kind::FailFast => Box::new(Adapted {
            stream: merge(streams).fail_fast(),
            encode: one,
            parts: |merged| (merged.into_parts(), Vec::new()),
        }),
        Kind::CollectErrors => Box::new(Adapted {
            stream: merge(streams).collect_errors(),
            encode: |item| match item {
                Ok(token) => (vec![token.id()], false),
                Err(errors) => (errors.iter().map(Token::id).collect(), true),
            },
            parts: |merged| merged.into_parts(),
        }),
    }
}

struct Stage {
    ledger: Arc<Ledger>,
    toks: Vec<Vec<Tok>>,
    watched: Vec<Arc<Watched>>,
}

impl Stage {
    fn set(case: &Case) -> (Self, Vec<Fallible>) {
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
        let (streams, watched) = toks
            .iter()
            .zip(&case.beats)
            .enumerate()
            .map(|(number, (toks, beats))| {
                let (script, watched) = Script::of(number, &ledger, toks, beats, case.hint);
                (Fallible(script), watched)
            })
            .unzip();
        let stage = Self {
            ledger,
            toks,
            watched,
        };
        (stage, streams)
    }

    /// Wakes one stream that waits; false if none does.
    fn fire(&self, chosen: usize) -> bool {
        let waiting: Vec<_> = self.watched.iter().filter(|w| w.is_awaited()).collect();
        !waiting.is_empty() && waiting[chosen % waiting.len()].fire()
    }

    fn number_of(&self, id: usize) -> usize {
        let has = |toks: &Vec<Tok>| toks.iter().any(|tok| tok.id == id);
        self.toks.iter().position(has).unwrap()
    }
}

/// Drives one policy for `cut` polls or to its end, and checks it at each.
fn run(kind: Kind, case: &Case, cut: usize) -> bool {
    let (stage, streams) = Stage::set(case);
    let mut merged = build(kind, streams);
    let tasks = [Task::new(), Task::new()];
    let mut outputs: Vec<Output> = Vec::new();
    let mut hints = Vec::new();
    let (mut panicked, mut ended) = (false, false);
    for poll in 0..cut {
        assert!(poll < 1000, "it ends");
        hints.push((outputs.len(), merged.size_hint()));
        let (task, waker) = &tasks[poll % 2];
        let (before, other) = (task.wakes(), tasks[(poll + 1) % 2].0.wakes());
        assert!(!merged.is_terminated());
        match catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut *merged, waker))) {
            Err(_) => panicked = true,
            Ok(Poll::Ready(Some(output))) => outputs.push(output),
            Ok(Poll::Ready(None)) => {
                ended = true;
                break;
            }
            Ok(Poll::Pending) => {
                assert!(stage.fire(case.order[poll % case.order.len()]));
                assert_eq!(task.wakes(), before + 1, "one wake for a Pending");
                assert_eq!(tasks[(poll + 1) % 2].0.wakes(), other);
            }
        }
    }
    if ended {
        for _ in 0..3 {
            assert!(merged.is_terminated());
            assert_eq!(poll_next_cut(&mut *merged, &tasks[0].1), Poll::Ready(None));
        }
        for (given, (lower, upper)) in hints {
            let left = outputs.len() - given;
            let exact = kind == Kind::Pass && case.hint == Hint::Exact;
            if !panicked {
                assert!(lower <= left, "{lower} of {left}");
                assert!(!exact || lower == left);
            }
            assert!(
                upper.is_none_or(|upper| left <= upper),
                "{upper:?} of {left}"
            );
            assert!(panicked || !exact || upper == Some(left));
        }
    }
    assert!(stage.watched.iter().all(|w| w.polls_after_end() == 0));

    // An error of the fail-fast policy is the last, and so is that of all errors.
    let first_error = outputs.iter().position(|(_, is_error)| *is_error);
    if kind != Kind::Pass {
        assert!(first_error.is_none_or(|at| at + 1 == outputs.len()));
    }
    let (rests, kept) = merged.stop();
    let failed = kind == Kind::FailFast && first_error.is_some();
    // Each stream gave its values in order, and nothing is missing between what
    // came and what it has left.
    let came: Vec<usize> = outputs.iter().flat_map(|(ids, _)| ids).copied().collect();
    for (number, toks) in stage.toks.iter().enumerate() {
        let mut ids: Vec<usize> = came
            .iter()
            .chain(&kept)
            .copied()
            .filter(|&id| stage.number_of(id) == number)
            .collect();
        let dropped = kind == Kind::CollectErrors
            && ids
                .iter()
                .any(|id| toks.iter().any(|tok| tok.id == *id && tok.value == ERROR));
        match rests.iter().find(|(of, _)| *of == number) {
            Some((_, rest)) => {
                assert!(!dropped && !failed);
                ids.extend(rest);
            }
            None if dropped || failed || panicked => {}
            None => assert!(stage.watched[number].has_ended(), "a stream is given back"),
        }
        let expected = toks.iter().map(|tok| tok.id);
        match dropped || failed || panicked {
            true => assert!(expected.take(ids.len()).eq(ids)),
            false => assert!(expected.eq(ids)),
        }
    }
    assert!(stage.ledger.is_settled(), "each value is dropped once");
    ended
}

#[test]
fn random_streams_wakes_panics_and_cuts() {
    at_every_share("merge", CASES, cases, |case| {
        for kind in [Kind::Pass, Kind::FailFast, Kind::CollectErrors] {
            let mut cut = 0;
            while !run(kind, &case, cut) {
                cut += 1;
            }
        }
        Ok(())
    });
}
