use std::ops::ControlFlow::Continue;
use std::ops::{Add, Mul};

use futures_core::Stream;

use crate::drive::drive;

/// Gives `start` and all items added to it, from the left.
///
/// It is Python's `sum(items, start)`. The type of the sum is that of `start`, so
/// it may be wider than an item, and need not be a number: a `Duration`, or a
/// `String` of `&str`. It overflows as `+` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | the sum |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the sum so far is dropped with the future. Pass `&mut stream`
/// to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([1, 2, 3]).sum(0).await, 6);
/// assert_eq!(iter(["a", "b"]).sum(String::from("> ")).await, "> ab");
/// # }
/// ```
pub fn sum<S, A>(stream: S, start: A) -> impl Future<Output = A>
where
    S: Stream,
    A: Add<S::Item, Output = A>,
{
    fold(stream, start, Add::add)
}

/// Gives `start` multiplied with all items, from the left.
///
/// It is Python's `math.prod(items, start=start)`. It overflows as `*` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | the product |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the product so far is dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([2, 3, 4]).prod(1).await, 24);
/// # }
/// ```
#[doc(alias = "product")]
pub fn prod<S, A>(stream: S, start: A) -> impl Future<Output = A>
where
    S: Stream,
    A: Mul<S::Item, Output = A>,
{
    fold(stream, start, Mul::mul)
}

fn fold<S, A, F>(stream: S, start: A, f: F) -> impl Future<Output = A>
where
    S: Stream,
    F: Fn(A, S::Item) -> A,
{
    drive(
        stream,
        Some(start),
        move |folded, item| {
            *folded = folded.take().map(|folded| f(folded, item));
            Continue(())
        },
        |folded| folded.expect("it is absent only after a panic, and that is the end"),
    )
}
