use std::collections::HashMap;
use std::hash::Hash;
use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::drive;

/// Gives a stream of `(key, value)` as a `HashMap`; of equal keys the last value is kept.
///
/// It is Python's `dict(pairs)`, with the first of the equal keys too, but a
/// `HashMap` has no order. To keep all values see [`group_map`](crate::consumers::group_map()).
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | the different keys and a value of each |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the map so far is dropped with the future. Pass `&mut stream`
/// to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
/// use std::collections::HashMap;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let ages = iter([("ada", 36), ("alan", 41), ("ada", 37)]).dict().await;
/// assert_eq!(ages, HashMap::from([("ada", 37), ("alan", 41)]));
/// # }
/// ```
#[doc(alias = "into_map")]
pub fn dict<S, K, V>(stream: S) -> impl Future<Output = HashMap<K, V>>
where
    S: Stream<Item = (K, V)>,
    K: Eq + Hash,
{
    drive(
        stream,
        HashMap::new(),
        |map, (key, value)| {
            map.insert(key, value);
            Continue(())
        },
        |map| map,
    )
}
