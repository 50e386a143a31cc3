use std::collections::HashMap;
use std::hash::Hash;
use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::drive;

/// Gives the values of a stream of `(key, value)` by their keys, each group in order of arrival.
///
/// It is the loop with Python's `defaultdict(list)`. Unlike `itertools.groupby`
/// it needs no sorted input, and it gives nothing before the end.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | all values and the different keys |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the groups so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let groups = iter([("odd", 1), ("even", 2), ("odd", 3)]).group_map().await;
/// assert_eq!(groups["odd"], [1, 3]);
/// # }
/// ```
#[doc(alias = "into_group_map")]
#[doc(alias = "defaultdict")]
pub fn group_map<S, K, V>(stream: S) -> impl Future<Output = HashMap<K, Vec<V>>>
where
    S: Stream<Item = (K, V)>,
    K: Eq + Hash,
{
    drive(
        stream,
        HashMap::<K, Vec<V>>::new(),
        |groups, (key, value)| {
            groups.entry(key).or_default().push(value);
            Continue(())
        },
        |groups| groups,
    )
}

/// Gives the items by their keys, each group in order of arrival.
///
/// It is more-itertools' `map_reduce` with a key alone, and as [`group_map`] it
/// needs no sorted input.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | all items and the different keys |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the groups so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let groups = iter(["fig", "pear", "nut"]).group_map_by_key(|word| word.len());
/// assert_eq!(groups.await[&3], ["fig", "nut"]);
/// # }
/// ```
#[doc(alias = "into_group_map_by")]
#[doc(alias = "map_reduce")]
pub fn group_map_by_key<S, K, F>(
    stream: S,
    mut key: F,
) -> impl Future<Output = HashMap<K, Vec<S::Item>>>
where
    S: Stream,
    K: Eq + Hash,
    F: FnMut(&S::Item) -> K,
{
    drive(
        stream,
        HashMap::<K, Vec<S::Item>>::new(),
        move |groups, item| {
            groups.entry(key(&item)).or_default().push(item);
            Continue(())
        },
        |groups| groups,
    )
}
