use std::cmp::Ordering;
use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::drive;

/// Gives the smallest item, the first of equal ones; `None` if there is no item.
///
/// Python's `default=` is `unwrap_or`. Floating-point numbers have no total
/// order: use [`min_by`] with `f64::total_cmp`.
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
/// Not cancel safe: the smallest item so far is dropped with the future. Pass
/// `&mut stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([3, 1, 2]).min().await, Some(1));
/// assert_eq!(iter([]).min().await.unwrap_or(7), 7);
/// # }
/// ```
pub fn min<S>(stream: S) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    S::Item: Ord,
{
    best(stream, |new, best| new.cmp(best).is_lt())
}

/// Gives the smallest item by `compare`, the first of equal ones.
///
/// As [`min`], for an order of one's own.
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
/// Not cancel safe: the smallest item so far is dropped with the future. Pass
/// `&mut stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([0.5, -1.5]).min_by(f64::total_cmp).await, Some(-1.5));
/// # }
/// ```
pub fn min_by<S, F>(stream: S, mut compare: F) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> Ordering,
{
    best(stream, move |new, best| compare(new, best).is_lt())
}

/// Gives the item with the smallest key, the first of equal ones.
///
/// It is Python's `min(items, key=f)`: `key` is called once for each item.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item and its key |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the smallest item so far is dropped with the future. Pass
/// `&mut stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let shortest = iter(["pear", "fig", "nut"]).min_by_key(|word| word.len());
/// assert_eq!(shortest.await, Some("fig"));
/// # }
/// ```
pub fn min_by_key<S, K, F>(stream: S, key: F) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    K: Ord,
    F: FnMut(&S::Item) -> K,
{
    best_by_key(stream, key, |new, best| new.cmp(best).is_lt())
}

/// Gives the largest item, the first of equal ones; `None` if there is no item.
///
/// The first, as in Python, where `Iterator::max` gives the last. Python's
/// `default=` is `unwrap_or`. Floating-point numbers have no total order: use
/// [`max_by`] with `f64::total_cmp`.
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
/// Not cancel safe: the largest item so far is dropped with the future. Pass
/// `&mut stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([1, 3, 2]).max().await, Some(3));
/// # }
/// ```
pub fn max<S>(stream: S) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    S::Item: Ord,
{
    best(stream, |new, best| new.cmp(best).is_gt())
}

/// Gives the largest item by `compare`, the first of equal ones.
///
/// As [`max`], for an order of one's own.
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
/// Not cancel safe: the largest item so far is dropped with the future. Pass
/// `&mut stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([0.5, -1.5]).max_by(f64::total_cmp).await, Some(0.5));
/// # }
/// ```
pub fn max_by<S, F>(stream: S, mut compare: F) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> Ordering,
{
    best(stream, move |new, best| compare(new, best).is_gt())
}

/// Gives the item with the largest key, the first of equal ones.
///
/// It is Python's `max(items, key=f)`: `key` is called once for each item.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item and its key |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the largest item so far is dropped with the future. Pass
/// `&mut stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let longest = iter(["fig", "pear", "plum"]).max_by_key(|word| word.len());
/// assert_eq!(longest.await, Some("pear"));
/// # }
/// ```
pub fn max_by_key<S, K, F>(stream: S, key: F) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    K: Ord,
    F: FnMut(&S::Item) -> K,
{
    best_by_key(stream, key, |new, best| new.cmp(best).is_gt())
}

/// Gives the first item that no later one `beats`.
fn best<S, F>(stream: S, mut beats: F) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> bool,
{
    drive(
        stream,
        None,
        move |best, item| {
            if best.as_ref().is_none_or(|best| beats(&item, best)) {
                *best = Some(item);
            }
            Continue(())
        },
        |best| best,
    )
}

/// The same by a key, which is made once for each item.
fn best_by_key<S, K, F>(
    stream: S,
    mut key: F,
    beats: fn(&K, &K) -> bool,
) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item) -> K,
{
    drive(
        stream,
        None,
        move |best: &mut Option<(K, S::Item)>, item| {
            let key = key(&item);
            if best.as_ref().is_none_or(|(best, _)| beats(&key, best)) {
                *best = Some((key, item));
            }
            Continue(())
        },
        |best| best.map(|(_, item)| item),
    )
}
