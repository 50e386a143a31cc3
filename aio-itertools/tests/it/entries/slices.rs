//! Running values, slices and filters.

use aio_itertools::adaptors::{
    Accumulate, AccumulateFrom, Compress, DropWhile, FilterFalse, Islice, Pairwise, Starmap,
    TakeWhile, TakeWhileInclusive, Windows, accumulate, accumulate_from, compress, dropwhile,
    filterfalse, islice, pairwise, starmap, take_while_inclusive, takewhile, windows,
};
use futures_util::StreamExt;

use crate::laws::{
    Card, Held, Operator, Stopped, Subject, in_closure, keep_the_laws, only, subject,
};
use crate::scripted::{Script, Tok, Token};

fn one(token: &Token) -> Vec<usize> {
    vec![token.id()]
}

fn each_alone<'a>(toks: impl IntoIterator<Item = &'a Tok>) -> Vec<Vec<usize>> {
    toks.into_iter().map(|tok| vec![tok.id]).collect()
}

/// The first of the largest: a total that shows which item it is.
fn larger(total: Token, item: Token) -> Token {
    in_closure();
    let (kept, other) = match item > total {
        true => (item, total),
        false => (total, item),
    };
    // Before `kept` is the value returned, which a panic of this drop would leak.
    drop(other);
    kept
}

fn largest(toks: &[Tok]) -> Option<&Tok> {
    toks.iter()
        .reduce(|total, tok| if tok.value > total.value { tok } else { total })
}

/// The largest of the first, the first two, the first three…
fn running_largest(toks: &[Tok]) -> Vec<Vec<usize>> {
    let totals = (1..=toks.len()).filter_map(|n| largest(&toks[..n]));
    totals.map(|tok| vec![tok.id]).collect()
}

fn id_of_largest(stopped: &Stopped<'_>) -> Vec<usize> {
    largest(stopped.taken[0])
        .map(|tok| tok.id)
        .into_iter()
        .collect()
}

fn last_ids(toks: &[Tok], most: usize) -> Vec<usize> {
    let first = toks.len().saturating_sub(most);
    toks[first..].iter().map(|tok| tok.id).collect()
}

fn running() -> Vec<Operator> {
    let card = || Card {
        memory: "the last total",
        ..Card::PLAIN
    };
    vec![
        Operator {
            card: card(),
            held: Held::These(id_of_largest),
            most: |_| 1,
            ..Operator::plain(
                "Accumulate",
                "adaptors/accumulate.rs",
                |sources, _| {
                    subject(
                        accumulate(only(sources), larger),
                        one,
                        |operator: Accumulate<_, _>| {
                            let (source, total) = operator.into_parts();
                            (vec![source], Vec::from_iter(total))
                        },
                    )
                },
                |values, _| running_largest(&values[0]),
            )
        },
        Operator {
            card: card(),
            held: Held::These(id_of_largest),
            most: |_| 1,
            ..Operator::plain(
                "AccumulateFrom",
                "adaptors/accumulate.rs",
                |sources, _| {
                    let larger = |total: Option<Token>, item| match total {
                        Some(total) => Some(larger(total, item)),
                        None => Some(item),
                    };
                    subject(
                        accumulate_from(only(sources), None, larger),
                        |total| total.iter().flat_map(one).collect(),
                        |operator: AccumulateFrom<_, _, _>| {
                            let (source, total) = operator.into_parts();
                            (vec![source], Vec::from_iter(total))
                        },
                    )
                },
                |values, _| [vec![Vec::new()], running_largest(&values[0])].concat(),
            )
        },
    ]
}

fn windows_of<const N: usize>(source: Script) -> Box<dyn Subject> {
    subject(
        windows::<N, _>(source),
        |window| window.iter().map(Token::id).collect(),
        |operator: Windows<_, _>| {
            let (source, held) = operator.into_parts();
            (vec![source], held)
        },
    )
}

fn neighbours() -> Vec<Operator> {
    vec![
        Operator {
            card: Card {
                memory: "the last item",
                ..Card::PLAIN
            },
            held: Held::These(|stopped| last_ids(stopped.taken[0], 1)),
            most: |_| 1,
            ..Operator::plain(
                "Pairwise",
                "adaptors/pairwise.rs",
                |sources, _| {
                    subject(
                        pairwise(only(sources)),
                        |(first, second)| vec![first.id(), second.id()],
                        |operator: Pairwise<_>| {
                            let (source, previous) = operator.into_parts();
                            (vec![source], Vec::from_iter(previous))
                        },
                    )
                },
                |values, _| {
                    let pairs = values[0].windows(2);
                    pairs.map(|pair| vec![pair[0].id, pair[1].id]).collect()
                },
            )
        },
        Operator {
            card: Card {
                memory: "one window",
                ..Card::PLAIN
            },
            held: Held::These(|stopped| last_ids(stopped.taken[0], stopped.parameter)),
            most: |size| size,
            ..Operator::plain(
                "Windows",
                "adaptors/windows.rs",
                |sources, size| match (only(sources), size) {
                    (source, 1) => windows_of::<1>(source),
                    (source, 2) => windows_of::<2>(source),
                    (source, 3) => windows_of::<3>(source),
                    (source, 4) => windows_of::<4>(source),
                    (source, 5) => windows_of::<5>(source),
                    (_, size) => panic!("no window of {size}"),
                },
                |values, size| {
                    let windows = values[0].windows(size);
                    windows
                        .map(|window| window.iter().map(|tok| tok.id).collect())
                        .collect()
                },
            )
        },
    ]
}

/// The mask of `compress` selects odd values.
fn selects(token: Token) -> bool {
    token.value() % 2 == 1
}

fn slices() -> Vec<Operator> {
    vec![
        Operator {
            card: Card {
                fused: "yes: the source is not polled after its end or the last item of the range",
                ..Card::PLAIN
            },
            ..Operator::plain(
                "Islice",
                "adaptors/islice.rs",
                |sources, n| {
                    subject(
                        islice(only(sources), n / 2..n * 2).step(n.div_ceil(2)),
                        one,
                        |operator: Islice<_>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, n| {
                    let slice = values[0].iter().take(n * 2).skip(n / 2);
                    each_alone(slice.step_by(n.div_ceil(2)))
                },
            )
        },
        Operator {
            sources: 2,
            card: Card {
                memory: "one item or one selector, until its partner comes",
                fused: "yes: neither source is polled after the end of one",
                size_hint: "at most that of the shorter source",
                ..Card::PLAIN
            },
            held: Held::These(|stopped| {
                let unpaired = stopped.taken[0].get(stopped.taken[1].len()..);
                last_ids(unpaired.unwrap_or_default(), 1)
            }),
            most: |_| 1,
            ..Operator::plain(
                "Compress",
                "adaptors/compress.rs",
                |sources, _| {
                    let [data, mask] = <[Script; 2]>::try_from(sources).ok().unwrap();
                    let selectors = mask.map(selects as fn(Token) -> bool);
                    subject(
                        compress(data, selectors),
                        one,
                        |operator: Compress<_, _>| {
                            let (data, selectors, item, _) = operator.into_parts();
                            (vec![data, selectors.into_inner()], Vec::from_iter(item))
                        },
                    )
                },
                |values, _| {
                    let pairs = values[0].iter().zip(&values[1]);
                    let chosen = pairs.filter(|(_, mask)| mask.value % 2 == 1);
                    each_alone(chosen.map(|(tok, _)| tok))
                },
            )
        },
        Operator::plain(
            "Starmap",
            "adaptors/starmap.rs",
            |sources, _| {
                let pair: fn(Token) -> (usize, Token) = |token| (token.value(), token);
                let joined = |value, token: Token| {
                    in_closure();
                    vec![value, token.id()]
                };
                subject(
                    starmap(only(sources).map(pair), joined),
                    Vec::clone,
                    |operator: Starmap<_, _>| {
                        (vec![operator.into_inner().into_inner()], Vec::new())
                    },
                )
            },
            |values, _| {
                let toks = values[0].iter();
                toks.map(|tok| vec![tok.value, tok.id]).collect()
            },
        ),
    ]
}

/// The predicate of an entry: true for small values.
fn below(limit: usize) -> impl FnMut(&Token) -> bool {
    move |token| {
        in_closure();
        token.value() < limit
    }
}

fn filters() -> Vec<Operator> {
    vec![
        Operator {
            card: Card {
                size_hint: "at most the source's",
                ..Card::PLAIN
            },
            ..Operator::plain(
                "FilterFalse",
                "adaptors/filterfalse.rs",
                |sources, n| {
                    subject(
                        filterfalse(only(sources), below(n)),
                        one,
                        |operator: FilterFalse<_, _>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, n| each_alone(values[0].iter().filter(|tok| tok.value >= n)),
            )
        },
        Operator {
            card: Card {
                size_hint: "at most the source's; the source's after the first item given",
                ..Card::PLAIN
            },
            ..Operator::plain(
                "DropWhile",
                "adaptors/dropwhile.rs",
                |sources, n| {
                    subject(
                        dropwhile(only(sources), below(n)),
                        one,
                        |operator: DropWhile<_, _>| (vec![operator.into_inner()], Vec::new()),
                    )
                },
                |values, n| each_alone(values[0].iter().skip_while(|tok| tok.value < n)),
            )
        },
        Operator {
            card: Card {
                memory: "the item that ended it",
                fused: "yes: the source is not polled after its end or the item that ended it",
                size_hint: "at most the source's",
                ..Card::PLAIN
            },
            held: Held::These(|stopped| {
                let taken = stopped.taken[0].iter();
                let refused = taken.filter(|tok| tok.value >= stopped.parameter);
                refused.map(|tok| tok.id).collect()
            }),
            most: |_| 1,
            ..Operator::plain(
                "TakeWhile",
                "adaptors/takewhile.rs",
                |sources, n| {
                    subject(
                        takewhile(only(sources), below(n)),
                        one,
                        |operator: TakeWhile<_, _>| {
                            let (source, refused) = operator.into_parts();
                            (vec![source], Vec::from_iter(refused))
                        },
                    )
                },
                |values, n| each_alone(values[0].iter().take_while(|tok| tok.value < n)),
            )
        },
        Operator {
            card: Card {
                fused: "yes: the source is not polled after its end or the last item given",
                size_hint: "at most the source's, and at least one where the source has one",
                ..Card::PLAIN
            },
            ..Operator::plain(
                "TakeWhileInclusive",
                "adaptors/takewhile.rs",
                |sources, n| {
                    subject(
                        take_while_inclusive(only(sources), below(n)),
                        one,
                        |operator: TakeWhileInclusive<_, _>| {
                            (vec![operator.into_inner()], Vec::new())
                        },
                    )
                },
                |values, n| {
                    let toks = &values[0];
                    let refused = toks.iter().position(|tok| tok.value >= n);
                    let given = refused.map_or(toks.len(), |at| at + 1);
                    each_alone(&toks[..given])
                },
            )
        },
    ]
}

pub(crate) fn operators() -> Vec<Operator> {
    let groups = [running(), neighbours(), slices(), filters()];
    groups.into_iter().flatten().collect()
}

#[test]
fn running_values_keep_the_laws() {
    keep_the_laws(running());
}

#[test]
fn neighbours_keep_the_laws() {
    keep_the_laws(neighbours());
}

#[test]
fn slices_keep_the_laws() {
    keep_the_laws(slices());
}

#[test]
fn filters_keep_the_laws() {
    keep_the_laws(filters());
}
