use std::ops::ControlFlow::{Break, Continue};

use futures_core::Stream;

use crate::drive::drive;

/// Says whether the items come in ascending order; true if there is none.
///
/// Equal neighbours are in order. Two that can't be compared, as a NaN, are not.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item |
/// | stops early | at the first item out of order |
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
/// assert!(iter([1, 2, 2]).is_sorted().await);
/// assert!(!iter([1.0, f64::NAN]).is_sorted().await);
/// # }
/// ```
pub fn is_sorted<S>(stream: S) -> impl Future<Output = bool>
where
    S: Stream,
    S::Item: PartialOrd,
{
    is_sorted_by(stream, |left, right| left <= right)
}

/// Says whether each item and the next are `in_order`; true if there is none.
///
/// The closure gets two neighbours and gives a `bool`, as that of
/// `Iterator::is_sorted_by`: `|a, b| a < b` lets no equal ones pass.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item |
/// | stops early | at the first item out of order |
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
/// assert!(!iter([1, 2, 2]).is_sorted_by(|a, b| a < b).await);
/// # }
/// ```
pub fn is_sorted_by<S, F>(stream: S, mut in_order: F) -> impl Future<Output = bool>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> bool,
{
    drive(
        stream,
        None,
        move |previous: &mut Option<S::Item>, item| {
            if previous
                .as_ref()
                .is_none_or(|previous| in_order(previous, &item))
            {
                *previous = Some(item);
                Continue(())
            } else {
                Break(false)
            }
        },
        |_| true,
    )
}

/// Says whether the items come in ascending order of their keys; true if there is none.
///
/// `key` is called once for each item.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one key |
/// | stops early | at the first item out of order |
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
/// assert!(iter(["fig", "nut", "pear"]).is_sorted_by_key(|word| word.len()).await);
/// # }
/// ```
pub fn is_sorted_by_key<S, K, F>(stream: S, mut key: F) -> impl Future<Output = bool>
where
    S: Stream,
    K: PartialOrd,
    F: FnMut(&S::Item) -> K,
{
    drive(
        stream,
        None,
        move |previous: &mut Option<K>, item| {
            let key = key(&item);
            if previous.as_ref().is_none_or(|previous| *previous <= key) {
                *previous = Some(key);
                Continue(())
            } else {
                Break(false)
            }
        },
        |_| true,
    )
}
