//! The registry of the consumer laws: one entry for each consumer.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Add, Mul};

use aio_itertools::Stream;
use aio_itertools::consumers::{self, MinMax, NotOne};
use futures_util::StreamExt;
use itertools::Itertools;

use crate::consumer_laws::{Consumer, ConsumerCard, Values, answer, keep_the_laws};
use crate::laws::{in_closure, only};
use crate::scripted::{Script, Tok, Token};

/// Every consumer of the crate.
pub(crate) fn all() -> Vec<Consumer> {
    [
        extremes(),
        minmax(),
        folds(),
        positions(),
        verdicts(),
        collections(),
        maps(),
        sorted(),
        k_extremes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn cut_extremes_at_every_poll() {
    keep_the_laws(extremes());
}

#[test]
fn cut_minmax_at_every_poll() {
    keep_the_laws(minmax());
}

#[test]
fn cut_folds_at_every_poll() {
    keep_the_laws(folds());
}

#[test]
fn cut_positions_at_every_poll() {
    keep_the_laws(positions());
}

#[test]
fn cut_verdicts_at_every_poll() {
    keep_the_laws(verdicts());
}

#[test]
fn cut_collections_at_every_poll() {
    keep_the_laws(collections());
}

#[test]
fn cut_maps_at_every_poll() {
    keep_the_laws(maps());
}

#[test]
fn cut_sorted_at_every_poll() {
    keep_the_laws(sorted());
}

#[test]
fn cut_k_extremes_at_every_poll() {
    keep_the_laws(k_extremes());
}

/// A key and an order of their own, with many ties.
fn key(token: &Token) -> usize {
    in_closure();
    token.value() % 3
}

fn key_of(tok: &Tok) -> usize {
    tok.value % 3
}

fn compare(left: &Token, right: &Token) -> Ordering {
    in_closure();
    (left.value() % 3).cmp(&(right.value() % 3))
}

fn id(token: Option<Token>) -> Vec<usize> {
    token.iter().map(Token::id).collect()
}

fn ids(tokens: Vec<Token>) -> Vec<usize> {
    tokens.iter().map(Token::id).collect()
}

fn id_of(tok: Option<Tok>) -> Vec<usize> {
    tok.iter().map(|tok| tok.id).collect()
}

fn ids_of(toks: impl IntoIterator<Item = Tok>) -> Vec<usize> {
    toks.into_iter().map(|tok| tok.id).collect()
}

fn verdict(holds: bool) -> Vec<usize> {
    vec![usize::from(holds)]
}

/// Each token with a copy of itself as its key.
fn pairs(source: &mut Script) -> impl Stream<Item = (Token, Token)> {
    source.map(|token| (token.clone(), token))
}

fn distinct(taken: &[Tok]) -> usize {
    taken
        .iter()
        .map(|tok| tok.value)
        .collect::<BTreeSet<_>>()
        .len()
}

const fn keeps(memory: &'static str) -> ConsumerCard {
    ConsumerCard {
        memory,
        ..ConsumerCard::PLAIN
    }
}

const fn stops(stops_early: &'static str, memory: &'static str) -> ConsumerCard {
    ConsumerCard {
        memory,
        stops_early,
        ..ConsumerCard::PLAIN
    }
}

fn extremes() -> Vec<Consumer> {
    let file = "consumers/extremes.rs";
    let one = |consumer| Consumer {
        card: keeps("one item"),
        most: |_, _| 1,
        ..consumer
    };
    let keyed = |consumer| Consumer {
        card: keeps("one item and its key"),
        most: |_, _| 1,
        ..consumer
    };
    vec![
        one(Consumer::plain(
            "min",
            file,
            |sources, _| answer(consumers::min(only(sources)), id),
            |values, _| id_of(only(values).min_by_key(|tok| tok.value)),
        )),
        one(Consumer::plain(
            "min_by",
            file,
            |sources, _| answer(consumers::min_by(only(sources), compare), id),
            |values, _| id_of(only(values).min_by_key(key_of)),
        )),
        keyed(Consumer::plain(
            "min_by_key",
            file,
            |sources, _| answer(consumers::min_by_key(only(sources), key), id),
            |values, _| id_of(only(values).min_by_key(key_of)),
        )),
        // The first of the largest is the first of the smallest the other way round.
        one(Consumer::plain(
            "max",
            file,
            |sources, _| answer(consumers::max(only(sources)), id),
            |values, _| id_of(only(values).min_by_key(|tok| Reverse(tok.value))),
        )),
        one(Consumer::plain(
            "max_by",
            file,
            |sources, _| answer(consumers::max_by(only(sources), compare), id),
            |values, _| id_of(only(values).min_by_key(|tok| Reverse(key_of(tok)))),
        )),
        keyed(Consumer::plain(
            "max_by_key",
            file,
            |sources, _| answer(consumers::max_by_key(only(sources), key), id),
            |values, _| id_of(only(values).min_by_key(|tok| Reverse(key_of(tok)))),
        )),
    ]
}

fn minmax() -> Vec<Consumer> {
    let file = "consumers/minmax.rs";
    let two = |consumer| Consumer {
        card: keeps("two items"),
        most: |_, _| 2,
        ..consumer
    };
    vec![
        two(Consumer::plain(
            "minmax",
            file,
            |sources, _| answer(consumers::minmax(only(sources)), extremes_as_numbers),
            |values, _| extremes_of(only(values), |tok| tok.value),
        )),
        two(Consumer::plain(
            "minmax_by",
            file,
            |sources, _| {
                let minmax = consumers::minmax_by(only(sources), compare);
                answer(minmax, extremes_as_numbers)
            },
            |values, _| extremes_of(only(values), key_of),
        )),
        Consumer {
            card: keeps("two items and their keys"),
            ..two(Consumer::plain(
                "minmax_by_key",
                file,
                |sources, _| {
                    let minmax = consumers::minmax_by_key(only(sources), key);
                    answer(minmax, extremes_as_numbers)
                },
                |values, _| extremes_of(only(values), key_of),
            ))
        },
    ]
}

fn extremes_as_numbers(extremes: MinMax<Token>) -> Vec<usize> {
    match extremes {
        MinMax::Empty => vec![],
        MinMax::One(both) => vec![both.id()],
        MinMax::Two(min, max) => vec![min.id(), max.id()],
    }
}

/// The first of the smallest and the first of the largest, once if they are one.
fn extremes_of(values: Values<'_>, key: fn(&Tok) -> usize) -> Vec<usize> {
    let toks: Vec<Tok> = values.collect();
    let min = toks.iter().min_by_key(|tok| key(tok));
    let max = toks.iter().min_by_key(|tok| Reverse(key(tok)));
    let both = min.into_iter().chain(max).map(|tok| tok.id);
    both.dedup().collect()
}

/// What tokens are added and multiplied to.
struct Ids(Vec<usize>);

impl Ids {
    fn and(mut self, token: &Token) -> Self {
        in_closure();
        self.0.push(token.id());
        self
    }
}

impl Add<Token> for Ids {
    type Output = Self;

    fn add(self, token: Token) -> Self {
        self.and(&token)
    }
}

impl Mul<Token> for Ids {
    type Output = Self;

    fn mul(self, token: Token) -> Self {
        self.and(&token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_closure();
        write!(f, "{}", self.id())
    }
}

fn folds() -> Vec<Consumer> {
    vec![
        Consumer {
            card: keeps("the sum"),
            ..Consumer::plain(
                "sum",
                "consumers/sum.rs",
                |sources, _| answer(consumers::sum(only(sources), Ids(vec![7])), |sum| sum.0),
                |values, _| [vec![7], ids_of(only(values))].concat(),
            )
        },
        Consumer {
            card: keeps("the product"),
            ..Consumer::plain(
                "prod",
                "consumers/sum.rs",
                |sources, _| answer(consumers::prod(only(sources), Ids(vec![7])), |prod| prod.0),
                |values, _| [vec![7], ids_of(only(values))].concat(),
            )
        },
        Consumer {
            card: keeps("one item"),
            most: |_, _| 1,
            ..Consumer::plain(
                "reduce",
                "consumers/reduce.rs",
                |sources, _| {
                    let last_odd = |left: Token, right: Token| {
                        in_closure();
                        // What is returned leaks if a drop at the end panics.
                        let (kept, other) = match right.value() % 2 {
                            1 => (right, left),
                            _ => (left, right),
                        };
                        drop(other);
                        kept
                    };
                    answer(consumers::reduce(only(sources), last_odd), id)
                },
                |values, _| {
                    let last_odd =
                        |left, right: Tok| if right.value % 2 == 1 { right } else { left };
                    id_of(only(values).reduce(last_odd))
                },
            )
        },
        Consumer {
            card: keeps("the text"),
            ..Consumer::plain(
                "join",
                "consumers/join.rs",
                |sources, _| answer(consumers::join(only(sources), ", "), as_bytes),
                |values, _| as_bytes(only(values).map(|tok| tok.id).join(", ")),
            )
        },
    ]
}

fn as_bytes(text: String) -> Vec<usize> {
    text.bytes().map(usize::from).collect()
}

fn positions() -> Vec<Consumer> {
    let of_two = ConsumerCard {
        errors: "the first two items are handed over inside the error",
        ..stops("at the second item", "one item")
    };
    vec![
        Consumer {
            card: stops("at the first item", "nothing is kept"),
            ..Consumer::plain(
                "first",
                "consumers/position.rs",
                |sources, _| answer(consumers::first(only(sources)), id),
                |values, _| id_of(only(values).next()),
            )
        },
        Consumer {
            card: stops("at the item", "nothing is kept"),
            ..Consumer::plain(
                "nth",
                "consumers/position.rs",
                |sources, n| answer(consumers::nth(only(sources), n), id),
                |values, n| id_of(only(values).nth(n)),
            )
        },
        Consumer {
            card: keeps("one item"),
            most: |_, _| 1,
            ..Consumer::plain(
                "last",
                "consumers/position.rs",
                |sources, _| answer(consumers::last(only(sources)), id),
                |values, _| id_of(only(values).last()),
            )
        },
        Consumer {
            card: of_two,
            most: |_, _| 1,
            ..Consumer::plain(
                "exactly_one",
                "consumers/exactly_one.rs",
                |sources, _| {
                    answer(consumers::exactly_one(only(sources)), |one| match one {
                        Ok(one) => vec![one.id()],
                        Err(NotOne::More(more)) => ids(more.into_items().into()),
                        Err(_) => vec![],
                    })
                },
                |values, _| ids_of(only(values).take(2)),
            )
        },
        Consumer {
            card: of_two,
            most: |_, _| 1,
            ..Consumer::plain(
                "at_most_one",
                "consumers/exactly_one.rs",
                |sources, _| {
                    answer(consumers::at_most_one(only(sources)), |one| match one {
                        Ok(one) => id(one),
                        Err(more) => ids(more.into_items().into()),
                    })
                },
                |values, _| ids_of(only(values).take(2)),
            )
        },
    ]
}

/// Most tokens are equal to most of these.
struct Loose(Token);

impl PartialEq<Loose> for Token {
    fn eq(&self, other: &Loose) -> bool {
        in_closure();
        self.value() / 4 == other.0.value() / 4
    }
}

fn verdicts() -> Vec<Consumer> {
    let sorted = |consumer| Consumer {
        card: stops("at the first item out of order", "one item"),
        most: |_, _| 1,
        ..consumer
    };
    vec![
        Consumer {
            card: stops("at the first item that differs", "one item"),
            most: |_, _| 1,
            ..Consumer::plain(
                "all_equal",
                "consumers/all_equal.rs",
                |sources, _| answer(consumers::all_equal(only(sources)), verdict),
                |values, _| verdict(only(values).map(|tok| tok.value).all_equal()),
            )
        },
        sorted(Consumer::plain(
            "is_sorted",
            "consumers/is_sorted.rs",
            |sources, _| answer(consumers::is_sorted(only(sources)), verdict),
            |values, _| verdict(only(values).map(|tok| tok.value).is_sorted()),
        )),
        sorted(Consumer::plain(
            "is_sorted_by",
            "consumers/is_sorted.rs",
            |sources, _| {
                let in_order = |left: &Token, right: &Token| {
                    in_closure();
                    left.value() < right.value() + 3
                };
                answer(consumers::is_sorted_by(only(sources), in_order), verdict)
            },
            |values, _| {
                verdict(only(values).is_sorted_by(|left, right| left.value < right.value + 3))
            },
        )),
        Consumer {
            card: stops("at the first item out of order", "one key"),
            most: |_, _| 0,
            ..Consumer::plain(
                "is_sorted_by_key",
                "consumers/is_sorted.rs",
                |sources, _| answer(consumers::is_sorted_by_key(only(sources), key), verdict),
                |values, _| verdict(only(values).is_sorted_by_key(|tok| key_of(&tok))),
            )
        },
        Consumer {
            card: stops("at the first difference", "one item"),
            sources: 2,
            most: |_, _| 1,
            ..Consumer::plain(
                "eq",
                "consumers/eq.rs",
                |sources, _| {
                    let [left, right] = <[&mut Script; 2]>::try_from(sources).ok().unwrap();
                    answer(consumers::eq(left, right.map(Loose)), verdict)
                },
                |values, _| {
                    let [left, right] = <[Values<'_>; 2]>::try_from(values).ok().unwrap();
                    let coarse = |tok: Tok| tok.value / 4;
                    verdict(left.map(coarse).eq(right.map(coarse)))
                },
            )
        },
    ]
}

/// Rows of a map in the order of what their keys compare as, which is left out.
fn rows<K: Ord>(rows: impl IntoIterator<Item = (K, Vec<usize>)>) -> Vec<usize> {
    let rows: BTreeMap<K, Vec<usize>> = rows.into_iter().collect();
    rows.into_values().flatten().collect()
}

/// The groups of equal values, each in the order of arrival.
fn groups(values: Values<'_>, key: fn(&Tok) -> usize) -> BTreeMap<usize, Vec<Tok>> {
    let mut groups = BTreeMap::<usize, Vec<Tok>>::new();
    for tok in values {
        groups.entry(key(&tok)).or_default().push(tok);
    }
    groups
}

fn collections() -> Vec<Consumer> {
    vec![
        Consumer {
            card: keeps("all items"),
            most: |taken, _| taken[0].len(),
            ..Consumer::plain(
                "list",
                "consumers/list.rs",
                |sources, _| answer(consumers::list(only(sources)), ids),
                |values, _| ids_of(only(values)),
            )
        },
        Consumer {
            card: keeps("the different items"),
            most: |taken, _| distinct(taken[0]),
            in_a_table: true,
            ..Consumer::plain(
                "set",
                "consumers/set.rs",
                |sources, _| {
                    answer(consumers::set(only(sources)), |set| {
                        rows(set.iter().map(|token| (token.value(), vec![token.id()])))
                    })
                },
                |values, _| {
                    let groups = groups(only(values), |tok| tok.value);
                    groups.values().map(|group| group[0].id).collect()
                },
            )
        },
        Consumer {
            card: keeps("the different keys and a value of each"),
            most: |taken, _| 2 * distinct(taken[0]),
            in_a_table: true,
            ..Consumer::plain(
                "dict",
                "consumers/dict.rs",
                |sources, _| {
                    answer(consumers::dict(pairs(only(sources))), |dict| {
                        rows(dict.iter().map(|(k, v)| (k.value(), vec![k.id(), v.id()])))
                    })
                },
                |values, _| {
                    let groups = groups(only(values), |tok| tok.value);
                    let ends = |group: &Vec<Tok>| [group[0].id, group[group.len() - 1].id];
                    groups.values().flat_map(ends).collect()
                },
            )
        },
    ]
}

fn maps() -> Vec<Consumer> {
    vec![
        Consumer {
            card: keeps("the different items and their counts"),
            most: |taken, _| distinct(taken[0]),
            in_a_table: true,
            ..Consumer::plain(
                "counts",
                "consumers/counts.rs",
                |sources, _| {
                    answer(consumers::counts(only(sources)), |counts| {
                        rows(counts.iter().map(|(k, &n)| (k.value(), vec![k.id(), n])))
                    })
                },
                |values, _| {
                    let groups = groups(only(values), |tok| tok.value);
                    groups
                        .values()
                        .flat_map(|group| [group[0].id, group.len()])
                        .collect()
                },
            )
        },
        Consumer {
            card: keeps("the different keys and their counts"),
            ..Consumer::plain(
                "counts_by_key",
                "consumers/counts.rs",
                |sources, _| {
                    answer(consumers::counts_by_key(only(sources), key), |counts| {
                        rows(counts.into_iter().map(|(key, n)| (key, vec![key, n])))
                    })
                },
                |values, _| {
                    let groups = groups(only(values), key_of);
                    groups
                        .into_iter()
                        .flat_map(|(key, group)| [key, group.len()])
                        .collect()
                },
            )
        },
        Consumer {
            card: keeps("all values and the different keys"),
            most: |taken, _| taken[0].len() + distinct(taken[0]),
            in_a_table: true,
            ..Consumer::plain(
                "group_map",
                "consumers/group_map.rs",
                |sources, _| {
                    answer(consumers::group_map(pairs(only(sources))), |groups| {
                        rows(groups.into_iter().map(|(key, group)| {
                            (key.value(), [vec![key.id()], ids(group)].concat())
                        }))
                    })
                },
                |values, _| {
                    let groups = groups(only(values), |tok| tok.value);
                    let row = |group: Vec<Tok>| [vec![group[0].id], ids_of(group)].concat();
                    groups.into_values().flat_map(row).collect()
                },
            )
        },
        Consumer {
            card: keeps("all items and the different keys"),
            most: |taken, _| taken[0].len(),
            in_a_table: true,
            ..Consumer::plain(
                "group_map_by_key",
                "consumers/group_map.rs",
                |sources, _| {
                    answer(consumers::group_map_by_key(only(sources), key), |groups| {
                        rows(groups.into_iter().map(|(key, group)| (key, ids(group))))
                    })
                },
                |values, _| ids_of(groups(only(values), key_of).into_values().flatten()),
            )
        },
    ]
}

fn sorted() -> Vec<Consumer> {
    let all = |consumer| Consumer {
        card: keeps("all items"),
        most: |taken, _| taken[0].len(),
        ..consumer
    };
    vec![
        all(Consumer::plain(
            "sorted",
            "consumers/sorted.rs",
            |sources, _| answer(consumers::sorted(only(sources)), ids),
            |values, _| ids_of(only(values).sorted_by_key(|tok| tok.value)),
        )),
        all(Consumer::plain(
            "sorted_by",
            "consumers/sorted.rs",
            |sources, _| answer(consumers::sorted_by(only(sources), compare), ids),
            |values, _| ids_of(only(values).sorted_by_key(key_of)),
        )),
        Consumer {
            card: keeps("all items and their keys"),
            ..all(Consumer::plain(
                "sorted_by_key",
                "consumers/sorted.rs",
                |sources, _| answer(consumers::sorted_by_key(only(sources), key), ids),
                |values, _| ids_of(only(values).sorted_by_key(key_of)),
            ))
        },
    ]
}

fn k_extremes() -> Vec<Consumer> {
    let heap = |consumer| Consumer {
        card: stops("no, unless `k` is 0", "`k` items"),
        most: |taken, k| taken[0].len().min(k),
        ..consumer
    };
    let keyed_heap = |consumer| Consumer {
        card: stops("no, unless `k` is 0", "`k` items and their keys"),
        ..heap(consumer)
    };
    let file = "consumers/k_smallest.rs";
    vec![
        heap(Consumer::plain(
            "k_smallest",
            file,
            |sources, k| answer(consumers::k_smallest(only(sources), k), ids),
            |values, k| ids_of(only(values).sorted_by_key(|tok| tok.value).take(k)),
        )),
        heap(Consumer::plain(
            "k_smallest_by",
            file,
            |sources, k| answer(consumers::k_smallest_by(only(sources), k, compare), ids),
            |values, k| ids_of(only(values).sorted_by_key(key_of).take(k)),
        )),
        keyed_heap(Consumer::plain(
            "k_smallest_by_key",
            file,
            |sources, k| answer(consumers::k_smallest_by_key(only(sources), k, key), ids),
            |values, k| ids_of(only(values).sorted_by_key(key_of).take(k)),
        )),
        heap(Consumer::plain(
            "k_largest",
            file,
            |sources, k| answer(consumers::k_largest(only(sources), k), ids),
            |values, k| ids_of(only(values).sorted_by_key(|tok| Reverse(tok.value)).take(k)),
        )),
        heap(Consumer::plain(
            "k_largest_by",
            file,
            |sources, k| answer(consumers::k_largest_by(only(sources), k, compare), ids),
            |values, k| {
                ids_of(
                    only(values)
                        .sorted_by_key(|tok| Reverse(key_of(tok)))
                        .take(k),
                )
            },
        )),
        keyed_heap(Consumer::plain(
            "k_largest_by_key",
            file,
            |sources, k| answer(consumers::k_largest_by_key(only(sources), k, key), ids),
            |values, k| {
                ids_of(
                    only(values)
                        .sorted_by_key(|tok| Reverse(key_of(tok)))
                        .take(k),
                )
            },
        )),
    ]
}
