use std::collections::HashSet;
use std::hash::Hash;
use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::drive;

/// Gives the different items as a `HashSet`; of equal ones the first is kept.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | the different items |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the set so far is dropped with the future. Pass `&mut stream`
/// to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
/// use std::collections::HashSet;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([1, 2, 1]).set().await, HashSet::from([1, 2]));
/// # }
/// ```
pub fn set<S>(stream: S) -> impl Future<Output = HashSet<S::Item>>
where
    S: Stream,
    S::Item: Eq + Hash,
{
    drive(
        stream,
        HashSet::new(),
        |items, item| {
            items.insert(item);
            Continue(())
        },
        |items| items,
    )
}
