use std::cmp::Ordering;
use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::{drive, expected};

/// Gives all items in ascending order; equal ones stay in the order of arrival.
///
/// The sort itself runs in one go, when the last item has come: of a million
/// items it holds its thread for tens of milliseconds. For the first few alone
/// see [`k_smallest`](crate::consumers::k_smallest()). Python's `reverse=True` is
/// [`sorted_by`] with `|a, b| b.cmp(a)`.
///
/// # Panics
///
/// It may panic if the order is not a total one, as `slice::sort` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | all items |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([3, 1, 2]).sorted().await, [1, 2, 3]);
/// # }
/// ```
pub fn sorted<S>(stream: S) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    S::Item: Ord,
{
    sorted_by(stream, Ord::cmp)
}

/// Gives all items in the order of `compare`; equal ones stay in the order of arrival.
///
/// As [`sorted`], for an order of one's own.
///
/// # Panics
///
/// It may panic if `compare` is not a total order, as `slice::sort_by` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | all items |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([1, 3, 2]).sorted_by(|a, b| b.cmp(a)).await, [3, 2, 1]);
/// # }
/// ```
pub fn sorted_by<S, F>(stream: S, compare: F) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> Ordering,
{
    let items = Vec::with_capacity(expected(&stream));
    drive(
        stream,
        items,
        |items: &mut Vec<_>, item| {
            items.push(item);
            Continue(())
        },
        move |mut items| {
            items.sort_by(compare);
            items
        },
    )
}

/// Gives all items in ascending order of their keys; equal ones stay in the order of arrival.
///
/// It is Python's `sorted(items, key=f)`: `key` is called once for each item,
/// when it comes. See [`sorted`] for what a sort of many items costs.
///
/// # Panics
///
/// It may panic if the order of keys is not a total one, as `slice::sort` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | all items and their keys |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let by_length = iter(["pear", "fig", "nut"]).sorted_by_key(|word| word.len());
/// assert_eq!(by_length.await, ["fig", "nut", "pear"]);
/// # }
/// ```
pub fn sorted_by_key<S, K, F>(stream: S, mut key: F) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    K: Ord,
    F: FnMut(&S::Item) -> K,
{
    let items = Vec::with_capacity(expected(&stream));
    drive(
        stream,
        items,
        move |items: &mut Vec<_>, item| {
            items.push((key(&item), item));
            Continue(())
        },
        |mut items| {
            items.sort_by(|(left, _), (right, _)| left.cmp(right));
            items.into_iter().map(|(_, item)| item).collect()
        },
    )
}
