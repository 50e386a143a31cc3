//! Several streams: side by side, merged, one after the other, and one over and over.

use aio_itertools::adaptors::{
    Chain, ChainFromIterable, MergeSorted, Zip, ZipLongest, ZipLongestFilled, ZipStrict,
    chain_from_iterable, cycle, zip, zip_strict,
};
use aio_itertools::{chain, iter, merge_sorted, prelude::*, zip_longest};
use itertools::{EitherOrBoth, Itertools};

use crate::laws::{Card, Held, MARK, Operator, Stopped, in_closure, keep_the_laws, subject};
use crate::scripted::{Ledger, Script, Tok, Token};

/// Stands for a lane that has ended among the ids of an output.
const NONE: usize = MARK - 1;

/// The id of the value that fills such a lane.
const FILLER: usize = 99;

fn two(sources: Vec<Script>) -> (Script, Script) {
    let Ok([a, b]) = <[Script; 2]>::try_from(sources) else {
        panic!("two sources")
    };
    (a, b)
}

fn three(sources: Vec<Script>) -> (Script, Script, Script) {
    let Ok([a, b, c]) = <[Script; 3]>::try_from(sources) else {
        panic!("three sources")
    };
    (a, b, c)
}

fn unboxed<S>(streams: Vec<std::pin::Pin<Box<S>>>) -> Vec<S>
where
    S: Unpin,
{
    let streams = streams.into_iter();
    streams.map(|s| *std::pin::Pin::into_inner(s)).collect()
}

fn half(token: &Option<Token>) -> usize {
    token.as_ref().map_or(NONE, Token::id)
}

fn present(halves: impl IntoIterator<Item = Option<Token>>) -> Vec<Token> {
    halves.into_iter().flatten().collect()
}

/// What each lane has given beyond the rounds that are complete.
fn halves_of(stopped: &Stopped<'_>) -> Vec<usize> {
    let kept = |lane: &&[Tok]| {
        let kept = lane.iter().skip(stopped.outputs);
        kept.map(|tok| tok.id).collect::<Vec<_>>()
    };
    stopped.taken.iter().flat_map(kept).collect()
}

/// One row of ids for each round until the longest lane ends.
fn rows(values: &[Vec<Tok>]) -> Vec<Vec<usize>> {
    let rounds = values.iter().map(Vec::len).max().unwrap_or(0);
    let row = |round: usize| {
        let id = |lane: &Vec<Tok>| lane.get(round).map_or(NONE, |tok| tok.id);
        values.iter().map(id).collect()
    };
    (0..rounds).map(row).collect()
}

fn shortest(values: &[Vec<Tok>], _: usize) -> Vec<Vec<usize>> {
    let mut rows = rows(values);
    rows.retain(|row| !row.contains(&NONE));
    rows
}

fn longest(values: &[Vec<Tok>], _: usize) -> Vec<Vec<usize>> {
    rows(values)
}

fn filled(values: &[Vec<Tok>], _: usize) -> Vec<Vec<usize>> {
    let mut rows = rows(values);
    let ids = rows.iter_mut().flatten();
    ids.filter(|id| **id == NONE).for_each(|id| *id = FILLER);
    rows
}

fn strict(values: &[Vec<Tok>], _: usize) -> Vec<Vec<usize>> {
    let rows = rows(values);
    let complete = rows.iter().filter(|row| !row.contains(&NONE)).count();
    // After the first row that isn't complete comes nothing more. Which of its
    // items are there when the first lane ends depends on the polls.
    let mut given = rows[..complete].to_vec();
    if complete < rows.len() {
        given.push(vec![MARK]);
    }
    given
}

fn zipped() -> Vec<Operator> {
    let card = || Card {
        memory: "one item of each source",
        ..Card::PLAIN
    };
    vec![
        Operator {
            card: card(),
            sources: 2,
            held: Held::These(halves_of),
            most: |_| 1,
            ..Operator::plain(
                "Zip",
                "adaptors/zip.rs",
                |sources, _| {
                    subject(
                        zip(two(sources)),
                        |(a, b)| vec![a.id(), b.id()],
                        |operator: Zip<(Script, Script)>| {
                            let ((a, b), (c, d)) = operator.into_parts();
                            (vec![a, b], present([c, d]))
                        },
                    )
                },
                |values, _| {
                    let pairs = values[0].iter().zip(&values[1]);
                    pairs.map(|(a, b)| vec![a.id, b.id]).collect()
                },
            )
        },
        Operator {
            card: card(),
            sources: 3,
            held: Held::These(halves_of),
            most: |_| 2,
            ..Operator::plain(
                "Zip",
                "adaptors/zip.rs",
                |sources, _| {
                    subject(
                        zip(sources),
                        |row| row.iter().map(Token::id).collect(),
                        |operator: Zip<Vec<Script>>| {
                            let (sources, kept) = operator.into_parts();
                            (unboxed(sources), present(kept))
                        },
                    )
                },
                shortest,
            )
        },
    ]
}

fn zipped_strictly() -> Vec<Operator> {
    let card = || Card {
        memory: "one item of each source",
        errors: "unequal lengths are one error that hands over the incomplete round, then the end",
        ..Card::PLAIN
    };
    vec![
        Operator {
            card: card(),
            sources: 2,
            held: Held::These(halves_of),
            most: |_| 1,
            ..Operator::plain(
                "ZipStrict",
                "adaptors/zip.rs",
                |sources, _| {
                    let (a, b) = two(sources);
                    subject(
                        a.zip_strict(b),
                        |row| match row {
                            Ok((a, b)) => vec![a.id(), b.id()],
                            Err(_) => vec![MARK],
                        },
                        |operator: ZipStrict<(Script, Script)>| {
                            let ((a, b), (c, d)) = operator.into_parts();
                            (vec![a, b], present([c, d]))
                        },
                    )
                },
                strict,
            )
        },
        Operator {
            card: card(),
            sources: 3,
            held: Held::These(halves_of),
            most: |_| 2,
            ..Operator::plain(
                "ZipStrict",
                "adaptors/zip.rs",
                |sources, _| {
                    subject(
                        zip_strict(<[Script; 3]>::try_from(sources).ok().unwrap()),
                        |row| match row {
                            Ok(row) => row.iter().map(Token::id).collect(),
                            Err(_) => vec![MARK],
                        },
                        |operator: ZipStrict<[Script; 3]>| {
                            let (sources, kept) = operator.into_parts();
                            (unboxed(sources), present(kept))
                        },
                    )
                },
                strict,
            )
        },
    ]
}

fn zipped_to_the_longest() -> Vec<Operator> {
    let card = || Card {
        memory: "one item of each source",
        ..Card::PLAIN
    };
    vec![
        Operator {
            card: card(),
            sources: 2,
            held: Held::These(halves_of),
            most: |_| 1,
            ..Operator::plain(
                "ZipLongest",
                "adaptors/zip_longest.rs",
                |sources, _| {
                    let (a, b) = two(sources);
                    subject(
                        a.zip_longest(b),
                        |(a, b)| vec![half(a), half(b)],
                        |operator: ZipLongest<(Script, Script)>| {
                            let ((a, b), (c, d)) = operator.into_parts();
                            (vec![a, b], present([c, d]))
                        },
                    )
                },
                |values, _| {
                    let pairs = values[0].iter().zip_longest(&values[1]);
                    pairs
                        .map(|pair| match pair {
                            EitherOrBoth::Both(a, b) => vec![a.id, b.id],
                            EitherOrBoth::Left(a) => vec![a.id, NONE],
                            EitherOrBoth::Right(b) => vec![NONE, b.id],
                        })
                        .collect()
                },
            )
        },
        Operator {
            card: card(),
            sources: 3,
            held: Held::These(halves_of),
            most: |_| 2,
            ..Operator::plain(
                "ZipLongest",
                "adaptors/zip_longest.rs",
                |sources, _| {
                    subject(
                        zip_longest(three(sources)),
                        |(a, b, c)| vec![half(a), half(b), half(c)],
                        |operator: ZipLongest<(Script, Script, Script)>| {
                            let ((a, b, c), (d, e, f)) = operator.into_parts();
                            (vec![a, b, c], present([d, e, f]))
                        },
                    )
                },
                longest,
            )
        },
        Operator {
            card: Card {
                memory: "one item of each source, and the value",
                ..Card::PLAIN
            },
            sources: 3,
            held: Held::These(halves_of),
            most: |_| 2,
            ..Operator::plain(
                "ZipLongestFilled",
                "adaptors/zip_longest.rs",
                |sources, _| {
                    let filler = Ledger::new(FILLER + 1).token(FILLER);
                    subject(
                        zip_longest(sources).fill(filler),
                        |row| row.iter().map(Token::id).collect(),
                        |operator: ZipLongestFilled<Vec<Script>>| {
                            let (sources, kept) = operator.into_parts();
                            (unboxed(sources), present(kept))
                        },
                    )
                },
                filled,
            )
        },
    ]
}

/// Takes the least of the first items again and again, of equal ones the earliest
/// stream's: what is given after `items`, and what is left of each stream.
fn merged_by_hand<'a, K: Ord>(
    streams: &[&'a [Tok]],
    items: usize,
    key: fn(&Tok) -> K,
) -> (Vec<&'a Tok>, Vec<&'a [Tok]>) {
    let mut left = streams.to_vec();
    let mut given = Vec::new();
    while given.len() < items {
        let heads = left.iter_mut().filter(|stream| !stream.is_empty());
        // The first of those that are equally small.
        let Some(least) = heads.min_by_key(|stream| key(&stream[0])) else {
            break;
        };
        given.push(&least[0]);
        *least = &least[1..];
    }
    (given, left)
}

fn held_by_a_merge<K: Ord>(stopped: &Stopped<'_>, key: fn(&Tok) -> K) -> Vec<usize> {
    let (_, held) = merged_by_hand(&stopped.taken, stopped.outputs, key);
    held.into_iter().flatten().map(|tok| tok.id).collect()
}

fn merged<K: Ord>(values: &[Vec<Tok>], key: fn(&Tok) -> K) -> Vec<Vec<usize>> {
    let streams: Vec<&[Tok]> = values.iter().map(Vec::as_slice).collect();
    let (given, _) = merged_by_hand(&streams, usize::MAX, key);
    given.into_iter().map(|tok| vec![tok.id]).collect()
}

fn merges() -> Vec<Operator> {
    const FILE: &str = "adaptors/merge_sorted.rs";
    let merge = |build, oracle| Operator {
        card: Card {
            memory: "one item of each source",
            ..Card::PLAIN
        },
        sources: 3,
        held: Held::These(|stopped| held_by_a_merge(stopped, |tok| tok.value)),
        most: |_| 2,
        ..Operator::plain("MergeSorted", FILE, build, oracle)
    };
    vec![
        Operator {
            sorted: true,
            ..merge(
                |sources, _| {
                    subject(
                        merge_sorted(sources),
                        |token| vec![token.id()],
                        |operator: MergeSorted<Script>| {
                            let (sources, heads) = operator.into_parts();
                            (unboxed(sources), present(heads))
                        },
                    )
                },
                |values, _| {
                    let streams = values.iter().enumerate();
                    streams
                        .map(|(number, toks)| toks.iter().map(move |tok| (tok.value, number, tok)))
                        .kmerge_by(|a, b| (a.0, a.1) < (b.0, b.1))
                        .map(|(_, _, tok)| vec![tok.id])
                        .collect()
                },
            )
        },
        // In no order at all nothing is lost, and four heads are a heap of some height.
        Operator {
            sources: 4,
            held: Held::These(|stopped| held_by_a_merge(stopped, |tok| tok.value / 2)),
            most: |_| 3,
            ..merge(
                |sources, _| {
                    let merged = merge_sorted(sources).by_key(|token| {
                        in_closure();
                        token.value() / 2
                    });
                    subject(
                        merged,
                        |token| vec![token.id()],
                        |operator| {
                            let (sources, heads) = operator.into_parts();
                            (unboxed(sources), present(heads))
                        },
                    )
                },
                |values, _| merged(values, |tok| tok.value / 2),
            )
        },
        Operator {
            held: Held::These(|stopped| {
                held_by_a_merge(stopped, |tok| std::cmp::Reverse(tok.value))
            }),
            ..merge(
                |sources, _| {
                    let merged = merge_sorted(sources).by(|a, b| {
                        in_closure();
                        b.value().cmp(&a.value())
                    });
                    subject(
                        merged,
                        |token| vec![token.id()],
                        |operator| {
                            let (sources, heads) = operator.into_parts();
                            (unboxed(sources), present(heads))
                        },
                    )
                },
                |values, _| merged(values, |tok| std::cmp::Reverse(tok.value)),
            )
        },
    ]
}

fn one_after_the_other() -> Vec<Operator> {
    let card = || Card {
        size_hint: "exact for the last stream; before it at least what the current one gives",
        ..Card::PLAIN
    };
    let all = |values: &[Vec<Tok>], _| values.iter().flatten().map(|tok| vec![tok.id]).collect();
    vec![
        Operator {
            card: card(),
            sources: 3,
            held: Held::All,
            ..Operator::plain(
                "Chain",
                "adaptors/chain.rs",
                |sources, _| {
                    subject(
                        chain(sources),
                        |token| vec![token.id()],
                        |operator: Chain<std::vec::IntoIter<Script>>| {
                            let (current, others) = operator.into_parts();
                            let others = others.into_iter().flatten();
                            (current.into_iter().chain(others).collect(), Vec::new())
                        },
                    )
                },
                all,
            )
        },
        Operator {
            card: card(),
            sources: 3,
            held: Held::All,
            ..Operator::plain(
                "ChainFromIterable",
                "adaptors/chain.rs",
                |sources, _| {
                    subject(
                        chain_from_iterable(iter(sources)),
                        |token| vec![token.id()],
                        |operator: ChainFromIterable<_>| {
                            let (current, others) = operator.into_parts();
                            let others = others.into_parts().into_iter().flatten();
                            (current.into_iter().chain(others).collect(), Vec::new())
                        },
                    )
                },
                all,
            )
        },
    ]
}

fn over_and_over() -> Operator {
    Operator {
        card: Card {
            memory: "all items of the source",
            ..Card::PLAIN
        },
        held: Held::These(|stopped| stopped.taken[0].iter().map(|tok| tok.id).collect()),
        most: |_| usize::MAX,
        ..Operator::plain(
            "Cycle",
            "adaptors/cycle.rs",
            // It has no end of its own.
            |sources, times| {
                subject(
                    cycle(crate::laws::only(sources)).islice(..times * 4),
                    |token| vec![token.id()],
                    |operator| {
                        let (source, kept) = operator.into_inner().into_parts();
                        (vec![source], kept)
                    },
                )
            },
            |values, times| {
                let toks = values[0].iter().cycle().take(times * 4);
                toks.map(|tok| vec![tok.id]).collect()
            },
        )
    }
}

pub(crate) fn operators() -> Vec<Operator> {
    [
        zipped(),
        zipped_strictly(),
        zipped_to_the_longest(),
        merges(),
        one_after_the_other(),
        vec![over_and_over()],
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn streams_side_by_side_keep_the_laws() {
    keep_the_laws(zipped());
}

#[test]
fn streams_of_equal_length_keep_the_laws() {
    keep_the_laws(zipped_strictly());
}

#[test]
fn streams_to_the_longest_keep_the_laws() {
    keep_the_laws(zipped_to_the_longest());
}

#[test]
fn merged_streams_keep_the_laws() {
    keep_the_laws(merges().into_iter().take(1).collect());
}

#[test]
fn streams_merged_in_another_order_keep_the_laws() {
    keep_the_laws(merges().into_iter().skip(1).collect());
}

#[test]
fn chained_streams_keep_the_laws() {
    keep_the_laws(one_after_the_other());
}

#[test]
fn a_cycled_stream_keeps_the_laws() {
    keep_the_laws(vec![over_and_over()]);
}
