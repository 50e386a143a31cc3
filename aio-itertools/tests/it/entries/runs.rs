//! Runs, repetitions, separators and marks.

use aio_itertools::adaptors::{
    ChunkBy, Coalesce, Dedup, DedupWithCount, DefaultIfEmpty, Interspersed, Joined, Position,
    SkipLast, TakeLast, Unique, WithPosition, chunk_by, coalesce, dedup, dedup_by, dedup_by_key,
    default_if_empty, groupby, interspersed, joined, skip_last, take_last, unique, unique_by_key,
    with_position,
};
use aio_itertools::iter;

use crate::laws::{
    Card, Held, MARK, Operator, Stopped, ids, in_closure, keep_the_laws, only, subject,
};
use crate::scripted::{Ledger, Tok, Token};

/// A number in an output that isn't the id of an item, in unary.
fn number(n: usize) -> Vec<usize> {
    vec![MARK; n]
}

/// A value that is of no source: outputs show it as a mark.
fn foreign() -> Token {
    Ledger::new(FOREIGN + 1).token(FOREIGN)
}

const FOREIGN: usize = 1000;

fn own_or_mark(token: &Token) -> Vec<usize> {
    match token.id() {
        FOREIGN => vec![MARK],
        id => vec![id],
    }
}

fn id_of(tok: &Tok) -> Vec<usize> {
    vec![tok.id]
}

fn key_by(divisor: usize) -> impl FnMut(&Token) -> usize {
    move |token| {
        in_closure();
        token.value() / divisor
    }
}

/// A key with a drop that is counted and that may panic.
fn itself(token: &Token) -> Token {
    in_closure();
    token.clone()
}

/// The first of each run, where an item is compared with the last one given.
fn firsts(toks: &[Tok], same: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let mut given: Vec<&Tok> = Vec::new();
    for tok in toks {
        if !given.last().is_some_and(|last| same(last.value, tok.value)) {
            given.push(tok);
        }
    }
    given.into_iter().map(id_of).collect()
}

/// Those whose key isn't among the keys of the `remembered` ones given last.
fn uniques(toks: &[Tok], remembered: usize, key: impl Fn(usize) -> usize) -> Vec<Vec<usize>> {
    let mut given: Vec<&Tok> = Vec::new();
    for tok in toks {
        let mut last = given.iter().rev().take(remembered);
        if !last.any(|known| key(known.value) == key(tok.value)) {
            given.push(tok);
        }
    }
    given.into_iter().map(id_of).collect()
}

fn runs_by(toks: &[Tok], key: impl Fn(usize) -> usize) -> impl Iterator<Item = &[Tok]> {
    toks.chunk_by(move |a, b| key(a.value) == key(b.value))
}

/// The first item of a run that hasn't ended.
fn first_of_open_run(stopped: &Stopped<'_>, key: impl Fn(usize) -> usize) -> Vec<usize> {
    match runs_by(stopped.taken[0], key).last() {
        Some(run) if !stopped.ended[0] => vec![run[0].id],
        _ => Vec::new(),
    }
}

const ONE_TO_EACH: &str = "from one for all items to one for each";

fn keyed_run(key: usize, items: &[usize]) -> Vec<usize> {
    [&number(key), items].concat()
}

fn chunks() -> Vec<Operator> {
    let card = || Card {
        memory: "one run, or as much of it as `max_len` says",
        size_hint: "from as few runs as `max_len` allows to one run an item",
        ..Card::PLAIN
    };
    let oracle = |values: &[Vec<Tok>], divisor: usize| {
        runs_by(&values[0], |value| value / divisor)
            .map(|run| {
                keyed_run(
                    run[0].value / divisor,
                    &run.iter().map(|t| t.id).collect::<Vec<_>>(),
                )
            })
            .collect()
    };
    vec![
        Operator {
            card: card(),
            held: Held::All,
            most: |_| usize::MAX,
            ..Operator::plain(
                "ChunkBy",
                "adaptors/chunk_by.rs",
                |sources, divisor| {
                    subject(
                        chunk_by(only(sources), key_by(divisor)),
                        |(key, run)| keyed_run(*key, &ids(run)),
                        |operator: ChunkBy<_, _, _>| {
                            let (source, run) = operator.into_parts();
                            (vec![source], run.map_or(Vec::new(), |(_, items)| items))
                        },
                    )
                },
                oracle,
            )
        },
        // The items of a part that isn't full, and the key.
        Operator {
            card: card(),
            held: Held::All,
            most: |max_len| max_len,
            ..Operator::plain(
                "ChunkBy",
                "adaptors/chunk_by.rs",
                |sources, max_len| {
                    subject(
                        groupby(only(sources), itself).max_len(max_len),
                        |(key, run)| keyed_run(key.value(), &ids(run)),
                        |operator: ChunkBy<_, _, _>| {
                            let (source, run) = operator.into_parts();
                            (vec![source], run.map_or(Vec::new(), |(_, items)| items))
                        },
                    )
                },
                |values, max_len| {
                    runs_by(&values[0], |value| value)
                        .flat_map(|run| run.chunks(max_len))
                        .map(|part| {
                            keyed_run(
                                part[0].value,
                                &part.iter().map(|t| t.id).collect::<Vec<_>>(),
                            )
                        })
                        .collect()
                },
            )
        },
        Operator {
            card: Card {
                memory: "one item",
                size_hint: ONE_TO_EACH,
                ..Card::PLAIN
            },
            // The last of a run stands for it.
            held: Held::These(|stopped| match stopped.taken[0].last() {
                Some(last) if !stopped.ended[0] => vec![last.id],
                _ => Vec::new(),
            }),
            most: |_| 1,
            ..Operator::plain(
                "Coalesce",
                "adaptors/coalesce.rs",
                |sources, divisor| {
                    let merge = move |a: Token, b: Token| {
                        in_closure();
                        match a.value() / divisor == b.value() / divisor {
                            true => {
                                // By itself: `b` would leak if this panicked on the way out.
                                drop(a);
                                Ok(b)
                            }
                            false => Err((a, b)),
                        }
                    };
                    subject(
                        coalesce(only(sources), merge),
                        |token| vec![token.id()],
                        |operator: Coalesce<_, _>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], Vec::from_iter(held))
                        },
                    )
                },
                |values, divisor| {
                    runs_by(&values[0], |value| value / divisor)
                        .map(|run| id_of(&run[run.len() - 1]))
                        .collect()
                },
            )
        },
    ]
}

fn repetitions() -> Vec<Operator> {
    let dedup_card = || Card {
        memory: "a copy of the item given last, or its key",
        size_hint: ONE_TO_EACH,
        ..Card::PLAIN
    };
    let count_card = || Card {
        memory: "one item and its key",
        size_hint: ONE_TO_EACH,
        ..Card::PLAIN
    };
    let unique_card = || Card {
        memory: "every distinct key, or at most twice as many as `remember` says",
        size_hint: ONE_TO_EACH,
        ..Card::PLAIN
    };
    vec![
        Operator {
            card: dedup_card(),
            most: |_| 1,
            ..Operator::plain(
                "Dedup",
                "adaptors/dedup.rs",
                |sources, _| {
                    subject(
                        dedup(only(sources)),
                        |token| vec![token.id()],
                        |operator: Dedup<_>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, _| firsts(&values[0], |given, new| given == new),
            )
        },
        Operator {
            card: dedup_card(),
            most: |_| 1,
            ..Operator::plain(
                "Dedup",
                "adaptors/dedup.rs",
                |sources, tolerance| {
                    let same = move |given: &Token, new: &Token| {
                        in_closure();
                        given.value().abs_diff(new.value()) < tolerance
                    };
                    subject(
                        dedup_by(only(sources), same),
                        |token| vec![token.id()],
                        |operator: Dedup<_, _>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, tolerance| {
                    firsts(&values[0], |given, new| given.abs_diff(new) < tolerance)
                },
            )
        },
        Operator {
            card: dedup_card(),
            ..Operator::plain(
                "Dedup",
                "adaptors/dedup.rs",
                |sources, divisor| {
                    subject(
                        dedup_by_key(only(sources), key_by(divisor)),
                        |token| vec![token.id()],
                        |operator: Dedup<_, _, _>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, divisor| firsts(&values[0], |given, new| given / divisor == new / divisor),
            )
        },
        Operator {
            card: count_card(),
            held: Held::These(|stopped| first_of_open_run(stopped, |value| value)),
            most: |_| 1,
            ..Operator::plain(
                "DedupWithCount",
                "adaptors/dedup.rs",
                |sources, _| {
                    subject(
                        dedup(only(sources)).with_count(),
                        |(count, first)| keyed_run(*count, &[first.id()]),
                        |operator: DedupWithCount<_, _>| {
                            let (source, run) = operator.into_parts();
                            (vec![source], run.into_iter().map(|run| run.1).collect())
                        },
                    )
                },
                |values, _| {
                    runs_by(&values[0], |value| value)
                        .map(|run| keyed_run(run.len(), &[run[0].id]))
                        .collect()
                },
            )
        },
        Operator {
            card: count_card(),
            held: Held::These(|stopped| first_of_open_run(stopped, |value| value)),
            most: |_| 2,
            ..Operator::plain(
                "DedupWithCount",
                "adaptors/dedup.rs",
                |sources, _| {
                    subject(
                        dedup_by_key(only(sources), itself).with_count(),
                        |(count, first)| keyed_run(*count, &[first.id()]),
                        |operator: DedupWithCount<_, _>| {
                            let (source, run) = operator.into_parts();
                            (vec![source], run.into_iter().map(|run| run.1).collect())
                        },
                    )
                },
                |values, _| {
                    runs_by(&values[0], |value| value)
                        .map(|run| keyed_run(run.len(), &[run[0].id]))
                        .collect()
                },
            )
        },
        Operator {
            card: unique_card(),
            // There are 5 values.
            most: |_| 5,
            ..Operator::plain(
                "Unique",
                "adaptors/unique.rs",
                |sources, _| {
                    subject(
                        unique(only(sources)),
                        |token| vec![token.id()],
                        |operator: Unique<_>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, _| uniques(&values[0], usize::MAX, |value| value),
            )
        },
        Operator {
            card: unique_card(),
            most: |remembered| 2 * remembered,
            ..Operator::plain(
                "Unique",
                "adaptors/unique.rs",
                |sources, remembered| {
                    subject(
                        unique_by_key(only(sources), itself).remember(remembered),
                        |token| vec![token.id()],
                        |operator: Unique<_, _, _>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, remembered| uniques(&values[0], remembered, |value| value),
            )
        },
        Operator {
            card: unique_card(),
            ..Operator::plain(
                "Unique",
                "adaptors/unique.rs",
                |sources, divisor| {
                    subject(
                        unique_by_key(only(sources), key_by(divisor)),
                        |token| vec![token.id()],
                        |operator: Unique<_, _, _>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, divisor| uniques(&values[0], usize::MAX, |value| value / divisor),
            )
        },
    ]
}

fn separators_and_marks() -> Vec<Operator> {
    vec![
        Operator {
            card: Card {
                memory: "one item and the separator",
                ..Card::PLAIN
            },
            held: Held::All,
            most: |_| 1,
            ..Operator::plain(
                "Interspersed",
                "adaptors/interspersed.rs",
                |sources, every| {
                    subject(
                        interspersed(only(sources), foreign()).every(every),
                        own_or_mark,
                        |operator: Interspersed<_>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], Vec::from_iter(held))
                        },
                    )
                },
                |values, every| {
                    let groups: Vec<Vec<_>> = values[0]
                        .chunks(every)
                        .map(|group| group.iter().map(id_of).collect())
                        .collect();
                    groups.join(&vec![MARK])
                },
            )
        },
        Operator {
            card: Card {
                memory: "one inner stream and the separator",
                fused: "yes: no stream is polled after its end",
                size_hint: "at least the current inner stream and the separators to come",
                ..Card::PLAIN
            },
            sources: 3,
            held: Held::All,
            ..Operator::plain(
                "Joined",
                "adaptors/joined.rs",
                |sources, _| {
                    subject(
                        joined(iter(sources), foreign()),
                        own_or_mark,
                        |operator: Joined<_>| {
                            let (streams, inner) = operator.into_parts();
                            let rest = streams.into_parts().into_iter().flatten();
                            (inner.into_iter().chain(rest).collect(), Vec::new())
                        },
                    )
                },
                |values, _| {
                    let streams: Vec<Vec<_>> = values
                        .iter()
                        .map(|toks| toks.iter().map(id_of).collect())
                        .collect();
                    streams.join(&vec![MARK])
                },
            )
        },
        Operator {
            card: Card {
                memory: "the last `n` items",
                ..Card::PLAIN
            },
            held: Held::These(|stopped| {
                let taken = stopped.taken[0];
                let last = &taken[taken.len().saturating_sub(stopped.parameter)..];
                last.iter()
                    .skip(stopped.outputs)
                    .map(|tok| tok.id)
                    .collect()
            }),
            most: |n| n,
            ..Operator::plain(
                "TakeLast",
                "adaptors/take_last.rs",
                |sources, n| {
                    subject(
                        take_last(only(sources), n),
                        |token| vec![token.id()],
                        |operator: TakeLast<_>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], held)
                        },
                    )
                },
                |values, n| {
                    let skipped = values[0].len().saturating_sub(n);
                    values[0][skipped..].iter().map(id_of).collect()
                },
            )
        },
        Operator {
            card: Card {
                memory: "the last `n` items",
                ..Card::PLAIN
            },
            held: Held::All,
            most: |n| n,
            ..Operator::plain(
                "SkipLast",
                "adaptors/skip_last.rs",
                |sources, n| {
                    subject(
                        skip_last(only(sources), n),
                        |token| vec![token.id()],
                        |operator: SkipLast<_>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], held)
                        },
                    )
                },
                |values, n| {
                    let left = values[0].len().saturating_sub(n);
                    values[0][..left].iter().map(id_of).collect()
                },
            )
        },
        Operator {
            card: Card {
                memory: "one item",
                ..Card::PLAIN
            },
            held: Held::All,
            most: |_| 1,
            ..Operator::plain(
                "WithPosition",
                "adaptors/with_position.rs",
                |sources, _| {
                    subject(
                        with_position(only(sources)),
                        |(position, token)| {
                            let marks = match position {
                                Position::First => 1,
                                Position::Middle => 2,
                                Position::Last => 3,
                                Position::Only => 4,
                            };
                            keyed_run(marks, &[token.id()])
                        },
                        |operator: WithPosition<_>| {
                            let (source, held) = operator.into_parts();
                            (vec![source], Vec::from_iter(held))
                        },
                    )
                },
                |values, _| {
                    let last = values[0].len().wrapping_sub(1);
                    let marks = |at: usize| match at {
                        0 if last == 0 => 4,
                        0 => 1,
                        _ if at == last => 3,
                        _ => 2,
                    };
                    let items = values[0].iter().enumerate();
                    items
                        .map(|(at, tok)| keyed_run(marks(at), &[tok.id]))
                        .collect()
                },
            )
        },
        Operator {
            card: Card {
                memory: "the value",
                ..Card::PLAIN
            },
            held: Held::All,
            ..Operator::plain(
                "DefaultIfEmpty",
                "adaptors/default_if_empty.rs",
                |sources, _| {
                    subject(
                        default_if_empty(only(sources), foreign()),
                        own_or_mark,
                        |operator: DefaultIfEmpty<_>| (vec![operator.into_parts().0], Vec::new()),
                    )
                },
                |values, _| match values[0].is_empty() {
                    true => vec![vec![MARK]],
                    false => values[0].iter().map(id_of).collect(),
                },
            )
        },
    ]
}

pub(crate) fn operators() -> Vec<Operator> {
    [chunks(), repetitions(), separators_and_marks()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn runs_keep_the_laws() {
    keep_the_laws(chunks());
}

#[test]
fn repetitions_keep_the_laws() {
    keep_the_laws(repetitions());
}

#[test]
fn separators_and_marks_keep_the_laws() {
    keep_the_laws(separators_and_marks());
}
