use std::collections::HashMap;
use std::hash::Hash;
use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::drive;

/// Gives how often each item came.
///
/// It is Python's `collections.Counter(items)`. Of equal items the first is kept.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | the different items and their counts |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the counts so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let letters = iter("hello".chars()).counts().await;
/// assert_eq!(letters[&'l'], 2);
/// assert_eq!(letters.get(&'z'), None);
/// # }
/// ```
#[doc(alias = "Counter")]
pub fn counts<S>(stream: S) -> impl Future<Output = HashMap<S::Item, usize>>
where
    S: Stream,
    S::Item: Eq + Hash,
{
    drive(
        stream,
        HashMap::new(),
        |counts: &mut HashMap<_, usize>, item| {
            *counts.entry(item).or_default() += 1;
            Continue(())
        },
        |counts| counts,
    )
}

/// Gives how many items have each key.
///
/// It is Python's `collections.Counter(map(key, items))`; the items are not kept.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | the different keys and their counts |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the counts so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lengths = iter(["fig", "nut", "pear"]).counts_by_key(|word| word.len());
/// assert_eq!(lengths.await[&3], 2);
/// # }
/// ```
#[doc(alias = "counts_by")]
pub fn counts_by_key<S, K, F>(stream: S, mut key: F) -> impl Future<Output = HashMap<K, usize>>
where
    S: Stream,
    K: Eq + Hash,
    F: FnMut(&S::Item) -> K,
{
    drive(
        stream,
        HashMap::new(),
        move |counts: &mut HashMap<_, usize>, item| {
            *counts.entry(key(&item)).or_default() += 1;
            Continue(())
        },
        |counts| counts,
    )
}
