use std::ops::ControlFlow::{Break, Continue};

use futures_core::Stream;

use crate::drive::drive;

/// Gives the first item, or `None` if there is none.
///
/// It takes no second item, so `first(&mut stream)` leaves the stream just behind it.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | nothing is kept |
/// | stops early | at the first item |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: a stream that is passed by value is dropped with the future.
/// Nothing is lost with `&mut stream`.
///
/// # Examples
///
/// ```
/// use aio_itertools::{consumers::first, iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut numbers = iter(1..=3);
/// assert_eq!(first(&mut numbers).await, Some(1));
/// assert_eq!(numbers.list().await, [2, 3]);
/// # }
/// ```
pub fn first<S: Stream>(stream: S) -> impl Future<Output = Option<S::Item>> {
    nth(stream, 0)
}

/// Gives the last item, or `None` if there is none.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the last item so far is dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{consumers::last, iter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(last(iter(1..=3)).await, Some(3));
/// # }
/// ```
pub fn last<S: Stream>(stream: S) -> impl Future<Output = Option<S::Item>> {
    drive(
        stream,
        None,
        |last, item| {
            *last = Some(item);
            Continue(())
        },
        |last| last,
    )
}

/// Gives the item with the number `n`, counted from 0, or `None` if the stream is shorter.
///
/// It is the recipe `nth` of Python's itertools. The items before it are dropped,
/// and none after it is taken, so `nth(&mut stream, n)` leaves the stream just
/// behind it.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | nothing is kept |
/// | stops early | at the item |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: how many items were passed over is forgotten with the future.
/// Pass `&mut stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{consumers::nth, iter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut letters = iter("abcd".chars());
/// assert_eq!(nth(&mut letters, 1).await, Some('b'));
/// assert_eq!(nth(&mut letters, 0).await, Some('c'));
/// assert_eq!(nth(&mut letters, 9).await, None);
/// # }
/// ```
pub fn nth<S: Stream>(stream: S, n: usize) -> impl Future<Output = Option<S::Item>> {
    drive(
        stream,
        n,
        |before, item| {
            if *before == 0 {
                return Break(Some(item));
            }
            *before -= 1;
            Continue(())
        },
        |_| None,
    )
}
