//! Batches.

use std::time::Duration;

use aio_itertools::adaptors::{
    Batched, BatchedWeighted, BatchedWithin, StrictBatched, batched, batched_weighted,
    batched_within,
};

use crate::laws::{Card, Held, MARK, Operator, ids, in_closure, keep_the_laws, only, subject};
use crate::scripted::{Tok, Token};

fn ids_of(toks: &[Tok]) -> Vec<usize> {
    toks.iter().map(|tok| tok.id).collect()
}

/// Batches of at most 4 items whose values sum to at most `max`.
fn weighted(toks: &[Tok], max: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<&[Tok]> = Vec::new();
    let mut start = 0;
    for end in 1..=toks.len() {
        let weight: usize = toks[start..end].iter().map(|tok| tok.value).sum();
        let before = weight - toks[end - 1].value;
        if end - start > 1 && (weight > max || before == max || end - start > 4) {
            batches.push(&toks[start..end - 1]);
            start = end - 1;
        }
        // Heavier than allowed, and so alone.
        if toks[start].value >= max {
            batches.push(&toks[start..end]);
            start = end;
        }
    }
    batches.push(&toks[start..]);
    batches.retain(|batch| !batch.is_empty());
    batches.into_iter().map(ids_of).collect()
}

pub(crate) fn operators() -> Vec<Operator> {
    vec![
        Operator {
            card: Card {
                memory: "one batch",
                ..Card::PLAIN
            },
            held: Held::All,
            most: |size| size - 1,
            ..Operator::plain(
                "Batched",
                "adaptors/batched.rs",
                |sources, size| {
                    subject(
                        batched(only(sources), size),
                        |batch| ids(batch),
                        |operator: Batched<_>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], held)
                        },
                    )
                },
                |values, size| values[0].chunks(size).map(ids_of).collect(),
            )
        },
        Operator {
            card: Card {
                memory: "one batch",
                errors: "a short last batch is handed over inside the error, then the end",
                ..Card::PLAIN
            },
            held: Held::All,
            most: |size| size - 1,
            ..Operator::plain(
                "StrictBatched",
                "adaptors/batched.rs",
                |sources, size| {
                    subject(
                        batched(only(sources), size).strict(),
                        |batch| match batch {
                            Ok(items) => ids(items),
                            Err(short) => [&[MARK], ids(short.items()).as_slice()].concat(),
                        },
                        |operator: StrictBatched<_>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], held)
                        },
                    )
                },
                |values, size| {
                    let full = values[0].chunks_exact(size);
                    let short = ids_of(full.remainder());
                    let mut batches: Vec<_> = full.map(ids_of).collect();
                    if !short.is_empty() {
                        batches.push([&[MARK], short.as_slice()].concat());
                    }
                    batches
                },
            )
        },
        Operator {
            card: Card {
                memory: "one batch",
                size_hint: "from as few batches as `max_len` allows to one batch an item",
                ..Card::PLAIN
            },
            held: Held::All,
            most: |_| 3,
            ..Operator::plain(
                "BatchedWeighted",
                "adaptors/batched_weighted.rs",
                |sources, max| {
                    let weigh = |token: &Token| {
                        in_closure();
                        token.value()
                    };
                    subject(
                        batched_weighted(only(sources), max, weigh).max_len(4),
                        |batch| ids(batch),
                        |operator: BatchedWeighted<_, _>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], held)
                        },
                    )
                },
                |values, max| weighted(&values[0], max),
            )
        },
        // Without a time: what the time does is in `batches_in_time`.
        Operator {
            card: Card {
                memory: "one batch",
                size_hint: "from full batches to one batch an item",
                runtime: "tokio with its clock, where a batch must wait",
                ..Card::PLAIN
            },
            held: Held::All,
            most: |size| size - 1,
            ..Operator::plain(
                "BatchedWithin",
                "adaptors/batched_within.rs",
                |sources, size| {
                    subject(
                        batched_within(only(sources), size, Duration::MAX),
                        |batch| ids(batch),
                        |operator: BatchedWithin<_>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], held)
                        },
                    )
                },
                |values, size| values[0].chunks(size).map(ids_of).collect(),
            )
        },
    ]
}

#[test]
fn batches_keep_the_laws() {
    keep_the_laws(operators());
}
