//! One stream for several readers, as one reader sees it; `tee.rs` has the others.

use std::pin::Pin;

use aio_itertools::adaptors::{Branch, tee};
use aio_itertools::lag::{self, Lag};

use crate::laws::{Card, Held, MARK, Operator, Subject, keep_the_laws, only, subject};
use crate::scripted::{Script, Token};

fn of_one<L: Lag + 'static>(
    lag: L,
    source: Script,
    encode: fn(&L::Item<Token>) -> Vec<usize>,
) -> Box<dyn Subject> {
    let [branch] = tee(source, lag);
    subject(branch, encode, |branch: Branch<_, L>| {
        let (source, unread) = branch.into_parts().expect("the only branch");
        (vec![*Pin::into_inner(source)], unread)
    })
}

fn ids_or_mark(item: &Result<Token, lag::Lagged>) -> Vec<usize> {
    vec![item.as_ref().map_or(MARK, Token::id)]
}

/// A branch of the sources, with a lag.
type Build = fn(Vec<Script>, usize) -> Box<dyn Subject>;

pub(crate) fn operators() -> Vec<Operator> {
    let builds: [Build; 4] = [
        |sources, lag| of_one(lag::block(lag), only(sources), |token| vec![token.id()]),
        |sources, lag| of_one(lag::drop_oldest(lag), only(sources), ids_or_mark),
        |sources, lag| of_one(lag::fail(lag), only(sources), ids_or_mark),
        |sources, _| of_one(lag::unbounded(), only(sources), |token| vec![token.id()]),
    ];
    builds
        .map(|build| Operator {
            card: Card {
                in_flight: "none of its own: the source is polled by whichever branch needs an item",
                memory: "what the slowest branch has still to read, at most the lag; \
                    with `fail` the same again for each branch that has failed",
                size_hint: "exact when the source's is and nothing can be lost",
                errors: "items pass as they are; `Lagged` stands where the policy lost some",
                ..Card::PLAIN
            },
            held: Held::All,
            ..Operator::plain("Branch", "adaptors/tee.rs", build, |values, _| {
                values[0].iter().map(|tok| vec![tok.id]).collect()
            })
        })
        .into()
}

#[test]
fn branches_keep_the_laws() {
    keep_the_laws(operators());
}
