//! Batches.

use aio_itertools::adaptors::{Batched, StrictBatched, batched};

use crate::laws::{Card, Held, MARK, Operator, ids, keep_the_laws, only, subject};
use crate::scripted::Tok;

fn ids_of(toks: &[Tok]) -> Vec<usize> {
    toks.iter().map(|tok| tok.id).collect()
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
    ]
}

#[test]
fn batches_keep_the_laws() {
    keep_the_laws(operators());
}
