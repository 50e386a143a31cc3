//! Choices out of whole streams.

use aio_itertools::product;
use aio_itertools::sources::{combinations, combinations_with_replacement, permutations, powerset};
use futures_util::StreamExt;
use itertools::Itertools;

use crate::laws::{Card, Held, Operator, ids, keep_the_laws, only, subject};
use crate::scripted::{Tok, Token};

/// The longest pool: the choices out of all values of a case would be too many.
const POOL: usize = 4;

fn ids_of(choice: Vec<&Tok>) -> Vec<usize> {
    choice.into_iter().map(|tok| tok.id).collect()
}

fn pool(values: &[Tok]) -> impl Iterator<Item = &Tok> + Clone {
    values.iter().take(POOL)
}

fn collecting(memory: &'static str, operator: Operator) -> Operator {
    Operator {
        card: Card {
            memory,
            ..Card::PLAIN
        },
        held: Held::These(|stopped| {
            let taken = stopped.taken.iter().copied().flatten();
            taken.map(|tok| tok.id).collect()
        }),
        most: |_| usize::MAX,
        ..operator
    }
}

fn products() -> Vec<Operator> {
    vec![
        Operator {
            sources: 2,
            ..collecting(
                "all items of each source",
                Operator::plain(
                    "Product",
                    "sources/product.rs",
                    |sources, _| {
                        let mut pools = sources.into_iter().map(|source| source.take(POOL));
                        let pair = (pools.next().unwrap(), pools.next().unwrap());
                        subject(
                            product(pair),
                            |(a, b)| vec![a.id(), b.id()],
                            |operator| {
                                let ((a, b), (c, d)) = operator.into_parts();
                                (vec![a.into_inner(), b.into_inner()], [c, d].concat())
                            },
                        )
                    },
                    |values, _| {
                        let pairs = pool(&values[0]).cartesian_product(pool(&values[1]));
                        pairs.map(|(a, b)| vec![a.id, b.id]).collect()
                    },
                ),
            )
        },
        Operator {
            sources: 3,
            ..collecting(
                "all items of each source",
                Operator::plain(
                    "Product",
                    "sources/product.rs",
                    |sources, _| {
                        let pools = sources.into_iter().map(|source| source.take(POOL - 1));
                        subject(
                            product(pools.collect::<Vec<_>>()),
                            |row| row.iter().map(Token::id).collect(),
                            |operator| {
                                let (sources, pools) = operator.into_parts();
                                let sources = sources.into_iter();
                                (
                                    sources
                                        .map(|s| std::pin::Pin::into_inner(s).into_inner())
                                        .collect(),
                                    pools.concat(),
                                )
                            },
                        )
                    },
                    |values, _| {
                        let pools = values.iter().map(|values| values.iter().take(POOL - 1));
                        pools.multi_cartesian_product().map(ids_of).collect()
                    },
                ),
            )
        },
    ]
}

/// An entry of a choice out of one stream: the operator, the oracle, and how the
/// case's parameter becomes a size.
macro_rules! choice {
    ($name:literal, $file:literal, $operator:expr, $oracle:expr) => {
        collecting(
            "all items of the source",
            Operator::plain(
                $name,
                $file,
                |sources, parameter| {
                    let source = only(sources).take(POOL);
                    subject(
                        $operator(source, parameter),
                        |choice| ids(choice),
                        |operator| {
                            let (source, pool) = operator.into_parts();
                            (vec![source.into_inner()], pool)
                        },
                    )
                },
                |values, parameter| $oracle(pool(&values[0]), parameter).map(ids_of).collect(),
            ),
        )
    };
}

fn choices() -> Vec<Operator> {
    vec![
        choice!(
            "Permutations",
            "sources/permutations.rs",
            |source, parameter| permutations(source, parameter - 1),
            |pool, parameter| Itertools::permutations(pool, parameter - 1)
        ),
        choice!(
            "Combinations",
            "sources/combinations.rs",
            |source, parameter| combinations(source, parameter - 1),
            |pool, parameter| Itertools::combinations(pool, parameter - 1)
        ),
        choice!(
            "CombinationsWithReplacement",
            "sources/combinations.rs",
            |source, parameter| combinations_with_replacement(source, parameter - 1),
            |pool, parameter| Itertools::combinations_with_replacement(pool, parameter - 1)
        ),
        choice!(
            "Powerset",
            "sources/powerset.rs",
            |source, _| powerset(source),
            |pool, _| Itertools::powerset(pool)
        ),
    ]
}

pub(crate) fn operators() -> Vec<Operator> {
    [products(), choices()].into_iter().flatten().collect()
}

#[test]
fn products_keep_the_laws() {
    keep_the_laws(products());
}

#[test]
fn choices_keep_the_laws() {
    keep_the_laws(choices());
}
